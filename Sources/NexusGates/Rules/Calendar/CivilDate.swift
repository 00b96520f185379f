// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A point in time on the wall: the proleptic Gregorian calendar of one offset from UTC.
struct CivilDate {
  let year: Int64
  /// From 1.
  let month: Int64
  /// From 1.
  let day: Int64
  let hour: Int64
  let minute: Int64
  let second: Int64
  /// From 0, which is Sunday.
  let weekday: Int64
  /// From 0.
  let dayOfYear: Int64

  static let secondsPerDay: Int64 = 86_400

  /// - Parameters:
  ///   - seconds: Since 1970-01-01T00:00:00Z, small enough that adding the offset cannot overflow.
  ///   - offset: Seconds east of UTC.
  init(seconds: Int64, offset: Int64 = 0) {
    let (days, secondOfDay) = (seconds + offset).floorDivided(by: Self.secondsPerDay)
    // Algorithm `civil_from_days` of Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms": years begin in
    // March, so that the leap day is the last of its year; 146 097 days are 400 years.
    let (era, dayOfEra) = (days + 719_468).floorDivided(by: 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfMarchYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfMarchYear + 2) / 153
    day = dayOfMarchYear - (153 * marchMonth + 2) / 5 + 1
    month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    (hour, minute, second) = (secondOfDay / 3600, secondOfDay % 3600 / 60, secondOfDay % 60)
    weekday = (days + 4).floorDivided(by: 7).1
    dayOfYear = days - Self.daysSinceEpoch(year: year, month: 1, day: 1)
  }

  /// Days since 1970-01-01; the inverse of the above.
  static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
    let (era, yearOfEra) = (month <= 2 ? year - 1 : year).floorDivided(by: 400)
    let dayOfMarchYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfMarchYear - 719_468
  }

  static func daysIn(month: Int64, year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}
