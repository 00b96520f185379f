// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// One field of a cron expression: what it counts, from where to where, and its names.
enum CronUnit: Sendable, CaseIterable {
  case second, minute, hour, day, month, weekday

  var name: String {
    switch self {
    case .second: "second"
    case .minute: "minute"
    case .hour: "hour"
    case .day: "day of month"
    case .month: "month"
    case .weekday: "day of week"
    }
  }

  /// What may be written; 7 is Sunday, too.
  var bounds: ClosedRange<Int> {
    switch self {
    case .second, .minute: 0...59
    case .hour: 0...23
    case .day: 1...31
    case .month: 1...12
    case .weekday: 0...7
    }
  }

  /// What `*` stands for: every value once.
  var every: ClosedRange<Int> { self == .weekday ? 0...6 : bounds }

  /// The names of its values, from the first value on.
  var names: [String] {
    switch self {
    case .month: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
    case .weekday: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
    case .second, .minute, .hour, .day: []
    }
  }

  /// A length of time that steps of this field may have been meant as: `*/90` minutes is `@every 90m`.
  func duration(of step: Int) -> String? {
    switch self {
    case .second: "\(step)s"
    case .minute: "\(step)m"
    case .hour: "\(step)h"
    case .day, .month, .weekday: nil
    }
  }
}

/// What one field of an expression lets through.
struct CronField: Sendable, Hashable {
  /// Bit n is set if the value n is.
  var values: UInt64 = 0
  /// Of days: the last one of the month, whatever its number.
  var includesLast = false
  /// Written with `*` or `?` at its start: it does not choose by itself.
  var isStarred = false

  /// The least value from `minimum` on.
  func first(from minimum: Int) -> Int? {
    guard minimum < 64 else { return nil }
    let left = values & (UInt64.max << UInt64(max(0, minimum)))
    return left == 0 ? nil : left.trailingZeroBitCount
  }

  func contains(_ value: Int) -> Bool { values & (1 << UInt64(value)) != 0 }
}
