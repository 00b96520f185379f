// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A decimal number as it was written, without rounding: `units` / 10^`scale`.
package struct ExactDecimal: Sendable, Hashable {
  package var units: Int64
  package var scale: Int
  /// Written with a decimal point.
  package var hasPoint: Bool

  /// Digits, at most one point, an optional sign; no exponent.
  package init?(_ text: some StringProtocol) {
    var digits = Array(text.utf8)
    var isNegative = false
    if digits.first == UInt8(ascii: "-") || digits.first == UInt8(ascii: "+") {
      isNegative = digits.removeFirst() == UInt8(ascii: "-")
    }
    var units: Int64 = 0
    var scale = 0
    var pointSeen = false
    var digitSeen = false
    for byte in digits {
      switch byte {
      case UInt8(ascii: "."):
        guard !pointSeen else { return nil }
        pointSeen = true
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        digitSeen = true
        let (product, overflow) = units.multipliedReportingOverflow(by: 10)
        let (sum, overflow2) = product.addingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
        guard !overflow, !overflow2 else { return nil }
        units = sum
        if pointSeen { scale += 1 }
      default: return nil
      }
    }
    guard digitSeen else { return nil }
    while scale > 0, units % 10 == 0 {
      units /= 10
      scale -= 1
    }
    self.units = isNegative ? -units : units
    self.scale = scale
    hasPoint = pointSeen
  }

  /// The number times 10^`power`, if that is a whole number that fits.
  package func scaled(byPowerOfTen power: Int) -> Int64? {
    guard power >= scale else { return nil }
    var value = units
    for _ in 0..<(power - scale) {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      guard !overflow else { return nil }
      value = product
    }
    return value
  }

  /// For factors only, never for money.
  package var double: Double {
    var divisor = 1.0
    for _ in 0..<scale { divisor *= 10 }
    return Double(units) / divisor
  }
}
