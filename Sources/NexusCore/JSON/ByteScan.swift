// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Looks through bytes many at a time for the few that matter.
///
/// Of what passes through a node most is text of which no byte matters, so it is worth not to decide at each. Within a
/// block there is no way out and no check of a place, which lets the compiler take many bytes into one register; where
/// in a block something was found is looked for eight bytes at a time.
package enum ByteScan {
  /// So many bytes are looked at between two decisions.
  private static let block = 64

  /// How far text in a JSON string goes on as it stands: to the first quotation mark, backslash or control character
  /// from `start` on, or to the end; and whether all before it is ASCII.
  package static func plainText(_ bytes: Span<UInt8>, from start: Int) -> (end: Int, isASCII: Bool) {
    var index = start
    var seen: UInt8 = 0
    while bytes.count - index >= block {
      var found: UInt8 = 0
      var all: UInt8 = 0
      for place in index..<index + block {
        let byte = unsafe bytes[unchecked: place]
        found |= endsPlainText(byte)
        all |= byte
      }
      if found != 0 { break }
      seen |= all
      index += block
    }
    while bytes.count - index >= 8 {
      let word = word(bytes, index)
      let found = ends(word)
      let count = found == 0 ? 8 : found.trailingZeroBitCount / 8
      // The bytes in front of what was found.
      let text = count == 8 ? word : word & ~(UInt64.max << UInt64(8 * count))
      if text & tops != 0 { seen |= 0x80 }
      index += count
      if count < 8 { return (index, seen < 0x80) }
    }
    while index < bytes.count, endsPlainText(bytes[index]) == 0 {
      seen |= bytes[index]
      index += 1
    }
    return (index, seen < 0x80)
  }

  /// The place of the first line feed or carriage return from `start` on; the end if there is none.
  package static func lineEnd(_ bytes: Span<UInt8>, from start: Int) -> Int {
    var index = start
    while bytes.count - index >= block {
      var found: UInt8 = 0
      for place in index..<index + block { found |= endsLine(unsafe bytes[unchecked: place]) }
      if found != 0 { break }
      index += block
    }
    while bytes.count - index >= 8 {
      let word = word(bytes, index)
      let found = zeros(word ^ (ones &* 0x0A)) | zeros(word ^ (ones &* 0x0D))
      if found != 0 { return index + found.trailingZeroBitCount / 8 }
      index += 8
    }
    while index < bytes.count, endsLine(bytes[index]) == 0 { index += 1 }
    return index
  }

  /// How often a byte occurs.
  package static func count(of byte: UInt8, in bytes: Span<UInt8>) -> Int {
    var others = 0
    var index = 0
    while index < bytes.count {
      // So few that their number fits into a byte.
      let end = min(index + block, bytes.count)
      var found: UInt8 = 0
      for place in index..<end {
        let difference = unsafe bytes[unchecked: place] ^ byte
        found &+= (difference | (0 &- difference)) >> 7
      }
      others += Int(found)
      index = end
    }
    return bytes.count - others
  }

  // MARK: Bytes

  private static func endsPlainText(_ byte: UInt8) -> UInt8 {
    (byte < 0x20 ? 1 : 0) | (byte == UInt8(ascii: "\"") ? 1 : 0) | (byte == UInt8(ascii: "\\") ? 1 : 0)
  }

  private static func endsLine(_ byte: UInt8) -> UInt8 { (byte == 0x0A ? 1 : 0) | (byte == 0x0D ? 1 : 0) }

  // MARK: Words

  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let tops: UInt64 = 0x8080_8080_8080_8080

  private static func word(_ bytes: Span<UInt8>, _ index: Int) -> UInt64 {
    let raw = unsafe bytes.bytes
    return UInt64(littleEndian: unsafe raw.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
  }

  /// The highest bit of the lowest byte at which plain text ends, and maybe of bytes above it; 0 for none.
  private static func ends(_ word: UInt64) -> UInt64 {
    let controls = (word &- ones &* 0x20) & ~word & tops
    return controls | zeros(word ^ (ones &* 0x22)) | zeros(word ^ (ones &* 0x5C))
  }

  /// The highest bit of the lowest byte that is zero, and maybe of bytes above it; 0 for none.
  private static func zeros(_ word: UInt64) -> UInt64 { (word &- ones) & ~word & tops }
}
