// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

@Suite struct BackoffTests {
  @Test func `the defaults are those of Kubernetes`() {
    let backoff = BackoffPolicy()
    let waits = (0..<8).map { backoff.delay(step: $0) }
    #expect(waits == [10, 20, 40, 80, 160, 300, 300, 300].map { Duration.seconds($0) })
  }

  @Test func `a crash loop without end does not overflow, and does not take long to compute`() {
    #expect(BackoffPolicy().delay(step: .max) == .seconds(300))
    let ever = Duration(secondsComponent: .max, attosecondsComponent: 0)
    #expect(BackoffPolicy(initial: .seconds(1), factor: 1e300, max: ever).delay(step: .max) == ever)
    #expect(BackoffPolicy(initial: .seconds(3), factor: 1, max: .seconds(60)).delay(step: .max) == .seconds(3))
    #expect(BackoffPolicy(initial: .zero, factor: 2, max: .seconds(60)).delay(step: .max) == .zero)
  }

  @Test(arguments: 0..<300) func `waits never shrink, and never pass the limit`(seed: UInt64) {
    var dice = Dice(seed)
    let backoff = BackoffPolicy(
      initial: .milliseconds(dice.below(5000)), factor: 1 + Double(dice.below(300)) / 100,
      max: .milliseconds(1 + dice.below(100_000)))
    var last = Duration.zero
    for step in 0..<50 {
      let wait = backoff.delay(step: step)
      #expect(wait >= last)
      #expect(wait <= backoff.max)
      if step > 0, last > .zero, wait < backoff.max {
        #expect(abs(wait / last - backoff.factor) < 1e-6)
      }
      last = wait
    }
  }

  @Test func `a factor below 1 does not make a wait shorter than the first`() {
    #expect(BackoffPolicy(initial: .seconds(2), factor: 0.5, max: .seconds(60)).delay(step: 9) == .seconds(2))
  }
}
