// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Texts that hold something else: `contentEncoding` and `contentMediaType`.
enum EncodedContent {
  static func isReadable(_ text: String, isBase64: Bool, isJSON: Bool) -> Bool {
    var bytes = Array(text.utf8)
    if isBase64 {
      guard let decoded = base64(bytes) else { return false }
      bytes = decoded
    }
    return !isJSON || (try? JSONValue(parsing: bytes)) != nil
  }

  /// RFC 4648 §4, strictly: padded, and nothing else between the digits.
  static func base64(_ text: [UInt8]) -> [UInt8]? {
    guard text.count % 4 == 0 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    for start in stride(from: 0, to: text.count, by: 4) {
      let group = text[start..<start + 4]
      let digits = group.prefix { $0 != UInt8(ascii: "=") }
      let isLast = start + 4 == text.count
      guard digits.count == 4 || isLast && digits.count >= 2,
        group.dropFirst(digits.count).allSatisfy({ $0 == UInt8(ascii: "=") })
      else { return nil }
      var value: UInt32 = 0
      for digit in digits {
        guard let number = sextet(digit) else { return nil }
        value = value << 6 | number
      }
      value <<= UInt32(6 * (4 - digits.count))
      for place in 0..<digits.count - 1 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(16 - 8 * place))) }
    }
    return bytes
  }

  private static func sextet(_ digit: UInt8) -> UInt32? {
    switch digit {
    case 0x41...0x5A: UInt32(digit - 0x41)
    case 0x61...0x7A: UInt32(digit - 0x61 + 26)
    case 0x30...0x39: UInt32(digit - 0x30 + 52)
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
