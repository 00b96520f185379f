// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// A pinned form that this version does not read.
struct UnreadableForm: Error {}

/// Takes the members of a pinned form one by one; what nobody takes makes the form unreadable.
///
/// A member that is not known may have changed what the others mean, so nothing is skipped.
struct PinnedReader {
  private var members: JSONObject

  init(_ value: JSONValue) throws(UnreadableForm) {
    guard case .object(let object) = value else { throw UnreadableForm() }
    members = object
  }

  func finish() throws(UnreadableForm) {
    guard members.isEmpty else { throw UnreadableForm() }
  }

  mutating func optional(_ name: String) -> JSONValue? {
    guard let value = members[name] else { return nil }
    members[name] = nil
    return value
  }

  mutating func value(_ name: String) throws(UnreadableForm) -> JSONValue {
    guard let value = optional(name) else { throw UnreadableForm() }
    return value
  }

  mutating func text(_ name: String) throws(UnreadableForm) -> String {
    guard let text = try value(name).stringValue else { throw UnreadableForm() }
    return text
  }

  mutating func integer(_ name: String, in range: ClosedRange<Int>) throws(UnreadableForm) -> Int {
    guard case .int(let number) = try value(name), let integer = Int(exactly: number), range.contains(integer) else {
      throw UnreadableForm()
    }
    return integer
  }

  mutating func number(_ name: String) throws(UnreadableForm) -> Double {
    guard let number = try value(name).doubleValue, number.isFinite else { throw UnreadableForm() }
    return number
  }

  mutating func duration(_ name: String) throws(UnreadableForm) -> Duration {
    guard case .int(let nanoseconds) = try value(name), nanoseconds >= 0 else { throw UnreadableForm() }
    return .nanoseconds(nanoseconds)
  }

  mutating func optionalDuration(_ name: String) throws(UnreadableForm) -> Duration? {
    members[name] == nil ? nil : try duration(name)
  }

  mutating func word<Word: RawRepresentable<String>>(_ name: String) throws(UnreadableForm) -> Word {
    guard let word = Word(rawValue: try text(name)) else { throw UnreadableForm() }
    return word
  }

  mutating func list<Element>(
    _ name: String, _ read: (JSONValue) throws(UnreadableForm) -> Element
  ) throws(UnreadableForm) -> [Element] {
    guard case .array(let elements) = try value(name) else { throw UnreadableForm() }
    var result: [Element] = []
    for element in elements { result.append(try read(element)) }
    return result
  }

  /// The members of the object of that name.
  mutating func entries(_ name: String) throws(UnreadableForm) -> [JSONObject.Member] {
    guard case .object(let object) = try value(name) else { throw UnreadableForm() }
    return object.members
  }

  mutating func optionalTemplate(_ name: String) throws(UnreadableForm) -> ValueTemplate? {
    guard let source = optional(name) else { return nil }
    guard let template = try? ValueTemplate(parsing: source) else { throw UnreadableForm() }
    return template
  }

  mutating func template(_ name: String) throws(UnreadableForm) -> ValueTemplate {
    guard let template = try optionalTemplate(name) else { throw UnreadableForm() }
    return template
  }

  /// What is read from the object of that name, to its last member.
  mutating func inner<Result>(
    _ name: String, _ read: (inout PinnedReader) throws(UnreadableForm) -> Result
  ) throws(UnreadableForm) -> Result {
    var reader = try PinnedReader(value(name))
    let result = try read(&reader)
    try reader.finish()
    return result
  }
}
