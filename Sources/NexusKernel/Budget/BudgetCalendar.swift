// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Windows of the calendar in UTC: each has an index, a new index is a new counter, and nothing is ever reset.
package enum BudgetCalendar {
  private static let hour: Int64 = 3_600_000_000
  private static let day: Int64 = 24 * hour
  /// 1970-01-01 was a Thursday; weeks start on Monday.
  private static let daysBeforeFirstThursday: Int64 = 3

  /// The index of the window that holds `time`.
  package static func index(of window: BudgetWindow, at time: WallTime) -> Int64 {
    switch window {
    case .run, .lifetime: return 0
    case .hour: return divide(time.microseconds, by: hour)
    case .day: return divide(time.microseconds, by: day)
    case .week: return divide(divide(time.microseconds, by: day) + daysBeforeFirstThursday, by: 7)
    case .month:
      let date = CivilDate(daysSinceEpoch: divide(time.microseconds, by: day))
      return (date.year - 1970) * 12 + date.month - 1
    }
  }

  /// When the window of that index begins; nil for windows that the calendar does not end.
  package static func start(of window: BudgetWindow, index: Int64) -> WallTime? {
    switch window {
    case .run, .lifetime: return nil
    case .hour: return at(index, times: hour)
    case .day: return at(index, times: day)
    case .week: return at(index * 7 - daysBeforeFirstThursday, times: day)
    case .month: return at(firstDay(ofMonth: index), times: day)
    }
  }

  /// The days from the epoch to the first of a month, by Howard Hinnant's `days_from_civil`.
  private static func firstDay(ofMonth index: Int64) -> Int64 {
    // January 1970 is month 10 of the year that began in March 1969: the leap day ends its year.
    let shifted = index + 10
    let year = 1969 + divide(shifted, by: 12)
    let month = shifted - divide(shifted, by: 12) * 12
    let era = divide(year, by: 400)
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * month + 2) / 5
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private static func at(_ count: Int64, times unit: Int64) -> WallTime {
    let (product, overflow) = count.multipliedReportingOverflow(by: unit)
    return WallTime(microseconds: overflow ? (count < 0 ? .min : .max) : product)
  }

  private static func divide(_ value: Int64, by divisor: Int64) -> Int64 {
    let quotient = value / divisor
    return value % divisor < 0 ? quotient - 1 : quotient
  }
}
