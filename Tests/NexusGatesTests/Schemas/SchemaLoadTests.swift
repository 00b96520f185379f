// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGates
import Testing

struct SchemaLoadTests {
  struct Broken: Sendable, CustomTestStringConvertible {
    let schema: String
    let code: SchemaProblem.Code
    let pointer: String
    var testDescription: String { schema }
  }

  static let broken: [Broken] = [
    Broken(schema: #"{"type":}"#, code: .notJSON, pointer: ""),
    Broken(schema: #"{"a":1,"a":2}"#, code: .notJSON, pointer: ""),
    Broken(schema: "7", code: .againstMetaschema, pointer: ""),
    Broken(schema: #"{"properties":{"a":{"type":"strin"}}}"#, code: .againstMetaschema, pointer: "/properties/a/type"),
    Broken(schema: #"{"required":true}"#, code: .againstMetaschema, pointer: "/required"),
    Broken(schema: #"{"minLength":-1}"#, code: .againstMetaschema, pointer: "/minLength"),
    Broken(
      schema: #"{"$schema":"http://json-schema.org/draft-07/schema#","items":[{"maximum":"1"}]}"#,
      code: .againstMetaschema, pointer: "/items"),
    Broken(schema: #"{"items":[{"maximum":1}]}"#, code: .againstMetaschema, pointer: "/items"),
    Broken(schema: #"{"$schema":"https://example.org/own"}"#, code: .unknownDialect, pointer: ""),
    Broken(schema: #"{"$ref":"https://example.org/other"}"#, code: .unresolvedReference, pointer: "/$ref"),
    Broken(schema: ##"{"allOf":[{"$ref":"#/$defs/none"}]}"##, code: .unresolvedReference, pointer: "/allOf/0/$ref"),
    Broken(schema: ##"{"$ref":"#anchor"}"##, code: .unresolvedReference, pointer: "/$ref"),
    Broken(schema: #"{"pattern":"a(?=b)"}"#, code: .refusedPattern, pointer: "/pattern"),
    Broken(schema: #"{"patternProperties":{"(":true}}"#, code: .refusedPattern, pointer: "/patternProperties/("),
    Broken(
      schema: #"{"$defs":{"a":{"$anchor":"x"},"b":{"$anchor":"x"}}}"#, code: .duplicateIdentifier, pointer: "/$defs/b"),
    Broken(
      schema: #"{"$defs":{"a":{"$id":"http://x/y"},"b":{"$id":"http://x/y"}}}"#, code: .duplicateIdentifier,
      pointer: "/$defs/b"),
  ]

  @Test(arguments: broken)
  func `a broken schema says what is wrong and where`(sample: Broken) throws {
    let error = #expect(throws: SchemaLoadError.self) { try Schema(parsing: Array(sample.schema.utf8)) }
    let problem = try #require(error?.problems.first)
    #expect(problem.code == sample.code)
    #expect(problem.pointer == sample.pointer)
  }

  @Test func `all problems are reported at once`() {
    let text = ##"{"pattern":"(","properties":{"a":{"$ref":"#/b","minimum":"1"}}}"##
    let error = #expect(throws: SchemaLoadError.self) { try Schema(parsing: Array(text.utf8)) }
    #expect(error?.problems.map(\.code) == [.againstMetaschema, .refusedPattern, .unresolvedReference])
  }

  @Test func `a schema is as large as the limits and no larger`() throws {
    let fits = JSONValue.array(Array(repeating: true, count: SchemaLimits.maxSubschemas - 1))
    _ = try Schema(["allOf": fits])
    let over = JSONValue.array(Array(repeating: true, count: SchemaLimits.maxSubschemas))
    let error = #expect(throws: SchemaLoadError.self) { try Schema(["allOf": over]) }
    #expect(error?.problems.map(\.code) == [.tooLarge])
    let bytes = Array(#"{"title":"\#(String(repeating: "a", count: SchemaLimits.maxSchemaBytes))"}"#.utf8)
    let tooLong = #expect(throws: SchemaLoadError.self) { try Schema(parsing: bytes) }
    #expect(tooLong?.problems.map(\.code) == [.tooLarge])
  }

  @Test func `references reach documents that are handed in, and only those`() throws {
    var options = Schema.Options()
    options.identifier = "https://example.org/schemas/main.json"
    options.documents = [
      "https://example.org/schemas/part.json": ["$defs": ["n": ["type": "integer"]]],
      "https://example.org/other": ["$ref": "schemas/part.json#/$defs/n"],
    ]
    let schema = try Schema(
      ["items": ["anyOf": [["$ref": "part.json#/$defs/n"], ["$ref": "/other"]]]], options: options)
    #expect(schema.isValid([1, 2]))
    #expect(!schema.isValid(["a"]))
  }

  @Test func `a resource of another draft inside a schema is read by its own rules`() throws {
    let schema = try Schema([
      "$defs": [
        "old": [
          "$id": "old", "$schema": "http://json-schema.org/draft-07/schema#", "items": [["type": "integer"]],
          "additionalItems": false,
        ]
      ], "$ref": "old",
    ])
    #expect(schema.isValid([1]))
    #expect(!schema.isValid([1, 2]))
  }

  @Test func `every metaschema is valid against itself`() throws {
    for draft in SchemaDraft.allCases {
      let schema = try Schema(["$ref": .string(draft.identifier)])
      #expect(schema.isValid(["type": "string"]))
      #expect(!schema.isValid(["type": 1]))
    }
  }
}
