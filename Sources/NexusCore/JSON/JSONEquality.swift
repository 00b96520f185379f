// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

// Swift compares strings by canonical equivalence; JSON, digests and other languages compare them by code unit. These
// conformances decide for JSON.

extension JSONValue {
  /// Equal kinds with equal content; numbers are equal if they are the same number, so `5` equals `5.0`.
  ///
  /// A whole double is written without a fraction and read back as an integer: it must still be equal to itself.
  package static func == (left: JSONValue, right: JSONValue) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.bool(let left), .bool(let right)): left == right
    case (.int(let left), .int(let right)): left == right
    case (.double(let left), .double(let right)): left == right
    case (.int(let whole), .double(let number)), (.double(let number), .int(let whole)):
      Int64(exactly: number) == whole
    case (.string(let left), .string(let right)): left.isIdentical(to: right)
    case (.array(let left), .array(let right)): left == right
    case (.object(let left), .object(let right)): left == right
    default: false
    }
  }

  package func hash(into hasher: inout Hasher) {
    switch self {
    case .null: hasher.combine(0 as UInt8)
    case .bool(let value): hasher.combine(value)
    case .int(let value): hasher.combine(value)
    case .double(let value):
      if let whole = Int64(exactly: value) { hasher.combine(whole) } else { hasher.combine(value) }
    case .string(let text): text.hashExactly(into: &hasher)
    case .array(let elements): hasher.combine(elements)
    case .object(let object): hasher.combine(object)
    }
  }
}

extension JSONObject {
  /// Two objects are equal if they have the same members, in whatever order.
  package static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.count == right.count && left.sortedMembers == right.sortedMembers
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(sortedMembers) }

  /// The members in the order of RFC 8785 §3.2.3: by UTF-16 code units, which differs from code points above U+FFFF.
  var sortedMembers: [Member] {
    members.sorted { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }
  }
}

extension JSONObject.Member {
  package static func == (left: Self, right: Self) -> Bool {
    left.key.isIdentical(to: right.key) && left.value == right.value
  }

  package func hash(into hasher: inout Hasher) {
    key.hashExactly(into: &hasher)
    hasher.combine(value)
  }
}

/// A text as a set element that is told apart by its bytes.
struct ExactText: Hashable {
  private let text: String
  init(_ text: String) { self.text = text }
  static func == (left: Self, right: Self) -> Bool { left.text.isIdentical(to: right.text) }
  func hash(into hasher: inout Hasher) { text.hashExactly(into: &hasher) }
}

extension String {
  /// Whether both are the same bytes of UTF-8.
  package func isIdentical(to other: String) -> Bool {
    // Most are told apart by how long they are, for which nobody has to look into them.
    guard utf8.count == other.utf8.count else { return false }
    let (left, right) = (utf8.span, other.utf8.span)
    for index in left.indices where left[index] != right[index] { return false }
    return true
  }

  fileprivate func hashExactly(into hasher: inout Hasher) {
    for byte in utf8 { hasher.combine(byte) }
    hasher.combine(0xFF as UInt8)
  }
}
