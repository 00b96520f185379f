// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A decimal number, exact: 0.digits × 10^exponent.
struct Decimal {
  private var isNegative = false
  /// Without zeros at either end; none is zero.
  private var digits: [UInt8] = []
  private var exponent = 0

  private static let maxExponent = 1_000_000_000

  /// A literal of JSON.
  init(_ literal: String) {
    var integers = 0
    var isFraction = false
    var stated = 0
    var isStatedNegative = false
    var isExponent = false
    for byte in literal.utf8 {
      switch byte {
      case 45:
        if isExponent { isStatedNegative = true } else { isNegative = true }
      case 46: isFraction = true
      case 69, 101: isExponent = true
      case 48...57 where isExponent: stated = min(stated * 10 + Int(byte - 48), Self.maxExponent / 100)
      case 48...57:
        // Zeros in front do not count.
        if digits.isEmpty, byte == 48 {
          if isFraction { integers -= 1 }
          continue
        }
        digits.append(byte)
        if !isFraction { integers += 1 }
      default: continue
      }
    }
    exponent = integers + (isStatedNegative ? -stated : stated)
    while digits.last == 48 { digits.removeLast() }
    if digits.isEmpty {
      isNegative = false
      exponent = 0
    }
  }

  /// Below zero if it is less than the other one, above if more.
  func compared(to other: Decimal) -> Int {
    if isNegative != other.isNegative { return isNegative ? -1 : 1 }
    let order = magnitude(other)
    return isNegative ? -order : order
  }

  private func magnitude(_ other: Decimal) -> Int {
    if digits.isEmpty || other.digits.isEmpty {
      return digits.count == other.digits.count ? 0 : digits.isEmpty ? -1 : 1
    }
    if exponent != other.exponent { return exponent < other.exponent ? -1 : 1 }
    for index in 0..<min(digits.count, other.digits.count) where digits[index] != other.digits[index] {
      return digits[index] < other.digits[index] ? -1 : 1
    }
    return digits.count == other.digits.count ? 0 : digits.count < other.digits.count ? -1 : 1
  }
}
