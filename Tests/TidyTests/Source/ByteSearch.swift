// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc

extension [UInt8] {
  /// Where `needle` begins, each time.
  func offsets(of needle: String) -> [Int] {
    let pattern = Array(needle.utf8)
    guard let first = pattern.first else { return [] }
    var found: [Int] = []
    unsafe withUnsafeBytes { whole in
      guard let base = whole.baseAddress else { return }
      var start = 0
      // Most bytes are passed over by the C library, which keeps the rules quick in a debug build.
      while start + pattern.count <= whole.count,
        let hit = unsafe memchr(base + start, Int32(first), whole.count - start - pattern.count + 1)
      {
        let offset = unsafe UnsafeRawPointer(hit) - base
        if unsafe memcmp(base + offset, pattern, pattern.count) == 0 { found.append(offset) }
        start = offset + 1
      }
    }
    return found
  }

  /// Where `word` stands with no letter, digit or underscore at an end of it that is itself one.
  func offsets(ofWord word: String) -> [Int] {
    let length = word.utf8.count
    let opensWithLetter = word.utf8.first?.isIdentifierByte ?? false
    let closesWithLetter = word.utf8.last?.isIdentifierByte ?? false
    return offsets(of: word).filter { offset in
      if opensWithLetter, offset > 0, self[offset - 1].isIdentifierByte { return false }
      if closesWithLetter, offset + length < count, self[offset + length].isIdentifierByte { return false }
      return true
    }
  }
}

extension UInt8 {
  var isIdentifierByte: Bool {
    switch self {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), 0x80...: true
    default: false
    }
  }
}
