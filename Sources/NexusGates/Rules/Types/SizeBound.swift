// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// How large a value can become: what the cost of a rule is estimated from.
package indirect enum SizeBound: Sendable, Hashable {
  /// Nothing is declared.
  case unknown
  /// Of fixed size: numbers, booleans.
  case scalar
  /// Characters of a text or bytes.
  case text(max: Int?)
  case list(max: Int?, element: SizeBound)
  /// Entries of a map; what is known of its fields.
  case map(max: Int?, fields: [ExactString: SizeBound], others: SizeBound)

  /// The largest number of characters or elements; nil if nothing says so.
  var max: Int? {
    switch self {
    case .unknown: nil
    case .scalar: 1
    case .text(let max), .list(let max, _), .map(let max, _, _): max
    }
  }

  var element: SizeBound {
    switch self {
    case .list(_, let element): element
    case .map(_, _, let others): others
    default: .unknown
    }
  }

  func field(_ name: String) -> SizeBound {
    if case .map(_, let fields, let others) = self { return fields[ExactString(name)] ?? others }
    return .unknown
  }
}
