// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The type of an expression, as far as it is known before evaluation.
package indirect enum RuleType: Sendable, Hashable {
  /// Known only at evaluation.
  case dyn
  /// What an expression has that is wrong already: fits everywhere, so that one mistake is reported once.
  case error
  case null
  case bool
  case int
  case uint
  case double
  case string
  case bytes
  case timestamp
  case duration
  case list(RuleType)
  case map(RuleType, RuleType)
  /// A JSON object of which fields are known.
  case object(ObjectShape)
  /// A type as a value.
  case type(RuleType)
  /// `optional_type`, addresses, and what declared functions make.
  case opaque(String, [RuleType])
  /// A type parameter of a function, or a type that is still to be found.
  case parameter(String)

  package static func optional(_ wrapped: RuleType) -> RuleType { .opaque(TypeName.optional, [wrapped]) }
  package static let address = RuleType.opaque(TypeName.address, [])
  package static let network = RuleType.opaque(TypeName.network, [])

  /// What is known about the fields of a JSON object.
  package struct ObjectShape: Sendable, Hashable {
    private let fields: [ExactString: RuleType]
    /// The type of all other fields; nil if there are none.
    package let others: RuleType?

    package init(fields: [(String, RuleType)], others: RuleType?) {
      self.fields = Dictionary(fields.map { (ExactString($0), $1) }, uniquingKeysWith: { first, _ in first })
      self.others = others
    }

    /// The known fields, in no order.
    var named: [(name: String, type: RuleType)] { fields.map { ($0.key.text, $0.value) } }

    /// The type of a known field.
    package subscript(name: String) -> RuleType? { fields[ExactString(name)] }
  }

  var isDyn: Bool { self == .dyn || self == .error }

  /// The type in an `optional_type`.
  var wrapped: RuleType? {
    if case .opaque(TypeName.optional, let parameters) = self { return parameters.first ?? .dyn }
    return nil
  }

  /// The type of a field of a value of this type; nil if it is known to have none of that name.
  func field(_ name: String) -> RuleType? {
    switch self {
    case .object(let shape): shape[name] ?? shape.others
    case .map(_, let value): value
    default: .dyn
    }
  }
}

extension RuleType: CustomStringConvertible {
  package var description: String {
    switch self {
    case .dyn, .error: TypeName.dyn
    case .null: TypeName.null
    case .bool: TypeName.bool
    case .int: TypeName.int
    case .uint: TypeName.uint
    case .double: TypeName.double
    case .string: TypeName.string
    case .bytes: TypeName.bytes
    case .timestamp: TypeName.timestamp
    case .duration: TypeName.duration
    case .list(let element): "list(\(element))"
    case .map(let key, let value): "map(\(key), \(value))"
    case .object: "object"
    case .type(let type): "type(\(type))"
    case .opaque(let name, let parameters):
      parameters.isEmpty ? name : "\(name)(\(parameters.map(\.description).joined(separator: ", ")))"
    case .parameter: TypeName.dyn
    }
  }
}
