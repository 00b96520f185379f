// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// How two numbers of the types `int`, `uint` and `double` compare: as the numbers that they are, exactly.
enum NumberOrder {
  case less
  case equal
  case greater
  /// One of them is not a number.
  case unordered

  /// Nil if one of the values is no number.
  init?(_ left: RuleValue, _ right: RuleValue) {
    switch (left, right) {
    case (.int(let left), .int(let right)): self = Self.of(left, right)
    case (.uint(let left), .uint(let right)): self = Self.of(left, right)
    case (.double(let left), .double(let right)): self = left.isNaN || right.isNaN ? .unordered : Self.of(left, right)
    case (.int(let left), .uint(let right)): self = left < 0 ? .less : Self.of(UInt64(left), right)
    case (.uint(let left), .int(let right)): self = right < 0 ? .greater : Self.of(left, UInt64(right))
    case (.int(let left), .double(let right)): self = Self.of(left, right)
    case (.double(let left), .int(let right)): self = Self.of(right, left).reversed
    case (.uint(let left), .double(let right)): self = Self.of(left, right)
    case (.double(let left), .uint(let right)): self = Self.of(right, left).reversed
    default: return nil
    }
  }

  private var reversed: Self {
    switch self {
    case .less: .greater
    case .greater: .less
    case .equal, .unordered: self
    }
  }

  private static func of<Number: Comparable>(_ left: Number, _ right: Number) -> Self {
    left < right ? .less : left == right ? .equal : .greater
  }

  /// By the rounded value, as the reference does: `int` 2^63 - 1 is not less than the `double` 2^63.
  private static func of(_ left: Int64, _ right: Double) -> Self {
    if right.isNaN { return .unordered }
    return of(Double(left), right)
  }

  private static func of(_ left: UInt64, _ right: Double) -> Self {
    if right.isNaN { return .unordered }
    return of(Double(left), right)
  }
}
