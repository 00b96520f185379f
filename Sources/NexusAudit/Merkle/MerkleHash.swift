// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Crypto

/// A hash of the Merkle tree of RFC 9162 (and RFC 6962), section 2.1: SHA-256 with a byte in front that tells leaves
/// from nodes.
package struct MerkleHash: Sendable, Hashable, CustomStringConvertible {
  package static let byteCount = 32
  private static let leafPrefix: [UInt8] = [0x00]
  private static let nodePrefix: [UInt8] = [0x01]
  package let bytes: [UInt8]

  /// Takes bytes that are a hash already; nil if they are not as many as one has.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    self.bytes = bytes
  }

  private init(_ digest: SHA256.Digest) { bytes = Array(digest) }

  package static let empty = MerkleHash(SHA256().finalize())

  package static func leaf(_ entry: [UInt8]) -> MerkleHash {
    var hash = SHA256()
    hash.update(data: leafPrefix)
    hash.update(data: entry)
    return MerkleHash(hash.finalize())
  }

  package static func node(_ left: MerkleHash, _ right: MerkleHash) -> MerkleHash {
    var input = nodePrefix
    input.reserveCapacity(1 + 2 * byteCount)
    input += left.bytes
    input += right.bytes
    return MerkleHash(SHA256.hash(data: input))
  }

  /// In hexadecimal.
  package var description: String { Hexadecimal.encode(bytes) }
}

package enum Hexadecimal {
  private static let digits = Array("0123456789abcdef".utf8)

  package static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(2 * bytes.count)
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  package static func decode(_ text: String) -> [UInt8]? {
    let digits = text.utf8.map { digit -> UInt8? in
      switch digit {
      case 0x30...0x39: digit - 0x30
      case 0x61...0x66: digit - 0x61 + 10
      default: nil
      }
    }
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = digits[index], let low = digits[index + 1] else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }
}
