// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension Tokenizer {
  /// An integer in decimal or hexadecimal, with `u` an unsigned one, or a floating-point number.
  mutating func number() throws(LocatedComplaint) -> Token.Kind {
    let start = index
    if bytes[index] == UInt8(ascii: "0"), byte(ahead: 1) == UInt8(ascii: "x") || byte(ahead: 1) == UInt8(ascii: "X") {
      index += 2
      return try integer(radix: 16, from: start)
    }
    skipDigits()
    var isFloating = false
    if byte() == UInt8(ascii: "."), byte(ahead: 1)?.isDigit == true {
      isFloating = true
      index += 1
      skipDigits()
    }
    if skipsExponent() { isFloating = true }
    guard isFloating else {
      index = start
      return try integer(radix: 10, from: start)
    }
    try refuseLetters(from: start)
    guard let value = Double(String(decoding: bytes[start..<index], as: UTF8.self)), value.isFinite else {
      throw LocatedComplaint("the number is too large", at: start)
    }
    return .double(value)
  }

  private mutating func skipDigits() {
    while byte()?.isDigit == true { index += 1 }
  }

  private mutating func skipsExponent() -> Bool {
    guard byte() == UInt8(ascii: "e") || byte() == UInt8(ascii: "E") else { return false }
    let hasSign = byte(ahead: 1) == UInt8(ascii: "+") || byte(ahead: 1) == UInt8(ascii: "-")
    guard byte(ahead: hasSign ? 2 : 1)?.isDigit == true else { return false }
    index += hasSign ? 2 : 1
    skipDigits()
    return true
  }

  /// `1abc` is neither a number nor a name.
  private func refuseLetters(from start: Int) throws(LocatedComplaint) {
    if let byte = byte(), byte.startsIdentifier { throw LocatedComplaint("a malformed number", at: start) }
  }

  private mutating func integer(radix: UInt64, from start: Int) throws(LocatedComplaint) -> Token.Kind {
    var value: UInt64 = 0
    let first = index
    while let digit = byte()?.hexValue, UInt64(digit) < radix {
      let (product, overflows) = value.multipliedReportingOverflow(by: radix)
      let (sum, overflowsToo) = product.addingReportingOverflow(UInt64(digit))
      guard !overflows, !overflowsToo else { throw LocatedComplaint("the integer is too large", at: start) }
      value = sum
      index += 1
    }
    guard index > first else { throw LocatedComplaint("a malformed number", at: start) }
    let isUnsigned = byte() == UInt8(ascii: "u") || byte() == UInt8(ascii: "U")
    if isUnsigned { index += 1 }
    try refuseLetters(from: start)
    return isUnsigned ? .uint(value) : .int(magnitude: value)
  }
}
