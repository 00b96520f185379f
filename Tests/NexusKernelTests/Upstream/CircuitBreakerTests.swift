// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

struct CircuitBreakerTests {
  private static let limits = CircuitBreaker.Limits(
    window: .seconds(10), leastCalls: 4, failurePercent: 50, opening: .seconds(5), longestOpening: .seconds(15),
    probe: .seconds(10))

  /// To the millisecond, which the sums of fractions below are not.
  private func at(_ seconds: Double) -> Instant {
    Instant(nanoseconds: Int64((seconds * 1000).rounded()) * 1_000_000)
  }

  /// One call at that second; nil if it was refused.
  @discardableResult
  private func call(_ breaker: inout CircuitBreaker, _ sign: CircuitBreaker.Sign, at seconds: Double) -> Bool? {
    guard case .pass(let pass) = breaker.ask(at: at(seconds)) else { return nil }
    return breaker.end(pass, sign, at: at(seconds))
  }

  private func opened(at seconds: Double = 0) -> CircuitBreaker {
    var breaker = CircuitBreaker(Self.limits)
    for _ in 0..<4 { call(&breaker, .ill, at: seconds) }
    return breaker
  }

  @Test func `it opens when half of enough calls fail, and not before`() {
    var breaker = CircuitBreaker(Self.limits)
    #expect(call(&breaker, .ill, at: 0) == false)
    #expect(call(&breaker, .ill, at: 0) == false)
    #expect(call(&breaker, .well, at: 0) == false)
    #expect(breaker.state == .closed)
    #expect(call(&breaker, .well, at: 0) == true)
    #expect(breaker.state == .open)
    #expect(breaker.ask(at: at(1)) == .refused(retryAfter: .seconds(4)))
  }

  @Test func `fewer failures than that leave it closed for ever`() {
    var breaker = CircuitBreaker(Self.limits)
    for second in 0..<300 {
      #expect(call(&breaker, second % 3 == 2 ? .ill : .well, at: Double(second) / 10) == false, "second \(second)")
    }
  }

  @Test func `failures leave the window, and calls that say nothing do not count`() {
    var breaker = CircuitBreaker(Self.limits)
    for _ in 0..<3 { call(&breaker, .ill, at: 0) }
    for _ in 0..<9 { call(&breaker, .none, at: 1) }
    #expect(breaker.state == .closed)
    #expect(call(&breaker, .ill, at: 11) == false)
    #expect(breaker.state == .closed)
  }

  @Test func `after its time one probe goes through and decides`() {
    var breaker = opened()
    #expect(breaker.refusal(at: at(4.9)) != nil)
    guard case .pass(let probe) = breaker.ask(at: at(5)) else { return #expect(Bool(false), "no probe") }
    #expect(probe.isProbe)
    #expect(breaker.state == .halfOpen)
    #expect(breaker.ask(at: at(5)) == .refused(retryAfter: .seconds(5)))
    #expect(breaker.end(probe, .well, at: at(6)) == true)
    #expect(breaker.state == .closed)
    // The failures of before are forgotten.
    #expect(call(&breaker, .ill, at: 6) == false)
  }

  @Test func `each failed probe doubles the time up to the longest`() {
    var breaker = opened()
    var second = 5.0
    for expected in [10.0, 15, 15] {
      #expect(call(&breaker, .ill, at: second) == true)
      #expect(breaker.refusal(at: at(second)) == .seconds(expected))
      second += expected
    }
    #expect(call(&breaker, .well, at: second) == true)
    for _ in 0..<4 { call(&breaker, .ill, at: second) }
    #expect(breaker.refusal(at: at(second)) == .seconds(5))
  }

  @Test func `a probe that says nothing makes way for another`() {
    var breaker = opened()
    #expect(call(&breaker, .none, at: 5) == false)
    #expect(breaker.state == .halfOpen)
    #expect(call(&breaker, .well, at: 5) == true)
  }

  @Test func `a probe that takes long does not keep the next one from finding out`() {
    var breaker = opened()
    guard case .pass(let slow) = breaker.ask(at: at(5)) else { return #expect(Bool(false), "no probe") }
    #expect(breaker.ask(at: at(12)) == .refused(retryAfter: .seconds(3)))
    guard case .pass(let next) = breaker.ask(at: at(15)) else { return #expect(Bool(false), "no second probe") }
    #expect(next.isProbe)
    // One at a time still.
    #expect(breaker.ask(at: at(15)) == .refused(retryAfter: .seconds(5)))
    // What has become of the first one says nothing of the one that is waited for.
    #expect(breaker.end(slow, .none, at: at(16)) == false)
    #expect(breaker.refusal(at: at(16)) != nil)
    #expect(breaker.end(next, .well, at: at(17)) == true)
    #expect(breaker.state == .closed)
  }

  @Test func `an answer to a slow probe counts also when another one has gone`() {
    for (sign, state) in [(CircuitBreaker.Sign.well, CircuitBreaker.State.closed), (.ill, .open)] {
      var breaker = opened()
      guard case .pass(let slow) = breaker.ask(at: at(5)) else { return #expect(Bool(false), "no probe") }
      guard case .pass(let next) = breaker.ask(at: at(15)) else { return #expect(Bool(false), "no second probe") }
      #expect(breaker.end(slow, sign, at: at(16)) == true)
      #expect(breaker.state == state)
      #expect(breaker.end(next, .ill, at: at(16)) == false)
    }
  }

  @Test func `what began before a change says nothing about now`() {
    var breaker = CircuitBreaker(Self.limits)
    guard case .pass(let late) = breaker.ask(at: at(0)) else { return #expect(Bool(false), "refused") }
    for _ in 0..<4 { call(&breaker, .ill, at: 0) }
    #expect(breaker.end(late, .well, at: at(1)) == false)
    #expect(breaker.state == .open)
    guard case .pass(let probe) = breaker.ask(at: at(5)) else { return #expect(Bool(false), "no probe") }
    #expect(breaker.end(late, .ill, at: at(5)) == false)
    #expect(breaker.end(probe, .well, at: at(5)) == true)
  }

  @Test(arguments: 0..<200)
  func `never more than one probe, never a call while it is open, and it always comes back`(seed: UInt64) {
    var dice = Dice(seed)
    var breaker = CircuitBreaker(Self.limits)
    var out: [CircuitBreaker.Pass] = []
    var now = 0.0
    var openUntil = 0.0
    for _ in 0..<400 {
      now += Double(dice.roll(0...20)) / 10
      if dice.chance(60) {
        let before = breaker.state
        if case .pass(let pass) = breaker.ask(at: at(now)) {
          if before == .open { #expect(at(now) >= at(openUntil)) }
          if breaker.state == .halfOpen {
            #expect(pass.isProbe)
            #expect(breaker.ask(at: at(now)) == .refused(retryAfter: .seconds(5)))
          }
          out.append(pass)
        }
      } else if !out.isEmpty {
        let pass = out.remove(at: Int(dice.roll(0...Int64(out.count - 1))))
        let signs: [CircuitBreaker.Sign] = [.well, .ill, .ill, .none]
        if breaker.end(pass, signs[Int(dice.roll(0...3))], at: at(now)), breaker.state == .open {
          openUntil = now + 5
        }
      }
    }
    // Everything that is still out ends badly; then the upstream is well, and calls go through again.
    for pass in out { _ = breaker.end(pass, .ill, at: at(now)) }
    #expect(call(&breaker, .well, at: now + 60) != nil)
    #expect(breaker.state == .closed)
  }
}
