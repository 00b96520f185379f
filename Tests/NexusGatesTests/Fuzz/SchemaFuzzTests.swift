// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGates
import Testing

/// Schemas put together by chance, with references in circles, numbers at the ends of their types and texts for every
/// format.
struct SchemaFuzzTests {
  @Test func `whatever is given for a schema is refused or validates within its limits`() {
    FuzzRun().cases(90, "schemas", of: SchemaSource()) { bytes, random in
      guard let schemaValue = try? JSONValue(parsing: bytes) else { return "the schema is not read" }
      // Reads whatever it is given, valid or not.
      _ = SchemaTypes(schema: schemaValue)
      var options = Schema.Options()
      options.assertsFormats = true
      options.assertsContent = random.below(2) == 0
      options.defaultDraft = SchemaDraft.allCases[random.below(SchemaDraft.allCases.count)]
      guard let schema = try? Schema(schemaValue, options: options) else { return nil }
      var maker = SchemaMaker(random: random)
      for _ in 0..<4 {
        let value = maker.value(depth: 0)
        let outcome = schema.validate(value)
        if outcome.isValid != schema.isValid(value) { return "two answers for \(value.text())" }
        if outcome.issues.count > SchemaLimits.maxIssues { return "\(outcome.issues.count) issues" }
      }
      return nil
    }
  }

  @Test func `whatever is given in place of a text of a format is refused or accepted`() throws {
    let formats = [
      "date", "time", "date-time", "duration", "email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6", "uri",
      "uri-reference", "iri", "iri-reference", "uri-template", "uuid", "json-pointer", "relative-json-pointer", "regex",
    ]
    var options = Schema.Options()
    options.assertsFormats = true
    let schemas = try formats.map { try Schema(["format": .string($0)], options: options) }
    let source = FuzzBytes(
      corpus: [
        "2026-02-28", "23:59:60Z", "2026-02-28T12:00:00.123+14:00", "P1Y2M3DT4H5M6S", "a.b@example.org",
        "\"a b\"@[1.2.3.4]",
        "xn--bcher-kva.example", "bücher.example", "1.2.3.4", "::ffff:1.2.3.4", "https://u@h:80/p%20?q#f",
        "/{var*}{?a,b:30}",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "/a~1b/0", "1#", "^(a|b)$", "mailto:ä@ö", "xn--", "xn--a-", "例え.テスト",
      ],
      words: [
        "-", ":", ".", "@", "xn--", "xn--99999999999", "%", "%zz", "{", "}", "~", "~2", "/", "//", "#", "?", "[", "]",
        "\"", "\\",
        "99999999999999999999", "P", "T", "Z", "+", "é", "ß", "ـ", "\u{200D}", "\u{200C}", "·", "।", "😀", "\u{0}", "0",
        "::",
      ])
    FuzzRun().cases(2_500, "formats", of: source) { bytes, random in
      let value = JSONValue.string(String(decoding: bytes.prefix(600), as: UTF8.self))
      let schema = schemas[random.below(schemas.count)]
      return schema.isValid(value) == schema.validate(value).isValid ? nil : "two answers"
    }
  }
}

private struct SchemaSource: FuzzSource {
  func make(_ random: inout SplitMix) -> [UInt8] {
    var maker = SchemaMaker(random: random)
    defer { random = maker.random }
    return maker.schema(depth: 0).encoded()
  }
}

private struct SchemaMaker {
  var random: SplitMix

  private static let numbers: [JSONValue] = [
    0, 1, -1, 2, 3, .double(0.5), .double(0.1), .double(1e-7), .double(1e308), .double(.leastNonzeroMagnitude),
    .double(-1e308),
    .int(.max), .int(.min), .double(0x1p63),
    9_007_199_254_740_993, .double(1.0), 100,
  ]
  private static let names = ["a", "b", "", "é", "x/y", "~", "$ref", "a%25b", "properties"]
  private static let references = [
    "#", "#/$defs/a", "#/$defs/b", "#/properties/a", "#/items", "#a", "#/allOf/0", "other", "other#/properties/b",
    "#/x~1y",
    "#/%24defs/a", "#/$defs/%", "http://localhost/none", "#//", "#/allOf/99999999999999999999", "#/allOf/-1",
    "https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema#", ":", "%", "../..",
    "urn:a#b",
  ]
  private static let patterns = ["^a", "(a|b)+", "[0-9]{2,40}", "\\p{L}", "(", "a{1000}", "^$", "(?=a)"]

  private mutating func one<Element>(of list: [Element]) -> Element { list[random.below(list.count)] }

  mutating func schema(depth: Int) -> JSONValue {
    if depth > 4 || random.below(8) == 0 { return random.below(3) == 0 ? value(depth: 3) : .bool(random.below(4) > 0) }
    var schema = JSONObject()
    for _ in 0..<1 + random.below(4) { add(to: &schema, depth: depth + 1) }
    if depth == 0 {
      schema["$defs"] = ["a": self.schema(depth: 2), "b": self.schema(depth: 2)]
      if random.below(4) == 0 {
        schema["$schema"] = .string(one(of: SchemaDraft.allCases).identifier)
      }
    }
    return .object(schema)
  }

  private mutating func add(to schema: inout JSONObject, depth: Int) {
    switch random.below(12) {
    case 0:
      schema["type"] = .string(one(of: ["null", "boolean", "integer", "number", "string", "array", "object", "x"]))
    case 1:
      let key = one(of: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"])
      schema[key] = one(of: Self.numbers)
    case 2:
      let key = one(of: [
        "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains",
        "maxContains",
      ])
      schema[key] = one(of: Self.numbers)
    case 3: schema[one(of: ["$ref", "$ref", "$dynamicRef", "$recursiveRef"])] = .string(one(of: Self.references))
    case 4:
      schema[one(of: ["$id", "$anchor", "$dynamicAnchor"])] = .string(
        one(of: ["a", "b", "other", "#", "urn:a", "x#a", "%"]))
    case 5:
      let list = (0..<random.below(4)).map { _ in self.schema(depth: depth) }
      schema[one(of: ["allOf", "anyOf", "oneOf", "prefixItems", "items"])] = .array(list)
    case 6:
      let key = one(of: [
        "not", "if", "then", "else", "items", "contains", "additionalProperties", "propertyNames", "unevaluatedItems",
        "unevaluatedProperties", "additionalItems", "contentSchema",
      ])
      schema[key] = self.schema(depth: depth)
    case 7:
      var members = JSONObject()
      for _ in 0..<random.below(4) { members[one(of: Self.names)] = self.schema(depth: depth) }
      schema[one(of: ["properties", "dependentSchemas", "dependencies", "$defs", "definitions"])] = .object(members)
    case 8: schema["patternProperties"] = .object([one(of: Self.patterns): self.schema(depth: depth)])
    case 9:
      schema["required"] = .array((0..<random.below(3)).map { _ in .string(one(of: Self.names)) })
      schema["dependentRequired"] = ["a": ["b"], "b": [.string(one(of: Self.names))]]
    case 10:
      schema[one(of: ["const", "enum"])] = random.below(2) == 0 ? value(depth: 2) : [value(depth: 2), value(depth: 2)]
    default:
      schema["pattern"] = .string(one(of: Self.patterns))
      schema["uniqueItems"] = .bool(random.below(2) == 0)
    }
  }

  mutating func value(depth: Int) -> JSONValue {
    switch random.below(depth < 4 ? 8 : 5) {
    case 0: return .null
    case 1: return .bool(random.below(2) == 0)
    case 2: return one(of: Self.numbers)
    case 3: return .string(one(of: ["", "a", "aa", "é", "1234567890", String(repeating: "ab", count: 500)]))
    case 4: return .int(Int64(random.below(5)))
    case 5, 6: return .array((0..<random.below(6)).map { _ in value(depth: depth + 1) })
    default:
      var members = JSONObject()
      for _ in 0..<random.below(5) { members[one(of: Self.names)] = value(depth: depth + 1) }
      return .object(members)
    }
  }
}
