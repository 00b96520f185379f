// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A day of the Gregorian calendar, also before it was invented.
struct Day {
  var year: Int
  var month: Int
  var day: Int

  /// Nil for a day that no calendar has.
  init?(_ year: Int, _ month: Int, _ day: Int) {
    guard (1...9999).contains(year), (1...12).contains(month), day >= 1, day <= Day.length(of: month, year) else {
      return nil
    }
    self.year = year
    self.month = month
    self.day = day
  }

  /// The day that many days after 1970-01-01.
  init?(number: Int) {
    // Counted in eras of 400 years that begin in March.
    let shifted = number + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    self.init(
      yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
  }

  /// Days after 1970-01-01.
  var number: Int {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  /// 0 is Monday.
  var weekday: Int {
    let rest = (number + 3) % 7
    return rest < 0 ? rest + 7 : rest
  }

  var dayOfYear: Int {
    var days = day
    for month in 1..<12 where month < self.month { days += Day.length(of: month, year) }
    return days
  }

  /// The same day of another month, or the last one of it.
  func adding(months: Int) -> Day? {
    let total = year * 12 + month - 1 + months
    guard total >= 12 else { return nil }
    let year = total / 12
    let month = total % 12 + 1
    guard year <= 9999 else { return nil }
    return Day(year, month, min(day, Day.length(of: month, year)))
  }

  static func length(of month: Int, _ year: Int) -> Int {
    switch month {
    case 2: isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }
}

/// A time of day, perhaps with its distance from UTC.
struct Clock {
  var hour: Int
  var minute: Int
  var second: Int
  /// Digits behind the seconds, as written.
  var fraction: [UInt8] = []
  /// In minutes; nil if none is said.
  var offset: Int?

  init?(_ hour: Int, _ minute: Int, _ second: Int) {
    guard (0...23).contains(hour), (0...59).contains(minute), (0...59).contains(second) else { return nil }
    self.hour = hour
    self.minute = minute
    self.second = second
  }
}
