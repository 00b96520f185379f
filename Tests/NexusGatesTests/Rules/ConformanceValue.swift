// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGates

/// Values and types as the conformance tests write them: protobuf's JSON form of the messages of cel-spec.
enum ConformanceValue {
  struct Unreadable: Error { let json: JSONValue }

  static func value(_ json: JSONValue) throws -> RuleValue {
    guard case .object(let object) = json, let member = object.members.first else { throw Unreadable(json: json) }
    let content = member.value
    switch member.key {
    case "nullValue": return .null
    case "boolValue": return .bool(content.boolValue ?? false)
    case "int64Value": return .int(Int64(content.stringValue ?? "") ?? 0)
    case "uint64Value": return .uint(UInt64(content.stringValue ?? "") ?? 0)
    case "doubleValue": return .double(double(content))
    case "stringValue": return .string(content.stringValue ?? "")
    case "bytesValue": return try literal("base64.decode('\(content.stringValue ?? "")')")
    case "typeValue": return .type(content.stringValue ?? "")
    case "listValue": return .list(try (content["values"]?.arrayValue ?? []).map(value))
    case "mapValue":
      var entries: [(RuleValue, RuleValue)] = []
      for entry in content["entries"]?.arrayValue ?? [] {
        entries.append((try value(entry["key"] ?? .null), try value(entry["value"] ?? .null)))
      }
      return try RuleValue.map(entries)
    default: throw Unreadable(json: json)
    }
  }

  /// The value of an expression without variables.
  static func literal(_ text: String) throws -> RuleValue {
    try CompiledRule(text, in: RuleEnvironment(variables: [])).evaluate(RuleBindings([])).result.get()
  }

  private static func double(_ json: JSONValue) -> Double {
    switch json.stringValue {
    case "Infinity": .infinity
    case "-Infinity": -.infinity
    case "NaN": .nan
    default: json.doubleValue ?? .nan
    }
  }

  static func type(_ json: JSONValue) throws -> RuleType {
    guard case .object(let object) = json, let member = object.members.first else { throw Unreadable(json: json) }
    let content = member.value
    switch (member.key, content.stringValue) {
    case ("dyn", _): return .dyn
    case ("null", _): return .null
    case ("primitive", "BOOL"): return .bool
    case ("primitive", "INT64"): return .int
    case ("primitive", "UINT64"): return .uint
    case ("primitive", "DOUBLE"): return .double
    case ("primitive", "STRING"): return .string
    case ("primitive", "BYTES"): return .bytes
    case ("wellKnown", "TIMESTAMP"): return .timestamp
    case ("wellKnown", "DURATION"): return .duration
    case ("listType", _): return .list(try type(content["elemType"] ?? .null))
    case ("mapType", _): return .map(try type(content["keyType"] ?? .null), try type(content["valueType"] ?? .null))
    case ("typeParam", let name?): return .parameter(name)
    case ("abstractType", _):
      return .opaque(
        content["name"]?.stringValue ?? "", try (content["parameterTypes"]?.arrayValue ?? []).map(type))
    default: throw Unreadable(json: json)
    }
  }
}
