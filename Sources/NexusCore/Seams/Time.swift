// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A point on the node's monotonic clock, in nanoseconds since some start; it goes on while the machine is suspended.
///
/// It orders and measures within one boot of the machine and means nothing outside it.
package struct Instant: Sendable, Hashable, Comparable, CustomStringConvertible {
  package let nanoseconds: Int64
  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  package var description: String { "\(nanoseconds)ns" }
  package static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

  /// Saturates instead of overflowing: a deadline centuries away is a deadline that never comes.
  package static func + (left: Instant, right: Duration) -> Instant {
    let (sum, overflow) = left.nanoseconds.addingReportingOverflow(right.wholeNanoseconds)
    return Instant(nanoseconds: overflow ? (right < .zero ? .min : .max) : sum)
  }

  package static func - (left: Instant, right: Instant) -> Duration {
    let (difference, overflow) = left.nanoseconds.subtractingReportingOverflow(right.nanoseconds)
    return .nanoseconds(overflow ? (left < right ? Int64.min : Int64.max) : difference)
  }
}

/// A point in civil time: microseconds since 1970-01-01T00:00:00Z.
///
/// It may step in both directions.
package struct WallTime: Sendable, Hashable, Comparable, CustomStringConvertible {
  package let microseconds: Int64
  package init(microseconds: Int64) { self.microseconds = microseconds }

  package var description: String { iso8601 }
  package static func < (left: WallTime, right: WallTime) -> Bool { left.microseconds < right.microseconds }

  package static func + (left: WallTime, right: Duration) -> WallTime {
    let (sum, overflow) = left.microseconds.addingReportingOverflow(right.wholeNanoseconds / 1000)
    return WallTime(microseconds: overflow ? (right < .zero ? .min : .max) : sum)
  }

  package static func - (left: WallTime, right: WallTime) -> Duration {
    let (difference, overflow) = left.microseconds.subtractingReportingOverflow(right.microseconds)
    return .microseconds(overflow ? (left < right ? Int64.min : Int64.max) : difference)
  }

  /// `2026-11-23T05:37:00.123Z`, in the proleptic Gregorian calendar.
  package var iso8601: String {
    let milliseconds = microseconds.flooredDivision(by: 1000)
    let days = milliseconds.flooredDivision(by: 86_400_000)
    let inDay = milliseconds - days * 86_400_000
    let date = CivilDate(daysSinceEpoch: days)
    func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let fraction = String(1000 + inDay % 1000).dropFirst()
    return
      "\(date.year)-\(two(date.month))-\(two(date.day))T\(two(inDay / 3_600_000)):\(two(inDay / 60_000 % 60)):\(two(inDay / 1000 % 60)).\(fraction)Z"
  }
}

/// A date of the proleptic Gregorian calendar, from a day count by Howard Hinnant's `civil_from_days`.
package struct CivilDate: Sendable, Equatable {
  package let year: Int64
  package let month: Int64
  package let day: Int64

  package init(daysSinceEpoch: Int64) {
    let shifted = daysSinceEpoch + 719_468
    let era = shifted.flooredDivision(by: 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }
}

extension Int64 {
  /// Division that rounds towards negative infinity, so that times before 1970 fall into the right day.
  fileprivate func flooredDivision(by divisor: Int64) -> Int64 {
    let quotient = self / divisor
    return self % divisor < 0 ? quotient - 1 : quotient
  }
}

extension Duration {
  /// The duration in whole nanoseconds, saturating at the ends of `Int64`.
  package var wholeNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return seconds < 0 ? .min : .max }
    let (sum, overflow2) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
    return overflow2 ? (seconds < 0 ? .min : .max) : sum
  }

  /// The duration in whole milliseconds, rounded towards zero.
  package var wholeMilliseconds: Int64 { wholeNanoseconds / 1_000_000 }
}

/// The seam through which all code reads time and waits; the simulation puts its own in place.
package protocol NexusClock: Sendable {
  func now() -> Instant
  func wallNow() -> WallTime

  /// Returns once `deadline` has come; throws `CancellationError` as soon as the task is cancelled.
  func sleep(until deadline: Instant) async throws
}

/// The seam through which all code gets randomness.
package protocol RandomSource: Sendable {
  /// 64 uniformly distributed bits; the system's source is fit for secrets.
  func next() -> UInt64
  /// So many random bytes.
  func bytes(_ count: Int) -> [UInt8]
}

extension RandomSource {
  package func bytes(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 7)
    while bytes.count < count {
      let word = next()
      for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift))) }
    }
    return Array(bytes.prefix(count))
  }
}
