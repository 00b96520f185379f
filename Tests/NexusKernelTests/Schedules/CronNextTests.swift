// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

@Suite struct CronNextTests {
  @Test(arguments: [
    ("* * * * *", "*/1 0-23 * 1-12 0-6"), ("0 9 * * MON-FRI", " 0  9\t* * 1-5\n"), ("0 9 * * 0", "0 9 * * 7"),
    ("0 0 * * SAT-SUN", "0 0 * * 0,6"), ("0 0 1 jan,JUL *", "0 0 1 1,7 *"), ("5/15 * * * *", "5,20,35,50 * * * *"),
    ("10-30/10 * * * *", "10,20,30 * * * *"), ("0 0 ? * MON", "0 0 * * 1"), ("0 0 0 1 1 *", "@yearly"),
    ("0 0 1 1 *", "@annually"), ("0 0 1 * *", "@monthly"), ("0 0 * * 0", "@weekly"), ("0 0 * * *", "@daily"),
    ("0 0 * * *", "@midnight"), ("0 * * * *", "@Hourly"), ("@every 90m", "@every 1h30m"),
    ("@every 86400s", "@every 1d"),
    ("0 0 * * 1/2", "0 0 * * 1,3,5"), ("0 0 * * FRI-SUN", "0 0 * * 5-7"),
  ])
  func `two ways to say the same`(left: String, right: String) throws {
    // How a field was written matters only where both fields of days choose.
    let zone = WallTime(microseconds: 1_700_000_000_000_000)
    var moments = (zone, zone)
    for _ in 0..<50 {
      moments.0 = try #require(try CronExpression(parsing: left).next(after: moments.0, in: .utc))
      moments.1 = try #require(try CronExpression(parsing: right).next(after: moments.1, in: .utc))
      #expect(moments.0 == moments.1)
    }
  }

  @Test(arguments: [
    ("0 0 29 2 *", "2026-01-01", ["2028-02-29", "2032-02-29", "2036-02-29"]),
    // 2100 is no leap year.
    ("0 0 29 2 *", "2096-03-01", ["2104-02-29"]),
    ("0 0 L * *", "2027-12-15", ["2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31"]),
    ("0 0 L,15 2 *", "2027-01-01", ["2027-02-15", "2027-02-28"]),
    ("0 0 31 * *", "2026-01-01", ["2026-01-31", "2026-03-31", "2026-05-31"]),
    // Either field of days, if both choose.
    ("0 0 13 * FRI", "2026-02-01", ["2026-02-06", "2026-02-13", "2026-02-20", "2026-02-27", "2026-03-06"]),
    // Both, if one begins with a star.
    ("0 0 */2 * MON", "2026-02-01", ["2026-02-09", "2026-02-23", "2026-03-09"]),
    ("0 0 13 * *", "2026-02-13", ["2026-03-13", "2026-04-13"]),
    // A Monday that is a 29th of February.
    ("0 0 */28 2 MON", "2026-02-03", ["2027-02-01", "2038-02-01", "2044-02-01", "2044-02-29", "2049-02-01"]),
    ("0 0 1 1 *", "2026-01-01", ["2027-01-01"]),
  ])
  func `days are found over years`(text: String, start: String, days: [String]) throws {
    var moment = date(start)
    let cron = try CronExpression(parsing: text)
    for day in days {
      moment = try #require(cron.next(after: moment, in: .utc))
      #expect(moment == date(day))
    }
  }

  @Test(arguments: [
    ("*/15 * * * *", "10:14:59.999", "10:15:00"), ("*/15 * * * *", "10:15:00", "10:30:00"),
    ("*/10 * * * * *", "10:14:59.999", "10:15:00"), ("7 */10 * * * *", "10:14:59", "10:20:07"),
    ("30 59 23 * * *", "23:59:29", "23:59:30"), ("0-4,8 9-17/4 * * *", "13:02:30", "13:03:00"),
    ("0-4,8 9-17/4 * * *", "13:05:00", "13:08:00"), ("0-4,8 9-17/4 * * *", "13:08:00", "17:00:00"),
    ("@every 7m", "00:00:00", "00:01:00"), ("@every 1s", "10:00:00.5", "10:00:01"),
  ])
  func `times are found within a day`(text: String, after: String, expected: String) throws {
    let cron = try CronExpression(parsing: text)
    #expect(cron.next(after: date("2026-11-23", after), in: .utc) == date("2026-11-23", expected))
  }

  @Test func `an interval goes on over restarts and over the years before 1970`() throws {
    let cron = try CronExpression(parsing: "@every 1d")
    #expect(cron.next(after: date("1969-12-30", "00:00:00.5"), in: .utc) == date("1969-12-31"))
  }

  @Test func `there is nothing beyond the calendar`() throws {
    let cron = try CronExpression(parsing: "* * * * *")
    for time in [WallTime(microseconds: .max), WallTime(microseconds: .min), date("9999-12-31", "23:59:30")] {
      #expect(cron.next(after: time, in: .utc) == nil)
    }
  }

  /// Which values pass, for each field, found by trying each value by itself.
  private struct Oracle {
    private var passing: [Set<Int64>] = []
    private let includesLast: Bool
    private let isEither: Bool

    init(_ fields: [String]) {
      includesLast = fields[3].contains("L")
      isEither = !fields[3].hasPrefix("*") && !fields[5].hasPrefix("*")
      let ranges: [ClosedRange<Int64>] = [0...59, 0...59, 0...23, 1...31, 1...12, 0...6]
      for (index, range) in ranges.enumerated() {
        let values = range.filter { value in
          fields[index].split(separator: ",").contains { item in
            if item == "L" { return false }
            let parts = item.split(separator: "/")
            let ends = parts[0].split(separator: "-").compactMap { Int64($0) }
            let step = parts.count > 1 ? Int64(parts[1]) ?? 1 : 1
            let first = ends.first ?? range.lowerBound
            let last = ends.count > 1 ? ends[1] : ends.isEmpty || parts.count > 1 ? range.upperBound : first
            return value >= first && value <= last && (value - first) % step == 0
          }
        }
        passing.append(Set(values))
      }
    }

    func passes(_ seconds: Int64) -> Bool {
      guard passing[0].contains(seconds % 60), passing[1].contains(seconds / 60 % 60),
        passing[2].contains(seconds / 3600 % 24)
      else { return false }
      let date = CivilDate(daysSinceEpoch: seconds / 86_400)
      let isLast = CivilDate(daysSinceEpoch: seconds / 86_400 + 1).day == 1
      let byDate = passing[3].contains(date.day) || (includesLast && isLast)
      let byWeekday = passing[5].contains((seconds / 86_400 + 4) % 7)
      return passing[4].contains(date.month) && (isEither ? byDate || byWeekday : byDate && byWeekday)
    }
  }

  private func randomField(_ range: ClosedRange<Int64>, _ dice: inout Dice, isDay: Bool = false) -> String {
    if dice.chance(35) { return "*" }
    return (0..<dice.roll(1...3)).map { _ in
      let low = dice.roll(range)
      switch dice.roll(1...6) {
      case 1: return "\(low)-\(dice.roll(low...range.upperBound))"
      case 2: return "*/\(dice.roll(1...min(20, range.upperBound - range.lowerBound)))"
      case 3: return "\(low)/\(dice.roll(1...5))"
      case 4: return "\(low)-\(dice.roll(low...range.upperBound))/\(dice.roll(1...5))"
      default: return isDay && dice.chance(20) ? "L" : "\(low)"
      }
    }.joined(separator: ",")
  }

  @Test(arguments: 1...100)
  func `what is found is what a walk over all seconds finds`(seed: UInt64) throws {
    var dice = Dice(seed)
    let fields = [
      dice.chance(60) ? "0" : randomField(0...59, &dice), randomField(0...59, &dice), randomField(0...23, &dice),
      randomField(1...31, &dice, isDay: true), randomField(1...12, &dice), randomField(0...6, &dice),
    ]
    guard let cron = try? CronExpression(parsing: fields.joined(separator: " ")) else { return }
    let oracle = Oracle(fields)
    // 1970 … 2100, to the millisecond.
    var time = WallTime(microseconds: dice.roll(0...4_102_444_800_000) * 1000)
    for _ in 0..<4 {
      let found = try #require(cron.next(after: time, in: .utc), "\(fields)")
      let first = time.microseconds / 1_000_000 + 1
      let last = found.microseconds / 1_000_000
      #expect(last >= first && found.microseconds % 1_000_000 == 0 && oracle.passes(last), "\(fields) \(time) \(found)")
      // Nothing between the two: each second near both ends, and some on the way.
      var walk = Array(first..<min(last, first + 500)) + Array(max(first, last - 500)..<max(first, last))
      walk += stride(from: first, to: last, by: max(1, Int((last - first) / 500)))
      for second in walk where oracle.passes(second) {
        Issue.record("\(fields): \(WallTime(microseconds: second * 1_000_000)) between \(time) and \(found)")
      }
      time = found
    }
  }
}

/// `2026-11-23` and `10:14:59.999`, in UTC.
func date(_ day: String, _ time: String = "00:00:00") -> WallTime {
  let date = day.split(separator: "-").compactMap { Int64($0) }
  let clock = time.split(separator: ":")
  let second = CivilSecond(
    year: date[0], month: date[1], day: date[2], hour: Int64(clock[0]) ?? 0, minute: Int64(clock[1]) ?? 0)
  return WallTime(microseconds: second.value * 1_000_000 + Int64(((Double(clock[2]) ?? 0) * 1_000_000).rounded()))
}
