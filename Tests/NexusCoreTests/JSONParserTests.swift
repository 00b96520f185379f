// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import Testing

@Suite struct JSONParserTests {
  @Test(arguments: [
    "null", " true ", "false", "0", "-0", "-1", "1.5", "1e2", "1E+2", "1e-2", "\"\"", "[]", "{}", "[ ]", "{ }", "[1,2]",
    "{\"a\":{\"b\":[null]}}", "\"\\u0061\\n\\/\"", "\"\u{7F}\"", "[-9223372036854775808,9223372036854775807]",
    "\"\\ud83d\\ude00\"", "\t\r\n 1", "1e-400",
  ])
  func `valid texts are read and read again from what is written`(text: String) throws {
    let value = try JSONValue(parsing: text)
    for form in [JSONValue.Form.compact, .pretty] {
      #expect(try JSONValue(parsing: value.encoded(form)) == value)
    }
  }

  @Test(arguments: [
    ("", 0), (" ", 1), ("nul", 3), ("nulL", 3), ("tru", 3), ("+1", 0), ("01", 0), ("-", 1), ("-01", 1), ("1.", 2),
    (".5", 0),
    ("1e", 2), ("1e+", 3), ("1 2", 2), ("[1,]", 3), ("[1", 2), ("[,1]", 1), ("[1 2]", 3), ("{\"a\"}", 4), ("{a:1}", 1),
    ("{\"a\":1,}", 7), ("{\"a\" 1}", 5), ("{1:2}", 1), ("\"", 1), ("\"\\x\"", 2), ("\"\\u12\"", 3), ("\"\\u12g4\"", 5),
    ("\"\u{01}\"", 1), ("\"\n\"", 1), ("'a'", 0), ("[1]]", 3), ("NaN", 0), ("Infinity", 0), ("1e400", 0), ("-1e400", 0),
    ("\"\\ud83d\"", 1), ("\"\\ude00\"", 1), ("\"\\ud83d\\u0061\"", 1), ("\u{FEFF}1", 0), ("// c", 0),
  ])
  func `an invalid text is refused at the first byte that does not fit`(text: String, offset: Int) {
    let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    #expect(error?.offset == offset, "\(text): \(error?.description ?? "")")
  }

  @Test(
    arguments: [
      [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
      [0x22, 0xF5, 0x80, 0x80, 0x80, 0x22],
      [0x22, 0x5C, 0x6E, 0xE2, 0x82, 0x22],
    ] as [[UInt8]])
  func `bytes that are not UTF-8 are refused`(bytes: [UInt8]) {
    #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }
  }

  @Test func `nesting ends at the named depth`() throws {
    let depth = JSONValue.maxDepth
    func nested(_ count: Int) -> String {
      String(repeating: "[", count: count) + String(repeating: "]", count: count)
    }
    _ = try JSONValue(parsing: nested(depth))
    #expect(throws: JSONError.self) { try JSONValue(parsing: nested(depth + 1)) }
    #expect(throws: JSONError.self) { try JSONValue(parsing: String(repeating: "{\"a\":", count: 100_000)) }
  }

  @Test func `a duplicate key is refused where it stands, in small and in large objects`() throws {
    let error = #expect(throws: JSONError.self) { try JSONValue(parsing: #"{"a":1,"b":2,"a":3}"#) }
    #expect(error?.message == "duplicate key")
    #expect(error?.offset == 13)
    #expect(throws: JSONError.self) { try JSONValue(parsing: #"{"a":1,"\u0061":2}"#) }

    for position in [0, 15, 16, 17, 40, 99] {
      let keys = (0..<100).map { "\"k\($0)\":0" } + ["\"k\(position)\":1"]
      #expect(throws: JSONError.self) { try JSONValue(parsing: "{" + keys.joined(separator: ",") + "}") }
      #expect(try JSONValue(parsing: "{" + keys.dropLast().joined(separator: ",") + "}").objectValue?.count == 100)
    }
  }

  @Test func `keys that only look equal are different keys`() throws {
    // One scalar, and a letter with a combining accent: `String` calls them equal.
    let value = try JSONValue(parsing: "{\"\u{E9}\":1,\"e\u{301}\":2}")
    #expect(value["\u{E9}"] == 1)
    #expect(value["e\u{301}"] == 2)
    let other = try JSONValue(parsing: "{\"\u{E9}\":2,\"e\u{301}\":1}")
    #expect(value != other)
    #expect(JSONValue.string("\u{E9}") != .string("e\u{301}"))
    let members = (0..<20).map { "\"k\($0)\":0" }.joined(separator: ",")
    #expect(try JSONValue(parsing: "{\(members),\"\u{E9}\":1,\"e\u{301}\":2}").objectValue?.count == 22)
  }

  @Test func `integers stay exact and numbers outside are doubles`() throws {
    #expect(try JSONValue(parsing: "9223372036854775807") == .int(.max))
    #expect(try JSONValue(parsing: "-9223372036854775808") == .int(.min))
    #expect(try JSONValue(parsing: "9223372036854775808") == .double(9_223_372_036_854_775_808))
    #expect(try JSONValue(parsing: "1.0") == .int(1))
    #expect(try JSONValue(parsing: "1.0").hashValue == JSONValue.int(1).hashValue)
    #expect(JSONValue.int(.max) != .double(9_223_372_036_854_775_808))
    #expect(JSONValue.int(9_007_199_254_740_993) != .double(9_007_199_254_740_992))
    #expect(try JSONValue(parsing: "1.0").intValue == 1)
    #expect(try JSONValue(parsing: "1.5").intValue == nil)
    #expect(try JSONValue(parsing: "99999999999999999999").intValue == nil)
  }

  @Test func `no mutation of a text is a trap, and what is read again is the same`() throws {
    let seed = Array(
      #"{"model":"m","n":[1,-2.5e3,true,null],"text":"a\"b\\c\u00e9\ud83d\ude00 é","nested":{"deep":[[{}]]}}"#.utf8)
    var random = SeededRandom(seed: 7)
    var accepted = 0
    for _ in 0..<20_000 {
      var bytes = seed
      for _ in 0...Int.random(in: 0...3, using: &random) {
        let index = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0...2, using: &random) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: index)
        default: bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &random)], at: index)
        }
      }
      guard let value = try? JSONValue(parsing: bytes) else { continue }
      accepted += 1
      #expect(try JSONValue(parsing: value.encoded()) == value)
      #expect(try JSONValue(parsing: value.encoded(.pretty)) == value)
      let canonical = value.encoded(.canonical)
      #expect(try JSONValue(parsing: canonical).encoded(.canonical) == canonical)
    }
    #expect(accepted > 100)
  }

  @Test func `what a node answers may nest deeper than what it is given`() throws {
    func nested(_ levels: Int) -> [UInt8] {
      Array(String(repeating: "[", count: levels).utf8) + Array(String(repeating: "]", count: levels).utf8)
    }
    #expect(throws: JSONError.self) { try JSONValue(parsing: nested(JSONValue.maxDepth + 1)) }
    let answer = nested(JSONValue.maxDepthOfAnswers)
    #expect(try JSONValue(parsing: answer, maxDepth: JSONValue.maxDepthOfAnswers).encoded() == answer)
    #expect(throws: JSONError.self) {
      try JSONValue(parsing: nested(JSONValue.maxDepthOfAnswers + 1), maxDepth: JSONValue.maxDepthOfAnswers)
    }
  }

  @Test func `values are counted, and nest as deep as they do`() throws {
    let value = try JSONValue(parsing: #"{"a":[1,{"b":[]}],"c":null}"#)
    #expect(value.valueCount == 6)
    #expect(value.nests(within: 4))
    #expect(!value.nests(within: 3))
    #expect(JSONValue.null.nests(within: 0))
  }

  /// Plain text is looked at many bytes at a time: whatever ends it is seen at each place of each length.
  @Test func `what ends or breaks a text is seen wherever it stands`() throws {
    for length in 0..<100 {
      let text = String(repeating: "a", count: length)
      #expect(try JSONValue(parsing: "\"\(text)\"") == .string(text))
      #expect(throws: JSONError.self) { try JSONValue(parsing: "\"\(text)") }
      for place in 0..<length {
        let (before, after) = (text.prefix(place), text.dropFirst(place + 1))
        #expect(try JSONValue(parsing: "\"\(before)ä\(after)\"") == .string("\(before)ä\(after)"))
        #expect(try JSONValue(parsing: "\"\(before)\\n\(after)\"") == .string("\(before)\n\(after)"))
        #expect(throws: JSONError.self) { try JSONValue(parsing: "\"\(before)\u{1F}\(after)\"") }
        #expect(throws: JSONError.self) { try JSONValue(parsing: "\"\(before)\"\(after)\"") }
        let invalid = Array("\"\(before)".utf8) + [0xFF] + Array("\(after)\"".utf8)
        #expect(throws: JSONError.self) { try JSONValue(parsing: invalid) }
      }
    }
  }
}
