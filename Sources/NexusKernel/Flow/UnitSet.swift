// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Some units of a run.
///
/// A step that is done once as a whole is a bit at its index: each step goes in and out several times. Elements of lists,
/// compensations, probes and the judge are found by hash.
struct UnitSet: Sendable, Sequence {
  private var plain: [UInt64] = []
  private var others: Set<UnitKey> = []
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  func contains(_ key: UnitKey) -> Bool {
    guard let place = Self.place(of: key) else { return others.contains(key) }
    return place.word < plain.count && plain[place.word] & place.bit != 0
  }

  /// True if it was not in it.
  @discardableResult
  mutating func insert(_ key: UnitKey) -> Bool {
    guard !contains(key) else { return false }
    count += 1
    guard let place = Self.place(of: key) else { return others.insert(key).inserted }
    while plain.count <= place.word { plain.append(0) }
    plain[place.word] |= place.bit
    return true
  }

  /// True if it was in it.
  @discardableResult
  mutating func remove(_ key: UnitKey) -> Bool {
    guard contains(key) else { return false }
    count -= 1
    guard let place = Self.place(of: key) else { return others.remove(key) != nil }
    plain[place.word] &= ~place.bit
    return true
  }

  /// In no order that means anything.
  func makeIterator() -> IndexingIterator<[UnitKey]> {
    var keys = Array(others)
    for (index, word) in plain.enumerated() {
      var rest = word
      while rest != 0 {
        keys.append(UnitKey(index * UInt64.bitWidth + rest.trailingZeroBitCount))
        rest &= rest - 1
      }
    }
    return keys.makeIterator()
  }

  /// Nil for a unit that is no step as a whole.
  private static func place(of key: UnitKey) -> (word: Int, bit: UInt64)? {
    guard key.role == .forward, key.item == nil, key.step >= 0 else { return nil }
    return (key.step / UInt64.bitWidth, 1 << UInt64(key.step % UInt64.bitWidth))
  }
}
