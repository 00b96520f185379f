// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCLI
import NexusCore
import Testing

/// Whatever an agent writes, the terminal obeys none of it.
@Suite struct TerminalTextTests {
  /// A generator with a seed, so that a failure can be repeated.
  private struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ (state >> 29)
    }
  }

  private static func hostileText(_ random: inout Seeded) -> String {
    let pieces = [
      "\u{1B}[2J", "\u{1B}]0;title\u{7}", "\u{9B}31m", "\r", "\n", "\t", "\u{8}\u{8}", "\u{202E}", "\u{2066}", "\u{0}",
      "plain", "é", "e\u{301}", "漢字", "👩‍👩‍👧", "\u{FEFF}", "\u{200B}", "\u{E0041}", "\u{2028}", "\u{85}", "نمی‌خواهم",
    ]
    return (0..<Int.random(in: 0...20, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
  }

  @Test(arguments: UInt64(1)...200)
  func `nothing a terminal obeys or hides is left`(seed: UInt64) {
    var random = Seeded(state: seed)
    let text = Self.hostileText(&random)
    for scalar in TerminalText.line(text).unicodeScalars { #expect(!TerminalText.isHostile(scalar)) }
    for scalar in TerminalText.block(text).unicodeScalars where scalar != "\n" && scalar != "\t" {
      #expect(!TerminalText.isHostile(scalar))
    }
    #expect(!TerminalText.line(text).contains { $0.isNewline || $0 == "\t" })
  }

  @Test(arguments: UInt64(1)...50)
  func `making text safe twice changes nothing more`(seed: UInt64) {
    var random = Seeded(state: seed)
    let text = Self.hostileText(&random)
    #expect(TerminalText.block(TerminalText.block(text)) == TerminalText.block(text))
    #expect(TerminalText.line(TerminalText.line(text)) == TerminalText.line(text))
  }

  @Test(arguments: ["plain text, with marks: [docs/sagas.md:12]", "Größe 漢字 👩‍👩‍👧 نمی‌خواهم", "a\n\tb", ""])
  func `harmless text stays as it is`(text: String) { #expect(TerminalText.block(text) == text) }

  @Test func `a carriage return cannot overwrite its line`() {
    #expect(TerminalText.block("safe\rEVIL") == "safe\u{FFFD}EVIL")
    #expect(TerminalText.block("line\r\nnext") == "line\nnext")
  }

  @Test func `long lines are cut`() {
    #expect(TerminalText.line(String(repeating: "x", count: 99), limit: 10).count == 11)
  }

  @Test(arguments: [OutputFormat.json, .jsonl, .yaml])
  func `a terminal obeys nothing in structured output either, and its value stays`(format: OutputFormat) throws {
    let hostile = "\u{9B}31m \u{1B}[2J \u{202E} \u{7F} \u{E0041} \u{2028} é"
    let captured = CapturedConsole()
    var console = captured.console(terminal: true)
    console.format = format
    console.emit(["text": .string(hostile)]) { "" }
    let shown = captured.output.text
    for scalar in shown.unicodeScalars where scalar != "\n" { #expect(!TerminalText.isHostile(scalar)) }
    if format != .yaml { #expect(try JSONValue(parsing: Array(shown.utf8)) == ["text": .string(hostile)]) }
  }

  @Test func `a file gets structured output as it is`() {
    let captured = CapturedConsole()
    var console = captured.console()
    console.format = .jsonl
    console.emit(["text": "\u{9B}31m\u{202E}"]) { "" }
    #expect(captured.output.text == "{\"text\":\"\u{9B}31m\u{202E}\"}\n")
  }
}
