// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

// When an expression comes true on the clock on the wall of some place.
//
// An expression that names particular hours comes true once for each time that it names: if the clock is set forward
// over it, right after that; if the clock is set back and shows it twice, at the first. One that names every hour goes
// by real time: it comes true whenever the clock shows what it says, so every real hour has its run.

extension CronExpression {
  /// The first whole second later than `time` at which it comes true; nil if the calendar ends before.
  package func next(after time: WallTime, in zone: TimeZoneRules) -> WallTime? {
    let now = CivilClock.divide(time.microseconds, by: 1_000_000)
    guard CivilClock.range.contains(now) else { return nil }
    let next: Int64? =
      switch form {
      case .every(let seconds): (CivilClock.divide(now, by: seconds) + 1) * seconds
      case .fields(let fields) where fields.namesEveryHour: Self.byRealTime(fields, after: now, zone)
      case .fields(let fields): Self.byWallTime(fields, after: now, zone)
      }
    return next.flatMap { CivilClock.range.contains($0) ? WallTime(microseconds: $0 * 1_000_000) : nil }
  }

  private static func byRealTime(_ fields: CronFields, after time: Int64, _ zone: TimeZoneRules) -> Int64? {
    var start = time
    while CivilClock.range.contains(start) {
      let offset = zone.offset(at: start + 1)
      guard let civil = fields.next(after: CivilSecond(start + offset)) else { return nil }
      // Until its next change the clock runs as real time does.
      guard let change = zone.nextChange(after: start + 1), change.time <= civil.value - offset else {
        return civil.value - offset
      }
      start = change.time - 1
    }
    return nil
  }

  private static func byWallTime(_ fields: CronFields, after time: Int64, _ zone: TimeZoneRules) -> Int64? {
    var civil = CivilSecond(time + zone.offset(at: time))
    while let next = fields.next(after: civil), CivilClock.range.contains(next.value) {
      civil = next
      switch zone.moment(of: next) {
      case .once(let moment), .skipped(let moment): if moment > time { return moment }
      case .repeated(let first, _, let end):
        if first > time { return first }
        // All that is left of the repeated part was there the first time.
        civil = CivilSecond(max(next.value, end.value - 1))
      }
    }
    return nil
  }
}
