// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A point in time to the nanosecond, between the years 1 and 9999.
package struct Timestamp: Sendable, Hashable, Comparable {
  /// Since 1970-01-01T00:00:00Z, rounded down.
  package let seconds: Int64
  /// From 0 to 999 999 999.
  package let nanoseconds: Int32

  static let minSeconds: Int64 = -62_135_596_800
  static let maxSeconds: Int64 = 253_402_300_799
  static let nanosecondsPerSecond: Int64 = 1_000_000_000

  /// Nil outside of the years 1 to 9999.
  package init?(seconds: Int64, nanoseconds: Int32 = 0) {
    guard (Self.minSeconds...Self.maxSeconds).contains(seconds), (0..<1_000_000_000).contains(nanoseconds) else {
      return nil
    }
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  package static func < (left: Self, right: Self) -> Bool {
    (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
  }

  /// Nil if the result is out of range.
  func adding(_ duration: RuleDuration) -> Timestamp? {
    let (wholeSeconds, rest) = duration.nanoseconds.floorDivided(by: Self.nanosecondsPerSecond)
    let sum = Int64(nanoseconds) + rest
    let carry: Int64 = sum >= Self.nanosecondsPerSecond ? 1 : 0
    let (total, overflows) = seconds.addingReportingOverflow(wholeSeconds + carry)
    if overflows { return nil }
    return Timestamp(seconds: total, nanoseconds: Int32(sum - carry * Self.nanosecondsPerSecond))
  }

  /// The time from another point to this one; nil if no duration can hold it.
  func since(_ other: Timestamp) -> RuleDuration? {
    let (scaled, overflows) = (seconds - other.seconds).multipliedReportingOverflow(by: Self.nanosecondsPerSecond)
    let (sum, overflowsToo) = scaled.addingReportingOverflow(Int64(nanoseconds) - Int64(other.nanoseconds))
    return overflows || overflowsToo ? nil : RuleDuration(nanoseconds: sum)
  }
}

/// A length of time, positive or negative, of at most 292 years.
package struct RuleDuration: Sendable, Hashable, Comparable {
  package let nanoseconds: Int64
  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }
}

extension Int64 {
  /// Quotient and remainder with the remainder never negative.
  func floorDivided(by divisor: Int64) -> (Int64, Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}
