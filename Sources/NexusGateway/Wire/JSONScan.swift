// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

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
  /// The value is a string whose text stands there as it is.
  let isPlainText: Bool
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
  /// How many values may still come.
  private var valuesLeft = Int.max
  /// The last string held no escape.
  private var wasPlain = false
  /// All strings so far are ASCII; nothing else in JSON is anything else.
  private var isASCII = true

  private init(at index: Int) { self.index = index }

  /// The members of the object that fills `range` of the bytes, space around it aside.
  ///
  /// `mostValues` limits the values in it, at any depth.
  static func members(of bytes: Span<UInt8>, in range: Range<Int>, mostValues: Int = .max) throws(JSONScanError)
    -> [ScannedMember]
  {
    var members: [ScannedMember] = []
    members.reserveCapacity(16)
    try read(&members, of: bytes, in: range, mostValues: mostValues)
    return members
  }

  /// The members of the object that is all of the bytes, space around it aside; and whether all of it is ASCII.
  static func whole(_ bytes: Span<UInt8>, mostValues: Int) throws(JSONScanError) -> (
    members: [ScannedMember], isASCII: Bool
  ) {
    var members: [ScannedMember] = []
    members.reserveCapacity(16)
    let isASCII = try read(&members, of: bytes, in: 0..<bytes.count, mostValues: mostValues)
    return (members, isASCII)
  }

  /// The same into an array that is there already, so that reading a million small objects allocates nothing.
  @discardableResult
  static func read(
    _ members: inout [ScannedMember], of bytes: Span<UInt8>, in range: Range<Int>, mostValues: Int = .max
  ) throws(JSONScanError) -> Bool {
    var scan = JSONScan(at: range.lowerBound)
    scan.valuesLeft = mostValues
    let bytes = bytes.extracting(0..<range.upperBound)
    try scan.readMembers(bytes, into: &members)
    scan.skipSpace(bytes)
    guard scan.index == range.upperBound else { throw scan.error("text after the value") }
    return scan.isASCII
  }

  /// Whether there are more values in the bytes than that; what else may be wrong with them does not matter.
  static func has(moreThan mostValues: Int, _ bytes: Span<UInt8>) -> Bool {
    // Each but the first has a byte of its own and one in front of it.
    guard bytes.count / 2 >= mostValues else { return false }
    var scan = JSONScan(at: 0)
    scan.valuesLeft = mostValues
    scan.skipSpace(bytes)
    _ = try? scan.skipValue(bytes, depth: 0)
    return scan.valuesLeft == 0
  }

  /// The elements of an array, one after the other.
  struct Elements {
    private var scan: JSONScan
    private let end: Int
    private var isFirst = true

    /// The elements of the array that fills `range`, which was scanned before; nil if another value does.
    init?(_ bytes: Span<UInt8>, _ range: Range<Int>) {
      guard !range.isEmpty, bytes[range.lowerBound] == UInt8(ascii: "[") else { return nil }
      scan = JSONScan(at: range.lowerBound + 1)
      end = range.upperBound
    }

    /// The place of the next element; nil behind the last.
    mutating func next(_ bytes: Span<UInt8>) -> Range<Int>? {
      let bytes = bytes.extracting(0..<end)
      do {
        scan.skipSpace(bytes)
        if isFirst {
          isFirst = false
          if scan.index + 1 == end { return nil }
        } else {
          if try scan.closes(bytes, with: UInt8(ascii: "]")) { return nil }
          scan.skipSpace(bytes)
        }
        let start = scan.index
        try scan.skipValue(bytes, depth: 1)
        return start..<scan.index
      } catch {
        return nil
      }
    }
  }

  /// The members of each object in the array that fills `range`; nil if something else is in it.
  static func objects(of bytes: Span<UInt8>, in range: Range<Int>) -> [[ScannedMember]]? {
    var scan = JSONScan(at: range.lowerBound)
    return try? scan.readObjects(bytes.extracting(0..<range.upperBound))
  }

  /// The places of the elements of the array that fills `range`, which was scanned before; nil if another value does.
  static func elements(of bytes: Span<UInt8>, in range: Range<Int>) -> [Range<Int>]? {
    guard var elements = Elements(bytes, range) else { return nil }
    var places: [Range<Int>] = []
    while let place = elements.next(bytes) { places.append(place) }
    return places
  }

  private mutating func readObjects(_ bytes: Span<UInt8>) throws(JSONScanError) -> [[ScannedMember]] {
    guard index < bytes.count, bytes[index] == UInt8(ascii: "[") else { throw error("expected an array") }
    index += 1
    var objects: [[ScannedMember]] = []
    skipSpace(bytes)
    if index + 1 == bytes.count, bytes[index] == UInt8(ascii: "]") { return objects }
    repeat {
      var members: [ScannedMember] = []
      try readMembers(bytes, into: &members)
      objects.append(members)
    } while try !closes(bytes, with: UInt8(ascii: "]"))
    guard index == bytes.count else { throw error("text after the value") }
    return objects
  }

  private func error(_ message: String) -> JSONScanError { JSONScanError(message: message, offset: index) }

  private mutating func readMembers(_ bytes: Span<UInt8>, into members: inout [ScannedMember]) throws(JSONScanError) {
    members.removeAll(keepingCapacity: true)
    skipSpace(bytes)
    guard index < bytes.count, bytes[index] == UInt8(ascii: "{") else { throw error("expected an object") }
    index += 1
    skipSpace(bytes)
    if index < bytes.count, bytes[index] == UInt8(ascii: "}") {
      index += 1
      return
    }
    var seen = SeenMembers()
    while true {
      skipSpace(bytes)
      let key = try readKey(bytes)
      guard members.count < Self.maxMembers else { throw error("more than \(Self.maxMembers) members") }
      guard seen.insert(key, after: members) else { throw error("duplicate key") }
      skipSpace(bytes)
      guard index < bytes.count, bytes[index] == UInt8(ascii: ":") else { throw error("expected ':'") }
      index += 1
      skipSpace(bytes)
      let start = index
      wasPlain = false
      try skipValue(bytes, depth: 1)
      let isPlain = wasPlain && bytes[start] == UInt8(ascii: "\"")
      members.append(ScannedMember(key: key, value: start..<index, isPlainText: isPlain))
      if try closes(bytes, with: UInt8(ascii: "}")) { return }
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
    guard valuesLeft > 0 else { throw error("too many values") }
    valuesLeft -= 1
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
    while true {
      let text = ByteScan.plainText(bytes, from: index)
      index = text.end
      if !text.isASCII { isASCII = false }
      guard index < bytes.count else { throw error("the text ends inside a string") }
      let character = bytes[index]
      index += 1
      if character == UInt8(ascii: "\"") {
        wasPlain = isPlain
        return isPlain
      }
      guard character == UInt8(ascii: "\\") else { throw error("a control character must be escaped") }
      isPlain = false
      try skipEscape(bytes)
    }
  }

  /// Goes on behind a backslash.
  private mutating func skipEscape(_ bytes: Span<UInt8>) throws(JSONScanError) {
    guard index < bytes.count else { throw error("the text ends inside a string") }
    switch bytes[index] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      index += 1
    case UInt8(ascii: "u"):
      guard index + 4 < bytes.count else { throw error("the text ends inside an escape") }
      for place in index + 1...index + 4 {
        switch bytes[place] {
        case 0x30...0x39, 0x41...0x46, 0x61...0x66: continue
        default: throw error("expected a hexadecimal digit")
        }
      }
      index += 5
    default: throw error("unknown escape")
    }
  }
}

/// The keys of the object being read.
private struct SeenMembers {
  /// Up to here, comparing with each is cheaper than hashing; beyond, hashing keeps a hostile object linear.
  private static let compared = 16
  private var hashed: Set<String> = []

  /// False if `key` is among `members` already.
  mutating func insert(_ key: String, after members: [ScannedMember]) -> Bool {
    if members.count < Self.compared { return !members.contains { $0.key == key } }
    if hashed.isEmpty { hashed = Set(members.map(\.key)) }
    return hashed.insert(key).inserted
  }
}
