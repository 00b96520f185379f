// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What a JSON Schema says about the type and the size of a value, as far as the rule language can use it.
///
/// Only what always holds is read: `type`, `properties`, `additionalProperties`, `items`, `prefixItems`, `maxItems`,
/// `maxLength`, `maxProperties`, `enum`, `const` and local references. Anything else leaves the type `dyn`, so that a
/// rule is never refused for what the schema may allow.
package struct SchemaTypes: Sendable, Hashable {
  package let type: RuleType
  package let bound: SizeBound

  /// Levels of schemas that are followed; a recursive schema is `dyn` below.
  package static let maxDepth = 16
  /// Subschemas that are read in all: references could multiply them.
  package static let maxSchemas = 10_000

  /// - Parameter schema: A JSON Schema of draft-07 or 2020-12, valid or not.
  package init(schema: JSONValue) {
    var reader = SchemaTypeReader(root: schema)
    (type, bound) = reader.read(schema, depth: 0)
  }
}

private struct SchemaTypeReader {
  let root: JSONValue
  var remaining = SchemaTypes.maxSchemas

  mutating func read(_ schema: JSONValue, depth: Int) -> (RuleType, SizeBound) {
    remaining -= 1
    guard depth < SchemaTypes.maxDepth, remaining > 0, case .object(let object) = schema else {
      return (.dyn, .unknown)
    }
    if let reference = object["$ref"]?.stringValue {
      guard let target = resolve(reference) else { return (.dyn, .unknown) }
      return read(target, depth: depth + 1)
    }
    switch object["type"]?.stringValue {
    case "integer": return (.int, .scalar)
    case "number": return (.double, .scalar)
    case "boolean": return (.bool, .scalar)
    case "null": return (.null, .scalar)
    case "string": return (.string, .text(max: length(object["maxLength"]) ?? longestChoice(object)))
    case "array": return array(object, depth: depth)
    case "object": return self.object(object, depth: depth)
    default: return (.dyn, .unknown)
    }
  }

  private func length(_ value: JSONValue?) -> Int? {
    guard let count = value?.intValue, count >= 0 else { return nil }
    return Int(count)
  }

  /// The length of the longest text that `enum` or `const` allow.
  private func longestChoice(_ object: JSONObject) -> Int? {
    let choices = object["enum"]?.arrayValue ?? object["const"].map { [$0] }
    return choices?.compactMap { $0.stringValue?.unicodeScalars.count }.max()
  }

  private mutating func array(_ object: JSONObject, depth: Int) -> (RuleType, SizeBound) {
    let max = length(object["maxItems"])
    // Where the first elements have schemas of their own, no one type holds for all.
    guard object["prefixItems"] == nil, let items = object["items"], case .object = items else {
      return (.list(.dyn), .list(max: max, element: .unknown))
    }
    let (type, bound) = read(items, depth: depth + 1)
    return (.list(type), .list(max: max, element: bound))
  }

  private mutating func object(_ object: JSONObject, depth: Int) -> (RuleType, SizeBound) {
    var fields: [(String, RuleType)] = []
    var bounds: [ExactString: SizeBound] = [:]
    for member in object["properties"]?.objectValue ?? JSONObject() {
      let (type, bound) = read(member.value, depth: depth + 1)
      fields.append((member.key, type))
      bounds[ExactString(member.key)] = bound
    }
    var others: (type: RuleType?, bound: SizeBound) = (.dyn, .unknown)
    if object["patternProperties"] == nil {
      switch object["additionalProperties"] {
      case .bool(false): others = (nil, .unknown)
      case .object(let schema)?: others = read(.object(schema), depth: depth + 1)
      default: break
      }
    }
    let declaredMax = length(object["maxProperties"])
    let max = others.type == nil ? min(declaredMax ?? .max, fields.count) : declaredMax
    return (
      .object(RuleType.ObjectShape(fields: fields, others: others.type)),
      .map(max: max, fields: bounds, others: others.bound)
    )
  }

  /// A JSON Pointer into the same document; nil for every other reference.
  private func resolve(_ reference: String) -> JSONValue? {
    guard reference.utf8.first == UInt8(ascii: "#") else { return nil }
    var value = root
    for token in reference.dropFirst().split(separator: "/") {
      let name = Self.unescaped(token)
      guard let next = value[name] else { return nil }
      value = next
    }
    return value
  }

  /// RFC 6901: `~1` is a slash, `~0` a tilde.
  private static func unescaped(_ token: Substring) -> String {
    var name = ""
    var isEscape = false
    for scalar in token.unicodeScalars {
      if isEscape {
        name.unicodeScalars.append(scalar == "1" ? "/" : "~")
        isEscape = false
      } else if scalar == "~" {
        isEscape = true
      } else {
        name.unicodeScalars.append(scalar)
      }
    }
    return name
  }
}
