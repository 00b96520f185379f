// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Which members and elements of one instance the keywords of a schema have evaluated.
struct EvaluatedParts {
  private var first: UInt64 = 0
  private var more: [UInt64] = []
  /// Elements before this place are evaluated.
  private(set) var prefix = 0
  private(set) var hasAll = false

  mutating func mark(_ place: Int) {
    if place < 64 {
      first |= 1 << UInt64(place)
      return
    }
    let word = place / 64 - 1
    while more.count <= word { more.append(0) }
    more[word] |= 1 << UInt64(place % 64)
  }

  mutating func mark(upTo place: Int) { prefix = max(prefix, place) }

  mutating func markAll() { hasAll = true }

  func contains(_ place: Int) -> Bool {
    if hasAll || place < prefix { return true }
    if place < 64 { return first & (1 << UInt64(place)) != 0 }
    let word = place / 64 - 1
    return word < more.count && more[word] & (1 << UInt64(place % 64)) != 0
  }

  mutating func formUnion(_ other: EvaluatedParts) {
    first |= other.first
    prefix = max(prefix, other.prefix)
    hasAll = hasAll || other.hasAll
    while more.count < other.more.count { more.append(0) }
    for index in other.more.indices { more[index] |= other.more[index] }
  }
}
