// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

@Suite struct `The pace of restarts` {
  private static let start = Instant(nanoseconds: 1_000_000_000)

  @Test func `lets a burst through and spreads what goes on`() {
    var pace = RestartPace()
    for _ in 0..<RestartPace.burst { #expect(pace.take(at: Self.start) == nil) }
    #expect(pace.take(at: Self.start) == Self.start + RestartPace.interval)
    #expect(pace.take(at: Self.start) == Self.start + RestartPace.interval * 2)
  }

  @Test func `recovers with time, and never beyond one burst`() {
    var pace = RestartPace()
    for _ in 0..<(RestartPace.burst + 10) { _ = pace.take(at: Self.start) }
    let later = Self.start + .seconds(3600)
    for _ in 0..<RestartPace.burst { #expect(pace.take(at: later) == nil) }
    #expect(pace.take(at: later) != nil)
  }

  @Test func `does not hold up whoever crashes less often than it allows`() {
    var pace = RestartPace()
    var now = Self.start
    for _ in 0..<10_000 {
      #expect(pace.take(at: now) == nil)
      now = now + RestartPace.interval
    }
  }
}
