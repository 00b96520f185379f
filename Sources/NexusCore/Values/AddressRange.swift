// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The addresses that share their first bits: `10.0.0.0/8`; or one alone.
package struct AddressRange: Sendable, Hashable, CustomStringConvertible {
  package let base: IPAddress
  package let length: Int

  /// Reads `10.0.0.0/8`, `fd00::/8` or an address; nil if it is none, or has bits behind its length.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let base = IPAddress(String(parts[0])) else { return nil }
    let bits = base.bytes.count * 8
    self.base = base
    guard parts.count == 2 else {
      length = bits
      return
    }
    guard parts[1].allSatisfy({ $0.isASCII && $0.isNumber }), let length = Int(parts[1]), length <= bits else {
      return nil
    }
    self.length = length
    let isClean = (length..<bits).allSatisfy { base.bytes[$0 / 8] & (0x80 >> UInt8($0 % 8)) == 0 }
    guard isClean else { return nil }
  }

  package func contains(_ address: IPAddress) -> Bool {
    guard address.family == base.family else { return false }
    let whole = length / 8
    guard address.bytes[..<whole] == base.bytes[..<whole] else { return false }
    let rest = UInt8(length % 8)
    return rest == 0 || (address.bytes[whole] ^ base.bytes[whole]) >> (8 - rest) == 0
  }

  package var description: String { length == base.bytes.count * 8 ? "\(base)" : "\(base)/\(length)" }
}
