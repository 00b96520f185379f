// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

/// A window that can be asked within an expectation; times are in milliseconds.
private final class Probe {
  var window: RestartWindow
  init(_ max: Int, within: Duration) {
    window = RestartWindow(intensity: RestartIntensity(maxRestarts: max, within: within))
  }
  func count(_ milliseconds: Int64) -> Bool { count(at: Instant(nanoseconds: milliseconds * 1_000_000)) }
  func count(at now: Instant) -> Bool { window.count(at: now) }
  func counted(_ milliseconds: Int64) -> Int { window.counted(at: Instant(nanoseconds: milliseconds * 1_000_000)) }
  func restore(_ milliseconds: Int64) { window.restore(at: Instant(nanoseconds: milliseconds * 1_000_000)) }
}

@Suite struct RestartWindowTests {

  @Test func `an intensity of 0 allows no restart`() {
    let window = Probe(0, within: .seconds(3600))
    #expect(!window.count(0))
    #expect(!window.count(3_600_000_000))
  }

  @Test func `a restart exactly as old as the window still counts`() {
    let window = Probe(1, within: .seconds(1))
    #expect(window.count(900))
    #expect(!window.count(1900))
    #expect(window.counted(1999) == 2)
    #expect(window.counted(2000) == 1)
  }

  @Test func `a gap of more than a second is enough for one restart a second`() {
    let window = Probe(1, within: .seconds(1))
    for round in 0..<100 { #expect(window.count(Int64(round) * 2100)) }
  }

  @Test func `seconds are rounded down also before the start of the clock`() {
    let window = Probe(1, within: .seconds(60))
    window.restore(-59_500)
    // The stamp is -60, so that it counts as long as the clock shows 0.
    #expect(window.counted(999) == 1)
    #expect(window.counted(1000) == 0)
    #expect(window.count(1000))
  }

  @Test func `what one child did can be taken out, and what was one too many was not made`() {
    var window = RestartWindow(intensity: RestartIntensity(maxRestarts: 2, within: .seconds(60)))
    let (a, b) = (ChildName.agent(AgentName("a")), ChildName.agent(AgentName("b")))
    let now = Instant(nanoseconds: 5_000_000_000)
    window.restore(at: Instant(nanoseconds: 0), of: a, because: "exit 1")
    let second = window.count(at: now, of: b, because: "exit 2")
    let third = window.count(at: now, of: a, because: "exit 3")
    #expect([second, third] == [true, false])
    #expect(window.made(at: now).map(\.reason) == ["exit 1", "exit 2"])
    let own = window.split(a)
    #expect(own.made(at: now).map(\.reason) == ["exit 1"])
    #expect(own.counted(at: now) == 2)
    #expect(window.made(at: now).map(\.child) == [b])
    #expect(window.counted(at: now) == 1)
  }

  @Test func `a window without end does not overflow`() {
    let window = Probe(1, within: Duration(secondsComponent: .max, attosecondsComponent: 0))
    window.window.restore(at: Instant(nanoseconds: .min))
    #expect(!window.count(at: Instant(nanoseconds: .min)))
    #expect(!window.count(at: Instant(nanoseconds: .max)))
    #expect(window.window.counted(at: Instant(nanoseconds: .max)) == 3)
  }

  @Test func `what is changed counts for the restarts of before`() {
    let window = Probe(1, within: .seconds(60))
    #expect(window.count(0))
    window.window.change(to: RestartIntensity(maxRestarts: 3, within: .seconds(60)))
    #expect(window.count(0))
    #expect(window.count(0))
    #expect(!window.count(0))
    window.window.clear()
    #expect(window.counted(0) == 0)
  }

  @Test func `a stamp that is restored out of order does not keep others alive`() {
    let window = Probe(2, within: .seconds(10))
    window.restore(5000)
    window.restore(1000)
    #expect(window.counted(16_000) == 0)
    #expect(window.counted(15_000) == 2)
  }

  /// OTP's rule in its own words: the new stamp, and those before it as long as they are at most `within` old.
  private struct Model {
    var stamps: [Int64] = []
    mutating func count(_ now: Int64, _ intensity: RestartIntensity) -> Bool {
      let second = Int64((Double(now) / 1000).rounded(.down))
      stamps = [second] + stamps.prefix { $0 >= second - intensity.within.components.seconds }
      return stamps.count <= intensity.maxRestarts
    }
  }

  @Test(arguments: 0..<200) func `a window decides as OTP's list of stamps does`(seed: UInt64) {
    var dice = Dice(seed)
    let intensity = RestartIntensity(maxRestarts: dice.below(5), within: .seconds(1 + dice.below(8)))
    let window = Probe(intensity.maxRestarts, within: intensity.within)
    var model = Model()
    var now = Int64(dice.below(20_000)) - 10_000
    for _ in 0..<60 {
      now += Int64(dice.pick([0, 1, 500, 999, 1000, 1001, 4000, 9000]))
      let expected = model.count(now, intensity)
      #expect(window.count(now) == expected)
      #expect(window.counted(now) == model.stamps.count)
    }
  }

  @Test func `counting does not cost more with the restarts of before`() {
    let window = Probe(.max, within: .seconds(1_000_000))
    var allowed = 0
    for round in 0..<200_000 where window.count(Int64(round)) { allowed += 1 }
    #expect(allowed == 200_000)
    #expect(window.counted(200_000) == 200_000)
  }
}
