// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Why bytes are not in the format that they claim.
struct FormatError: Error {
  let message: String
  init(_ message: String) { self.message = message }
}

/// Takes the members of an object one by one; what is left at the end is an error.
struct MemberReader {
  private var left: JSONObject

  init(_ value: JSONValue) throws(FormatError) {
    guard let object = value.objectValue else { throw FormatError("it is not an object") }
    left = object
  }

  mutating func value(_ key: String) throws(FormatError) -> JSONValue {
    guard let value = optional(key) else { throw FormatError("\"\(key)\" is missing") }
    return value
  }

  mutating func optional(_ key: String) -> JSONValue? {
    defer { left[key] = nil }
    return left[key]
  }

  mutating func string(_ key: String) throws(FormatError) -> String {
    guard case .string(let text) = try value(key) else { throw FormatError("\"\(key)\" is not a string") }
    return text
  }

  mutating func optionalString(_ key: String) throws(FormatError) -> String? {
    guard let value = optional(key) else { return nil }
    guard case .string(let text) = value else { throw FormatError("\"\(key)\" is not a string") }
    return text
  }

  mutating func integer(_ key: String) throws(FormatError) -> Int64 {
    guard case .int(let number) = try value(key) else { throw FormatError("\"\(key)\" is not an integer") }
    return number
  }

  mutating func bool(_ key: String) throws(FormatError) -> Bool {
    guard case .bool(let claim) = try value(key) else { throw FormatError("\"\(key)\" is not true or false") }
    return claim
  }

  mutating func optionalInteger(_ key: String) throws(FormatError) -> Int64? {
    guard let value = optional(key) else { return nil }
    guard case .int(let number) = value else { throw FormatError("\"\(key)\" is not an integer") }
    return number
  }

  mutating func optionalBool(_ key: String) throws(FormatError) -> Bool? {
    guard let value = optional(key) else { return nil }
    guard case .bool(let claim) = value else { throw FormatError("\"\(key)\" is not true or false") }
    return claim
  }

  mutating func strings(_ key: String) throws(FormatError) -> [String] {
    guard case .array(let elements) = try value(key) else { throw FormatError("\"\(key)\" is not a list") }
    var texts: [String] = []
    for element in elements {
      guard case .string(let text) = element else { throw FormatError("\"\(key)\" holds more than strings") }
      texts.append(text)
    }
    return texts
  }

  mutating func choice<Choice: RawRepresentable<String>>(_ key: String) throws(FormatError) -> Choice {
    let text = try string(key)
    guard let choice = Choice(rawValue: text) else { throw FormatError("\"\(key)\" has an unknown value") }
    return choice
  }

  func finish() throws(FormatError) {
    if let key = left.keys.first { throw FormatError("\"\(key)\" is unknown") }
  }
}
