// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// A number of a schema, and how numbers compare and divide: exactly, by their decimal digits.
struct SchemaNumber: Sendable {
  let value: JSONValue

  /// Nil for what is no number.
  init?(_ value: JSONValue) {
    switch value {
    case .int, .double: self.value = value
    default: return nil
    }
  }

  /// Whether the left number is less than the right one, both as they are, without rounding one to the kind of the
  /// other.
  static func isLess(_ left: JSONValue, _ right: JSONValue) -> Bool {
    switch (left, right) {
    case (.int(let left), .int(let right)): left < right
    case (.double(let left), .double(let right)): left < right
    case (.int(let left), .double(let right)): isLess(left, right)
    case (.double(let left), .int(let right)): isLess(right, left, reversed: true)
    default: false
    }
  }

  private static func isLess(_ whole: Int64, _ number: Double, reversed: Bool = false) -> Bool {
    // What is no number is neither less nor more.
    if number.isNaN { return false }
    if number >= 0x1p63 { return !reversed }
    if number < -0x1p63 { return reversed }
    let floor = Int64(number.rounded(.down))
    let hasFraction = number != number.rounded(.down)
    if reversed { return floor < whole }
    return whole < floor || (hasFraction && whole == floor)
  }

  /// Whether the value is a whole multiple of this number, in decimal: `0.3` is three times `0.1`.
  func divides(_ dividend: JSONValue) -> Bool {
    if case .int(let dividend) = dividend, case .int(let divisor) = value {
      return divisor != 0 && (divisor == -1 || dividend % divisor == 0)
    }
    guard let dividend = DecimalNumber(dividend), let divisor = DecimalNumber(value), divisor.digits != 0 else {
      return false
    }
    return divisor.divides(dividend)
  }
}

/// `digits` times ten to the power of `exponent`, without its sign; the digits do not end in 0.
struct DecimalNumber: Equatable {
  private(set) var digits: UInt64
  private(set) var exponent: Int

  init?(_ value: JSONValue) {
    switch value {
    case .int(let whole):
      digits = whole.magnitude
      exponent = 0
    case .double(let number):
      guard number.isFinite else { return nil }
      digits = 0
      exponent = 0
      read(number)
    default: return nil
    }
    while digits != 0, digits % 10 == 0 {
      digits /= 10
      exponent += 1
    }
    if digits == 0 { exponent = 0 }
  }

  /// The shortest digits that read back as the number: at most 17, as they were written in most cases.
  private mutating func read(_ number: Double) {
    var fraction = 0
    var isBehindPoint = false
    let text = "\(number.magnitude)"
    for (offset, byte) in text.utf8.enumerated() {
      switch byte {
      case 0x30...0x39:
        digits = digits &* 10 &+ UInt64(byte - 0x30)
        if isBehindPoint { fraction += 1 }
      case UInt8(ascii: "."): isBehindPoint = true
      default:
        exponent =
          Int(text.utf8.dropFirst(offset + 1).reduce(into: "") { $0.append(Character(Unicode.Scalar($1))) }) ?? 0
        exponent -= fraction
        return
      }
    }
    exponent = -fraction
  }

  func divides(_ other: DecimalNumber) -> Bool {
    if other.digits == 0 { return true }
    // The other's digits do not end in 0, so a divisor with more tens than it cannot divide it.
    guard other.exponent >= exponent else { return false }
    let modulus = UInt128(digits)
    var rest = UInt128(other.digits) % modulus
    var power = other.exponent - exponent
    var factor = UInt128(10) % modulus
    while power > 0 {
      if power & 1 == 1 { rest = rest * factor % modulus }
      factor = factor * factor % modulus
      power >>= 1
    }
    return rest == 0
  }
}
