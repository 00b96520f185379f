// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusDiagnostics
import Testing

struct RendererTests {
  private func render(
    _ text: String, _ diagnostics: [Diagnostic], coloured: Bool = false, exitCode: Int? = nil
  ) -> String {
    DiagnosticRenderer(files: [SourceFile(name: "f.yaml", text: text)], coloured: coloured)
      .render(diagnostics, exitCode: exitCode)
  }

  private func at(_ line: Int, _ column: Int, _ length: Int = 1) -> NexusDiagnostics.SourceLocation {
    NexusDiagnostics.SourceLocation(file: "f.yaml", line: line, column: column, length: length)
  }

  @Test func `a diagnostic shows what, where, why and how to fix it`() {
    let diagnostic = Diagnostic(
      "NX-CFG-107", "unknown key `stategy`", at: at(3, 3, 7), label: "expected one of: strategy, agents",
      notes: [.init("the map begins here", at: at(1, 1, 4))], help: "see the reference", suggestion: "strategy")
    #expect(
      render("team:\n\n  stategy: one\n", [diagnostic], exitCode: 3) == """
        error[NX-CFG-107]: unknown key `stategy`
          --> f.yaml:3:3
           |
         3 |   stategy: one
           |   ^^^^^^^ expected one of: strategy, agents
        note: the map begins here
          --> f.yaml:1:1
           |
         1 | team:
           | ----
           = help: did you mean `strategy`? see the reference; run `naos explain NX-CFG-107`

        1 error, 0 warnings in 1 file (exit 3)

        """)
  }

  @Test func `nothing to say is nothing`() {
    #expect(render("a", []).isEmpty)
  }

  @Test func `diagnostics come in the order of their places`() {
    let text = render(
      "a\nb\n",
      [
        Diagnostic("NX-3", .warning, "three", at: at(2, 1)), Diagnostic("NX-2", "two", at: at(1, 5)),
        Diagnostic("NX-1", "one"), Diagnostic("NX-4", "four", at: at(2, 1)),
      ])
    let places = ["one", "two", "four", "three"].compactMap { text.firstRange(of: $0)?.lowerBound }
    #expect(places.count == 4 && places == places.sorted())
    #expect(text.hasSuffix("3 errors, 1 warning in 1 file\n"))
  }

  @Test func `when not all fit, errors are kept`() {
    var diagnostics = (1...30).map { Diagnostic("NX-W", .warning, "w", at: at($0, 1)) }
    diagnostics += (31...45).map { Diagnostic("NX-E", "e", at: at($0, 1)) }
    let text = render("", diagnostics)
    #expect(text.split(separator: "\n").count { $0.hasPrefix("error") } == 15)
    #expect(text.split(separator: "\n").count { $0.hasPrefix("warning") } == DiagnosticRenderer.maxShown - 15)
    #expect(text.contains("… and 25 more\n"))
    #expect(text.hasSuffix("15 errors, 30 warnings in 1 file\n"))
  }

  @Test func `nothing in a line is obeyed by the terminal`() {
    let hostile = "k: \u{1B}[31m\u{202E}\u{200B}\u{7}\u{9B}\u{2066}x\u{E0041}"
    let text = render(
      hostile,
      [
        Diagnostic(
          "NX-\u{1B}", "bad \u{1B}[2J\nline", at: at(1, 13), label: "\u{202E}", help: "\u{85}", suggestion: "\u{8}")
      ])
    #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || ($0.value >= 0x20 && $0.value != 0x7F) })
    #expect(!text.unicodeScalars.contains { $0.properties.generalCategory == .format })
    #expect(text.contains(#"\u{1b}[31m\u{202e}\u{200b}\u{7}\u{9b}\u{2066}x\u{e0041}"#))
  }

  @Test func `the caret stands below tabs and wide characters where they end`() {
    let text = render("\t中文 e\u{301}: x", [Diagnostic("NX-1", "m", at: at(1, 8))])
    #expect(text.contains(" 1 |     中文 e\u{301}: x\n   |            ^\n"))
  }

  @Test func `a long line is cut around the place`() {
    let line = String(repeating: "a", count: 500) + "HERE" + String(repeating: "b", count: 500)
    let text = render(line, [Diagnostic("NX-1", "m", at: at(1, 501, 4))])
    let lines = text.split(separator: "\n")
    #expect(lines[3].count < 140)
    #expect(lines[3].hasPrefix(" 1 | …aaaaaaaaaaaaaaaaaaaaHEREbbb"))
    #expect(lines[4] == "   |                      ^^^^")
  }

  @Test func `a place behind the text is still a place`() {
    for location in [at(1, 99, 5), at(99, 1), at(0, 0, 0), at(2, 1, -5)] {
      #expect(!render("short", [Diagnostic("NX-1", "m", at: location)]).isEmpty)
    }
  }

  @Test func `colours come only when asked for`() {
    let diagnostic = Diagnostic("NX-1", "m", at: at(1, 1))
    #expect(!render("a", [diagnostic]).contains("\u{1B}"))
    #expect(render("a", [diagnostic], coloured: true).contains("\u{1B}[1;31merror[NX-1]\u{1B}[0m"))
  }

  @Test func `a line that holds a secret is not shown`() {
    var diagnostic = Diagnostic("NX-1", "m", at: at(1, 6))
    diagnostic.hidesSource = true
    let text = render("key: hunter2", [diagnostic])
    #expect(text.contains("f.yaml:1:6"))
    #expect(!text.contains("hunter2"))
  }

  @Test func `the JSON form has all of them`() {
    let diagnostics = [
      Diagnostic("NX-2", .warning, "two", at: at(2, 1)),
      Diagnostic(
        "NX-1", "one", at: at(1, 2, 3), label: "l", notes: [.init("n", at: at(4, 5))], help: "h", suggestion: "s"),
    ]
    let expected = """
      {"diagnostics":[\
      {"code":"NX-1","severity":"error","message":"one",\
      "location":{"file":"f.yaml","line":1,"column":2,"length":3},"label":"l",\
      "notes":[{"message":"n","location":{"file":"f.yaml","line":4,"column":5,"length":1}}],\
      "help":"h","suggestion":"s"},\
      {"code":"NX-2","severity":"warning","message":"two",\
      "location":{"file":"f.yaml","line":2,"column":1,"length":1}}],\
      "errors":1,"warnings":1}
      """
    #expect(diagnostics.json.text() == expected)
  }
}
