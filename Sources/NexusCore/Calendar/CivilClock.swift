// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A date and a time of day on the clock of some place: seconds since 1970-01-01T00:00:00 as that clock shows it.
///
/// The proleptic Gregorian calendar; such a clock knows no leap seconds.
package struct CivilSecond: Sendable, Hashable, Comparable {
  package let value: Int64
  package init(_ value: Int64) { self.value = value }
  package static func < (left: Self, right: Self) -> Bool { left.value < right.value }

  /// The second of a date and time; the parts may be beyond their ranges and carry over.
  package init(year: Int64, month: Int64, day: Int64, hour: Int64 = 0, minute: Int64 = 0, second: Int64 = 0) {
    let days = CivilMonth(year: year, month: month).firstDay + day - 1
    value = days * CivilClock.day + hour * CivilClock.hour + minute * 60 + second
  }

  /// Whole days since 1970-01-01.
  package var days: Int64 { CivilClock.divide(value, by: CivilClock.day) }
  package var secondOfDay: Int64 { value - days * CivilClock.day }
}

/// One month of the calendar.
package struct CivilMonth: Sendable, Hashable {
  package var year: Int64
  /// 1 … 12.
  package var month: Int64

  /// A month beyond 1 … 12 carries over into the year.
  package init(year: Int64, month: Int64) {
    self.year = year + CivilClock.divide(month - 1, by: 12)
    self.month = month - 12 * CivilClock.divide(month - 1, by: 12)
  }

  package var next: CivilMonth { CivilMonth(year: year, month: month + 1) }

  /// Days from 1970-01-01 to its first day, by Howard Hinnant's `days_from_civil`.
  package var firstDay: Int64 {
    // The year begins in March, so that the leap day ends it.
    let shiftedYear = month <= 2 ? year - 1 : year
    let era = CivilClock.divide(shiftedYear, by: 400)
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  package var length: Int { Int(next.firstDay - firstDay) }
}

/// Arithmetic of the calendar.
package enum CivilClock {
  package static let day: Int64 = 86_400
  package static let hour: Int64 = 3600
  /// The first second of the year 1 and the first of the year 10000: nothing is computed beyond.
  package static let range: Range<Int64> = -62_135_596_800..<253_402_300_800

  /// Division that rounds down, so that times before 1970 fall into the right day.
  package static func divide(_ value: Int64, by divisor: Int64) -> Int64 {
    let quotient = value / divisor
    return value % divisor < 0 ? quotient - 1 : quotient
  }

  /// 0 is Sunday; 1970-01-01 was a Thursday.
  package static func weekday(ofDay days: Int64) -> Int { Int((days + 4) - 7 * divide(days + 4, by: 7)) }
}
