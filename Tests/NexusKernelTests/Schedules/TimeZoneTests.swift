// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

extension ZoneGolden: CustomTestStringConvertible {
  var testDescription: String { name }

  /// The zone of a name that the table has; ` slim` behind it for the one without a table of the future.
  static func zone(_ name: String) throws -> TimeZoneRules {
    try TimeZoneRules(tzif: bytes(try #require(files[name])))
  }

  static func bytes(_ base64: String) -> [UInt8] {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var bytes: [UInt8] = []
    var word: UInt32 = 0
    var bits: UInt32 = 0
    for character in base64.utf8 {
      guard let value = alphabet.firstIndex(of: character) else { continue }
      word = word << 6 | UInt32(value)
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: word >> bits))
      }
    }
    return bytes
  }

  static func pairs(_ text: String) -> [(Int64, Substring)] {
    text.split { $0.isWhitespace }.compactMap { item in
      let parts = item.split(separator: "=")
      return Int64(parts[0]).map { ($0, parts[1]) }
    }
  }
}

@Suite struct TimeZoneTests {
  private func at(_ second: Int64) -> WallTime { WallTime(microseconds: second * 1_000_000) }

  @Test(arguments: ZoneGolden.all)
  func `offsets are those of the golden table`(golden: ZoneGolden) throws {
    let zone = try ZoneGolden.zone(golden.name)
    let pairs = ZoneGolden.pairs(golden.offsets)
    #expect(pairs.count >= 24)
    for (second, offset) in pairs { #expect(zone.utcOffset(at: at(second)) == Int64(offset), "\(second)") }
  }

  @Test(arguments: ZoneGolden.all)
  func `times on the wall are found where the golden table says`(golden: ZoneGolden) throws {
    let zone = try ZoneGolden.zone(golden.name)
    for (second, expected) in ZoneGolden.pairs(golden.walls) {
      let found =
        switch zone.moment(of: CivilSecond(second)) {
        case .once(let moment): "\(moment)"
        case .skipped(let change): ">\(change)"
        case .repeated(let first, let last, let end): end.value > second ? "\(first)/\(last)" : "no end"
        }
      #expect(found == expected, "\(second)")
    }
  }

  @Test func `UTC needs no data`() {
    #expect(TimeZoneRules.utc.utcOffset(at: at(1_700_000_000)) == 0)
    #expect(TimeZoneRules.utc.moment(of: CivilSecond(5)) == .once(5))
  }

  @Test(arguments: [
    // Daylight saving time all year, as RFC 9636 writes it.
    ("XXX3EDT4,0/0,J365/23", 0, -14_400), ("XXX3EDT4,0/0,J365/23", 1_767_236_400, -14_400),
    ("<-03>3", 0, -10_800), ("<+0530>-5:30", 0, 19_800), ("AAA-1:02:03", 0, 3723),
    // Southern: 2026-01-01 and 2026-07-01.
    ("AEST-10AEDT,M10.1.0,M4.1.0/3", 1_767_225_600, 39_600), ("AEST-10AEDT,M10.1.0,M4.1.0/3", 1_782_864_000, 36_000),
    // Julian days do not count the 29th of February, ordinal ones do: 2028-03-01T00:00Z is J60 and 60.
    ("AAA0BBB,J60/0,J90", 1_835_481_600, 3600), ("AAA0BBB,60/0,90", 1_835_481_600, 3600),
    ("AAA0BBB,J60/0,J90", 1_835_481_599, 0), ("AAA0BBB,59/0,90", 1_835_395_200, 3600),
  ])
  func `rules are read as POSIX writes them`(text: String, second: Int64, offset: Int64) throws {
    #expect(try TimeZoneRules(posix: text).utcOffset(at: at(second)) == offset)
  }

  @Test(arguments: [
    "", "UT0", "CET", "CET-25", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
    "CET-1CEST,M3.6.0,M10.5.0",
    "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J10", "CET-1CEST,366,10", "CET-1CEST,M3.5.0/168,M10.5.0",
    "CET-1CEST,M3.5.0,M10.5.0/3 ", "<CET-1", "<>1", "CET-1:60", "CET-1:00:60", "CET--1", "C\u{E9}T-1", "CET-0001",
  ])
  func `what is no rule is refused`(text: String) {
    #expect(throws: TimeZoneDataError.self) { try TimeZoneRules(posix: text) }
  }

  @Test(arguments: ["Europe/Berlin", "UTC", "Asia/Gaza slim"])
  func `a file cut anywhere or with anything behind it is refused`(name: String) throws {
    let bytes = ZoneGolden.bytes(try #require(ZoneGolden.files[name]))
    for length in 0..<bytes.count {
      #expect(throws: TimeZoneDataError.self) { try TimeZoneRules(tzif: Array(bytes.prefix(length))) }
    }
    #expect(throws: TimeZoneDataError.self) { try TimeZoneRules(tzif: bytes + [0]) }
    #expect(throws: TimeZoneDataError.self) { try TimeZoneRules(tzif: bytes + bytes) }
  }

  @Test(arguments: 1...40)
  func `no bytes make the reader trap`(seed: UInt64) throws {
    var dice = Dice(seed)
    let originals = try ["Europe/Berlin slim", "UTC", "Australia/Lord_Howe slim"].map {
      ZoneGolden.bytes(try #require(ZoneGolden.files[$0]))
    }
    for _ in 0..<100 {
      var bytes = originals[Int(dice.roll(0...2))]
      for _ in 0..<dice.roll(1...4) {
        let place = dice.chance(40) ? dice.roll(0...60) : dice.roll(0...Int64(bytes.count - 1))
        bytes[Int(place)] = UInt8(truncatingIfNeeded: dice.next())
      }
      // What is read all the same must answer.
      guard let zone = try? TimeZoneRules(tzif: bytes) else { continue }
      let second = dice.roll(-4_000_000_000...8_000_000_000)
      #expect(abs(zone.utcOffset(at: at(second))) < 93_600)
      _ = zone.moment(of: CivilSecond(second))
      _ = try CronExpression(parsing: "30 2 * * *").next(after: at(second), in: zone)
      _ = try CronExpression(parsing: "30 * * * *").next(after: at(second), in: zone)
    }
  }

  /// A header and a block of version 1.
  private func tzif(
    times: [Int32] = [], types: [UInt8] = [], offsets: [Int32] = [0], names: [UInt8] = [65, 65, 65, 0],
    flag: UInt8 = 0, nameIndex: UInt8 = 0, leaps: Int = 0, flags: [UInt8] = []
  ) -> [UInt8] {
    func big(_ value: Int32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> Int32(24 - 8 * $0)) } }
    var bytes = Array("TZif".utf8) + [UInt8](repeating: 0, count: 16)
    for count in [flags.count, flags.count, leaps, times.count, offsets.count, names.count] {
      bytes += big(Int32(count))
    }
    bytes += times.flatMap(big) + types
    for offset in offsets { bytes += big(offset) + [flag, nameIndex] }
    return bytes + names + [UInt8](repeating: 0, count: leaps * 8) + flags + flags
  }

  @Test func `a file of the first version is read, and holds its last offset for ever`() throws {
    let zone = try TimeZoneRules(tzif: tzif(times: [-10, 10], types: [1, 0], offsets: [60, 120], flags: [0, 1]))
    #expect([-11, -10, 9, 10, 4_000_000_000].map { zone.utcOffset(at: at($0)) } == [60, 120, 120, 60, 60])
  }

  @Test func `contradictions in a file are refused`() {
    #expect(throws: Never.self) { try TimeZoneRules(tzif: tzif()) }
    let wrong = [
      tzif(times: [10, 10], types: [0, 0]), tzif(times: [10, 9], types: [0, 0]), tzif(times: [1], types: [1]),
      tzif(offsets: []), tzif(names: []), tzif(names: [65, 65, 65]), tzif(flag: 2), tzif(nameIndex: 4), tzif(leaps: 1),
      tzif(flags: [0, 0]), tzif(flags: [2]), tzif(offsets: [.min]), tzif(offsets: [100_000]),
      [UInt8](repeating: 0, count: TimeZoneRules.maxBytes + 1),
    ]
    for (index, bytes) in wrong.enumerated() {
      #expect(throws: TimeZoneDataError.self, "\(index)") { try TimeZoneRules(tzif: bytes) }
    }
  }
}
