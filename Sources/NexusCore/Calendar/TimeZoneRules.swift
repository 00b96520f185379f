// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The clock on the wall of one place: what it differs from UTC by, at any time.
///
/// It comes from the bytes of a TZif file (RFC 9636); this type reads no files.
package struct TimeZoneRules: Sendable, Hashable {
  /// UTC itself, which needs no data.
  package static let utc = TimeZoneRules(initial: 0, changes: [], tableEnd: nil, rule: nil)

  /// The clock is set to another offset.
  package struct Change: Sendable, Hashable {
    /// Seconds since 1970-01-01T00:00:00Z.
    package var time: Int64
    /// What the clock differs from UTC by from then on, in seconds; east is positive.
    package var offset: Int64
  }

  private let initial: Int64
  /// Ascending; each changes the offset.
  private let changes: [Change]
  /// From here on `rule` holds.
  private let tableEnd: Int64?
  private let rule: PosixZone?

  /// Takes changes in ascending order; those that change nothing are dropped.
  init(initial: Int64, changes: [Change], tableEnd: Int64?, rule: PosixZone?) {
    self.initial = initial
    var kept: [Change] = []
    for change in changes where change.offset != kept.last?.offset ?? initial { kept.append(change) }
    self.changes = kept
    self.tableEnd = tableEnd
    self.rule = rule
  }

  /// Takes a rule as POSIX writes it in `TZ`: `CET-1CEST,M3.5.0,M10.5.0/3`.
  package init(posix text: String) throws(TimeZoneDataError) {
    let rule = try PosixZone(parsing: Array(text.utf8))
    self.init(initial: rule.standard, changes: [], tableEnd: nil, rule: rule)
  }

  /// Seconds that the clock on the wall is ahead of UTC.
  package func utcOffset(at time: WallTime) -> Int64 {
    offset(at: CivilClock.divide(time.microseconds, by: 1_000_000))
  }

  package func offset(at time: Int64) -> Int64 {
    if let rule, time >= tableEnd ?? .min { return rule.offset(at: time) }
    let index = changes.partitioningIndex { $0.time > time }
    return index == 0 ? initial : changes[index - 1].offset
  }

  /// The first change of the clock later than `time`; nil if there is none any more.
  package func nextChange(after time: Int64) -> Change? {
    let index = changes.partitioningIndex { $0.time > time }
    if index < changes.count { return changes[index] }
    guard let rule else { return nil }
    return rule.nextChange(after: max(time, tableEnd ?? .min))
  }
}

/// Where a time of the clock on the wall lies in real time, in seconds since 1970-01-01T00:00:00Z.
package enum LocalMoment: Sendable, Hashable {
  case once(Int64)
  /// The clock was set forward over it, at this time.
  case skipped(at: Int64)
  /// The clock was set back and shows it again: both times, and where on the wall the repeated part ends.
  case repeated(first: Int64, second: Int64, until: CivilSecond)
}

extension TimeZoneRules {
  /// No clock is further from UTC, in seconds: more than the widest that RFC 9636 recommends.
  static let maxOffset: Int64 = 26 * 3600

  /// Finds a time of the clock on the wall in real time.
  package func moment(of civil: CivilSecond) -> LocalMoment {
    var start = civil.value - 2 * Self.maxOffset
    var current = offset(at: start)
    var first: Int64?
    var skipped: Int64?
    // Stretches of one offset, from well before to well behind it.
    while true {
      let change = nextChange(after: start).flatMap { $0.time <= civil.value + 2 * Self.maxOffset ? $0 : nil }
      let time = civil.value - current
      if time >= start, time < change?.time ?? .max {
        guard let first else {
          // Taken if no later stretch shows it again.
          first = time
          guard let change else { return .once(time) }
          (start, current) = (change.time, change.offset)
          continue
        }
        return .repeated(first: first, second: time, until: CivilSecond(start + offset(at: start - 1)))
      }
      guard let change else { break }
      if change.time + current <= civil.value, civil.value < change.time + change.offset { skipped = change.time }
      (start, current) = (change.time, change.offset)
    }
    if let first { return .once(first) }
    // A clock that shows every time at most once and skips none has found it above.
    return .skipped(at: skipped ?? civil.value - current)
  }
}

extension Array {
  /// The index of the first element for which a claim holds, in an array in which it holds from some index on.
  func partitioningIndex(where claim: (Element) -> Bool) -> Int {
    var lower = 0
    var upper = count
    while lower < upper {
      let middle = (lower + upper) / 2
      if claim(self[middle]) { upper = middle } else { lower = middle + 1 }
    }
    return lower
  }
}
