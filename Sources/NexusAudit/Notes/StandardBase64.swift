// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Base 64 of RFC 4648, section 4, with padding; strict: one text for each sequence of bytes.
enum StandardBase64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let padding = UInt8(ascii: "=")

  static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let part = bytes[start..<min(start + 3, bytes.count)]
      var word = part.reduce(0) { $0 << 8 | UInt32($1) }
      word <<= UInt32(8 * (3 - part.count))
      for index in 0..<4 {
        text.append(index <= part.count ? alphabet[Int(word >> UInt32(18 - 6 * index) & 63)] : padding)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  static func decode(_ text: some StringProtocol) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count.isMultiple(of: 4) else { return nil }
    var bytes: [UInt8] = []
    for start in stride(from: 0, to: digits.count, by: 4) {
      let part = digits[start..<start + 4]
      let isLast = start + 4 == digits.count
      let pads = isLast ? part.reversed().prefix { $0 == padding }.count : 0
      guard pads <= 2 else { return nil }
      var word: UInt32 = 0
      for digit in part.dropLast(pads) {
        guard let value = alphabet.firstIndex(of: digit) else { return nil }
        word = word << 6 | UInt32(value)
      }
      word <<= UInt32(6 * pads)
      for index in 0..<(3 - pads) { bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(16 - 8 * index))) }
    }
    return encode(bytes).utf8.elementsEqual(digits) ? bytes : nil
  }
}
