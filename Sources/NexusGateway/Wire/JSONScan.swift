// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Why bytes are not the JSON object that an endpoint takes.
struct JSONScanError: Error, Equatable {
  let message: String
  let offset: Int
}

/// One member of an object, as the places of its parts in the bytes.
struct ScannedMember: Equatable {
  /// Decoded.
  let key: String
  /// From the first byte of the value to behind its last.
  let value: Range<Int>
}

/// Walks JSON bytes without building values, so that what passes through is read once and copied never.
///
/// It takes what RFC 8259 allows, less what would let two readers of the same bytes see different things: duplicate keys
/// are refused at the level that is read.
struct JSONScan {
  /// How deep arrays and objects may nest.
  static let maxDepth = 128
  /// How many members the object that is read may have.
  static let maxMembers = 1024

  private var index = 0

  /// The members of the object that fills `range` of the bytes, space around it aside.
  static func members(of bytes: Span<UInt8>, in range: Range<Int>) throws(JSONScanError) -> [ScannedMember] {
    var scan = JSONScan()
    scan.index = range.lowerBound
    let bytes = bytes.extracting(0..<range.upperBound)
    let members = try scan.readMembers(bytes)
    scan.skipSpace(bytes)
    guard scan.index == range.upperBound else { throw scan.error("text after the value") }
    return members
  }

  /// The members of each object in the array that fills `range`; nil if something else is in it.
  static func objects(of bytes: Span<UInt8>, in range: Range<Int>) -> [[ScannedMember]]? {
    var scan = JSONScan()
    scan.index = range.lowerBound
    return try? scan.readObjects(bytes.extracting(0..<range.upperBound))
  }

  /// The places of the elements of the array that fills `range`; nil if there is another value.
  static func elements(of bytes: Span<UInt8>, in range: Range<Int>) -> [Range<Int>]? {
    var scan = JSONScan()
    scan.index = range.lowerBound
    return try? scan.readElements(bytes.extracting(0..<range.upperBound))
  }

  private mutating func readElements(_ bytes: Span<UInt8>) throws(JSONScanError) -> [Range<Int>] {
    guard index < bytes.count, bytes[index] == UInt8(ascii: "[") else { throw error("expected an array") }
    index += 1
    var elements: [Range<Int>] = []
    skipSpace(bytes)
    if index + 1 == bytes.count, bytes[index] == UInt8(ascii: "]") { return elements }
    repeat {
      skipSpace(bytes)
      let start = index
      try skipValue(bytes, depth: 1)
      elements.append(start..<index)
    } while try !closes(bytes, with: UInt8(ascii: "]"))
    guard index == bytes.count else { throw error("text after the value") }
    return elements
  }

  private mutating func readObjects(_ bytes: Span<UInt8>) throws(JSONScanError) -> [[ScannedMember]] {
    guard index < bytes.count, bytes[index] == UInt8(ascii: "[") else { throw error("expected an array") }
    index += 1
    var objects: [[ScannedMember]] = []
    skipSpace(bytes)
    if index + 1 == bytes.count, bytes[index] == UInt8(ascii: "]") { return objects }
    repeat { objects.append(try readMembers(bytes)) } while try !closes(bytes, with: UInt8(ascii: "]"))
    guard index == bytes.count else { throw error("text after the value") }
    return objects
  }

  private func error(_ message: String) -> JSONScanError { JSONScanError(message: message, offset: index) }

  private mutating func readMembers(_ bytes: Span<UInt8>) throws(JSONScanError) -> [ScannedMember] {
    skipSpace(bytes)
    guard index < bytes.count, bytes[index] == UInt8(ascii: "{") else { throw error("expected an object") }
    index += 1
    var members: [ScannedMember] = []
    members.reserveCapacity(16)
    skipSpace(bytes)
    if index < bytes.count, bytes[index] == UInt8(ascii: "}") {
      index += 1
      return members
    }
    while true {
      skipSpace(bytes)
      let key = try readKey(bytes)
      guard members.count < Self.maxMembers else { throw error("more than \(Self.maxMembers) members") }
      guard !members.contains(where: { $0.key == key }) else { throw error("duplicate key") }
      skipSpace(bytes)
      guard index < bytes.count, bytes[index] == UInt8(ascii: ":") else { throw error("expected ':'") }
      index += 1
      skipSpace(bytes)
      let start = index
      try skipValue(bytes, depth: 1)
      members.append(ScannedMember(key: key, value: start..<index))
      if try closes(bytes, with: UInt8(ascii: "}")) { return members }
    }
  }

  private mutating func readKey(_ bytes: Span<UInt8>) throws(JSONScanError) -> String {
    let start = index
    let isPlain = try skipString(bytes)
    if isPlain { return Self.text(bytes, start + 1..<index - 1) }
    guard let key = Self.string(bytes, start..<index) else { throw error("a key is not text") }
    return key
  }

  private mutating func skipSpace(_ bytes: Span<UInt8>) {
    while index < bytes.count {
      switch bytes[index] {
      case 0x20, 0x0A, 0x0D, 0x09: index += 1
      default: return
      }
    }
  }

  private mutating func skipValue(_ bytes: Span<UInt8>, depth: Int) throws(JSONScanError) {
    guard index < bytes.count else { throw error("the text ends where a value is expected") }
    switch bytes[index] {
    case UInt8(ascii: "\""): _ = try skipString(bytes)
    case UInt8(ascii: "{"): try skipContainer(bytes, closing: UInt8(ascii: "}"), depth: depth + 1)
    case UInt8(ascii: "["): try skipContainer(bytes, closing: UInt8(ascii: "]"), depth: depth + 1)
    case UInt8(ascii: "t"): try skipWord("true", bytes)
    case UInt8(ascii: "f"): try skipWord("false", bytes)
    case UInt8(ascii: "n"): try skipWord("null", bytes)
    case UInt8(ascii: "-"), 0x30...0x39: try skipNumber(bytes)
    default: throw error("unexpected character")
    }
  }

  private mutating func skipContainer(_ bytes: Span<UInt8>, closing: UInt8, depth: Int) throws(JSONScanError) {
    guard depth <= Self.maxDepth else { throw error("nested deeper than \(Self.maxDepth) levels") }
    index += 1
    skipSpace(bytes)
    if index < bytes.count, bytes[index] == closing {
      index += 1
      return
    }
    let hasKeys = closing == UInt8(ascii: "}")
    while true {
      skipSpace(bytes)
      if hasKeys {
        guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { throw error("expected a key") }
        _ = try skipString(bytes)
        skipSpace(bytes)
        guard index < bytes.count, bytes[index] == UInt8(ascii: ":") else { throw error("expected ':'") }
        index += 1
        skipSpace(bytes)
      }
      try skipValue(bytes, depth: depth)
      if try closes(bytes, with: closing) { return }
    }
  }

  private mutating func closes(_ bytes: Span<UInt8>, with bracket: UInt8) throws(JSONScanError) -> Bool {
    skipSpace(bytes)
    guard index < bytes.count else { throw error("the text ends inside an array or object") }
    let character = bytes[index]
    guard character == bracket || character == UInt8(ascii: ",") else { throw error("expected ',' or the end") }
    index += 1
    return character == bracket
  }

  private mutating func skipWord(_ word: StaticString, _ bytes: Span<UInt8>) throws(JSONScanError) {
    for character in word.description.utf8 {
      guard index < bytes.count, bytes[index] == character else { throw error("unexpected character") }
      index += 1
    }
  }

  private mutating func skipDigits(_ bytes: Span<UInt8>) throws(JSONScanError) {
    let start = index
    while index < bytes.count, (0x30...0x39).contains(bytes[index]) { index += 1 }
    guard index > start else { throw error("expected a digit") }
  }

  private mutating func skipNumber(_ bytes: Span<UInt8>) throws(JSONScanError) {
    if bytes[index] == UInt8(ascii: "-") { index += 1 }
    let first = index
    try skipDigits(bytes)
    guard bytes[first] != UInt8(ascii: "0") || index - first == 1 else { throw error("a number may not start with 0") }
    if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
      index += 1
      try skipDigits(bytes)
    }
    if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
      index += 1
      if index < bytes.count, bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-") { index += 1 }
      try skipDigits(bytes)
    }
  }

  /// Returns true if the string holds no escape.
  private mutating func skipString(_ bytes: Span<UInt8>) throws(JSONScanError) -> Bool {
    guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { throw error("expected a string") }
    index += 1
    var isPlain = true
    while index < bytes.count {
      let character = bytes[index]
      index += 1
      if character == UInt8(ascii: "\"") { return isPlain }
      if character == UInt8(ascii: "\\") {
        isPlain = false
        guard index < bytes.count, bytes[index] >= 0x20 else { throw error("unknown escape") }
        index += 1
      } else if character < 0x20 {
        throw error("a control character must be escaped")
      }
    }
    throw error("the text ends inside a string")
  }
}
