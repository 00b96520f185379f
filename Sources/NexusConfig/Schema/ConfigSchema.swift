// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The JSON Schema (2020-12) of `nexus.config.yaml`, made from the table that also drives the decoder.
package func configSchema() -> JSONValue {
  var schema = ConfigSchema()
  return schema.document()
}

struct ConfigSchema {
  /// Every kind of map, once.
  private var definitions: JSONObject = [:]

  mutating func document() -> JSONValue {
    let body = object(ConfigKeys.root)
    var root: JSONObject = [
      "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:naos:schema:nexus.config.yaml:1",
      "title": "nexus.config.yaml",
    ]
    for member in body { root[member.key] = member.value }
    root["$defs"] = .object(definitions)
    return .object(root)
  }

  /// A text in which a variable stands for a value of another type.
  private static let variable: JSONValue = ["type": "string", "pattern": "\\$\\{"]

  /// A reference to the definition of a kind of map, which is made when it is first needed.
  private mutating func reference(_ shape: ObjectShape, needsName: Bool = false) -> JSONObject {
    let name = String(shape.title.map { $0 == " " ? "-" : $0 })
    if definitions[name] == nil {
      // Held while the body is made, so that a map inside itself would end.
      definitions[name] = true
      definitions[name] = .object(object(shape))
    }
    var reference: JSONObject = ["$ref": .string("#/$defs/\(name)")]
    if needsName { reference["required"] = ["name"] }
    return reference
  }

  private mutating func object(_ shape: ObjectShape) -> JSONObject {
    var properties: JSONObject = [:]
    var required: [JSONValue] = []
    var alternatives: [JSONValue] = []
    for key in shape.keys {
      var value = property(key)
      value["description"] = .string(description(key))
      properties[key.name] = .object(value)
      for alias in key.aliases {
        value["description"] = .string("The same as `\(key.name)`.")
        properties[alias] = .object(value)
      }
      guard key.isRequired else { continue }
      if key.aliases.isEmpty {
        required.append(.string(key.name))
      } else {
        let names = [key.name] + key.aliases
        alternatives.append(["anyOf": .array(names.map { ["required": [.string($0)]] })])
      }
    }
    var schema: JSONObject = [
      "type": .array(["object", "null"]), "properties": .object(properties), "additionalProperties": false,
    ]
    if !required.isEmpty || !alternatives.isEmpty { schema["type"] = "object" }
    if !required.isEmpty { schema["required"] = .array(required) }
    if !alternatives.isEmpty { schema["allOf"] = .array(alternatives) }
    if shape.allowsExtensions { schema["patternProperties"] = ["^x-": true] }
    return schema
  }

  private func description(_ key: KeySpec) -> String {
    var text = key.summary
    if let value = key.defaultText { text += " Default: \(value)." }
    switch key.availability {
    case .now: break
    case .later: text += " Not available yet: it has no effect."
    case .laterAndRestricts: text += " Not available yet: the runs that it covers are refused."
    }
    return text
  }

  private static let singular: Set<String> = ["agent", "supervisor", "workflow", "saga", "pool"]

  private mutating func property(_ key: KeySpec) -> JSONObject {
    // The singular keys hold one thing that must say its own name.
    if case .object(let object)? = key.shape.mapping, Self.singular.contains(key.name) {
      return reference(object, needsName: true)
    }
    return schema(key.shape)
  }

  private mutating func schema(_ shape: Shape) -> JSONObject {
    var alternatives: [JSONValue] = shape.scalar.map { scalar($0) } ?? []
    switch shape.sequence {
    case .list(let element)?:
      var items = schema(element)
      if case .object(let object)? = element.mapping, object.key("name") != nil {
        items = reference(object, needsName: true)
      }
      alternatives.append(["type": "array", "items": .object(items)])
    case .anything?: return [:]
    case nil: break
    }
    switch shape.mapping {
    case .object(let object)?: alternatives.append(.object(reference(object)))
    case .dictionary(let rule, let value)?:
      var dictionary: JSONObject = ["type": ["object", "null"], "additionalProperties": .object(schema(value))]
      if rule == .plain { dictionary["propertyNames"] = ["pattern": .string(Self.namePattern)] }
      if rule == .environment { dictionary["propertyNames"] = ["pattern": "^[A-Za-z_][A-Za-z0-9_]*$"] }
      alternatives.append(.object(dictionary))
    case .anything?: return [:]
    case nil: break
    }
    if alternatives.count == 1, case .object(let only) = alternatives[0] { return only }
    return ["anyOf": .array(alternatives)]
  }

  private static let namePattern = "^[a-z][a-z0-9-]{0,63}$"

  private func scalar(_ shape: ScalarShape) -> [JSONValue] {
    switch shape {
    case .text, .literal: return [["type": ["string", "number", "boolean"]]]
    case .boolean: return [["type": "boolean"], Self.variable]
    case .integer(let range):
      var integer: JSONObject = ["type": "integer", "minimum": .int(range.lowerBound)]
      if range.upperBound != .max { integer["maximum"] = .int(range.upperBound) }
      return [.object(integer), Self.variable]
    case .factor: return [["type": "number", "minimum": 1, "maximum": 1000], Self.variable]
    case .jitter: return [["type": "number", "minimum": 0, "maximum": 1], ["type": "boolean"], Self.variable]
    case .duration, .durationOr:
      var alternatives: [JSONValue] = [
        ["type": "number", "minimum": 0],
        ["type": "string", "pattern": "^([0-9.]+(d|h|ms|m|s))+$|^[0-9.]+$"], Self.variable,
      ]
      if case .durationOr(let words) = shape { alternatives.append(["enum": .array(words.flatMap(Self.spellings))]) }
      return alternatives
    case .size: return [["type": "integer", "minimum": 0], ["type": "string"]]
    case .processor: return [["type": "number", "minimum": .double(0.01), "maximum": 1000], ["type": "string"]]
    case .money, .price:
      return [
        ["type": "number", "minimum": 0], ["type": "string", "pattern": "^\\$?[0-9]*\\.?[0-9]+$"], Self.variable,
      ]
    case .percentage:
      return [
        ["type": "number", "minimum": 0, "maximum": 100], ["type": "string", "pattern": "^[0-9.]+%?$"], Self.variable,
      ]
    case .budget:
      return [
        ["type": "number", "minimum": 0],
        [
          "type": "string",
          "pattern": "^(\\$?[0-9.]+|[0-9_ ]+tokens?|[0-9_ ]+requests?) *(/ *(run|hour|day|week|month|lifetime))?$",
        ],
        Self.variable,
      ]
    case .word(let words): return [["enum": .array(words.flatMap(Self.spellings))], Self.variable]
    case .name(.plain): return [["type": "string", "pattern": .string(Self.namePattern)], Self.variable]
    case .name: return [["type": "string"]]
    case .anything: return [true]
    }
  }

  /// `one-for-one` is also understood as `one_for_one`.
  private static func spellings(_ word: String) -> [JSONValue] {
    // Unquoted it is a number to whoever reads the file by the schema.
    if let number = Int64(word) { return [.string(word), .int(number)] }
    let other = String(word.map { $0 == "-" ? "_" : $0 })
    return other == word ? [.string(word)] : [.string(word), .string(other)]
  }
}
