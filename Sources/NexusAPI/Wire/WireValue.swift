// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Why a message of the API could not be understood.
package struct WireError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The member that is wrong, for example `agents.state`.
  package let path: String
  package let message: String

  package init(path: String, message: String) {
    self.path = path
    self.message = message
  }

  package var description: String { "\(path): \(message)" }
}

/// A message, or a part of one, as it goes over the wire.
///
/// Members are written in the order of the contract, absent values as null; unknown members are ignored when read, so
/// that old and new builds understand each other.
package protocol WireValue: Sendable {
  var json: JSONValue { get }
  init(json: JSONValue) throws(WireError)
}

/// Reads the members of one object, and says which one is wrong.
package struct WireReader: Sendable {
  private let object: JSONObject
  private let name: String

  package init(_ json: JSONValue, _ name: String) throws(WireError) {
    guard case .object(let object) = json else { throw WireError(path: name, message: "expected an object") }
    self.object = object
    self.name = name
  }

  private func wrong(_ key: String, _ expected: String) -> WireError {
    WireError(path: "\(name).\(key)", message: "expected \(expected)")
  }

  /// The member, or nil if it is absent or null.
  package func value(_ key: String) -> JSONValue? {
    guard let value = object[key], !value.isNull else { return nil }
    return value
  }

  package func text(_ key: String) throws(WireError) -> String {
    guard let text = value(key)?.stringValue else { throw wrong(key, "a text") }
    return text
  }

  package func optionalText(_ key: String) throws(WireError) -> String? {
    guard let value = value(key) else { return nil }
    guard let text = value.stringValue else { throw wrong(key, "a text") }
    return text
  }

  package func integer(_ key: String) throws(WireError) -> Int64 {
    guard let number = value(key)?.intValue else { throw wrong(key, "an integer") }
    return number
  }

  package func optionalInteger(_ key: String) throws(WireError) -> Int64? {
    guard let value = value(key) else { return nil }
    guard let number = value.intValue else { throw wrong(key, "an integer") }
    return number
  }

  package func count(_ key: String) throws(WireError) -> Int { Int(clamping: try integer(key)) }

  package func flag(_ key: String) throws(WireError) -> Bool {
    guard let flag = value(key)?.boolValue else { throw wrong(key, "true or false") }
    return flag
  }

  /// A flag that older peers do not send.
  package func flag(_ key: String, default absent: Bool) throws(WireError) -> Bool {
    guard let value = value(key) else { return absent }
    guard let flag = value.boolValue else { throw wrong(key, "true or false") }
    return flag
  }

  package func time(_ key: String) throws(WireError) -> WallTime {
    guard let time = WallTime(iso8601: try text(key)) else { throw wrong(key, "a time") }
    return time
  }

  package func optionalTime(_ key: String) throws(WireError) -> WallTime? {
    guard value(key) != nil else { return nil }
    return try time(key)
  }

  package func nested<T: WireValue>(_ key: String, as type: T.Type = T.self) throws(WireError) -> T {
    guard let value = value(key) else { throw wrong(key, "an object") }
    return try T(json: value)
  }

  package func optionalNested<T: WireValue>(_ key: String, as type: T.Type = T.self) throws(WireError) -> T? {
    guard let value = value(key) else { return nil }
    return try T(json: value)
  }

  /// The elements of an array; none if it is absent.
  package func list<T: WireValue>(_ key: String, of type: T.Type = T.self) throws(WireError) -> [T] {
    guard let value = value(key) else { return [] }
    guard case .array(let elements) = value else { throw wrong(key, "a list") }
    var result: [T] = []
    for element in elements { result.append(try T(json: element)) }
    return result
  }

  /// The texts of an array; none if it is absent.
  package func texts(_ key: String) throws(WireError) -> [String] {
    guard let value = value(key) else { return [] }
    guard case .array(let elements) = value else { throw wrong(key, "a list of texts") }
    var result: [String] = []
    for element in elements {
      guard let text = element.stringValue else { throw wrong(key, "a list of texts") }
      result.append(text)
    }
    return result
  }
}

extension JSONValue {
  package static func of(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
  package static func of(_ number: Int64?) -> JSONValue { number.map(JSONValue.int) ?? .null }
  package static func of(_ number: Int?) -> JSONValue { number.map { .int(Int64($0)) } ?? .null }
  package static func of(_ time: WallTime?) -> JSONValue { time.map { .string($0.iso8601) } ?? .null }
  package static func of(_ id: (some Identifier)?) -> JSONValue { id.map { .string($0.text) } ?? .null }
  package static func of(_ value: (some WireValue)?) -> JSONValue { value?.json ?? .null }
  package static func of(_ values: [some WireValue]) -> JSONValue { .array(values.map(\.json)) }
  package static func of(_ texts: [String]) -> JSONValue { .array(texts.map(JSONValue.string)) }
}
