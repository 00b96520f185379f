// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import Testing

/// Words are looked through as their bytes would be, one by one.
struct ByteScanTests {
  /// What the scans look for, its neighbours, and bytes whose highest bit is set: what arithmetic on words mixes up.
  private static let alphabet: [UInt8] = [
    0x00, 0x01, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x1F, 0x20, 0x21, 0x22, 0x23, 0x5B, 0x5C, 0x5D, 0x7B, 0x7F, 0x80,
    0x8A, 0x9F, 0xA2, 0xDC, 0xFB, 0xFF,
  ]

  private func check(_ bytes: [UInt8], from start: Int) {
    let tail = bytes[start...]
    let end = tail.firstIndex { $0 < 0x20 || $0 == 0x22 || $0 == 0x5C } ?? bytes.count
    let plain = ByteScan.plainText(bytes.span, from: start)
    #expect(plain.end == end, "\(bytes) from \(start)")
    #expect(plain.isASCII == bytes[start..<end].allSatisfy { $0 < 0x80 }, "\(bytes) from \(start)")
    #expect(
      ByteScan.lineEnd(bytes.span, from: start) == tail.firstIndex { $0 == 0x0A || $0 == 0x0D } ?? bytes.count,
      "\(bytes) from \(start)")
    for byte in [UInt8(0x7B), 0x00, 0x80, 0xFF] {
      #expect(ByteScan.count(of: byte, in: bytes.span) == bytes.count { $0 == byte }, "\(byte) in \(bytes)")
    }
  }

  @Test func `each byte is found at each place of a word, whatever stands before and behind it`() {
    for length in [0, 1, 7, 8, 9, 31, 32, 33, 40, 71] {
      for filler: UInt8 in [0x20, 0x61, 0x7F, 0x80, 0xFF] {
        check([UInt8](repeating: filler, count: length), from: 0)
        for place in 0..<length {
          for byte in Self.alphabet {
            var bytes = [UInt8](repeating: filler, count: length)
            bytes[place] = byte
            check(bytes, from: 0)
          }
        }
      }
    }
  }

  @Test func `random bytes are looked through as one by one, from any place`() {
    var random = SeededRandom(seed: 11)
    for _ in 0..<3_000 {
      let isDense = random.next() % 2 == 0
      let bytes = (0..<Int(random.next() % 90)).map { _ -> UInt8 in
        let number = random.next()
        if !isDense, number % 16 != 0 { return 0x61 + UInt8(number >> 32 & 15) }
        return Self.alphabet[Int((number >> 8) % UInt64(Self.alphabet.count))]
      }
      check(bytes, from: Int(random.next() % UInt64(bytes.count + 1)))
    }
  }
}
