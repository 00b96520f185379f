// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A JSON value.
///
/// Objects keep the order of their members; integers that fit `Int64` stay exact. Texts are equal if their bytes are:
/// an `é` of one scalar and an `é` of two are different, as they are on the wire, although Swift's `String` calls them
/// equal.
package enum JSONValue: Sendable, Hashable {
  case null
  case bool(Bool)
  case int(Int64)
  case double(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)
}

/// The members of a JSON object, in the order in which they were written.
///
/// Keys are unique, byte for byte.
package struct JSONObject: Sendable, Hashable, ExpressibleByDictionaryLiteral, Sequence {
  package private(set) var members: [Member]

  package struct Member: Sendable, Hashable {
    package let key: String
    package var value: JSONValue
    package init(key: String, value: JSONValue) {
      self.key = key
      self.value = value
    }
  }

  package init() { members = [] }

  /// Takes members whose keys the caller knows to be unique (the parser checks them).
  package init(uniqueMembers: [Member]) { members = uniqueMembers }

  /// A later member replaces an earlier one of the same key.
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    members = []
    for (key, value) in elements { self[key] = value }
  }

  package var count: Int { members.count }
  package var isEmpty: Bool { members.isEmpty }
  package var keys: [String] { members.map(\.key) }
  package func makeIterator() -> IndexingIterator<[Member]> { members.makeIterator() }

  /// Setting nil removes the member; setting a new key appends it.
  package subscript(key: String) -> JSONValue? {
    get { members.first { $0.key.isIdentical(to: key) }?.value }
    set {
      let index = members.firstIndex { $0.key.isIdentical(to: key) }
      switch (index, newValue) {
      case (let index?, let value?): members[index].value = value
      case (let index?, nil): members.remove(at: index)
      case (nil, let value?): members.append(Member(key: key, value: value))
      case (nil, nil): break
      }
    }
  }

  /// Changes a member where it stands, without a copy of it; a new one begins as null.
  package mutating func change(_ key: String, _ body: (inout JSONValue) -> Void) {
    if let index = members.firstIndex(where: { $0.key.isIdentical(to: key) }) { return body(&members[index].value) }
    var value = JSONValue.null
    body(&value)
    members.append(Member(key: key, value: value))
  }
}

// Changes in place: a value that grows bit by bit is not copied with each bit.
extension JSONValue {
  /// Appends to a text; a value of another kind begins as an empty one.
  package mutating func append(_ more: String) {
    guard case .string(var text) = self else {
      self = .string(more)
      return
    }
    self = .null
    text += more
    self = .string(text)
  }

  /// Changes the elements of an array; a value of another kind begins as an empty one.
  package mutating func changeArray(_ body: (inout [JSONValue]) -> Void) {
    var elements = arrayValue ?? []
    self = .null
    body(&elements)
    self = .array(elements)
  }

  /// Changes the members of an object; a value of another kind begins as an empty one.
  package mutating func changeObject(_ body: (inout JSONObject) -> Void) {
    var object = objectValue ?? [:]
    self = .null
    body(&object)
    self = .object(object)
  }
}

extension JSONValue {
  /// The member of that name, if this is an object that has it.
  package subscript(key: String) -> JSONValue? {
    if case .object(let object) = self { return object[key] }
    return nil
  }

  package var stringValue: String? {
    if case .string(let text) = self { return text }
    return nil
  }

  package var boolValue: Bool? {
    if case .bool(let value) = self { return value }
    return nil
  }

  /// The integer, also where it was written as a whole floating-point number (`5.0`).
  package var intValue: Int64? {
    switch self {
    case .int(let value): value
    case .double(let value): Int64(exactly: value)
    default: nil
    }
  }

  package var doubleValue: Double? {
    switch self {
    case .int(let value): Double(value)
    case .double(let value): value
    default: nil
    }
  }

  package var arrayValue: [JSONValue]? {
    if case .array(let elements) = self { return elements }
    return nil
  }

  package var objectValue: JSONObject? {
    if case .object(let object) = self { return object }
    return nil
  }

  package var isNull: Bool { self == .null }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int64) { self = .int(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(nilLiteral: ()) { self = .null }
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    var object = JSONObject()
    for (key, value) in elements { object[key] = value }
    self = .object(object)
  }
}
