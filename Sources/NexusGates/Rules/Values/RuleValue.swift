// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// A value of the rule language.
package indirect enum RuleValueBox: Sendable {
  case optional(RuleValue?)
  case address(NetworkAddress)
  case network(NetworkRange)
}

/// A value of the rule language.
package enum RuleValue: Sendable {
  case null
  case bool(Bool)
  case int(Int64)
  case uint(UInt64)
  case double(Double)
  /// A sequence of Unicode scalars: never compared by Swift's `==`, which takes canonical equivalents for equal.
  case string(String)
  case bytes([UInt8])
  case list([RuleValue])
  case map(RuleMap)
  /// A type by its name.
  case type(String)
  case timestamp(Timestamp)
  case duration(RuleDuration)
  /// What is rare and would make every value larger.
  case boxed(RuleValueBox)
}

extension RuleValue {
  static func optional(_ value: RuleValue?) -> RuleValue { .boxed(.optional(value)) }
  static let none = RuleValue.optional(nil)

  /// The name of the type, as `type()` gives it.
  package var typeName: String {
    switch self {
    case .null: TypeName.null
    case .bool: TypeName.bool
    case .int: TypeName.int
    case .uint: TypeName.uint
    case .double: TypeName.double
    case .string: TypeName.string
    case .bytes: TypeName.bytes
    case .list: TypeName.list
    case .map: TypeName.map
    case .type: TypeName.type
    case .timestamp: TypeName.timestamp
    case .duration: TypeName.duration
    case .boxed(.optional): TypeName.optional
    case .boxed(.address): TypeName.address
    case .boxed(.network): TypeName.network
    }
  }

  /// Whether `optional.ofNonZeroValue` drops it.
  var isZero: Bool {
    switch self {
    case .null: true
    case .bool(let value): !value
    case .int(let value): value == 0
    case .uint(let value): value == 0
    case .double(let value): value == 0
    case .string(let text): text.utf8.isEmpty
    case .bytes(let bytes): bytes.isEmpty
    case .list(let elements): elements.isEmpty
    case .map(let map): map.count == 0
    case .duration(let duration): duration.nanoseconds == 0
    case .timestamp(let timestamp): timestamp.seconds == 0 && timestamp.nanoseconds == 0
    case .boxed(.optional(let value)): value == nil
    case .type, .boxed: false
    }
  }
}

/// The names of types, as values of the type `type` show them.
enum TypeName {
  static let null = "null_type"
  static let bool = "bool"
  static let int = "int"
  static let uint = "uint"
  static let double = "double"
  static let string = "string"
  static let bytes = "bytes"
  static let list = "list"
  static let map = "map"
  static let type = "type"
  static let dyn = "dyn"
  static let timestamp = "google.protobuf.Timestamp"
  static let duration = "google.protobuf.Duration"
  static let optional = "optional_type"
  static let address = "net.IP"
  static let network = "net.CIDR"
}
