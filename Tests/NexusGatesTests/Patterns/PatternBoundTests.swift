// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusGates
import Testing

/// Texts and patterns on which an engine that backtracks takes for ever, and patterns too large for the table.
struct PatternBoundTests {
  static let hostile = [
    "^(a+)+$", "^(a*)*$", "^(a|a)*$", "^(a|aa)+$", "(a+)+b", "^(?:a?){50}a{50}b$", "(.*)(.*)(.*)(.*)[b]$",
    "^(([a-z])+.)+[A-Z]([a-z])+$", "(x+x+)+y", "^(?:.*a){20}$b", ".*a.{14}b",
  ]

  @Test(arguments: hostile)
  func `a hostile pattern against ten thousand characters ends`(text: String) throws {
    let pattern = try Pattern(parsing: text, syntax: .ecma262)
    #expect(!pattern.matches(String(repeating: "a", count: 10_000) + "!"))
  }

  @Test func `what the table does not hold is simulated with the same answer`() throws {
    // The table would need 2^16 states.
    let pattern = try Pattern(parsing: "a.{15}b$", syntax: .ecma262)
    var random = SplitMix(seed: 7)
    for _ in 0..<200 {
      let text = (0..<Int(random.next() % 60)).map { _ in random.next() % 2 == 0 ? "a" : "b" }
      let expected = text.count >= 17 && text[text.count - 17] == "a" && text.last == "b"
      #expect(pattern.matches(text.joined()) == expected)
    }
  }

  @Test func `a large class beside many others stays within its limits`() throws {
    let letters = (0..<1_000).compactMap { Unicode.Scalar(0x4E00 + $0) }.map { "[^\(Character($0))]" }
    #expect(try Pattern(parsing: letters.joined(), syntax: .ecma262).matches(String(repeating: "é", count: 1_000)))
    let classes = String(repeating: "[\\p{L}\\p{N}]", count: 300)
    #expect(!(try Pattern(parsing: classes, syntax: .ecma262).matches(String(repeating: "é", count: 299))))
  }
}
