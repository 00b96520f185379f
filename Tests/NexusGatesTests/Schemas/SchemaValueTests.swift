// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGates
import Testing

/// What the suite does not ask, or not enough: numbers, texts by scalars, drafts before the latest.
struct SchemaValueTests {
  struct Sample: Sendable, CustomTestStringConvertible {
    let schema: String
    var draft = SchemaDraft.draft2020
    let valid: [String]
    let invalid: [String]
    var testDescription: String { "\(draft) \(schema)" }
  }

  static let numbers: [Sample] = [
    Sample(schema: #"{"type":"integer"}"#, valid: ["1", "1.0", "-0.0", "1e300"], invalid: ["1.5", "true", "\"1\""]),
    Sample(schema: #"{"multipleOf":0.01}"#, valid: ["0.07", "19.99", "1e308", "0", "4.35"], invalid: ["0.075"]),
    Sample(schema: #"{"multipleOf":0.1}"#, valid: ["0.3", "-1.1"], invalid: ["0.35"]),
    Sample(schema: #"{"multipleOf":3}"#, valid: ["9", "9.0", "-3"], invalid: ["10", "9.5", "1e300"]),
    Sample(schema: #"{"multipleOf":1e-8}"#, valid: ["12391239123", "1e-8"], invalid: ["1e-9"]),
    Sample(
      schema: #"{"multipleOf":1}"#, valid: ["-9223372036854775808"], invalid: ["0.5"]),
    Sample(
      schema: #"{"maximum":9007199254740992}"#, valid: ["9007199254740992", "9007199254740992.0"],
      invalid: ["9007199254740993"]),
    Sample(
      schema: #"{"maximum":9223372036854775807}"#, valid: ["9223372036854775807"], invalid: ["9223372036854775808"]),
    Sample(schema: #"{"minimum":-9223372036854775808}"#, valid: ["-9223372036854775808"], invalid: ["-1e19"]),
    Sample(schema: #"{"exclusiveMinimum":0.5}"#, valid: ["1", "0.6"], invalid: ["0", "0.5"]),
    Sample(schema: #"{"exclusiveMaximum":-0.5}"#, valid: ["-1"], invalid: ["0", "-0.5"]),
    Sample(schema: #"{"const":1}"#, valid: ["1", "1.0"], invalid: ["true", "1.1", "\"1\""]),
    Sample(schema: #"{"uniqueItems":true}"#, valid: ["[1,true]", "[0,false]"], invalid: ["[1,1.0]", "[[1],[1.0]]"]),
    Sample(
      schema: #"{"uniqueItems":true}"#, valid: ["[1,2,3,4,5,6,7,true]"],
      invalid: ["[1,2,3,4,5,6,7,1.0]", #"[{"a":1,"b":2},1,2,3,4,5,6,{"b":2,"a":1.0}]"#]),
    Sample(schema: #"{"maxLength":1e300}"#, valid: ["\"abc\""], invalid: []),
  ]

  /// `é` of one scalar and of two.
  static let texts: [Sample] = [
    Sample(schema: #"{"const":"\u00e9"}"#, valid: [#""\u00e9""#], invalid: [#""e\u0301""#]),
    Sample(schema: #"{"enum":["\u00e9"]}"#, valid: [#""\u00e9""#], invalid: [#""e\u0301""#]),
    Sample(schema: #"{"uniqueItems":true}"#, valid: [#"["\u00e9","e\u0301"]"#], invalid: [#"["\u00e9","é"]"#]),
    Sample(schema: #"{"minLength":2}"#, valid: [#""e\u0301""#, #""🇩🇪""#], invalid: [#""\u00e9""#, #""🐲""#]),
    Sample(schema: #"{"maxLength":1}"#, valid: [#""\u00e9""#, #""🐲""#], invalid: [#""e\u0301""#, #""👨‍👩‍👧""#]),
    Sample(
      schema: #"{"properties":{"\u00e9":false},"required":["e\u0301"]}"#, valid: [#"{"e\u0301":1}"#],
      invalid: [#"{"\u00e9":1}"#, #"{"e\u0301":1,"\u00e9":1}"#]),
    Sample(
      schema: #"{"dependentRequired":{"\u00e9":["x"]}}"#, valid: [#"{"e\u0301":1}"#], invalid: [#"{"\u00e9":1}"#]),
    Sample(
      schema: #"{"properties":{"K":{"type":"null"}}}"#, valid: [#"{"\u212a":1}"#], invalid: [#"{"K":1}"#]),
  ]

  /// Small tables of draft-07; the whole suite runs where it is at hand.
  static let draft7: [Sample] = [
    Sample(
      schema: ##"{"$ref":"#/definitions/a","maximum":1,"definitions":{"a":{"type":"integer"}}}"##, draft: .draft7,
      valid: ["5"], invalid: ["\"a\""]),
    Sample(
      schema: #"{"items":[{"type":"integer"}],"additionalItems":{"type":"string"}}"#, draft: .draft7,
      valid: ["[]", "[1,\"a\"]"], invalid: ["[\"a\"]", "[1,2]"]),
    Sample(
      schema: #"{"items":{"type":"integer"},"additionalItems":false}"#, draft: .draft7, valid: ["[1,2]"],
      invalid: ["[\"a\"]"]),
    Sample(
      schema: #"{"dependencies":{"a":["b"],"c":{"maxProperties":1}}}"#, draft: .draft7,
      valid: [#"{"a":1,"b":2}"#, #"{"c":1}"#], invalid: [#"{"a":1}"#, #"{"c":1,"d":2}"#]),
    Sample(
      schema: #"{"contains":{"const":1},"minContains":2}"#, draft: .draft7, valid: ["[1]"], invalid: ["[]", "[2]"]),
    Sample(
      schema: #"{"prefixItems":[false],"dependentRequired":{"a":["b"]}}"#, draft: .draft7,
      valid: ["[1]", #"{"a":1}"#], invalid: []),
    Sample(
      schema: ##"{"definitions":{"x":{"$id":"#here","type":"null"}},"$ref":"#here"}"##, draft: .draft7,
      valid: ["null"], invalid: ["1"]),
    Sample(
      schema: #"{"if":{"minimum":5},"then":{"maximum":7},"else":{"multipleOf":2}}"#, draft: .draft7,
      valid: ["6", "2"], invalid: ["8", "3"]),
    Sample(
      schema: #"{"$schema":"http://json-schema.org/draft-07/schema#","items":[true,false]}"#, valid: ["[1]"],
      invalid: ["[1,2]"]),
    Sample(
      schema: ##"{"$recursiveAnchor":true,"properties":{"a":{"$recursiveRef":"#"}},"type":"object"}"##,
      draft: .draft2019, valid: [#"{"a":{"a":{}}}"#], invalid: [#"{"a":{"a":1}}"#]),
  ]

  @Test(arguments: numbers + texts + draft7)
  func `values are told apart as JSON tells them`(sample: Sample) throws {
    var options = Schema.Options()
    options.defaultDraft = sample.draft
    let schema = try Schema(parsing: Array(sample.schema.utf8), options: options)
    for text in sample.valid {
      let outcome = schema.validate(try JSONValue(parsing: text))
      #expect(outcome.isValid, "\(text): \(outcome.issues.map(\.message))")
    }
    for text in sample.invalid { #expect(!schema.isValid(try JSONValue(parsing: text)), "\(text)") }
  }
}
