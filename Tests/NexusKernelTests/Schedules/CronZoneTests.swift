// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

/// What a schedule does when the clock is set; all times of the tables are UTC.
@Suite struct CronZoneTests {
  @Test(arguments: [
    // Berlin is set from 02:00 to 03:00 on 2026-03-29 at 01:00 UTC: what is skipped runs once right after.
    ("30 2 * * *", "Europe/Berlin", "2026-03-28 00:00", ["2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"]),
    ("0 2 * * *", "Europe/Berlin", "2026-03-28 02:00", ["2026-03-29 01:00", "2026-03-30 00:00"]),
    (
      "*/20 2 * * *", "Europe/Berlin", "2026-03-28 23:00", ["2026-03-29 01:00", "2026-03-30 00:00", "2026-03-30 00:20"]
    ),
    ("0 3 * * *", "Europe/Berlin", "2026-03-28 12:00", ["2026-03-29 01:00", "2026-03-30 01:00"]),
    ("0 2,3 * * *", "Europe/Berlin", "2026-03-28 12:00", ["2026-03-29 01:00", "2026-03-30 00:00"]),
    ("0 * * * *", "Europe/Berlin", "2026-03-28 23:30", ["2026-03-29 00:00", "2026-03-29 01:00", "2026-03-29 02:00"]),
    ("0 */2 * * *", "Europe/Berlin", "2026-03-28 22:30", ["2026-03-28 23:00", "2026-03-29 01:00", "2026-03-29 02:00"]),
    // And back from 03:00 to 02:00 on 2026-10-25 at 01:00 UTC: what is shown twice runs once, the first time.
    ("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00", ["2026-10-25 00:30", "2026-10-26 01:30"]),
    ("*/20 2 * * *", "Europe/Berlin", "2026-10-25 00:30", ["2026-10-25 00:40", "2026-10-26 01:00"]),
    ("*/20 2 * * *", "Europe/Berlin", "2026-10-25 01:10", ["2026-10-26 01:00"]),
    ("0 3 * * *", "Europe/Berlin", "2026-10-25 00:59", ["2026-10-25 02:00"]),
    ("0 * * * *", "Europe/Berlin", "2026-10-24 23:30", ["2026-10-25 00:00", "2026-10-25 01:00", "2026-10-25 02:00"]),
    ("0 0-23 * * *", "Europe/Berlin", "2026-10-25 00:00", ["2026-10-25 01:00", "2026-10-25 02:00"]),
    ("30 1 * * *", "America/New_York slim", "2026-10-31 12:00", ["2026-11-01 05:30", "2026-11-02 06:30"]),
    ("30 2 8 3 *", "America/New_York slim", "2026-03-01 00:00", ["2026-03-08 07:00", "2027-03-08 07:30"]),
    // Lord Howe moves by half an hour: from 02:00 to 02:30, and from 02:00 back to 01:30.
    ("15 2 * * *", "Australia/Lord_Howe slim", "2026-10-02 20:00", ["2026-10-03 15:30", "2026-10-04 15:15"]),
    ("45 1 * * *", "Australia/Lord_Howe slim", "2026-04-04 00:00", ["2026-04-04 14:45", "2026-04-05 15:15"]),
    (
      "*/30 * * * *", "Australia/Lord_Howe slim", "2026-04-04 14:00",
      ["2026-04-04 14:30", "2026-04-04 15:00", "2026-04-04 15:30"]
    ),
    ("0 9 * * *", "Asia/Kathmandu", "2026-01-01 00:00", ["2026-01-01 03:15", "2026-01-02 03:15"]),
    // Samoa skipped the whole of 2011-12-30.
    ("0 9 * * *", "Pacific/Apia", "2011-12-29 00:00", ["2011-12-29 19:00", "2011-12-30 10:00", "2011-12-30 19:00"]),
    ("0 0 * * *", "Pacific/Apia", "2011-12-29 00:00", ["2011-12-29 10:00", "2011-12-30 10:00", "2011-12-31 10:00"]),
    // Beyond all tables, by the rule at the end of the file.
    ("30 2 31 3 *", "Europe/Berlin slim", "2149-01-01 00:00", ["2149-03-31 00:30"]),
    ("@every 1h", "Australia/Lord_Howe slim", "2026-04-04 14:30", ["2026-04-04 15:00", "2026-04-04 16:00"]),
  ])
  func `schedules follow the clock on the wall`(text: String, name: String, start: String, expected: [String]) throws {
    let zone = try ZoneGolden.zone(name)
    let cron = try CronExpression(parsing: text)
    func moment(_ text: String) -> WallTime {
      let parts = text.split(separator: " ")
      return date(String(parts[0]), "\(parts[1]):00")
    }
    var current = moment(start)
    for next in expected {
      current = try #require(cron.next(after: current, in: zone))
      #expect(current == moment(next), "\(text) in \(name)")
    }
  }

  /// Minutes of 1970 … 2100 that lie close to a change, and any.
  private func someTime(_ golden: ZoneGolden, _ dice: inout Dice) -> Int64 {
    let changes = ZoneGolden.pairs(golden.offsets).map(\.0)
    let near = changes[Int(dice.roll(0...Int64(changes.count - 1)))]
    return (dice.chance(80) ? near : dice.roll(0...4_000_000_000)) + dice.roll(-20_000...20_000)
  }

  @Test(arguments: ZoneGolden.all)
  func `schedules that name every hour run whenever the clock shows it`(golden: ZoneGolden) throws {
    var dice = Dice(7)
    let zone = try ZoneGolden.zone(golden.name)
    for _ in 0..<10 {
      let minute = dice.roll(0...59)
      let cron = try CronExpression(parsing: "\(minute) * * * *")
      let start = someTime(golden, &dice)
      let found = try #require(cron.next(after: WallTime(microseconds: start * 1_000_000), in: zone))
      var walk = start + 1
      while true {
        let wall = walk + zone.utcOffset(at: WallTime(microseconds: walk * 1_000_000))
        if ((wall % 3600) + 3600) % 3600 == minute * 60 { break }
        walk += 1
      }
      #expect(found.microseconds == walk * 1_000_000, "\(minute) after \(start)")
    }
  }

  @Test(arguments: ZoneGolden.all)
  func `schedules that name an hour run once a day, at that hour or right after it was skipped`(
    golden: ZoneGolden
  ) throws {
    var dice = Dice(8)
    let zone = try ZoneGolden.zone(golden.name)
    for _ in 0..<40 {
      let minute = dice.roll(0...1439)
      let cron = try CronExpression(parsing: "\(minute % 60) \(minute / 60) * * *")
      let start = WallTime(microseconds: someTime(golden, &dice) * 1_000_000)
      var found = start
      var expected: [Int64] = []
      // The days on the wall around it, each found by itself.
      let wall = start.microseconds / 1_000_000 + zone.utcOffset(at: start)
      for day in wall / 86_400 - 3...wall / 86_400 + 8 {
        switch zone.moment(of: CivilSecond(day * 86_400 + minute * 60)) {
        case .once(let moment), .skipped(let moment), .repeated(let moment, _, _):
          if moment * 1_000_000 > start.microseconds, expected.last != moment { expected.append(moment) }
        }
      }
      for moment in expected.prefix(5) {
        found = try #require(cron.next(after: found, in: zone))
        #expect(found.microseconds == moment * 1_000_000, "\(minute) after \(start)")
      }
    }
  }
}
