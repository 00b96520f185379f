// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Where the rule language finds time zones by name.
///
/// The caller decides: a file of the system, a table, or nothing. Given nothing, only `UTC` and offsets are known, and a
/// verdict does not depend on the machine.
package struct TimeZoneSource: Sendable {
  private let file: @Sendable (String) -> [UInt8]?

  /// - Parameter file: The bytes of the TZif file of an IANA name, for example of `Asia/Kathmandu`.
  package init(file: @escaping @Sendable (String) -> [UInt8]?) { self.file = file }

  /// Knows no names.
  package static let none = TimeZoneSource { _ in nil }

  /// Seconds east of UTC at a point in time, in `UTC`, an offset such as `-02:30` or `02:00`, or an IANA name.
  func offset(of zone: String, at timestamp: Timestamp) throws(RuleFault) -> Int64 {
    if zone.hasSameScalars(as: "UTC") || zone.utf8.isEmpty { return 0 }
    if let offset = Self.fixedOffset(zone) { return offset }
    guard Self.isName(zone), let bytes = file(zone), let rules = TimeZoneRules(tzif: bytes) else {
      throw RuleFault.invalid("unknown time zone '\(zone)'")
    }
    return rules.offset(at: timestamp.seconds)
  }

  private static func fixedOffset(_ text: String) -> Int64? {
    let hasSign = text.utf8.first == UInt8(ascii: "+") || text.utf8.first == UInt8(ascii: "-")
    var reader = TimeTextReader(hasSign ? text : "+" + text)
    guard let offset = reader.offset(), reader.isAtEnd else { return nil }
    return offset
  }

  /// Letters, digits, `_`, `-`, `+` in parts between single slashes: nothing that leaves a folder.
  private static func isName(_ text: String) -> Bool {
    guard text.utf8.count <= 64, let first = text.utf8.first, first.startsIdentifier else { return false }
    var previous: UInt8 = 0
    for byte in text.utf8 {
      let isAllowed =
        byte.startsIdentifier || byte.isDigit || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
        || (byte == UInt8(ascii: "/") && previous != UInt8(ascii: "/"))
      guard isAllowed else { return false }
      previous = byte
    }
    return previous != UInt8(ascii: "/")
  }
}

/// When a zone changes its offset from UTC, read from a TZif file (RFC 9636).
///
/// Beyond the last transition that the file lists, the offset is that of the last one: files that list transitions up
/// to 2037 are exact until then.
struct TimeZoneRules: Sendable {
  private let transitions: [Int64]
  private let offsets: [Int64]
  private let first: Int64

  /// Nil if the bytes are no TZif file.
  init?(tzif bytes: [UInt8]) {
    var reader = TZifReader(bytes: bytes)
    guard var header = reader.header() else { return nil }
    var timeSize = 4
    if header.version >= UInt8(ascii: "2") {
      reader.skip(header.blockSize(timeSize: 4))
      guard let second = reader.header() else { return nil }
      (header, timeSize) = (second, 8)
    }
    guard header.types > 0, header.times <= TZifReader.maxTransitions,
      reader.remaining >= header.blockSize(timeSize: timeSize)
    else { return nil }
    transitions = (0..<header.times).map { _ in reader.integer(timeSize) }
    let indexes = (0..<header.times).map { _ in Int(reader.integer(1) & 0xFF) }
    let types = (0..<header.types).map { _ in
      let offset = reader.integer(4)
      let isDaylight = reader.integer(1) != 0
      reader.skip(1)
      return (offset: offset, isDaylight: isDaylight)
    }
    guard indexes.allSatisfy({ $0 < types.count }), types.allSatisfy({ abs($0.offset) < 200_000 }) else { return nil }
    offsets = indexes.map { types[$0].offset }
    first = (types.first { !$0.isDaylight } ?? types[0]).offset
  }

  func offset(at seconds: Int64) -> Int64 {
    var (low, high) = (0, transitions.count)
    while low < high {
      let middle = (low + high) / 2
      if transitions[middle] <= seconds { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? first : offsets[low - 1]
  }
}

private struct TZifReader {
  static let maxTransitions = 4096
  let bytes: [UInt8]
  var index = 0

  struct Header {
    let version: UInt8
    let (utcFlags, standardFlags, leaps, times, types, characters): (Int, Int, Int, Int, Int, Int)

    func blockSize(timeSize: Int) -> Int {
      times * (timeSize + 1) + types * 6 + characters + leaps * (timeSize + 4) + standardFlags + utcFlags
    }
  }

  init(bytes: [UInt8]) { self.bytes = bytes }

  var remaining: Int { bytes.count - index }

  mutating func skip(_ count: Int) { index = min(bytes.count, index + count) }

  /// Big-endian and signed; the caller has made sure that it is there.
  mutating func integer(_ size: Int) -> Int64 {
    var value: Int64 = 0
    for byte in bytes[index..<index + size] { value = value << 8 | Int64(byte) }
    index += size
    let unused = 64 - 8 * Int64(size)
    return (value << unused) >> unused
  }

  mutating func header() -> Header? {
    guard remaining >= 44, bytes[index..<index + 4].elementsEqual("TZif".utf8) else { return nil }
    let version = bytes[index + 4]
    index += 20
    let counts = (0..<6).map { _ in Int(integer(4)) }
    guard counts.allSatisfy({ (0...1_000_000).contains($0) }) else { return nil }
    return Header(
      version: version,
      utcFlags: counts[0], standardFlags: counts[1], leaps: counts[2], times: counts[3], types: counts[4],
      characters: counts[5])
  }
}
