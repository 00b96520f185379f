// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Why bytes are no time zone.
package struct TimeZoneDataError: Error, Sendable, Hashable, CustomStringConvertible {
  package let message: String
  package init(_ message: String) { self.message = message }
  package var description: String { message }
}

extension TimeZoneRules {
  /// The largest file that is read; the largest zone of the IANA data base has less than 4 KiB.
  package static let maxBytes = 65_536

  /// Reads the bytes of a TZif file, of version 1 to 4 (RFC 9636).
  ///
  /// Strict: counts, indexes, order, and the agreement of the rule at its end with the table are checked, and nothing
  /// may be left over. Files that count leap seconds are refused, because the clocks of computers do not.
  package init(tzif bytes: [UInt8]) throws(TimeZoneDataError) {
    guard bytes.count <= Self.maxBytes else { throw TimeZoneDataError("larger than \(Self.maxBytes) bytes") }
    var reader = TimeZoneReader(bytes: bytes)
    let first = try reader.header()
    guard first.version > 1 else {
      self = try reader.block(first, timeSize: 4).rules(endingWith: nil)
      try reader.expectEnd()
      return
    }
    // The first block is for readers that know no other.
    try reader.skip(first.length(timeSize: 4))
    let second = try reader.header()
    guard second.version == first.version else { throw TimeZoneDataError("its two headers differ in their version") }
    let block = try reader.block(second, timeSize: 8)
    let footer = try reader.footer()
    try reader.expectEnd()
    self = try block.rules(endingWith: footer.isEmpty ? nil : try PosixZone(parsing: footer))
  }
}

/// The table of one data block.
private struct TimeZoneBlock {
  var times: [Int64] = []
  /// For each time, the type that begins.
  var types: [Int] = []
  var offsets: [Int64] = []

  func rules(endingWith rule: PosixZone?) throws(TimeZoneDataError) -> TimeZoneRules {
    let changes = zip(times, types).map { TimeZoneRules.Change(time: $0, offset: offsets[$1]) }
    if let rule, let last = changes.last, rule.offset(at: last.time) != last.offset {
      throw TimeZoneDataError("the rule at its end contradicts its table")
    }
    return TimeZoneRules(initial: offsets[0], changes: changes, tableEnd: times.last, rule: rule)
  }
}

/// The counts at the start of a data block.
private struct TimeZoneHeader {
  var version: Int
  var utCount: Int
  var standardCount: Int
  var leapCount: Int
  var timeCount: Int
  var typeCount: Int
  var characterCount: Int

  /// The bytes of the block behind it.
  func length(timeSize: Int) -> Int {
    timeCount * (timeSize + 1) + typeCount * 6 + characterCount + leapCount * (timeSize + 4) + standardCount + utCount
  }
}

private struct TimeZoneReader {
  private let bytes: [UInt8]
  private var index = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func skip(_ count: Int) throws(TimeZoneDataError) {
    guard count <= bytes.count - index else { throw TimeZoneDataError("it ends within byte \(index) + \(count)") }
    index += count
  }

  private mutating func take(_ count: Int) throws(TimeZoneDataError) -> ArraySlice<UInt8> {
    let start = index
    try skip(count)
    return bytes[start..<index]
  }

  /// A big-endian number of 4 or 8 bytes in two's complement.
  private mutating func number(size: Int) throws(TimeZoneDataError) -> Int64 {
    let value = try take(size).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return size == 4 ? Int64(Int32(truncatingIfNeeded: value)) : Int64(bitPattern: value)
  }

  private mutating func count() throws(TimeZoneDataError) -> Int {
    Int(try take(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
  }

  mutating func header() throws(TimeZoneDataError) -> TimeZoneHeader {
    guard try take(4).elementsEqual("TZif".utf8) else { throw TimeZoneDataError("it does not begin with TZif") }
    let version =
      switch try take(1).first {
      case 0: 1
      case UInt8(ascii: "2"): 2
      case UInt8(ascii: "3"): 3
      case UInt8(ascii: "4"): 4
      default: throw TimeZoneDataError("its version is not known")
      }
    try skip(15)
    let header = TimeZoneHeader(
      version: version, utCount: try count(), standardCount: try count(), leapCount: try count(),
      timeCount: try count(), typeCount: try count(), characterCount: try count())
    guard header.typeCount > 0, header.characterCount > 0,
      header.utCount == 0 || header.utCount == header.typeCount,
      header.standardCount == 0 || header.standardCount == header.typeCount
    else { throw TimeZoneDataError("its counts contradict each other") }
    return header
  }

  mutating func block(_ header: TimeZoneHeader, timeSize: Int) throws(TimeZoneDataError) -> TimeZoneBlock {
    guard header.length(timeSize: timeSize) <= bytes.count - index else {
      throw TimeZoneDataError("it is shorter than its counts say")
    }
    guard header.leapCount == 0 else { throw TimeZoneDataError("it counts leap seconds") }
    var block = TimeZoneBlock()
    for _ in 0..<header.timeCount {
      let time = try number(size: timeSize)
      guard time > block.times.last ?? .min else { throw TimeZoneDataError("its times do not ascend") }
      block.times.append(time)
    }
    block.types = try take(header.timeCount).map(Int.init)
    guard block.types.allSatisfy({ $0 < header.typeCount }) else { throw TimeZoneDataError("a type is missing") }
    var names: [Int] = []
    for _ in 0..<header.typeCount {
      let offset = try number(size: 4)
      guard abs(offset) < TimeZoneRules.maxOffset else { throw TimeZoneDataError("an offset is longer than a day") }
      block.offsets.append(offset)
      guard let isDaylight = try take(1).first, isDaylight <= 1 else { throw TimeZoneDataError("a flag is not 0 or 1") }
      names += try take(1).map(Int.init)
    }
    let characters = Array(try take(header.characterCount))
    guard characters.last == 0, names.allSatisfy({ $0 < characters.count }) else {
      throw TimeZoneDataError("a name does not end")
    }
    guard try take(header.standardCount + header.utCount).allSatisfy({ $0 <= 1 }) else {
      throw TimeZoneDataError("a flag is not 0 or 1")
    }
    return block
  }

  /// The text between the two line feeds at the end.
  mutating func footer() throws(TimeZoneDataError) -> [UInt8] {
    guard try take(1).first == 0x0A, let end = bytes[index...].firstIndex(of: 0x0A) else {
      throw TimeZoneDataError("the rule at its end is missing")
    }
    let text = Array(bytes[index..<end])
    index = end + 1
    return text
  }

  func expectEnd() throws(TimeZoneDataError) {
    guard index == bytes.count else { throw TimeZoneDataError("\(bytes.count - index) bytes are left over") }
  }
}
