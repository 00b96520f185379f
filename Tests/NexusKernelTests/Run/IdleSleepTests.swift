// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

@Suite struct `Sleeps between which nothing is got done` {
  private static let most = AttemptHistory.maxIdleSleeps

  private static func sleep(passed: Int = 0) -> AttemptEnd {
    let now = WallTime(microseconds: 0)
    return AttemptEnd(outcome: .askedRetry(.sleeping(until: now + .seconds(1), from: now)), passed: passed)
  }

  /// The history after so many sleeps.
  private static func history(sleeps: Int, passed: Int = 0) -> AttemptHistory {
    var history = AttemptHistory()
    for _ in 0..<sleeps { history.ended(sleep(passed: passed)) }
    return history
  }

  @Test func `are failures from a fixed number on`() {
    #expect(Self.history(sleeps: Self.most).failures == 0)
    #expect(Self.history(sleeps: Self.most + 2).failures == 2)
  }

  @Test func `are counted anew after an effect more, a result, and a person's word`() {
    var effect = Self.history(sleeps: Self.most, passed: 1)
    effect.ended(Self.sleep(passed: 2))
    #expect(effect.failures == 0)
    effect.ended(Self.sleep(passed: 2))
    #expect(effect.failures == 0)
    // The same effects again are nothing new.
    var same = Self.history(sleeps: Self.most, passed: 1)
    same.ended(Self.sleep(passed: 1))
    #expect(same.failures == 1)
    var person = Self.history(sleeps: Self.most + 1)
    person.forgive()
    person.ended(Self.sleep())
    #expect(person.failures == 0)
  }

  @Test(arguments: [("main", false, RunStatus.failed), (".sleep/b", true, .failed), ("invoice", true, .suspended)])
  func `fail a run, unless its agent recorded a result that is not a sleep`(
    path: String, records: Bool, status: RunStatus
  ) {
    var machine = RunMachine(run: RunID("run_1"), retry: RetryPolicy(maxAttempts: 1))
    let now = WallTime(microseconds: 0)
    func play(_ event: DurableEvent) { _ = machine.handle(event, at: now + .seconds(1)) }
    play(.claimed(trapped: false))
    for count in 0...Self.most {
      if count == Self.most, records { play(.recordStep(StepPath(path), 1)) }
      play(.attemptEnded(.main, Self.sleep(), output: nil))
      if count < Self.most {
        #expect(machine.outlook.status == .suspended)
        _ = machine.handle(.due(.main), at: now + .seconds(2))
      }
    }
    #expect(machine.outlook.status == status)
  }

  @Test(arguments: [
    ("a/.sleep/b", RunStatus.failed), ("b/invoice", .failed), ("a/invoice", .suspended),
  ])
  func `fail a step, unless its own agent recorded a result`(path: String, status: RunStatus) {
    let patient = FlowStep.agent("a") { $0.retry.policy = RetryPolicy(maxAttempts: 1) }
    var player = FlowPlayer(.workflow([patient]))
    for count in 0...Self.most {
      if count == Self.most { player.play(.recordStep(StepPath(path), 1)) }
      player.end("a", Self.sleep().outcome)
      if count < Self.most { player.passTime(of: "a") }
    }
    #expect(player.machine.outlook.status == status)
    #expect(player.recovered().outlook.status == status)
  }
}
