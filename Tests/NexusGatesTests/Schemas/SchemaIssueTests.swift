// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGates
import Testing

struct SchemaIssueTests {
  /// The issues of an instance, one a line: pointer, schema path, keyword, code.
  private func issues(_ schema: String, _ instance: String) throws -> [String] {
    let schema = try Schema(try JSONValue(parsing: schema))
    return schema.validate(try JSONValue(parsing: instance)).issues.map {
      "\($0.instancePath.pointer) \($0.schemaPath.pointer) \($0.keyword) \($0.code)"
    }
  }

  @Test func `issues stand in the order of pointers, then of declaration`() throws {
    let schema = """
      {"required": ["z", "y"], "type": "object", "minProperties": 9,
       "properties": {"b": {"maximum": 1, "multipleOf": 2}, "a": {"items": {"type": "string"}}}}
      """
    let found = try issues(schema, #"{"b": 3, "a": ["x", 1, 2, 3, 4, 5, 6, 7, 8, 9, true]}"#)
    #expect(
      found == [
        " /required required memberMissing", " /required required memberMissing",
        " /minProperties minProperties tooFewMembers",
      ]
        + (1...10).map { "/a/\($0) /properties/a/items/type type wrongType" }
        + ["/b /properties/b/maximum maximum tooLarge", "/b /properties/b/multipleOf multipleOf notAMultiple"])
  }

  @Test func `an issue names the way through references and the member that is not allowed`() throws {
    let schema = """
      {"$defs": {"name": {"minLength": 3}}, "properties": {"a/b~": {"$ref": "#/$defs/name"}},
       "patternProperties": {"^x": false}, "additionalProperties": false}
      """
    #expect(
      try issues(schema, #"{"a/b~": "é", "x1": 1, "other": 2}"#) == [
        "/a~1b~0 /properties/a~1b~0/$ref/minLength minLength tooShort",
        "/other /additionalProperties additionalProperties notAllowed",
        "/x1 /patternProperties/^x patternProperties notAllowed",
      ])
  }

  @Test func `of several alternatives the one that was meant is explained`() throws {
    let schema = """
      {"oneOf": [
        {"properties": {"kind": {"const": "mail"}, "to": {"type": "string"}}, "required": ["kind", "to"]},
        {"properties": {"kind": {"const": "call"}, "number": {"type": "integer"}}, "required": ["kind", "number"]}]}
      """
    #expect(
      try issues(schema, #"{"kind": "call", "number": "12"}"#) == [
        " /oneOf oneOf noAlternative", "/number /oneOf/1/properties/number/type type wrongType",
      ])
    #expect(
      try issues(#"{"oneOf": [{"type": "integer"}, {"minimum": 2}]}"#, "3") == [" /oneOf oneOf severalAlternatives"])
    #expect(try issues(#"{"anyOf": [{"type": "string"}, {"type": "null"}]}"#, "3") == [" /anyOf anyOf noAlternative"])
  }

  @Test func `an issue says what was asked for and what was got, both cut`() throws {
    let schema = try Schema(["type": ["string", "null"], "maxLength": 3])
    let issue = try #require(schema.validate(["list": [1, 2]]).issues.first)
    #expect(issue.message == "the value must be of type null or string")
    #expect(issue.expected == "null or string")
    #expect(issue.got == #"{"list":[1,2]}"#)
    let long = try #require(schema.validate(.string(String(repeating: "é", count: 1_000))).issues.first)
    #expect(long.got.utf8.count <= SchemaIssue.maxQuote)
    #expect(long.got.hasSuffix("é…"))
  }

  @Test func `more issues than the limit are cut off, and the outcome says so`() throws {
    let schema = try Schema(["items": false])
    let outcome = schema.validate(.array(Array(repeating: .null, count: SchemaLimits.maxIssues + 1)))
    #expect(outcome.issues.count == SchemaLimits.maxIssues)
    #expect(outcome.isCutOff)
    #expect(!schema.validate(.array(Array(repeating: .null, count: SchemaLimits.maxIssues))).isCutOff)
  }

  @Test func `a reference to itself passes the limit and is not taken for valid`() throws {
    for text in [##"{"$ref": "#"}"##, ##"{"not": {"$ref": "#"}}"##, ##"{"anyOf": [{"$ref": "#"}, true]}"##] {
      let schema = try Schema(try JSONValue(parsing: text))
      #expect(!schema.isValid(1))
      #expect(schema.validate(1).issues.map(\.code) == [.limitPassed])
    }
  }

  @Test func `alternatives inside alternatives pass the limit instead of running for ever`() throws {
    var definitions = JSONObject()
    for level in 0..<30 {
      let next: JSONValue = ["$ref": .string("#/$defs/\(level + 1)")]
      definitions["\(level)"] = ["allOf": [next, next]]
    }
    definitions["30"] = ["type": "string"]
    let schema = try Schema(["$defs": .object(definitions), "$ref": "#/$defs/0"])
    #expect(schema.validate("text").issues.map(\.code) == [.limitPassed])
  }
}
