// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusGates
import Testing

struct PatternTests {
  struct Sample: Sendable, CustomTestStringConvertible {
    let pattern: String
    var syntax = PatternSyntax.ecma262
    let matching: [String]
    let other: [String]
    var testDescription: String { "\(syntax) \(pattern)" }
  }

  static let ecma: [Sample] = [
    Sample(pattern: "", matching: ["", "a"], other: []),
    Sample(pattern: "a+", matching: ["xxaayy"], other: ["", "b"]),
    Sample(pattern: "^abc$", matching: ["abc"], other: ["abc\n", "xabc", "abcd", "ab"]),
    Sample(pattern: "^(?:a|bc)*$", matching: ["", "abca", "bcbc"], other: ["b", "ac"]),
    Sample(pattern: "^a{2,3}$", matching: ["aa", "aaa"], other: ["a", "aaaa"]),
    Sample(pattern: "^a{2,}?$", matching: ["aa", "aaaaa"], other: ["a"]),
    Sample(pattern: "^(a?){3}b{0}$", matching: ["", "aaa"], other: ["aaaa", "b"]),
    Sample(pattern: "^[^a-c\\d]$", matching: ["d", "é", "🐲"], other: ["b", "7", "dd"]),
    Sample(pattern: "[]", matching: [], other: ["", "a"]),
    Sample(pattern: "^[^]$", matching: ["a", "\n"], other: [""]),
    Sample(pattern: "^[\\w-.]+$", matching: ["a-b.c"], other: ["a b"]),
    Sample(pattern: "^\\d{3}\\-\\d$", matching: ["123-4"], other: ["1234"]),
    Sample(pattern: "^.$", matching: ["a", "é", "🐲"], other: ["\n", "\r", "\u{2028}", "e\u{301}"]),
    Sample(pattern: "^é$", matching: ["é"], other: ["e\u{301}"]),
    Sample(pattern: "\\bfoo\\b", matching: ["foo", "a foo b", "-foo-"], other: ["foob", "afoo", "fo"]),
    Sample(pattern: "\\b^foo", matching: ["foo"], other: ["a foo", "oo"]),
    Sample(pattern: "a\\Bb", matching: ["ab"], other: ["a b"]),
    Sample(pattern: "a$^", matching: [], other: ["a", ""]),
    Sample(pattern: "^$", matching: [""], other: ["\n"]),
    Sample(pattern: "^\\u{1F432}\\uD83D\\uDC32\\x41\\cJ\\0$", matching: ["🐲🐲A\n\0"], other: ["🐲A\n\0"]),
    Sample(pattern: "^[\\uD800-\\uDFFF]$", matching: [], other: ["a", "\u{FFFD}"]),
    Sample(pattern: "^\\p{Lu}\\p{Ll}+\\P{L}$", matching: ["Éa1", "Ab "], other: ["ab1", "ABc"]),
    Sample(pattern: "^\\p{Script=Greek}\\p{sc=Cyrl}$", matching: ["αж"], other: ["aж"]),
    Sample(pattern: "^\\p{Alphabetic}\\p{White_Space}\\p{gc=Nd}$", matching: ["a 1", "あ\u{3000}٣"], other: ["a1"]),
    Sample(pattern: "^(?i:straße)K$", matching: ["STRAßEK", "ſtraßeK"], other: ["straßek", "strassek"]),
    Sample(pattern: "^(?<year>\\d+)a{,2}]}$", matching: ["1a{,2}]}"], other: ["1a]}"]),
    Sample(pattern: "^(?:(?:a*)*)*$", matching: ["", "aaaa"], other: ["b"]),
  ]

  static let re2: [Sample] = [
    Sample(pattern: "(?i)abc", syntax: .re2, matching: ["xABCx", "aBc"], other: ["ab"]),
    Sample(pattern: "a(?i)b|c", syntax: .re2, matching: ["aB", "C"], other: ["AB"]),
    Sample(pattern: "(?i:K)s", syntax: .re2, matching: ["ks", "\u{212A}s"], other: ["kS"]),
    Sample(pattern: "(?m)^b$", syntax: .re2, matching: ["a\nb\nc", "b"], other: ["ab", "bc"]),
    Sample(pattern: "(?s)a.b", syntax: .re2, matching: ["a\nb"], other: ["ab"]),
    Sample(pattern: "a.b", syntax: .re2, matching: ["a\rb"], other: ["a\nb"]),
    Sample(pattern: "\\Aab\\z", syntax: .re2, matching: ["ab"], other: ["ab\n"]),
    Sample(pattern: "^\\Qa.b\\E+$", syntax: .re2, matching: ["a.bb"], other: ["axb"]),
    Sample(pattern: "^[[:alpha:]_[:^digit:]]$", syntax: .re2, matching: ["a", "_", "-"], other: ["5"]),
    Sample(pattern: "^[]a]$", syntax: .re2, matching: ["]", "a"], other: ["b"]),
    Sample(pattern: "^\\pL\\p{Greek}\\p{^Lu}\\PN$", syntax: .re2, matching: ["aαbc"], other: ["aαBc", "aαb1"]),
    Sample(pattern: "^\\x{1F432}\\x41\\101\\a$", syntax: .re2, matching: ["🐲AA\u{7}"], other: ["🐲AA"]),
    Sample(pattern: "^\\s$", syntax: .re2, matching: [" ", "\t"], other: ["\u{B}", "\u{A0}"]),
    Sample(pattern: "(?P<n>a)(?<m>b)", syntax: .re2, matching: ["ab"], other: ["ba"]),
    Sample(pattern: "^*a\\b+", syntax: .re2, matching: ["ba"], other: ["ab"]),
    Sample(pattern: "(?U)^a+$", syntax: .re2, matching: ["aaa"], other: ["b"]),
  ]

  @Test(arguments: ecma + re2)
  func `a pattern finds what it says and nothing else`(sample: Sample) throws {
    let pattern = try Pattern(parsing: sample.pattern, syntax: sample.syntax)
    for text in sample.matching { #expect(pattern.matches(text), "\(text.debugDescription) is not found") }
    for text in sample.other { #expect(!pattern.matches(text), "\(text.debugDescription) is found") }
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    let pattern: String
    var syntax = PatternSyntax.ecma262
    let reason: PatternError.Reason
    let offset: Int
    var testDescription: String { "\(syntax) \(pattern)" }
  }

  static let refusals: [Refusal] = [
    Refusal(pattern: "^(abc]", reason: .malformed, offset: 1),
    Refusal(pattern: "ab)", reason: .malformed, offset: 2),
    Refusal(pattern: "a[b", reason: .malformed, offset: 1),
    Refusal(pattern: "a**", reason: .malformed, offset: 2),
    Refusal(pattern: "a|*", reason: .malformed, offset: 2),
    Refusal(pattern: "^*", reason: .malformed, offset: 0),
    Refusal(pattern: "a{3,2}", reason: .malformed, offset: 1),
    Refusal(pattern: "{1}", reason: .malformed, offset: 0),
    Refusal(pattern: "[z-a]", reason: .malformed, offset: 1),
    Refusal(pattern: "[a-\\d]", reason: .malformed, offset: 3),
    Refusal(pattern: "x\\a", reason: .malformed, offset: 1),
    Refusal(pattern: "x\\", reason: .malformed, offset: 1),
    Refusal(pattern: "\\u12", reason: .malformed, offset: 0),
    Refusal(pattern: "\\u{110000}", reason: .malformed, offset: 0),
    Refusal(pattern: "\\p{Nonsense}", reason: .malformed, offset: 0),
    Refusal(pattern: "(?P<name>x)", reason: .malformed, offset: 0),
    Refusal(pattern: "(?i)abc", reason: .malformed, offset: 0),
    Refusal(pattern: "(?#comment)a", reason: .malformed, offset: 0),
    Refusal(pattern: "(?<n>a)(?<n>b)", reason: .malformed, offset: 10),
    Refusal(pattern: "a\\k<n>", reason: .malformed, offset: 1),
    Refusal(pattern: "(a)\\2", reason: .malformed, offset: 3),
    Refusal(pattern: "(a)\\1", reason: .unsupported, offset: 3),
    Refusal(pattern: "(?<n>a)\\k<n>", reason: .unsupported, offset: 7),
    Refusal(pattern: "é(?=a)", reason: .unsupported, offset: 1),
    Refusal(pattern: "(?!a)", reason: .unsupported, offset: 0),
    Refusal(pattern: "(?<=a+)b", reason: .unsupported, offset: 0),
    Refusal(pattern: "(?<!a)b", reason: .unsupported, offset: 0),
    Refusal(pattern: "\\p{scx=Greek}", reason: .unsupported, offset: 0),
    Refusal(pattern: "a{1001}", reason: .tooLarge, offset: 1),
    Refusal(pattern: "(a{1000}){1000}", reason: .tooLarge, offset: 0),
    Refusal(pattern: "(?=a)", syntax: .re2, reason: .unsupported, offset: 0),
    Refusal(pattern: "(a)\\1", syntax: .re2, reason: .unsupported, offset: 3),
    Refusal(pattern: "\\C", syntax: .re2, reason: .unsupported, offset: 0),
    Refusal(pattern: "\\Z", syntax: .re2, reason: .malformed, offset: 0),
    Refusal(pattern: "[[:word", syntax: .re2, reason: .malformed, offset: 0),
    Refusal(pattern: "[[:wort:]]", syntax: .re2, reason: .malformed, offset: 1),
    Refusal(pattern: "(?i", syntax: .re2, reason: .malformed, offset: 0),
    Refusal(pattern: "\\p{Klingon}", syntax: .re2, reason: .malformed, offset: 0),
  ]

  @Test(arguments: refusals)
  func `a refused pattern says why and where`(refusal: Refusal) {
    let error = #expect(throws: PatternError.self) { try Pattern(parsing: refusal.pattern, syntax: refusal.syntax) }
    #expect(error?.reason == refusal.reason)
    #expect(error?.offset == refusal.offset)
    let isWellFormed = Pattern.isWellFormed(refusal.pattern, syntax: refusal.syntax)
    if refusal.reason == .malformed { #expect(!isWellFormed) }
    if refusal.syntax == .ecma262, refusal.reason == .unsupported { #expect(isWellFormed) }
  }

  @Test func `groups nest as deep as the limit and no deeper`() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "(", count: depth) + "a" + String(repeating: ")", count: depth)
    }
    #expect(try Pattern(parsing: nested(PatternLimits.maxDepth), syntax: .re2).matches("a"))
    let error = #expect(throws: PatternError.self) {
      try Pattern(parsing: nested(PatternLimits.maxDepth + 1), syntax: .re2)
    }
    #expect(error?.reason == .tooLarge)
  }

  @Test func `empty bodies repeated without end compile at once`() throws {
    let pattern = "(?:(?:(?:(?:){1000}){1000}){1000}){1000}"
    #expect(try Pattern(parsing: pattern, syntax: .ecma262).matches(""))
  }
}
