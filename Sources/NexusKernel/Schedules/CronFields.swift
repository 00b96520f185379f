// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// The six fields of an expression, and the search for the next second that they let through.
struct CronFields: Sendable, Hashable {
  /// In 400 years every date falls on every weekday that it ever falls on.
  private static let cycle = 400 * 12

  var second = CronField(values: 1)
  var minute = CronField()
  var hour = CronField()
  var day = CronField()
  var month = CronField()
  var weekday = CronField()

  /// Whether a day is chosen by either of its fields: the rule of Vixie's cron, if both choose.
  ///
  /// A field that begins with `*` does not choose; then a day must pass both.
  private var isEither: Bool { !day.isStarred && !weekday.isStarred }

  /// Whether every hour is named: then it runs by real time, otherwise by the hours of the clock on the wall.
  var namesEveryHour: Bool { hour.values == (1 << 24) - 1 }

  /// Whether some day of some year passes.
  var canHappen: Bool {
    if isEither || day.includesLast { return true }
    // Every date falls on every weekday in some year, so the weekday takes nothing away for good.
    return (1...12).contains { number in
      // A leap year: the longest February.
      month.contains(number) && day.values & Self.dayMask(CivilMonth(year: 2000, month: Int64(number)).length) != 0
    }
  }

  /// The first second later than `time` that passes; nil if there is none within a whole cycle of the calendar.
  func next(after time: CivilSecond) -> CivilSecond? {
    let start = CivilSecond(time.value + 1)
    let date = CivilDate(daysSinceEpoch: start.days)
    if isDay(start.days, in: CivilMonth(year: date.year, month: date.month)),
      let inDay = nextInDay(from: start.secondOfDay)
    {
      return CivilSecond(start.days * CivilClock.day + inDay)
    }
    guard let day = nextDay(from: start.days + 1), let inDay = nextInDay(from: 0) else { return nil }
    return CivilSecond(day * CivilClock.day + inDay)
  }

  private func nextInDay(from secondOfDay: Int64) -> Int64? {
    let startHour = Int(secondOfDay / CivilClock.hour)
    let startMinute = Int(secondOfDay / 60 % 60)
    let startSecond = Int(secondOfDay % 60)
    guard let firstMinute = minute.first(from: 0), let firstSecond = second.first(from: 0) else { return nil }
    func at(_ hour: Int, _ minute: Int, _ second: Int) -> Int64 { Int64(hour * 3600 + minute * 60 + second) }
    if hour.contains(startHour) {
      if minute.contains(startMinute), let second = second.first(from: startSecond) {
        return at(startHour, startMinute, second)
      }
      if let minute = minute.first(from: startMinute + 1) { return at(startHour, minute, firstSecond) }
    }
    return hour.first(from: startHour + 1).map { at($0, firstMinute, firstSecond) }
  }

  /// Days are looked for a month at a time: its days are one word of bits.
  private func nextDay(from day: Int64) -> Int64? {
    let date = CivilDate(daysSinceEpoch: day)
    var current = CivilMonth(year: date.year, month: date.month)
    var start = Int(date.day)
    for _ in 0...Self.cycle {
      if month.contains(Int(current.month)) {
        let left = CronField(values: days(of: current)).first(from: start)
        if let left { return current.firstDay + Int64(left) - 1 }
      }
      current = current.next
      start = 1
    }
    return nil
  }

  private func isDay(_ day: Int64, in month: CivilMonth) -> Bool {
    self.month.contains(Int(month.month)) && CronField(values: days(of: month)).contains(Int(day - month.firstDay) + 1)
  }

  /// Bit n is set if the n-th day of the month passes.
  private func days(of month: CivilMonth) -> UInt64 {
    let length = month.length
    var byDate = day.values
    if day.includesLast { byDate |= 1 << UInt64(length) }
    let first = CivilClock.weekday(ofDay: month.firstDay)
    var byWeekday: UInt64 = 0
    for number in 1...length where weekday.contains((first + number - 1) % 7) { byWeekday |= 1 << UInt64(number) }
    return (isEither ? byDate | byWeekday : byDate & byWeekday) & Self.dayMask(length)
  }

  private static func dayMask(_ length: Int) -> UInt64 { (1 << UInt64(length + 1)) - 2 }
}
