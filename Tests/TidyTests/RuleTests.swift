// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Testing

/// Each rule must be able to fail: a bad example that it finds, a good one that it lets pass.
@Suite struct RuleTests {
  private func swift(_ text: String, at path: String = "Sources/NexusRuntime/Sample.swift") -> SourceFile {
    SourceFile(path: path, text: text)
  }

  @Test func `the mask blanks prose and keeps code`() {
    let text = """
      let a = "Task { }" // Task {
      /* Task { /* nested */ Task { */ let b = #"x " Task {"# + "\\(Task { 1 })"
      func `no Task { here`() {}
      """
    let masked = String(decoding: CodeMask.mask(Array(text.utf8)), as: UTF8.self)
    #expect(masked.utf8.count == text.utf8.count)
    #expect(Array(masked.utf8).offsets(of: "Task {").count == 1)
    #expect(masked.contains("let b ="))
    #expect(masked.split(separator: "\n").count == 3)
  }

  @Test func `multi-line strings are prose to their end`() {
    let quotes = "\"\"\""
    let masked = CodeMask.mask(Array("let a = \(quotes)\n fatalError( \"x\" try!\n \(quotes); as! b".utf8))
    #expect(masked.offsets(of: "fatalError").isEmpty)
    #expect(masked.offsets(of: "as!").count == 1)
  }

  @Test(arguments: BannedWord.all.map(\.word))
  func `every banned word is found in code`(word: String) throws {
    let rule = try #require(BannedWord.all.first { $0.word == word })
    let folder =
      switch rule.scope {
      case .folder(let folder): folder
      case .sources, .sourcesAndTests: "Sources/NexusRuntime/"
      }
    let path = folder + "Sample.swift"
    #expect(rule.findings(in: swift("let x = 1\n\(word)\n", at: path)).map(\.line) == [2])
    #expect(rule.findings(in: swift("let x = \"\(word)\"", at: path)).isEmpty == !rule.includesComments)
    #expect(rule.findings(in: swift(word, at: "docs/Sample.swift")).isEmpty)
  }

  @Test func `a longer name that contains a banned word is another word`() {
    let text = "import FoundationEssentials\nblueprint(1)\nlet x = MyTask(1)\nAsyncTask {\nclass DispatchQueues {}"
    #expect(BannedWord.all.flatMap { $0.findings(in: swift(text)) }.isEmpty)
  }

  @Test func `an exception binds its path and its words only, and is found when it is not needed`() {
    let exception = HouseException("Sources/A/Used.swift", ["try!"], "needed")
    func findings(_ text: String, at path: String) -> Int {
      BannedWord.all.flatMap { $0.findings(in: swift(text, at: path), exceptions: [exception]) }.count
    }
    #expect(findings("try!", at: "Sources/A/Used.swift") == 0)
    #expect(findings("as!", at: "Sources/A/Used.swift") == 1)
    #expect(findings("try!", at: "Sources/A/Other.swift") == 1)
    #expect(exception.unused(in: SourceTree(files: [swift("try!", at: "Sources/A/Used.swift")])).isEmpty)
    #expect(exception.unused(in: SourceTree(files: [swift("try", at: "Sources/A/Used.swift")])) == ["try!"])
    #expect(exception.unused(in: SourceTree(files: [])) == ["try!"])
  }

  @Test(arguments: [
    ("internal import NexusGateway", 1), ("package import NexusCore", 0), ("import struct NexusSandbox.Cage", 1),
    ("@_exported import Hummingbird", 1), ("internal import DequeModule", 0), ("internal import Glibc", 0),
    ("// import NexusGateway", 0), ("import Unknown", 1),
  ])
  func `an import outside the graph is found`(line: String, count: Int) {
    #expect(ImportGraph.findings(in: swift(line)).count == count)
  }

  @Test func `a module that the graph does not know is found`() {
    #expect(ImportGraph.findings(in: swift("", at: "Sources/NexusMystery/A.swift")).count == 1)
  }

  @Test func `a manifest that declares too much is found`() {
    let text = """
      module("NexusCore"),
      module("NexusRuntime", ["NexusCore", "NexusGateway", deque]),
      .executableTarget(name: "naos", dependencies: ["NexusCLI", "NexusNode"], swiftSettings: house),
      """
    let findings = ImportGraph.manifestFindings(SourceFile(path: "Package.swift", text: text))
    #expect(
      findings.map(\.message) == ["NexusRuntime may not depend on NexusGateway", "naos may not depend on NexusNode"])
  }

  @Test func `a cycle is found`() {
    #expect(ImportGraph.cycle(in: ["A": ["B"], "B": ["C"], "C": ["A"]]) == "A → B → C → A")
    #expect(ImportGraph.cycle(in: ["A": ["B", "C"], "B": ["C"], "C": []]) == nil)
  }

  @Test func `a page that lacks a module is found`() {
    let page = SourceFile(path: "docs/internals/ARCHITECTURE.md", text: "| `NexusCore` | ids | – |")
    #expect(
      ImportGraph.pageFindings(page).count == ImportGraph.internalImports.keys.count { $0.hasPrefix("Nexus") } - 1)
  }

  @Test func `a large file is found`() {
    let path = "Sources/NexusRuntime/Sample.swift"
    func lines(_ count: Int) -> SourceFile { swift(String(repeating: "x\n", count: count), at: path) }
    #expect(Sizes.fileFindings(in: lines(400)).isEmpty)
    #expect(Sizes.fileFindings(in: lines(401)).count == 1)
    #expect(Sizes.fileFindings(in: lines(401), allowed: [Allowance(path, "one table")]).isEmpty)
    #expect(Sizes.fileFindings(in: lines(701), allowed: [Allowance(path, "one table")]).count == 1)
  }

  @Test(arguments: ["func f(\n  a: Int\n) async throws\n  -> Int\n", "init() ", "init?(_ a: [Int]) ", "deinit "])
  func `a long function is found`(head: String) {
    func function(_ lines: Int) -> SourceFile {
      swift("struct S {\n\(head){\n" + String(repeating: "x\n", count: lines) + "}\n}")
    }
    #expect(Sizes.functionFindings(in: function(60)).isEmpty)
    #expect(Sizes.functionFindings(in: function(71)).count == 1)
  }

  @Test func `a requirement without a body is no function, nor is a call of init`() {
    let text =
      "protocol P {\n  func f()\n  func g() -> Int\n}\nstruct S {\n" + String(repeating: "x\n", count: 90) + "}"
    #expect(Sizes.functionFindings(in: swift(text)).isEmpty)
    let call = "let a = S.init(1)\nfor x in y {\n" + String(repeating: "x\n", count: 90) + "}"
    #expect(Sizes.functionFindings(in: swift(call)).isEmpty)
  }

  @Test func `a bare top-level type name is found, a nested one is right`() {
    #expect(Names.typeFindings(in: swift("package struct Context: Sendable {\n}")).count == 1)
    #expect(Names.typeFindings(in: swift("typealias Event = Int")).count == 1)
    #expect(Names.typeFindings(in: swift("struct Machine {\n  enum Event {}\n}\nenum EventKind {}")).isEmpty)
  }

  @Test func `a folder named by nothing is found`() {
    #expect(Names.folderFindings(in: SourceTree(files: [swift("", at: "Sources/A/Helpers/B.swift")])).count == 1)
    #expect(Names.folderFindings(in: SourceTree(files: [swift("", at: "Sources/A/Money/B.swift")])).isEmpty)
  }

  @Test func `a missing header and a missing canary are found`() {
    let header = "// SPDX-License-Identifier: Apache-2.0\n// Copyright the Nexus OS authors\n"
    #expect(Headers.findings(in: swift(header)).isEmpty)
    #expect(Headers.findings(in: swift("let a = 1")).count == 1)
    #expect(Headers.findings(in: SourceFile(path: "bench/a.sh", text: "#!/bin/sh\n# x\n")).count == 1)
    #expect(Headers.canaryFindings(in: SourceTree(files: [swift(header)])).count == 1)
    let canary = "#if !hasFeature(A)\n#error(\"NexusRuntime is built without the house settings\")\n#endif"
    let tree = SourceTree(files: [swift(canary, at: "Sources/NexusRuntime/HouseCanary.swift")])
    #expect(Headers.canaryFindings(in: tree).isEmpty)
  }

  @Test func `a code without a page and a page without a code are found`() {
    let code = "NX-BUD" + "-903"
    let page = SourceFile(
      path: "docs/errors/\(code).md", text: "# \(code): a title\n\n## What happened\n\n## Why\n\n## What to do\n")
    let source = swift("let code = \"\(code)\"")
    let table = SourceFile(path: "Sources/CErrorPages/pages.c", text: "// \(code)\n")
    #expect(Documents.codeFindings(in: SourceTree(files: [page, source])).isEmpty)
    #expect(Documents.codeFindings(in: SourceTree(files: [source])).count == 1)
    #expect(Documents.codeFindings(in: SourceTree(files: [page])).count == 1)
    #expect(Documents.pageFindings(in: page).isEmpty)
    #expect(Documents.pageFindings(in: SourceFile(path: page.path, text: "# Oops")).count == 4)
    #expect(Documents.tableFindings(in: SourceTree(files: [page, table])).isEmpty)
    #expect(Documents.tableFindings(in: SourceTree(files: [table])).count == 1)
    #expect(Documents.tableFindings(in: SourceTree(files: [page])).count == 1)
  }

  @Test func `a file of the dashboard that nothing uses is found`() {
    let folder = "Sources/CDashboard/web/"
    func findings(_ page: String, _ program: String) -> Int {
      let files = [("index.html", page), ("a.js", program), ("b.js", "")].map {
        SourceFile(path: folder + $0.0, text: $0.1)
      }
      return Documents.dashboardFindings(in: SourceTree(files: files)).count
    }
    #expect(findings("<script src=\"/a.js\">", "import { b } from \"./b.js\";") == 0)
    #expect(findings("<script src=\"/a.js\">", "") == 1)
    #expect(findings("", "") == 2)
    #expect(Documents.dashboardFindings(in: SourceTree(files: [])).count == 1)
  }

  @Test func `a link that leads nowhere is found`() {
    let tree = SourceTree(files: [SourceFile(path: "docs/a/b.md", text: ""), SourceFile(path: "README.md", text: "")])
    func links(_ text: String) -> Int {
      Documents.linkFindings(in: SourceFile(path: "docs/a/c.md", text: text), tree: tree).count
    }
    #expect(links("[b](b.md#part) [r](../../README.md) [f](../a) [w](https://example.org) [h](#here)") == 0)
    #expect(links("[x](missing.md) [y](../b.md)") == 2)
  }

  @Test func `promises, emoji and a long README are found`() {
    func tone(_ text: String) -> Int { Documents.toneFindings(in: SourceFile(path: "README.md", text: text)).count }
    #expect(tone("It runs.\n✓ done\n") == 0)
    #expect(tone("Coming soon.\n") == 1)
    #expect(tone("Fast \u{1F680}\n") == 1)
    #expect(tone(String(repeating: "x\n", count: 151)) == 1)
  }

  @Test func `paths of one machine are found`() {
    for path in Outsiders.machinePaths + Outsiders.phrases {
      #expect(!Outsiders.findings(in: SourceFile(path: "docs/a.md", text: "see \(path)x")).isEmpty)
    }
    #expect(Outsiders.findings(in: SourceFile(path: "docs/a.md", text: "work on a task")).isEmpty)
  }
}
