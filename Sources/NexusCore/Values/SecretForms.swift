// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The forms in which a text may tell a secret although its bytes are not in it: in capitals, in hexadecimal, in base64.
///
/// Only letters and digits count, and all of them as small letters: whoever reads a key with its case lost has little
/// left to guess.
enum SecretForms {
  /// What is looked for in a text of which only the small letters and digits are left.
  static func of(_ secret: [UInt8], shortest: Int) -> Set<[UInt8]> {
    var forms = [secret, hexadecimal(secret)]
    for offset in 0..<3 { forms.append(base64(secret, offset: offset)) }
    return Set(forms.map(small).filter { $0.count >= shortest })
  }

  /// The letters, as small ones, and digits.
  private static func small(_ bytes: [UInt8]) -> [UInt8] { bytes.compactMap(letterOrDigit) }

  /// The byte as a small letter or a digit; nil for any other one.
  static func letterOrDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39, 0x61...0x7A: byte
    case 0x41...0x5A: byte + 0x20
    default: nil
    }
  }

  private static func hexadecimal(_ bytes: [UInt8]) -> [UInt8] {
    let digits = Array("0123456789abcdef".utf8)
    return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
  }

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// The characters that say nothing but the secret, if so many bytes (modulo 3) stand before it: those at its ends say
  /// something of its neighbours too.
  private static func base64(_ secret: [UInt8], offset: Int) -> [UInt8] {
    let bytes = [UInt8](repeating: 0, count: offset) + secret + [0, 0]
    let first = (offset * 8 + 5) / 6
    let end = (offset + secret.count) * 8 / 6
    return (first..<end).map { place in
      let bit = place * 6
      let pair = UInt16(bytes[bit / 8]) << 8 | UInt16(bytes[bit / 8 + 1])
      return alphabet[Int(pair >> (10 - UInt16(bit % 8)) & 63)]
    }
  }
}
