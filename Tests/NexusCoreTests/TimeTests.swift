// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import Testing

@Suite struct TimeTests {
  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
      (951_782_400_000_000, "2000-02-29T00:00:00.000Z"), (951_868_799_999_999, "2000-02-29T23:59:59.999Z"),
      (951_868_800_000_000, "2000-03-01T00:00:00.000Z"), (4_107_542_400_000_000, "2100-03-01T00:00:00.000Z"),
      (4_107_456_000_000_000, "2100-02-28T00:00:00.000Z"), (1_645_557_742_000_000, "2022-02-22T19:22:22.000Z"),
      (1_234_567_890_123_456, "2009-02-13T23:31:30.123Z"), (253_402_300_799_999_000, "9999-12-31T23:59:59.999Z"),
      (-2_203_977_600_000_000, "1900-02-28T00:00:00.000Z"),
    ] as [(Int64, String)])
  func `known moments have their known text`(microseconds: Int64, text: String) {
    #expect(WallTime(microseconds: microseconds).iso8601 == text)
  }

  @Test(
    arguments: [
      (0, "0 s"), (1, "1 s"), (1000, "1 s"), (1001, "2 s"), (59_999, "1 min"), (90_000, "1 min 30 s"),
      (300_000, "5 min"), (14_400_000, "4 h"), (5_400_000, "1 h 30 min"), (86_399_000, "23 h 59 min"),
      (86_400_000, "1 d"), (93_600_000, "1 d 2 h"), (-5, "0 s"),
    ] as [(Int64, String)])
  func `a wait is told in the units that people use`(milliseconds: Int64, text: String) {
    #expect(DurationText.wait(.milliseconds(milliseconds)) == text)
  }

  @Test func `every day of four centuries follows the one before`() {
    var previous = CivilDate(daysSinceEpoch: -200 * 366)
    for day in (-200 * 366 + 1)...(200 * 366) {
      let date = CivilDate(daysSinceEpoch: Int64(day))
      let isNextDay = date.day == previous.day + 1 && date.month == previous.month && date.year == previous.year
      let isNextMonth = date.day == 1 && date.month == previous.month + 1 && date.year == previous.year
      let isNextYear = date.day == 1 && date.month == 1 && previous.month == 12 && date.year == previous.year + 1
      #expect(isNextDay || isNextMonth || isNextYear)
      previous = date
    }
  }

  @Test func `far ends saturate`() {
    #expect(Instant(nanoseconds: .max) + .seconds(1) == Instant(nanoseconds: .max))
    #expect(Instant(nanoseconds: .min) + .seconds(-1) == Instant(nanoseconds: .min))
    #expect(Instant(nanoseconds: 0) + .seconds(Int64.max) == Instant(nanoseconds: .max))
    #expect(WallTime(microseconds: .max) + .seconds(1) == WallTime(microseconds: .max))
    #expect((Instant(nanoseconds: .max) - Instant(nanoseconds: .min)).wholeNanoseconds == .max)
    #expect((Instant(nanoseconds: .min) - Instant(nanoseconds: .max)).wholeNanoseconds == .min)
    #expect(Duration.seconds(Int64.min).wholeNanoseconds == .min)
    #expect(WallTime(microseconds: .min).iso8601.hasSuffix("Z"))
    #expect(WallTime(microseconds: .max).iso8601.hasSuffix("Z"))
  }

  @Test func `the system clock goes forward and wakes no sleeper early`() async throws {
    let clock = SystemClock()
    let start = clock.now()
    try await clock.sleep(until: start + .milliseconds(2))
    #expect(clock.now() >= start + .milliseconds(2))
    #expect(clock.wallNow() > WallTime(microseconds: 1_700_000_000_000_000))
  }

  @Test func `a cancelled sleeper wakes at once`() async {
    await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        do {
          try await SystemClock().sleep(until: SystemClock().now() + .seconds(3600))
          return false
        } catch { return error is CancellationError }
      }
      group.cancelAll()
      #expect(await group.next() == true)
    }
  }
}
