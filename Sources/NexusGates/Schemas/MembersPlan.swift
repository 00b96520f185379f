// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// `properties`, `patternProperties`, `additionalProperties` and `required` of one schema, for one walk over the
/// members of an object.
struct MembersPlan: Sendable {
  struct Entry: Sendable {
    let name: String
    let length: Int
    let isASCII: Bool
    /// The schema of `properties`; `SchemaProgram.none` if it is only required.
    var node: SchemaProgram.NodeNumber
    var isRequired: Bool
    /// Where it stands within its keyword.
    let ordinal: Int32
  }

  struct Rule: Sendable {
    let pattern: Int32
    let node: SchemaProgram.NodeNumber
    let ordinal: Int32
  }

  /// One reference, so that looking at a plan costs one count.
  final class Ready: Sendable {
    let plan: MembersPlan
    init(_ plan: MembersPlan) { self.plan = plan }
  }

  private(set) var entries: [Entry] = []
  private(set) var requiredCount = 0
  var rules: [Rule] = []
  var additional = SchemaProgram.none
  /// Where the four keywords are declared in their schema.
  var propertiesOrdinal: Int32 = 0
  var patternsOrdinal: Int32 = 0
  var additionalOrdinal: Int32 = 0
  var requiredOrdinal: Int32 = 0
  /// Entries by the hash of their name, in a table that is at most half full; -1 is free.
  private var slots: [Int32] = []
  private var mask = 0

  init(properties: [(name: String, node: SchemaProgram.NodeNumber)], required: [String]) {
    var numbers: [ExactName: Int] = [:]
    for (ordinal, property) in properties.enumerated() {
      numbers[ExactName(property.name)] = entries.count
      add(property.name, node: property.node, isRequired: false, ordinal: ordinal)
    }
    for (ordinal, name) in required.enumerated() {
      if let known = numbers[ExactName(name)] {
        if !entries[known].isRequired { requiredCount += 1 }
        entries[known].isRequired = true
      } else {
        numbers[ExactName(name)] = entries.count
        add(name, node: SchemaProgram.none, isRequired: true, ordinal: ordinal)
        requiredCount += 1
      }
    }
    var size = 4
    while size < entries.count * 2 { size *= 2 }
    mask = size - 1
    slots = [Int32](repeating: -1, count: size)
    for (number, entry) in entries.enumerated() {
      var slot = Self.hash(entry.name) & mask
      while slots[slot] >= 0 { slot = (slot + 1) & mask }
      slots[slot] = Int32(number)
    }
  }

  private mutating func add(_ name: String, node: SchemaProgram.NodeNumber, isRequired: Bool, ordinal: Int) {
    entries.append(
      Entry(
        name: name, length: name.utf8.count, isASCII: name.utf8.allSatisfy { $0 < 0x80 }, node: node,
        isRequired: isRequired, ordinal: Int32(ordinal)))
  }

  /// The entry of a name; `hint` is where it is likely to be: members mostly stand in the order of the schema.
  func find(_ name: String, hint: Int) -> Int {
    if hint < entries.count, matches(hint, name) { return hint }
    var slot = Self.hash(name) & mask
    while true {
      let number = Int(slots[slot])
      if number < 0 { return -1 }
      if matches(number, name) { return number }
      slot = (slot + 1) & mask
    }
  }

  private func matches(_ number: Int, _ name: String) -> Bool {
    guard entries[number].length == name.utf8.count, entries[number].name == name else { return false }
    // A text that is canonically equal to one in ASCII and has as many bytes is that text.
    return entries[number].isASCII || entries[number].name.isIdentical(to: name)
  }

  private static func hash(_ name: String) -> Int {
    let bytes = name.utf8.span
    var hash: UInt32 = 2_166_136_261
    for index in bytes.indices { hash = (hash ^ UInt32(bytes[index])) &* 16_777_619 }
    return Int(hash)
  }
}
