// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The distinguished encoding of ASN.1 (X.690), as far as certificates need it: a tag, the length of what follows, what
// follows.

package import NexusCore

/// Writes values in the one form that signatures are made over.
package enum DER {
  package static func sequence(_ parts: [UInt8]...) -> [UInt8] { tagged(0x30, parts.flatMap(\.self)) }
  static func set(_ parts: [UInt8]...) -> [UInt8] { tagged(0x31, parts.flatMap(\.self)) }
  package static func octets(_ bytes: [UInt8]) -> [UInt8] { tagged(0x04, bytes) }
  static func utf8(_ text: String) -> [UInt8] { tagged(0x0C, Array(text.utf8)) }
  static let truth: [UInt8] = tagged(0x01, [0xFF])

  /// A number of so many bytes, the highest first, which is not below zero.
  package static func integer(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes.drop { $0 == 0 }
    if bytes.first.map({ $0 & 0x80 != 0 }) ?? true { bytes = [0] + bytes }
    return tagged(0x02, Array(bytes))
  }

  /// Bits of whole bytes, of which the last so many are not used.
  static func bits(_ bytes: [UInt8], unused: UInt8 = 0) -> [UInt8] { tagged(0x03, [unused] + bytes) }

  /// The name of a kind of thing: `1.2.840.10045.4.3.2`; its second number is below 40, or its first is 2.
  package static func identifier(_ numbers: UInt64...) -> [UInt8] {
    var bytes: [UInt8] = []
    for number in [numbers[0] * 40 + numbers[1]] + numbers.dropFirst(2) {
      var groups = [UInt8(number & 0x7F)]
      var rest = number >> 7
      while rest > 0 {
        groups.append(UInt8(rest & 0x7F) | 0x80)
        rest >>= 7
      }
      bytes += groups.reversed()
    }
    return tagged(0x06, bytes)
  }

  /// What stands under a number of its own: a whole value under it, or in the place of its tag.
  static func numbered(_ number: UInt8, _ content: [UInt8], isWhole: Bool) -> [UInt8] {
    tagged((isWhole ? 0xA0 : 0x80) | number, content)
  }

  /// A second of civil time, with two digits for its year where certificates have to write it so (RFC 5280 §4.1.2.5).
  package static func time(_ time: WallTime) -> [UInt8] {
    let digits = time.iso8601.prefix { $0 != "." }.filter(\.isNumber)
    return digits < "2050"
      ? tagged(0x17, Array((digits.dropFirst(2) + "Z").utf8)) : tagged(0x18, Array((digits + "Z").utf8))
  }

  package static func tagged(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
    var length = [UInt8(truncatingIfNeeded: content.count)]
    if content.count > 0x7F {
      var rest = content.count >> 8
      while rest > 0 {
        length.insert(UInt8(truncatingIfNeeded: rest), at: 0)
        rest >>= 8
      }
      length.insert(0x80 | UInt8(length.count), at: 0)
    }
    return [tag] + length + content
  }
}
