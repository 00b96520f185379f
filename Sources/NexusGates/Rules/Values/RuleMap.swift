// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A map of the rule language: keys are integers, booleans and strings, in the order in which they were written.
package final class RuleMap: Sendable {
  package struct Entry: Sendable {
    package let key: RuleValue
    package let value: RuleValue
  }

  package let entries: [Entry]
  /// Positions by key, where scanning would be slower.
  private let positions: [MapKey: Int]?
  /// Up to here a scan is quicker than hashing.
  private static let scanLimit = 8

  /// Makes a map of keys that the caller knows to be distinct and of a type that keys may have.
  init(distinct entries: [Entry]) {
    self.entries = entries
    guard entries.count > Self.scanLimit else {
      positions = nil
      return
    }
    var positions: [MapKey: Int] = [:]
    positions.reserveCapacity(entries.count)
    for (position, entry) in entries.enumerated() {
      if let key = MapKey(entry.key) { positions[key] = position }
    }
    self.positions = positions
  }

  static let empty = RuleMap(distinct: [])

  /// The value under a key; numbers are the same key if they are the same number.
  func value(for key: RuleValue) -> RuleValue? {
    if case .string(let name) = key { return value(named: name) }
    guard let key = MapKey(key) else { return nil }
    if let positions { return positions[key].map { entries[$0].value } }
    return entries.first { MapKey($0.key) == key }?.value
  }

  func value(named name: String) -> RuleValue? {
    if let positions { return positions[.string(ExactString(name))].map { entries[$0].value } }
    for entry in entries {
      if case .string(let key) = entry.key, key.hasSameScalars(as: name) { return entry.value }
    }
    return nil
  }
}

/// A key as it is told apart: an `int`, a `uint` and a `double` of the same number are one key.
enum MapKey: Hashable, Sendable {
  case bool(Bool)
  case int(Int64)
  /// Beyond what `int` holds.
  case large(UInt64)
  case string(ExactString)

  /// Nil for what is no key and for a fraction, which no key equals.
  init?(_ value: RuleValue) {
    switch value {
    case .bool(let value): self = .bool(value)
    case .int(let value): self = .int(value)
    case .uint(let value): self.init(value)
    case .double(let value):
      if let whole = Int64(exactly: value) {
        self = .int(whole)
      } else if let whole = UInt64(exactly: value) {
        self.init(whole)
      } else {
        return nil
      }
    case .string(let text): self = .string(ExactString(text))
    default: return nil
    }
  }

  private init(_ value: UInt64) {
    if let small = Int64(exactly: value) { self = .int(small) } else { self = .large(value) }
  }

  /// Whether a value may be written as a key of a map.
  static func isAllowed(_ value: RuleValue) -> Bool {
    switch value {
    case .bool, .int, .uint, .string: true
    default: false
    }
  }
}

/// A text that is told apart by its scalars.
package struct ExactString: Hashable, Sendable {
  let text: String
  package init(_ text: String) { self.text = text }
  package static func == (left: Self, right: Self) -> Bool { left.text.hasSameScalars(as: right.text) }
  package func hash(into hasher: inout Hasher) {
    for byte in text.utf8 { hasher.combine(byte) }
    hasher.combine(0xFF as UInt8)
  }
}

extension String {
  /// Whether both consist of the same Unicode scalars, which is to say of the same UTF-8.
  func hasSameScalars(as other: String) -> Bool {
    let (left, right) = (utf8Span.span, other.utf8Span.span)
    guard left.count == right.count else { return false }
    for index in left.indices where left[index] != right[index] { return false }
    return true
  }

  /// How many Unicode scalars there are: each has one byte of UTF-8 that continues nothing.
  var scalarCount: Int {
    let bytes = utf8Span.span
    var count = 0
    for index in bytes.indices { count &+= bytes[index] & 0xC0 == 0x80 ? 0 : 1 }
    return count
  }

  /// Whether it comes first by Unicode scalars; UTF-8 keeps their order.
  func precedesByScalars(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}

extension RuleValue {
  /// A map of these entries.
  ///
  /// - Throws: For a key that is there twice or of a type that keys cannot have.
  package static func map(_ entries: [(RuleValue, RuleValue)]) throws(RuleFault) -> RuleValue {
    var builder = MapBuilder(capacity: entries.count)
    for (key, value) in entries { try builder.add(key, value) }
    return .map(builder.map)
  }
}
