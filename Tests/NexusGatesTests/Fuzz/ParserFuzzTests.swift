// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGates
import Testing

/// Texts that are nearly JSON or nearly patterns: no trap, no hang, and what is read is what was written.
struct ParserFuzzTests {
  @Test func `whatever is given for JSON is refused or read as it can be written again`() {
    let source = FuzzBytes(
      corpus: [
        #"{"a":[1,-2.5e3,true,false,null,"é\n😀\/"],"b":{"":{}}}"#, "[]", "0", #""text""#, "-0.0", "1e400",
        "9223372036854775807", "-9223372036854775808", "18446744073709551616", #"[[[[[[{"x":[[[]]]}]]]]]]"#,
        #""\ud800\udc00\ud834""#, " { } ", "[1e-400,5e-324,1.7976931348623157e308]",
      ],
      words: [
        "[", "]", "{", "}", "{\"a\":", ",", ":", "\"", "\\", "\\u", "\\ud83d\\ude00", "\\ud83d", "null", "true", "1e",
        "1e99",
        "-", ".", "0", "00", "é", "\u{0}", "\u{1F}", "\u{FEFF}", "NaN", "Infinity", "[[", "\"a\":1,", "9999999999",
      ])
    FuzzRun().cases(6_000, "JSON", of: source) { bytes, _ in
      guard let value = try? JSONValue(parsing: bytes) else { return nil }
      guard let again = try? JSONValue(parsing: value.encoded()) else { return "what is written is not read" }
      guard again == value, again.hashValue == value.hashValue else { return "what is read is another value" }
      return nil
    }
  }

  @Test func `whatever is given for a pattern is refused or matched within its limits`() {
    let source = FuzzBytes(
      corpus: [
        "^(a|b)*c+?$", "[a-z\\d]{2,5}", "(?:x{3}){4}", "\\p{L}+\\b", "^\\u{1F600}|é", "(?<name>a)", "[^]]", "a.b",
        "(a+)+$",
        "(((((a)))))", "[[:alpha:]]", "(?i)abc", "^$", "\\x41\\cA\\0", "(a|b|c|d|e){10,20}",
      ],
      words: [
        "(", ")", "(?:", "(?=", "(?<", "[", "]", "{", "}", "{1000}", "{0,1000}", "{1000,}", "{99999999999999999999}",
        "*", "+",
        "?", "|", "^", "$", ".", "\\", "\\d", "\\W", "\\b", "\\B", "\\p{L}", "\\p{Script=Greek}", "\\P{Lu}",
        "\\u{10FFFF}",
        "\\uD800", "\\1", "-", "a-z", "é", "(?i)", "(a", "(.*", "[^a", "\\x", "\\Q",
      ])
    let texts = [
      "", "a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "é😀\n ", "abcabcabc123", String(repeating: "ab", count: 40),
    ]
    FuzzRun().cases(350, "patterns", of: source) { bytes, random in
      let text = String(decoding: bytes, as: UTF8.self)
      for syntax in [PatternSyntax.ecma262, .re2] {
        guard let pattern = try? Pattern(parsing: text, syntax: syntax) else { continue }
        guard pattern.instructionCount <= PatternLimits.maxInstructions else { return "the program is too large" }
        var steps = 50_000
        guard let answer = pattern.matches(texts[random.below(texts.count)], steps: &steps) else { continue }
        if text.utf8.isEmpty, !answer { return "the empty pattern is everywhere" }
      }
      return nil
    }
  }
}
