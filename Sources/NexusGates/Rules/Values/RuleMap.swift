// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// A map of the rule language: keys are integers, booleans and strings, in the order in which they were written.
package final class RuleMap: Sendable {
  package struct Entry: Sendable {
    package let key: RuleValue
    package let value: RuleValue
  }

  private enum Content: Sendable {
    /// With positions by key where scanning would be slower.
    case built([Entry], [MapKey: Int]?)
    /// An object of a few members without anything in them, left as it is: mostly one or two of them are read.
    case scalars(JSONObject, WholeNumbers)
  }

  private let content: Content
  /// Up to here a scan is quicker than hashing.
  private static let scanLimit = 8

  /// Makes a map of keys that the caller knows to be distinct and of a type that keys may have.
  init(distinct entries: [Entry]) {
    guard entries.count > Self.scanLimit else {
      content = .built(entries, nil)
      return
    }
    var positions: [MapKey: Int] = [:]
    positions.reserveCapacity(entries.count)
    for (position, entry) in entries.enumerated() {
      if let key = MapKey(entry.key) { positions[key] = position }
    }
    content = .built(entries, positions)
  }

  /// Takes an object as it is; nil if it is so large, or so much in it, that it is better converted once.
  ///
  /// - Throws: For a number that the language cannot hold.
  init?(scalars object: JSONObject, _ numbers: WholeNumbers) throws(RuleValue.BeyondNumbers) {
    guard object.count <= Self.scanLimit else { return nil }
    for member in object.members {
      guard try RuleValue(scalar: member.value, numbers.member(member.key)) != nil else { return nil }
    }
    content = .scalars(object, numbers)
  }

  package var count: Int {
    switch content {
    case .built(let entries, _): entries.count
    case .scalars(let object, _): object.count
    }
  }

  package var entries: [Entry] {
    switch content {
    case .built(let entries, _): entries
    case .scalars(let object, let numbers):
      object.members.compactMap { member in
        Self.scalar(member, numbers).map { Entry(key: .string(member.key), value: $0) }
      }
    }
  }

  /// What was found to be one when the map was made.
  private static func scalar(_ member: JSONObject.Member, _ numbers: WholeNumbers) -> RuleValue? {
    do { return try RuleValue(scalar: member.value, numbers.member(member.key)) } catch { return nil }
  }

  static let empty = RuleMap(distinct: [])

  /// The value under a key; numbers are the same key if they are the same number.
  func value(for key: RuleValue) -> RuleValue? {
    if case .string(let name) = key { return value(named: name) }
    guard case .built(let entries, let positions) = content, let key = MapKey(key) else { return nil }
    if let positions { return positions[key].map { entries[$0].value } }
    return entries.first { MapKey($0.key) == key }?.value
  }

  func value(named name: String) -> RuleValue? {
    switch content {
    case .built(let entries, let positions):
      if let positions { return positions[.string(ExactString(name))].map { entries[$0].value } }
      for entry in entries {
        if case .string(let key) = entry.key, key.hasSameScalars(as: name) { return entry.value }
      }
    case .scalars(let object, let numbers):
      for member in object.members where member.key.hasSameScalars(as: name) { return Self.scalar(member, numbers) }
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
    // Most are told apart by how long they are, for which nobody has to look into them.
    guard utf8.count == other.utf8.count else { return false }
    let (left, right) = (utf8.span, other.utf8.span)
    for index in left.indices where left[index] != right[index] { return false }
    return true
  }

  /// Whether it begins with the scalars of `part`.
  func begins(with part: String) -> Bool {
    guard part.utf8.count <= utf8.count else { return false }
    let (part, text) = (part.utf8.span, utf8.span)
    for index in part.indices where part[index] != text[index] { return false }
    return true
  }

  /// Whether it ends with the scalars of `part`.
  func ends(with part: String) -> Bool {
    guard part.utf8.count <= utf8.count else { return false }
    let (part, text) = (part.utf8.span, utf8.span)
    let rest = text.count - part.count
    for index in part.indices where part[index] != text[rest + index] { return false }
    return true
  }

  /// How many Unicode scalars there are: each has one byte of UTF-8 that continues nothing.
  var scalarCount: Int {
    let bytes = utf8.span
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
