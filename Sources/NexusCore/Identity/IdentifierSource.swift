// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Makes the ids of new things from the clock and the random source that it is given.
package struct IdentifierSource: Sendable {
  private let clock: any NexusClock
  private let random: any RandomSource

  package init(clock: any NexusClock, random: any RandomSource) {
    self.clock = clock
    self.random = random
  }

  package func run() -> RunID { RunID("run_" + timeOrdered()) }
  package func effect() -> EffectID { EffectID("eff_" + timeOrdered()) }
  package func approval() -> ApprovalID { ApprovalID("apr_" + timeOrdered()) }
  package func boot() -> BootID { BootID("boot_" + timeOrdered()) }

  /// A fresh secret of 256 random bits in 43 characters of unpadded base64url, behind `prefix`.
  package func secret(prefix: String) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(prefix.utf8.count + 43)
    text.append(contentsOf: prefix.utf8)
    Base64.appendURL(random.bytes(32), to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// A time-ordered id: 128 bits laid out as a UUID of version 7 (RFC 9562 §5.7), in 26 characters of Crockford base 32.
  package func timeOrdered() -> String {
    let milliseconds = UInt64(max(0, clock.wallNow().microseconds / 1000)) & 0xFFFF_FFFF_FFFF
    let high = (milliseconds << 16) | 0x7000 | (random.next() & 0x0FFF)
    let low = 0x8000_0000_0000_0000 | (random.next() >> 2)
    return Crockford.encode(high: high, low: low)
  }
}

/// Crockford's base 32, lower case: no `i`, `l`, `o`, `u`.
package enum Crockford {
  private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

  /// Whether a byte is one of its digits, as they are written here.
  package static func contains(_ digit: UInt8) -> Bool { alphabet.contains(digit) }

  /// 128 bits as 26 characters, the most significant first, so that text order is number order.
  package static func encode(high: UInt64, low: UInt64) -> String {
    var value = (UInt128(high) << 64) | UInt128(low)
    var characters = [UInt8](repeating: 0, count: 26)
    for index in stride(from: 25, through: 0, by: -1) {
      characters[index] = alphabet[Int(truncatingIfNeeded: value & 31)]
      value >>= 5
    }
    return String(decoding: characters, as: UTF8.self)
  }
}

/// Base 64 of RFC 4648.
package enum Base64 {
  private static let url = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  /// The URL-safe alphabet (§5) without padding.
  package static func encodeURL(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count * 4 + 2) / 3)
    appendURL(bytes, to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  fileprivate static func appendURL(_ bytes: [UInt8], to text: inout [UInt8]) {
    var index = 0
    while index < bytes.count {
      let left = bytes.count - index
      let first = bytes[index]
      let second = left > 1 ? bytes[index + 1] : 0
      let third = left > 2 ? bytes[index + 2] : 0
      text.append(url[Int(first >> 2)])
      text.append(url[Int((first & 0x03) << 4 | second >> 4)])
      if left > 1 { text.append(url[Int((second & 0x0F) << 2 | third >> 6)]) }
      if left > 2 { text.append(url[Int(third & 0x3F)]) }
      index += 3
    }
  }
}
