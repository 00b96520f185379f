// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A rule without end for the offset of a clock: the `TZ` of POSIX with the extension of RFC 9636 §3.3.1.
struct PosixZone: Sendable, Hashable {
  /// A day of every year.
  enum Day: Sendable, Hashable {
    /// `Jn`: 1 … 365, and the 29th of February is not counted.
    case julian(Int64)
    /// `n`: 0 … 365, and the 29th of February is.
    case ordinal(Int64)
    /// `Mm.w.d`: the w-th weekday d of the month m; the fifth is the last.
    case weekday(month: Int64, week: Int64, day: Int)
  }

  /// When the clock is set.
  struct Moment: Sendable, Hashable {
    var day: Day
    /// Seconds from the midnight that begins that day, on the clock before it is set: up to a week in both directions.
    var time: Int64
  }

  /// Daylight saving time.
  struct Daylight: Sendable, Hashable {
    var offset: Int64
    var start: Moment
    var end: Moment
  }

  var standard: Int64
  /// Nil: the clock is never set.
  var daylight: Daylight?

  func offset(at time: Int64) -> Int64 {
    guard let daylight else { return standard }
    return changes(around: time, daylight).last { $0.time <= time }?.offset ?? standard
  }

  func nextChange(after time: Int64) -> TimeZoneRules.Change? {
    guard let daylight, daylight.offset != standard else { return nil }
    var before = offset(at: time)
    for change in changes(around: time, daylight) where change.time > time {
      // A zone that keeps daylight saving time all year ends it in the second in which it begins again.
      if change.offset != before, offset(at: change.time) == change.offset { return change }
      before = offset(at: change.time)
    }
    return nil
  }

  /// The changes of the years around a time, in order; if two fall together, the start of daylight saving time holds.
  private func changes(around time: Int64, _ daylight: Daylight) -> [TimeZoneRules.Change] {
    let days = CivilClock.divide(min(max(time, CivilClock.range.lowerBound), CivilClock.range.upperBound), by: 86_400)
    let year = CivilDate(daysSinceEpoch: days).year
    var changes: [(change: TimeZoneRules.Change, order: Int)] = []
    for year in year - 2...year + 2 {
      changes.append((.init(time: daylight.end.second(in: year) - daylight.offset, offset: standard), 0))
      changes.append((.init(time: daylight.start.second(in: year) - standard, offset: daylight.offset), 1))
    }
    return changes.sorted { ($0.change.time, $0.order) < ($1.change.time, $1.order) }.map(\.change)
  }
}

extension PosixZone.Moment {
  /// The second on the clock on the wall at which it is in that year.
  fileprivate func second(in year: Int64) -> Int64 {
    let january = CivilMonth(year: year, month: 1)
    switch day {
    case .julian(let number):
      let isLeap = CivilMonth(year: year, month: 2).length == 29
      return (january.firstDay + number - (isLeap && number >= 60 ? 0 : 1)) * CivilClock.day + time
    case .ordinal(let number): return (january.firstDay + number) * CivilClock.day + time
    case .weekday(let month, let week, let weekday):
      let month = CivilMonth(year: year, month: month)
      var number = Int64((weekday - CivilClock.weekday(ofDay: month.firstDay) + 7) % 7) + (week - 1) * 7
      if number >= month.length { number -= 7 }
      return (month.firstDay + number) * CivilClock.day + time
    }
  }
}
