// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Floating-point numbers as people write them.
enum DecimalText {
  /// The most digits behind the point that a format may ask for.
  static let maxPrecision = 100

  /// Reads a decimal number, `NaN`, `Infinity`, `inf` or their negatives; nil for anything else.
  static func double(_ text: String) -> Double? {
    guard text.utf8.count <= 400 else { return nil }
    var digits = text.utf8[...]
    let isNegative = digits.first == UInt8(ascii: "-")
    if isNegative || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
    switch String(digits)?.lowercased() {
    case "nan": return .nan
    case "infinity", "inf": return isNegative ? -.infinity : .infinity
    default: break
    }
    guard digits.first.map({ $0.isDigit || $0 == UInt8(ascii: ".") }) == true,
      digits.allSatisfy({ $0.isDigit || Array(".eE+-".utf8).contains($0) }), let value = Double(text)
    else { return nil }
    return value
  }

  /// The fewest digits that read back as the same number, without an exponent.
  static func shortest(_ value: Double) -> String {
    if let special = special(value) { return special }
    let (digits, exponent) = shortestDigits(value.magnitude)
    let sign = value.sign == .minus ? "-" : ""
    let zero = UInt8(ascii: "0")
    if exponent >= digits.count {
      return sign + text(digits + [UInt8](repeating: zero, count: exponent - digits.count))
    }
    if exponent <= 0 { return sign + "0." + text([UInt8](repeating: zero, count: -exponent) + digits) }
    return sign + text(digits[..<exponent]) + "." + text(digits[exponent...])
  }

  static func special(_ value: Double) -> String? {
    if value.isNaN { return "NaN" }
    return value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : nil
  }

  private static func text<Bytes: Collection<UInt8>>(_ digits: Bytes) -> String {
    String(decoding: digits, as: UTF8.self)
  }

  /// The digits of `0.d1d2d3… × 10^exponent`, taken from the shortest form that Swift prints.
  private static func shortestDigits(_ value: Double) -> ([UInt8], Int) {
    if value == 0 { return ([UInt8(ascii: "0")], 1) }
    let parts = value.description.utf8.split(separator: UInt8(ascii: "e"))
    let scale = parts.count > 1 ? String(parts[1]).flatMap { Int($0) } ?? 0 : 0
    let mantissa = parts[0].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    let whole = Array(mantissa[0])
    var digits = whole + (mantissa.count > 1 ? Array(mantissa[1]) : [])
    var exponent = whole.count + scale
    while digits.count > 1, digits.first == UInt8(ascii: "0") {
      digits.removeFirst()
      exponent -= 1
    }
    while digits.count > 1, digits.last == UInt8(ascii: "0") { digits.removeLast() }
    return (digits, exponent)
  }

  /// With a fixed number of digits behind the point, the exact value rounded to the nearest, ties to even.
  static func fixed(_ value: Double, precision: Int) -> String {
    if let special = special(value) { return special }
    let expansion = ExactDecimal(value.magnitude).rounded(fractionDigits: precision)
    return (value.sign == .minus ? "-" : "") + expansion.text(fractionDigits: precision)
  }

  /// With one digit before the point and an exponent of at least two digits.
  static func scientific(_ value: Double, precision: Int) -> String {
    if let special = special(value) { return special }
    let sign = value.sign == .minus ? "-" : ""
    guard value != 0 else {
      return sign + "0" + (precision > 0 ? "." + String(repeating: "0", count: precision) : "") + "e+00"
    }
    var expansion = ExactDecimal(value.magnitude)
    expansion = expansion.rounded(fractionDigits: precision + 1 - expansion.exponent)
    var digits = Array(expansion.digits.prefix(precision + 1))
    digits += [UInt8](repeating: 0, count: precision + 1 - digits.count)
    let characters = digits.map { $0 + UInt8(ascii: "0") }
    let exponent = expansion.exponent - 1
    let exponentDigits = String(abs(exponent))
    return sign + text(characters[..<1]) + (precision > 0 ? "." + text(characters[1...]) : "")
      + (exponent < 0 ? "e-" : "e+") + (exponentDigits.utf8.count < 2 ? "0" : "") + exponentDigits
  }
}

/// All decimal digits of a finite, non-negative `Double`: `0.d1d2d3… × 10^exponent`.
struct ExactDecimal {
  private(set) var digits: [UInt8]
  private(set) var exponent: Int

  init(_ value: Double) {
    guard value != 0 else {
      (digits, exponent) = ([], 0)
      return
    }
    // value = mantissa × 2^power with a whole mantissa; dividing by two is multiplying by five and moving the point.
    let power = Int(value.exponent) - 52
    let mantissa = UInt64((value.significand * 0x1p52).rounded())
    var number = [mantissa % Self.limb, mantissa / Self.limb]
    let (factor, step, most) = power < 0 ? (5 as UInt64, 13, 1_220_703_125 as UInt64) : (2, 30, 1 << 30)
    for _ in 0..<abs(power) / step { Self.multiply(&number, by: most) }
    for _ in 0..<abs(power) % step { Self.multiply(&number, by: factor) }
    // `number` has the lowest digits first.
    digits = Array(number.reversed().flatMap { Self.nineDigits($0) }.drop { $0 == 0 })
    exponent = digits.count + min(0, power)
    while digits.last == 0 { digits.removeLast() }
  }

  /// Nine digits are multiplied at once.
  private static let limb: UInt64 = 1_000_000_000

  private static func nineDigits(_ limb: UInt64) -> [UInt8] {
    var rest = limb
    var digits = [UInt8](repeating: 0, count: 9)
    for place in digits.indices.reversed() {
      digits[place] = UInt8(rest % 10)
      rest /= 10
    }
    return digits
  }

  /// By at most 2^31, so that no product is beyond 64 bits.
  private static func multiply(_ limbs: inout [UInt64], by factor: UInt64) {
    var carry: UInt64 = 0
    for index in limbs.indices {
      let product = limbs[index] * factor + carry
      limbs[index] = product % limb
      carry = product / limb
    }
    while carry > 0 {
      limbs.append(carry % limb)
      carry /= limb
    }
  }

  /// Rounded to the nearest at that many digits behind the point, ties to even.
  func rounded(fractionDigits: Int) -> ExactDecimal {
    let kept = exponent + fractionDigits
    guard kept < digits.count else { return self }
    var copy = self
    guard kept >= 0 else {
      (copy.digits, copy.exponent) = ([], 0)
      return copy
    }
    let rest = digits[kept...]
    let isHalf = rest.first == 5 && rest.dropFirst().allSatisfy { $0 == 0 }
    let isOdd = kept > 0 && digits[kept - 1] % 2 == 1
    let roundsUp = isHalf ? isOdd : (rest.first ?? 0) >= 5
    copy.digits.removeSubrange(kept...)
    guard roundsUp else { return copy }
    var index = kept - 1
    while index >= 0, copy.digits[index] == 9 {
      copy.digits[index] = 0
      index -= 1
    }
    if index >= 0 {
      copy.digits[index] += 1
    } else {
      copy.digits.insert(1, at: 0)
      copy.exponent += 1
    }
    return copy
  }

  func text(fractionDigits: Int) -> String {
    func digit(_ position: Int) -> UInt8 {
      UInt8(ascii: "0") + (digits.indices.contains(position) ? digits[position] : 0)
    }
    var bytes: [UInt8] = exponent <= 0 ? [UInt8(ascii: "0")] : (0..<exponent).map(digit)
    if fractionDigits > 0 {
      bytes.append(UInt8(ascii: "."))
      bytes += (0..<fractionDigits).map { digit(exponent + $0) }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
