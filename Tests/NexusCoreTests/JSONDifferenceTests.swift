// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import Testing

struct JSONDifferenceTests {
  private func difference(_ recorded: String, _ found: String, ignoring: Set<String> = []) throws -> String? {
    try JSONDifference.first(
      between: JSONValue(parsing: recorded), and: JSONValue(parsing: found), ignoring: ignoring)?.path
  }

  @Test func `the order of members, the space between them and the form of a number make no difference`() throws {
    #expect(try difference(#"{"a":1,"b":[1.0,null]}"#, #"{ "b": [1, null], "a": 1e0 }"#) == nil)
  }

  @Test(arguments: [
    (#"{"a":1}"#, #"{"a":2}"#, "$.a"), (#"{"a":1}"#, "{}", "$.a"), ("{}", #"{"a":1}"#, "$.a"),
    (#"{"m":[{"c":"x"},{"c":"y"}]}"#, #"{"m":[{"c":"x"},{"c":"z"}]}"#, "$.m[1].c"),
    (#"{"m":[1]}"#, #"{"m":[1,2]}"#, "$.m[1]"), (#"{"m":[1,2]}"#, #"{"m":[1]}"#, "$.m[1]"),
    (#"{"a b":1}"#, #"{"a b":"1"}"#, #"$["a b"]"#), (#"{"a":"é"}"#, #"{"a":"e\u0301"}"#, "$.a"),
    (#"{"a":true}"#, #"{"a":1}"#, "$.a"), ("[]", "{}", "$"),
    (#"{"a":9007199254740993}"#, #"{"a":9007199254740992}"#, "$.a"),
  ])
  func `the first difference has a path`(recorded: String, found: String, path: String) throws {
    #expect(try difference(recorded, found) == path)
  }

  @Test func `members that do not count are left out at the top only`() throws {
    #expect(try difference(#"{"model":"a","x":1}"#, #"{"model":"b","x":1}"#, ignoring: ["model"]) == nil)
    #expect(try difference(#"{"x":{"model":"a"}}"#, #"{"x":{"model":"b"}}"#, ignoring: ["model"]) == "$.x.model")
  }

  @Test(arguments: [
    ("[redacted]", "anything", true), ("key [redacted].", "key abc.", true), ("key [redacted].", "key abc", false),
    ("[redacted] and [redacted]", "a and b", true), ("[redacted] and [redacted]", "a or b", false),
    ("a[redacted]a", "a", false), ("a[redacted]a", "aa", true), ("x[redacted]y[redacted]y", "xyy", true),
    ("x[redacted]y[redacted]y", "xy", false), ("plain", "plain", true), ("plain", "plaim", false),
  ])
  func `where a secret was taken out any text may stand`(recorded: String, text: String, fits: Bool) {
    #expect(JSONDifference.fits(recorded, text) == fits)
  }

  @Test func `the words show little of long values, and no minted secret`() throws {
    let long = String(repeating: "x", count: 5000)
    let words = try #require(JSONDifference.first(between: .string(long), and: "short"))
    #expect("\(words)".utf8.count < 200)
  }
}
