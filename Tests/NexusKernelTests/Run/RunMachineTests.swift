// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

/// Plays a run as the shell does: decide, apply, act.
private struct Player {
  var machine: RunMachine
  var entries: [RunEntry] = []
  var actions: [RunMachine.Action] = []

  init(retry: RetryPolicy = RetryPolicy(), after journal: [RunEntry] = []) {
    var state = RunState()
    state.apply(
      .created(RunCreation(kind: .agent, name: "a", input: .null, definition: DefinitionHash("d"))))
    for entry in journal { state.apply(entry) }
    machine = RunMachine(state: state, retry: retry)
  }

  @discardableResult
  mutating func play(_ event: RunMachine.Event) -> [RunMachine.Action] {
    let decision = machine.decide(event)
    for entry in decision.entries { machine.apply(entry) }
    entries += decision.entries
    actions = decision.actions
    return decision.actions
  }

  mutating func crash(passed: Int) -> [RunMachine.Action] {
    play(.attemptEnded(AttemptEnd(outcome: .crashed(.boom), passed: passed), output: nil))
  }
}

extension RunError {
  fileprivate static let boom = RunError(code: "NX-AGT-001", message: "boom")
  fileprivate static let hopeless = RunError(code: "NX-AGT-002", message: "no such command", isRetryable: false)
}

@Suite struct `A run of one agent` {
  @Test func `starts its first attempt when it is claimed`() {
    var player = Player()
    #expect(player.play(.claimed(trapped: false)) == [.startAttempt(AttemptNumber(1), rewind: 0)])
    #expect(player.machine.state.status == .running)
    #expect(player.machine.state.openAttempt == AttemptNumber(1))
  }

  @Test func `sleeps between two attempts as long as its agent wanted, and that is no failure`() {
    func time(_ seconds: Int64) -> WallTime { WallTime(microseconds: seconds * 1_000_000) }
    var machine = RunMachine(run: RunID("run_1"), retry: RetryPolicy(maxAttempts: 1))
    var journal: [JournalEntry] = []
    func play(_ event: DurableEvent, at seconds: Int64) -> [DurableAction] {
      let decision = machine.handle(event, at: time(seconds))
      for entry in decision.entries {
        journal.append(
          JournalEntry(sequence: JournalSequence(Int64(journal.count + 1)), at: time(seconds), entry: entry))
      }
      return decision.actions
    }
    _ = play(.claimed(trapped: false), at: 0)
    let sleep = AttemptEnd(outcome: .askedRetry(.sleeping(until: time(100), from: time(10))))
    #expect(machine.wouldRetry(.main, after: sleep))
    #expect(play(.attemptEnded(.main, sleep, output: nil), at: 10) == [.wake(.main, after: .seconds(90))])
    #expect(machine.outlook.status == .suspended)
    // The next node goes on with the sleep, and nothing begins before its time.
    machine = RunMachine(run: RunID("run_1"), retry: RetryPolicy(maxAttempts: 1))
    for entry in journal { machine.apply(entry) }
    #expect(play(.claimed(trapped: false), at: 40) == [.wake(.main, after: .seconds(60))])
    #expect(play(.due(.main), at: 99) == [.wake(.main, after: .seconds(1))])
    guard case .startAttempt(let order)? = play(.due(.main), at: 100).first else {
      Issue.record("it does not wake up")
      return
    }
    #expect(order.attempt == AttemptNumber(2))
    #expect(machine.outlook.status == .running)
  }

  @Test func `has no reason for a pause once it is over`() {
    var player = Player()
    player.play(.claimed(trapped: false))
    player.play(.pause(by: "ann"))
    player.play(.attemptEnded(AttemptEnd(outcome: .interrupted("paused")), output: nil))
    #expect(player.machine.state.pauseReason == .person)
    player.play(.cancel(by: "ann"))
    #expect(player.machine.state.status == .cancelled)
    #expect(player.machine.state.pauseReason == nil)
    var unreadable = UnreadableRun()
    _ = unreadable.handle(.claimed(trapped: false), at: WallTime(microseconds: 0))
    #expect(unreadable.outlook.pauseReason == .version)
    _ = unreadable.handle(.kill(by: "ann"), at: WallTime(microseconds: 0))
    #expect(unreadable.outlook.pauseReason == nil)
  }

  @Test func `completes with the output of an attempt that succeeded`() {
    var player = Player()
    player.play(.claimed(trapped: false))
    #expect(player.play(.attemptEnded(AttemptEnd(outcome: .succeeded), output: "done")) == [.settle])
    #expect(player.machine.state.status == .completed)
    #expect(player.machine.state.output == "done")
  }

  @Test func `tries again at once, then after growing waits, then fails`() {
    var player = Player(retry: RetryPolicy(maxAttempts: 5, initial: .seconds(1), factor: 3, max: .seconds(5)))
    player.play(.claimed(trapped: false))
    var waits: [Duration] = []
    for attempt in 1... {
      guard case .retryAfter(let wait)? = player.crash(passed: 0).first else { break }
      waits.append(wait)
      #expect(player.play(.retryDue) == [.startAttempt(AttemptNumber(attempt + 1), rewind: 0)])
    }
    #expect(waits == [.zero, .seconds(1), .seconds(3), .seconds(5)])
    #expect(player.machine.state.status == .failed)
    #expect(player.machine.state.error == .boom)
    #expect(player.machine.state.attempts == 5)
  }

  @Test func `does not try again what can never succeed`() {
    var player = Player()
    player.play(.claimed(trapped: false))
    #expect(
      player.play(.attemptEnded(AttemptEnd(outcome: .crashed(.hopeless)), output: nil)) == [.settle])
    #expect(player.machine.state.status == .failed)
    #expect(player.machine.state.attempts == 1)
  }

  @Test func `waits before the second attempt if the agent asked for a delay`() {
    var player = Player()
    player.play(.claimed(trapped: false))
    #expect(
      player.play(.attemptEnded(AttemptEnd(outcome: .askedRetry(.boom)), output: nil)) == [.retryAfter(.seconds(1))])
  }

  @Test func `progress starts the count of attempts anew`() {
    var player = Player(retry: RetryPolicy(maxAttempts: 2))
    player.play(.claimed(trapped: false))
    for passed in 1...20 {
      #expect(player.crash(passed: passed) == [.retryAfter(.zero)])
      #expect(player.play(.retryDue) == [.startAttempt(AttemptNumber(passed + 1), rewind: 0)])
    }
    #expect(player.crash(passed: 20) == [.settle])
    #expect(player.machine.state.status == .failed)
  }

  @Test func `a crash at the high-water mark rewinds by one, two, four`() {
    var player = Player(retry: RetryPolicy(maxAttempts: 10))
    player.play(.claimed(trapped: false))
    var depths: [Int] = []
    for _ in 0..<6 {
      _ = player.crash(passed: 7)
      guard case .startAttempt(_, let rewind)? = player.play(.retryDue).first else { break }
      depths.append(rewind)
    }
    #expect(depths == [0, 1, 2, 4, 8, 16])
  }

  @Test func `a crash below the mark drops nothing, and passing the mark ends the rewinding`() {
    var player = Player(retry: RetryPolicy(maxAttempts: 10))
    player.play(.claimed(trapped: false))
    var depths: [Int] = []
    for passed in [7, 7, 3, 7, 8, 8] {
      _ = player.crash(passed: passed)
      guard case .startAttempt(_, let rewind)? = player.play(.retryDue).first else { break }
      depths.append(rewind)
    }
    // New progress at 8 forgets the depth: the next crash at the mark goes back by one again.
    #expect(depths == [0, 1, 0, 2, 0, 1])
  }

  @Test func `a timeout and an asked retry do not rewind`() {
    var player = Player(retry: RetryPolicy(maxAttempts: 10))
    player.play(.claimed(trapped: false))
    _ = player.crash(passed: 5)
    player.play(.retryDue)
    player.play(.attemptEnded(AttemptEnd(outcome: .askedRetry(.boom), passed: 5), output: nil))
    #expect(player.play(.retryDue) == [.startAttempt(AttemptNumber(3), rewind: 0)])
  }

  @Test func `an interruption counts as nothing`() {
    var player = Player(retry: RetryPolicy(maxAttempts: 2))
    player.play(.claimed(trapped: false))
    for attempt in 2...50 {
      #expect(player.play(.claimed(trapped: false)) == [.startAttempt(AttemptNumber(attempt), rewind: 0)])
    }
    #expect(player.machine.state.failures == 0)
  }

  @Test func `a rewind that was decided survives the death of the node`() {
    var player = Player(retry: RetryPolicy(maxAttempts: 5))
    player.play(.claimed(trapped: false))
    _ = player.crash(passed: 3)
    player.play(.retryDue)
    _ = player.crash(passed: 3)
    #expect(player.play(.claimed(trapped: false)) == [.startAttempt(AttemptNumber(3), rewind: 1)])
  }

  @Test func `two traps of the node park the run`() {
    var player = Player()
    player.play(.claimed(trapped: false))
    #expect(player.play(.claimed(trapped: true)) == [.startAttempt(AttemptNumber(2), rewind: 0)])
    #expect(player.play(.claimed(trapped: true)) == [.settle])
    #expect(player.machine.state.status == .paused)
    #expect(player.machine.state.pauseReason == .poison)
    #expect(player.play(.resume(by: "ops")) == [.startAttempt(AttemptNumber(3), rewind: 0)])
  }

  @Test func `a cancel stops the attempt first and is final`() {
    var player = Player()
    player.play(.claimed(trapped: false))
    #expect(player.play(.cancel(by: "ops")) == [.stopAttempt(.cancelled)])
    #expect(player.play(.cancel(by: "ops")).isEmpty)
    #expect(player.crash(passed: 0) == [.settle])
    #expect(player.machine.state.status == .cancelled)
  }

  @Test func `a cancel that the node did not live to see through is seen through by the next`() {
    var player = Player()
    player.play(.claimed(trapped: false))
    player.play(.cancel(by: "ops"))
    #expect(player.play(.claimed(trapped: false)) == [.settle])
    #expect(player.machine.state.status == .cancelled)
  }

  @Test func `a cancelled run can be retried, and the cancel does not come back`() {
    var player = Player()
    player.play(.claimed(trapped: false))
    player.play(.cancel(by: "ops"))
    _ = player.crash(passed: 0)
    #expect(player.play(.resume(by: "ops")) == [.settle])
    #expect(player.play(.retry(by: "ops")) == [.startAttempt(AttemptNumber(2), rewind: 0)])
    player.play(.attemptEnded(AttemptEnd(outcome: .succeeded), output: 7))
    #expect(player.machine.state.status == .completed)
  }

  @Test func `a result that comes in spite of a cancel is kept`() {
    var player = Player()
    player.play(.claimed(trapped: false))
    player.play(.cancel(by: "ops"))
    player.play(.attemptEnded(AttemptEnd(outcome: .succeeded), output: 7))
    #expect(player.machine.state.status == .completed)
    #expect(player.machine.state.output == 7)
  }

  @Test func `a polite goodbye without any output is no result of an attempt that was told to stop`() {
    var player = Player()
    player.play(.claimed(trapped: false))
    player.play(.nodeStopping)
    #expect(player.play(.attemptEnded(AttemptEnd(outcome: .succeeded), output: "")) == [.settle])
    #expect(player.machine.state.status == .running)
    player.play(.claimed(trapped: false))
    player.play(.cancel(by: "ops"))
    player.play(.attemptEnded(AttemptEnd(outcome: .succeeded), output: .null))
    #expect(player.machine.state.status == .cancelled)
  }

  private static let left = RunEntry.attemptStarted(step: .main, attempt: AttemptNumber(1), dropped: 0)

  @Test(arguments: [[left], [left, .cancelRequested(by: "ops")]])
  func `a cancel needs no answer of an attempt whose node is gone`(journal: [RunEntry]) {
    var player = Player(after: journal)
    #expect(player.play(.cancel(by: "ops")) == [.settle])
    #expect(player.machine.state.status == .cancelled)
    #expect(player.machine.state.openAttempt == nil)
  }

  @Test func `what comes before the claim does not wait for an attempt whose node is gone`() {
    var stopping = Player(after: [Self.left])
    #expect(stopping.play(.nodeStopping) == [.settle])
    #expect(stopping.entries.isEmpty)
    var paused = Player(after: [Self.left])
    #expect(paused.play(.pause(by: "ops")) == [.settle])
    #expect(paused.machine.state.status == .paused)
    var late = Player(after: [Self.left])
    #expect(late.play(.timeout) == [.settle])
    #expect(late.machine.state.status == .failed)
  }

  @Test func `a timeout fails the run without another attempt`() {
    var player = Player()
    player.play(.claimed(trapped: false))
    #expect(player.play(.timeout) == [.stopAttempt(.timedOut)])
    #expect(player.crash(passed: 0) == [.settle])
    #expect(player.machine.state.status == .failed)
    #expect(player.machine.state.error?.code == "NX-RUN-003")
  }

  @Test func `a pausing budget pauses, every other one fails the run with its code`() {
    for action in OnLimit.allCases where action != .alert {
      var player = Player()
      player.play(.claimed(trapped: false))
      let refusal = BudgetRefusal(reason: .exhausted, scope: "agent:a", action: action, message: "used up")
      #expect(
        player.play(.attemptEnded(AttemptEnd(outcome: .budgetStopped(refusal)), output: nil)) == [.settle])
      if action == .pause {
        #expect(player.machine.state.status == .paused)
        #expect(player.machine.state.pauseReason == .budget)
      } else {
        #expect(player.machine.state.status == .failed)
        #expect(player.machine.state.error?.code == "NX-BUD-001")
      }
    }
  }

  @Test func `a stopping node leaves the run to be claimed again`() {
    var player = Player()
    player.play(.claimed(trapped: false))
    #expect(player.play(.nodeStopping) == [.stopAttempt(.nodeStopping)])
    #expect(player.crash(passed: 4) == [.settle])
    #expect(player.machine.state.status == .running)
    #expect(player.machine.state.failures == 0)
    #expect(player.play(.claimed(trapped: false)) == [.startAttempt(AttemptNumber(2), rewind: 0)])
  }

  @Test func `a durable step is recorded once`() {
    var player = Player()
    player.play(.claimed(trapped: false))
    player.play(.recordStep(StepPath("draft"), 1))
    player.play(.recordStep(StepPath("draft"), 2))
    #expect(player.machine.state.steps[StepPath("draft")] == 1)
    #expect(player.entries.count { if case .stepRecorded = $0 { true } else { false } } == 1)
  }

  @Test func `nothing follows a final state but a retry`() {
    var player = Player(retry: RetryPolicy(maxAttempts: 1))
    player.play(.claimed(trapped: false))
    _ = player.crash(passed: 0)
    let before = player.entries
    for event in [
      RunMachine.Event.retryDue, .cancel(by: "x"), .pause(by: "x"), .resume(by: "x"), .timeout, .nodeStopping,
      .recordStep(StepPath("s"), 1), .supervisorGaveUp(.boom), .claimed(trapped: true),
    ] { player.play(event) }
    #expect(player.entries == before)
    #expect(player.play(.retry(by: "x")) == [.startAttempt(AttemptNumber(2), rewind: 0)])
  }
}

@Suite struct `Any run` {
  /// Random events in any order keep what must hold, and recovery from the journal comes to the same state.
  @Test(arguments: 0..<400) func `keeps its invariants`(seed: UInt64) {
    var generator = SplitMix(seed: seed)
    var player = Player(retry: RetryPolicy(maxAttempts: Int.random(in: 1...5, using: &generator)))
    player.play(.claimed(trapped: false))
    for _ in 0..<60 {
      let before = player.machine.state
      let event = randomEvent(&generator)
      let actions = player.play(event)
      let after = player.machine.state
      if before.status.isFinal, event != .retry(by: "x") || before.status == .completed { #expect(after == before) }
      #expect(after.attempts - before.attempts <= 1)
      #expect(after.highWater >= before.highWater)
      #expect(after.openAttempt == nil || after.status == .running)
      for case .startAttempt(let number, _) in actions {
        #expect(before.openAttempt == nil || event.isClaim, "two attempts at once")
        #expect(number.value == before.attempts + 1)
      }
      if after.status.isFinal, !before.status.isFinal { #expect(actions.contains(.settle)) }
    }
    var recovered = RunState()
    for entry in player.entries { recovered.apply(entry) }
    #expect(recovered == player.machine.state)
  }

  private func randomEvent(_ generator: inout SplitMix) -> RunMachine.Event {
    let passed = Int.random(in: 0...9, using: &generator)
    let outcomes: [AttemptOutcome] = [
      .succeeded, .crashed(.boom), .crashed(.boom), .crashed(.hopeless), .askedRetry(.boom), .interrupted("x"),
      .timedOut,
    ]
    switch Int.random(in: 0..<16, using: &generator) {
    case 0: return .claimed(trapped: Bool.random(using: &generator))
    case 1: return .cancel(by: "x")
    case 2: return .pause(by: "x")
    case 3: return .resume(by: "x")
    case 4: return .retry(by: "x")
    case 5: return .timeout
    case 6: return .supervisorGaveUp(.hopeless)
    case 7: return .nodeStopping
    case 8: return .recordStep(StepPath("s\(passed)"), 1)
    case 9...11: return .retryDue
    default:
      let outcome = outcomes[Int.random(in: 0..<outcomes.count, using: &generator)]
      return .attemptEnded(AttemptEnd(outcome: outcome, passed: passed), output: 1)
    }
  }
}

extension RunMachine.Event {
  fileprivate var isClaim: Bool {
    if case .claimed = self { true } else { false }
  }
}
