// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Why a text is not JSON, and where.
package struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
  package let message: String
  /// The byte offset, from 0.
  package let offset: Int
  package var description: String { "\(message) at byte \(offset)" }
}

extension JSONValue {
  /// How deep arrays and objects may nest.
  package static let maxDepth = 128
  /// How deep they may in what a node says: around what nests as deep as it may, there are its own answers.
  package static let maxDepthOfAnswers = maxDepth + 64

  /// Parses one JSON text by RFC 8259, strictly: UTF-8, no duplicate keys, nothing behind the value.
  ///
  /// - Parameters:
  ///   - bytes: the text.
  ///   - maxDepth: how deep it may nest.
  /// - Throws: `JSONError` with the offset of the first byte that does not fit.
  package init(parsing bytes: [UInt8], maxDepth: Int = JSONValue.maxDepth) throws(JSONError) {
    var parser = JSONParser(bytes: bytes, maxDepth: maxDepth)
    self = try parser.parseDocument()
  }

  package init(parsing text: String) throws(JSONError) { try self.init(parsing: Array(text.utf8)) }
}

/// A recursive-descent parser over bytes.
private struct JSONParser {
  private let bytes: [UInt8]
  private let maxDepth: Int
  private var index = 0
  private var depth = 0
  /// How many members the last object had: the next one mostly has as many.
  private var likelyMembers = 0
  /// So many at most are made room for in advance.
  private static let mostLikelyMembers = 8

  init(bytes: [UInt8], maxDepth: Int) {
    self.bytes = bytes
    self.maxDepth = maxDepth
  }

  mutating func parseDocument() throws(JSONError) -> JSONValue {
    let value = try parseValue()
    skipSpace()
    guard index == bytes.count else { throw error("text after the value") }
    return value
  }

  private func error(_ message: String) -> JSONError { JSONError(message: message, offset: index) }

  private mutating func skipSpace() {
    while index < bytes.count {
      switch bytes[index] {
      case 0x20, 0x0A, 0x0D, 0x09: index += 1
      default: return
      }
    }
  }

  private mutating func parseValue() throws(JSONError) -> JSONValue {
    skipSpace()
    guard index < bytes.count else { throw error("the text ends where a value is expected") }
    switch bytes[index] {
    case UInt8(ascii: "{"): return try parseObject()
    case UInt8(ascii: "["): return try parseArray()
    case UInt8(ascii: "\""): return .string(try parseString())
    case UInt8(ascii: "t"): return try parseLiteral("true", .bool(true))
    case UInt8(ascii: "f"): return try parseLiteral("false", .bool(false))
    case UInt8(ascii: "n"): return try parseLiteral("null", .null)
    case UInt8(ascii: "-"), 0x30...0x39: return try parseNumber()
    default: throw error("unexpected character")
    }
  }

  private mutating func parseLiteral(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
    for character in word.description.utf8 {
      guard index < bytes.count, bytes[index] == character else { throw error("unexpected character") }
      index += 1
    }
    return value
  }

  private mutating func enter() throws(JSONError) {
    depth += 1
    guard depth <= maxDepth else { throw error("nested deeper than \(maxDepth) levels") }
    index += 1
    skipSpace()
  }

  private mutating func parseArray() throws(JSONError) -> JSONValue {
    try enter()
    defer { depth -= 1 }
    var elements: [JSONValue] = []
    if index < bytes.count, bytes[index] == UInt8(ascii: "]") {
      index += 1
      return .array(elements)
    }
    while true {
      elements.append(try parseValue())
      if try closes(with: UInt8(ascii: "]")) { return .array(elements) }
    }
  }

  private mutating func parseObject() throws(JSONError) -> JSONValue {
    try enter()
    defer { depth -= 1 }
    var members: [JSONObject.Member] = []
    var keys = SeenKeys()
    if index < bytes.count, bytes[index] == UInt8(ascii: "}") {
      index += 1
      return .object(JSONObject())
    }
    members.reserveCapacity(likelyMembers)
    while true {
      skipSpace()
      guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { throw error("expected a key in quotes") }
      let start = index
      let key = try parseString()
      guard keys.insert(key, after: members) else { throw JSONError(message: "duplicate key", offset: start) }
      skipSpace()
      guard index < bytes.count, bytes[index] == UInt8(ascii: ":") else { throw error("expected ':'") }
      index += 1
      members.append(JSONObject.Member(key: key, value: try parseValue()))
      if try closes(with: UInt8(ascii: "}")) {
        likelyMembers = min(members.count, Self.mostLikelyMembers)
        return .object(JSONObject(uniqueMembers: members))
      }
    }
  }

  /// Reads the comma or the bracket behind an element; true for the bracket.
  private mutating func closes(with bracket: UInt8) throws(JSONError) -> Bool {
    skipSpace()
    guard index < bytes.count else { throw error("the text ends inside an array or object") }
    let character = bytes[index]
    guard character == bracket || character == UInt8(ascii: ",") else {
      throw error("expected ',' or a closing bracket")
    }
    index += 1
    return character == bracket
  }

  private mutating func parseNumber() throws(JSONError) -> JSONValue {
    let start = index
    var isInteger = true
    if bytes[index] == UInt8(ascii: "-") { index += 1 }
    let firstDigit = index
    try skipDigits()
    if bytes[firstDigit] == UInt8(ascii: "0"), index - firstDigit > 1 {
      throw JSONError(message: "a number may not start with 0", offset: firstDigit)
    }
    if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
      isInteger = false
      index += 1
      try skipDigits()
    }
    if index < bytes.count, bytes[index] == UInt8(ascii: "e") || bytes[index] == UInt8(ascii: "E") {
      isInteger = false
      index += 1
      if index < bytes.count, bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-") { index += 1 }
      try skipDigits()
    }
    if isInteger, let value = exactInteger(bytes[start..<index]) { return .int(value) }
    let text = String(decoding: bytes[start..<index], as: UTF8.self)
    guard let value = Double(text), value.isFinite else {
      throw JSONError(message: "the number is out of range", offset: start)
    }
    return .double(value)
  }

  /// The value of an optional minus sign and digits; nil if it does not fit.
  private func exactInteger(_ digits: ArraySlice<UInt8>) -> Int64? {
    var value: Int64 = 0
    let isNegative = digits.first == UInt8(ascii: "-")
    for digit in isNegative ? digits.dropFirst() : digits {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      // Negative throughout, because the smallest integer has no positive counterpart.
      let (difference, overflow2) = product.subtractingReportingOverflow(Int64(digit & 0x0F))
      if overflow || overflow2 { return nil }
      value = difference
    }
    if isNegative { return value }
    return value == .min ? nil : -value
  }

  private mutating func skipDigits() throws(JSONError) {
    let start = index
    while index < bytes.count, (0x30...0x39).contains(bytes[index]) { index += 1 }
    guard index > start else { throw error("expected a digit") }
  }

  private mutating func parseString() throws(JSONError) -> String {
    index += 1
    let start = index
    let isASCII = skipPlainText()
    guard index < bytes.count else { throw error("the text ends inside a string") }
    switch bytes[index] {
    case UInt8(ascii: "\""):
      let end = index
      index += 1
      guard isASCII else { return try validated(bytes[start..<end], at: start) }
      // ASCII alone is valid as it is.
      let text = unsafe UTF8Span(unchecked: bytes.span.extracting(start..<end), isKnownASCII: true)
      return String(copying: text)
    case UInt8(ascii: "\\"): return try parseEscapedString(from: start)
    default: throw error("a control character must be escaped")
    }
  }

  /// Goes to the next quote, backslash or control character, or to the end; whether all before it is ASCII.
  private mutating func skipPlainText() -> Bool {
    let (end, isASCII) = ByteScan.plainText(bytes.span, from: index)
    index = end
    return isASCII
  }

  /// Goes on from the first backslash; `start` is where the string's text begins.
  private mutating func parseEscapedString(from start: Int) throws(JSONError) -> String {
    var decoded = Array(bytes[start..<index])
    while index < bytes.count {
      let character = bytes[index]
      switch character {
      case UInt8(ascii: "\""):
        let text = try validated(decoded[...], at: start)
        index += 1
        return text
      case UInt8(ascii: "\\"):
        index += 1
        try parseEscape(into: &decoded)
      case 0..<0x20: throw error("a control character must be escaped")
      default:
        let start = index
        _ = skipPlainText()
        decoded.append(contentsOf: bytes[start..<index])
      }
    }
    throw error("the text ends inside a string")
  }

  private mutating func parseEscape(into decoded: inout [UInt8]) throws(JSONError) {
    guard index < bytes.count else { throw error("the text ends inside a string") }
    let character = bytes[index]
    index += 1
    switch character {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): decoded.append(character)
    case UInt8(ascii: "b"): decoded.append(0x08)
    case UInt8(ascii: "f"): decoded.append(0x0C)
    case UInt8(ascii: "n"): decoded.append(0x0A)
    case UInt8(ascii: "r"): decoded.append(0x0D)
    case UInt8(ascii: "t"): decoded.append(0x09)
    case UInt8(ascii: "u"): try parseUnicodeEscape(into: &decoded)
    default:
      index -= 1
      throw error("unknown escape")
    }
  }

  private mutating func parseUnicodeEscape(into decoded: inout [UInt8]) throws(JSONError) {
    let start = index - 2
    var code = try parseFourHexDigits()
    if (0xD800..<0xDC00).contains(code) {
      guard index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u") else {
        throw JSONError(message: "half of a surrogate pair", offset: start)
      }
      index += 2
      let low = try parseFourHexDigits()
      guard (0xDC00..<0xE000).contains(low) else {
        throw JSONError(message: "half of a surrogate pair", offset: start)
      }
      code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(code) else {
      throw JSONError(message: "half of a surrogate pair", offset: start)
    }
    decoded.append(contentsOf: Array(String(Character(scalar)).utf8))
  }

  private mutating func parseFourHexDigits() throws(JSONError) -> UInt32 {
    guard index + 4 <= bytes.count else { throw error("the text ends inside an escape") }
    var code: UInt32 = 0
    for _ in 0..<4 {
      let digit: UInt8
      switch bytes[index] {
      case 0x30...0x39: digit = bytes[index] - 0x30
      case 0x41...0x46: digit = bytes[index] - 0x41 + 10
      case 0x61...0x66: digit = bytes[index] - 0x61 + 10
      default: throw error("expected a hexadecimal digit")
      }
      code = code << 4 | UInt32(digit)
      index += 1
    }
    return code
  }

  private func validated(_ slice: ArraySlice<UInt8>, at start: Int) throws(JSONError) -> String {
    guard let text = String(validating: slice, as: UTF8.self) else {
      throw JSONError(message: "invalid UTF-8 in a string", offset: start)
    }
    return text
  }
}

/// The keys of the object being read, told apart by their bytes.
private struct SeenKeys {
  /// Up to here, comparing with each is cheaper than hashing; beyond, hashing keeps a hostile object linear.
  private static let scanLimit = 16

  private var hashed = Set<ExactText>()

  /// False if `key` is among `members` already.
  mutating func insert(_ key: String, after members: [JSONObject.Member]) -> Bool {
    if members.count < Self.scanLimit { return !members.contains { $0.key.isIdentical(to: key) } }
    if hashed.isEmpty { hashed = Set(members.map { ExactText($0.key) }) }
    return hashed.insert(ExactText(key)).inserted
  }
}
