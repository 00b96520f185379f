// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

@Suite struct `A workflow` {
  private let sequence = FlowDefinition.workflow([.agent("a"), .agent("b", needs: [0]), .agent("c", needs: [1])])
  private let diamond = FlowDefinition.workflow([
    .agent("a"), .agent("b", needs: [0]), .agent("c", needs: [0]), .agent("d", needs: [1, 2]),
  ])

  @Test func `goes from step to step, each with the output of the one before`() {
    var player = FlowPlayer(sequence)
    #expect(player.openSteps == ["a"])
    #expect(player.open["a"]?.input == ["topic": "bees"])
    player.succeed("a", "A")
    #expect(player.open["b"]?.input == "A")
    player.succeed("b", "B")
    player.succeed("c", ["text": "C"])
    #expect(player.status == .completed)
    #expect(player.machine.outlook.output == ["text": "C"])
    #expect(player.isSettled)
  }

  @Test func `writes the end of a step and the start of the next in one decision`() {
    var player = FlowPlayer(sequence)
    let before = player.journal.count
    player.succeed("a", "A")
    #expect(player.words[before...] == ["end a#1", "done a", "start b#1"])
  }

  @Test func `does what needs the same step side by side, and joins their outputs by name`() {
    var player = FlowPlayer(diamond)
    player.succeed("a", "A")
    #expect(player.openSteps == ["b", "c"])
    player.succeed("c", "C")
    #expect(player.openSteps == ["b"])
    player.succeed("b", "B")
    #expect(player.open["d"]?.input == ["b": "B", "c": "C"])
  }

  @Test func `has no more attempts under way than it may`() {
    let wide = FlowDefinition.workflow((0..<9).map { .agent("s\($0)") }).with { $0.maxParallel = 4 }
    var player = FlowPlayer(wide)
    for _ in 0..<9 {
      #expect(player.open.count <= 4)
      player.succeed(StepPath(player.openSteps[0]))
    }
    #expect(player.status == .completed)
  }

  @Test func `tries a step again at once, then after growing waits, then fails`() {
    let retry = StepRetry(policy: RetryPolicy(maxAttempts: 4, initial: .seconds(1), factor: 3, max: .seconds(2)))
    var player = FlowPlayer(.workflow([.agent("a") { $0.retry = retry }]))
    player.crash("a")
    #expect(player.openSteps == ["a"])
    player.crash("a")
    #expect(player.actions == [.wake("a", after: .seconds(1))])
    #expect(player.status == .suspended)
    player.passTime(of: "a")
    player.crash("a")
    #expect(player.actions == [.wake("a", after: .seconds(2))])
    player.passTime(of: "a")
    player.crash("a")
    #expect(player.status == .failed)
    #expect(player.machine.outlook.error?.message == "step a: the agent exited with code 1")
    #expect(player.isSettled)
  }

  @Test(arguments: [("exit 1", true), ("NX-AGT-001", true), ("exit 2", false), ("NX-AGT-002", false)])
  func `an error that is named is not tried again`(pattern: String, stops: Bool) throws {
    let named = try #require(ErrorPattern(pattern))
    var player = FlowPlayer(.workflow([.agent("a") { $0.retry.nonRetryable = [named] }]))
    player.crash("a")
    #expect((player.status == .failed) == stops)
  }

  @Test func `waits as long as the agent asks to be left alone`() {
    var player = FlowPlayer(.workflow([.agent("a")]))
    player.crash("a", RunError(code: "NX-AGT-004", message: "busy", retryAfter: .seconds(90)))
    #expect(player.actions == [.wake("a", after: .seconds(90))])
  }

  @Test func `jitter is within its bounds, differs between attempts, and is the same after a restart`() {
    let retry = StepRetry(
      policy: RetryPolicy(maxAttempts: 50, initial: .seconds(10), factor: 1, max: .seconds(10)), jitter: 0.5)
    var player = FlowPlayer(.workflow([.agent("a") { $0.retry = retry }]))
    player.crash("a")
    var waits: Set<Duration> = []
    for _ in 0..<20 {
      player.crash("a")
      guard case .wake(_, let wait)? = player.actions.first else {
        Issue.record("no wait")
        return
      }
      #expect(wait >= .seconds(5) && wait <= .seconds(15))
      waits.insert(wait)
      player.recover()
      #expect(player.wakes["a"] == player.now + wait)
      player.passTime(of: "a")
    }
    #expect(waits.count > 15)
  }

  @Test func `a failed step lets the others under way come to their end, and nothing new begins`() {
    var player = FlowPlayer(diamond)
    player.succeed("a")
    player.crash("b", .badOutput)
    #expect(player.status == .running)
    #expect(player.stopped.isEmpty)
    player.succeed("c")
    #expect(player.status == .failed)
    #expect(!player.words.contains("start d#1"))
  }

  @Test func `goes on from the failed step when a person has it retried, and keeps what was done`() {
    var player = FlowPlayer(diamond)
    player.succeed("a", "A")
    player.crash("b", .badOutput)
    player.succeed("c", "C")
    player.crash()
    player.play(.retry(by: "ann", newKeys: false))
    #expect(player.openSteps == ["b"])
    #expect(player.open["b"]?.attempt == AttemptNumber(2))
    #expect(player.open["b"]?.idempotencyKey == "run_1/b")
    player.succeed("b", "B")
    #expect(player.open["d"]?.input == ["b": "B", "c": "C"])
  }

  @Test func `new keys make the effects of a retry other effects`() {
    var player = FlowPlayer(sequence)
    player.crash("a", .badOutput)
    player.crash()
    player.play(.retry(by: "ann", newKeys: true))
    #expect(player.open["a"]?.idempotencyKey == "run_1/e1/a")
  }

  @Test func `onError skip goes on with null, and says that the step failed`() {
    var player = FlowPlayer(.workflow([.agent("a") { $0.onError = .skip }, .agent("b", needs: [0])]))
    player.crash("a", .badOutput)
    #expect(player.openSteps == ["b"])
    #expect(player.open["b"]?.input == .null)
  }

  @Test(arguments: ["when", "forEach", "item"])
  func `onError skip holds for a condition and a list that cannot be told`(kind: String) throws {
    let step = FlowStep.agent("a") {
      $0.onError = .skip
      if kind == "when" { $0.condition = try? Condition(parsing: "run.input.none.x < 1") }
      if kind == "forEach" { $0.forEach = (try? ValueTemplate(parsing: "{{ run.input }}")).map { ForEach(items: $0) } }
      if kind == "item" {
        $0.forEach = (try? ValueTemplate(parsing: ["x"])).map { ForEach(items: $0) }
        $0.condition = try? Condition(parsing: "item.none.x < 1")
      }
    }
    let player = FlowPlayer(.workflow([step, .agent("b", needs: [0])]))
    #expect(player.openSteps == ["b"])
  }

  @Test func `onError retry waits again for an event, and starts another run for one that failed`() {
    var wait = FlowStep(name: "ok", action: .event("approved"))
    wait.limits.attempt = .seconds(60)
    wait.onError = .retry
    var sub = FlowStep(name: "sub", action: .run("child"))
    sub.onError = .retry
    var player = FlowPlayer(.workflow([wait, sub]))
    player.passTime(of: "ok")
    #expect(player.wakes["ok"] == player.now + .seconds(60))
    var children: Set<RunID> = []
    for wait in [1, 2, 4] {
      if let child = player.children["sub"] { children.insert(child) }
      player.startChild("sub")
      player.endChild("sub", .failed)
      #expect(player.wakes["sub"] == player.now + .seconds(wait))
      player.recover()
      #expect(player.children["sub"] == nil)
      player.passTime(of: "sub")
    }
    #expect(children.count == 3)
    player.startChild("sub")
    player.endChild("sub", .completed, "C")
    player.play(.event(name: "approved", id: nil, payload: "yes"))
    #expect(player.status == .completed)
  }

  @Test func `onError retry starts no other run for one that was cancelled, or could not begin`() {
    var sub = FlowStep(name: "sub", action: .run("child"))
    sub.onError = .retry
    var player = FlowPlayer(.workflow([sub]))
    var cancelled = player
    player.endChild("sub", .failed)
    #expect(player.status == .failed)
    cancelled.startChild("sub")
    cancelled.endChild("sub", .cancelled)
    #expect(cancelled.status == .failed)
  }

  @Test func `a run that waits to be tried again is not begun by a cancel`() {
    var sub = FlowStep(name: "sub", action: .run("child"))
    sub.onError = .retry
    var player = FlowPlayer(.workflow([sub]))
    player.startChild("sub")
    player.endChild("sub", .failed)
    player.play(.pause(by: "ann"))
    player.crash()
    player.play(.cancel(by: "ann"))
    #expect(player.status == .cancelled)
    #expect(player.living.isEmpty)
  }

  @Test func `onError retry tries without end`() {
    var player = FlowPlayer(.workflow([.agent("a") { $0.onError = .retry }]))
    for _ in 0..<40 {
      player.crash("a")
      player.passTime(of: "a")
      #expect(player.openSteps == ["a"])
    }
    player.crash("a", .badOutput)
    #expect(player.status == .failed)
  }

  @Test func `onExhausted pause parks the run, and a resume tries the step again`() {
    var player = FlowPlayer(.workflow([.agent("a")]).with { $0.onExhausted = .pause })
    player.crash("a", .badOutput)
    #expect(player.status == .paused)
    #expect(player.machine.outlook.pauseReason == .exhausted)
    player.crash()
    player.play(.resume(by: "ann"))
    #expect(player.openSteps == ["a"])
    player.succeed("a", "A")
    #expect(player.status == .completed)
  }

  @Test func `an attempt that takes longer than it may is stopped and tried again`() {
    var player = FlowPlayer(.workflow([.agent("a") { $0.limits.attempt = .seconds(9) }]))
    #expect(player.open["a"]?.limits.attempt == .seconds(9))
    player.play(.attemptTimedOut("a", AttemptNumber(1)))
    #expect(player.stopped["a"] == .timedOut)
    player.end("a", .crashed(.exitOne))
    #expect(player.open["a"]?.attempt == AttemptNumber(2))
    player.play(.attemptTimedOut("a", AttemptNumber(1)))
    #expect(player.stopped.isEmpty, "a timer of an attempt that is over")
  }

  @Test func `a result that comes while the attempt is stopped is a result`() {
    var player = FlowPlayer(sequence)
    player.play(.attemptTimedOut("a", AttemptNumber(1)))
    player.succeed("a", "late but good")
    #expect(player.open["b"]?.input == "late but good")
  }

  @Test func `sleeps as long as it says, also across a restart`() throws {
    let sleep = FlowStep(name: "nap", action: .sleep(try ValueTemplate(parsing: "1h")))
    var player = FlowPlayer(.workflow([sleep, .agent("a", needs: [0])]))
    #expect(player.status == .suspended)
    player.now = player.now + .seconds(1_200)
    player.recover()
    #expect(player.actions == [.wake("nap", after: .seconds(2_400))])
    player.passTime(of: "nap")
    #expect(player.openSteps == ["a"])
  }

  @Test func `a clock that was set back does not end a sleep early`() throws {
    var player = FlowPlayer(.workflow([FlowStep(name: "nap", action: .sleep(try ValueTemplate(parsing: 60)))]))
    player.now = WallTime(microseconds: 0)
    player.wakes = [:]
    player.play(.due("nap"))
    #expect(player.actions == [.wake("nap", after: .seconds(61))])
  }

  @Test func `an event goes to the step that waits for it`() {
    var player = FlowPlayer(.workflow([FlowStep(name: "ok", action: .event("approved")), .agent("a", needs: [0])]))
    #expect(player.status == .suspended)
    player.play(.event(name: "other", id: nil, payload: 1))
    #expect(player.status == .suspended)
    player.play(.event(name: "approved", id: "e1", payload: ["by": "ann"]))
    #expect(player.open["a"]?.input == ["by": "ann"])
  }

  @Test func `an event that comes early is kept, and the same one is taken once`() {
    let definition = FlowDefinition.workflow([
      .agent("a"), FlowStep(name: "first", action: .event("go"), needs: [0]),
      FlowStep(name: "second", action: .event("go"), needs: [1]),
    ])
    var player = FlowPlayer(definition)
    player.play(.event(name: "go", id: "e1", payload: 1))
    player.play(.event(name: "go", id: "e1", payload: 1))
    player.recover()
    player.play(.event(name: "go", id: "e1", payload: 1))
    player.succeed("a")
    #expect(player.words.contains("done first"))
    #expect(player.status == .suspended)
    player.play(.event(name: "go", id: "e2", payload: 2))
    #expect(player.machine.outlook.output == 2)
  }

  @Test func `an event goes to whoever waits longest, and one that waits no more is passed over`() throws {
    var each = FlowStep(name: "ok", action: .event("go"))
    each.forEach = ForEach(items: try ValueTemplate(parsing: [1, 2, 3]))
    each.limits.attempt = .seconds(60)
    each.onError = .skip
    var player = FlowPlayer(.workflow([each]))
    player.passTime(of: "ok[0]")
    player.play(.event(name: "go", id: nil, payload: "first"))
    player.recover()
    player.play(.event(name: "go", id: nil, payload: "second"))
    #expect(player.machine.outlook.output == [.null, "first", "second"])
  }

  @Test func `the ids of events are remembered to a limit`() {
    var player = FlowPlayer(.workflow([FlowStep(name: "ok", action: .event("go")), .agent("a")]))
    for number in 0...FlowState.maxEventIDs {
      player.machine.apply(
        JournalEntry(
          sequence: JournalSequence(Int64(number + 10)), at: player.now,
          entry: .eventReceived(name: "other", id: "e\(number)", payload: .null)))
    }
    #expect(!player.machine.knowsEvent("e0"))
    #expect(player.machine.knowsEvent("e1"))
    #expect(player.machine.knowsEvent("e\(FlowState.maxEventIDs)"))
  }

  @Test func `no event within the timeout is a failure that says so`() {
    var wait = FlowStep(name: "ok", action: .event("approved"))
    wait.limits.attempt = .seconds(60)
    var player = FlowPlayer(.workflow([wait]))
    player.passTime(of: "ok")
    #expect(player.status == .failed)
    #expect(player.machine.outlook.error?.code == "NX-RUN-034")
  }

  @Test func `a run without end of its own is stopped at its timeout`() {
    var player = FlowPlayer(sequence)
    player.play(.timeout)
    #expect(player.stopped["a"] == .timedOut)
    player.end("a", .crashed(.exitOne))
    #expect(player.status == .failed)
    #expect(player.machine.outlook.error?.code == "NX-RUN-003")
  }
}
