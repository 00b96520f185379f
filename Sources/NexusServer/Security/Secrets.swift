// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Crypto
internal import NexusCore

/// Makes and compares secrets.
enum Secrets {
  /// A secret of `words` times 64 bits, in base64url.
  static func make(words: Int, from random: any RandomSource) -> String {
    var bytes: [UInt8] = []
    for _ in 0..<words {
      let word = random.next()
      for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift))) }
    }
    return Base64.encodeURL(bytes)
  }

  /// What is kept of a secret: its SHA-256, so that a look at the memory or a slow comparison gives nothing away.
  static func digest(_ secret: String) -> SecretDigest {
    SecretDigest(bytes: Array(SHA256.hash(data: Array(secret.utf8))))
  }
}

/// The SHA-256 of a secret.
///
/// Two are compared in a time that does not depend on where they differ.
struct SecretDigest: Sendable, Hashable {
  let bytes: [UInt8]

  static func == (left: SecretDigest, right: SecretDigest) -> Bool {
    guard left.bytes.count == right.bytes.count else { return false }
    var difference: UInt8 = 0
    for index in left.bytes.indices { difference |= left.bytes[index] ^ right.bytes[index] }
    return difference == 0
  }
  var hex: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

extension SecretDigest {
  /// What `hex` gave; nil for anything else.
  init?(hex: String) {
    let digits = hex.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
    guard digits.count == hex.utf8.count, digits.count == 64 else { return nil }
    bytes = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }
}
