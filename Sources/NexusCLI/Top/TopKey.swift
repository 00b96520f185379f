// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A key as `naos top` understands it.
package enum TopKey: Sendable, Hashable {
  case up, down, pageUp, pageDown, home, end
  case enter, escape, backspace
  /// Ctrl-L.
  case redraw
  /// Ctrl-Z.
  case suspend
  case character(Character)

  /// The keys in what a terminal sent; sequences of keys that mean nothing here are left out.
  package static func keys(in bytes: [UInt8]) -> [TopKey] {
    var keys: [TopKey] = []
    var rest = bytes[...]
    while let byte = rest.first {
      switch byte {
      case 0x1B: keys += escape(&rest)
      case 0x0D, 0x0A: take(.enter, &rest, &keys)
      case 0x7F, 0x08: take(.backspace, &rest, &keys)
      case 0x0C: take(.redraw, &rest, &keys)
      case 0x1A: take(.suspend, &rest, &keys)
      case 0x00..<0x20: rest.removeFirst()
      default:
        let text = rest.prefix { $0 >= 0x20 && $0 != 0x7F }
        rest = rest.dropFirst(text.count)
        keys += String(decoding: text, as: UTF8.self).map(TopKey.character)
      }
    }
    return keys
  }

  private static func take(_ key: TopKey, _ rest: inout ArraySlice<UInt8>, _ keys: inout [TopKey]) {
    rest.removeFirst()
    keys.append(key)
  }

  /// `ESC [ A` and `ESC O A` are keys, `ESC` alone is the escape key.
  private static func escape(_ rest: inout ArraySlice<UInt8>) -> [TopKey] {
    rest.removeFirst()
    guard let kind = rest.first, kind == UInt8(ascii: "[") || kind == UInt8(ascii: "O") else { return [.escape] }
    rest.removeFirst()
    let parameters = rest.prefix { (0x20...0x3F).contains($0) }
    rest = rest.dropFirst(parameters.count)
    guard let final = rest.popFirst() else { return [] }
    switch (final, String(decoding: parameters, as: UTF8.self)) {
    case (UInt8(ascii: "A"), ""): return [.up]
    case (UInt8(ascii: "B"), ""): return [.down]
    case (UInt8(ascii: "H"), ""), (UInt8(ascii: "~"), "1"), (UInt8(ascii: "~"), "7"): return [.home]
    case (UInt8(ascii: "F"), ""), (UInt8(ascii: "~"), "4"), (UInt8(ascii: "~"), "8"): return [.end]
    case (UInt8(ascii: "~"), "5"): return [.pageUp]
    case (UInt8(ascii: "~"), "6"): return [.pageDown]
    default: return []
    }
  }
}

/// Puts together what a terminal sends in pieces: the sequence of one key may come in two.
package struct TopKeyboard: Sendable {
  private var pending: [UInt8] = []

  package init() {}

  /// The keys that are complete; what waits for its end is a key of its own once nothing more has come.
  package mutating func keys(typing bytes: [UInt8]) -> [TopKey] {
    var all = pending + bytes
    pending = []
    if !bytes.isEmpty {
      let open = Self.openEnd(of: all)
      pending = Array(all.suffix(open))
      all.removeLast(open)
    }
    return TopKey.keys(in: all)
  }

  /// How many bytes at the end may belong to a key that has not come whole.
  private static func openEnd(of bytes: [UInt8]) -> Int {
    let tail = bytes.suffix(8)
    if let escape = tail.lastIndex(of: 0x1B) {
      let sequence = tail[escape...].dropFirst()
      let isOpen =
        sequence.isEmpty
        || (sequence.first == UInt8(ascii: "[") || sequence.first == UInt8(ascii: "O"))
          && sequence.dropFirst().allSatisfy { (0x20...0x3F).contains($0) }
      if isOpen { return bytes.endIndex - escape }
    }
    // The first bytes of a character of UTF-8.
    guard let lead = tail.lastIndex(where: { $0 < 0x80 || $0 >= 0xC0 }), tail[lead] >= 0xC0 else { return 0 }
    let length = tail[lead] >= 0xF0 ? 4 : tail[lead] >= 0xE0 ? 3 : 2
    return bytes.endIndex - lead < length ? bytes.endIndex - lead : 0
  }
}
