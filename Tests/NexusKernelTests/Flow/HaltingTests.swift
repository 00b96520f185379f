// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

@Suite struct `A flow that is halted` {
  private let two = FlowDefinition.workflow([.agent("a"), .agent("b")])

  @Test func `by a cancel asks what is under way to end, and ends when it has`() {
    var player = FlowPlayer(two)
    player.play(.cancel(by: "ann"))
    #expect(player.stopped == ["a": .cancelled, "b": .cancelled])
    player.end("a", .crashed(.exitOne))
    #expect(player.status == .running)
    player.end("b", .succeeded, "")
    #expect(player.status == .cancelled)
    #expect(player.isSettled)
  }

  @Test func `by a pause goes on with the same attempts' steps on resume`() {
    var player = FlowPlayer(two)
    player.play(.pause(by: "ann"))
    player.end("a", .crashed(.exitOne))
    player.succeed("b", "B")
    #expect(player.status == .paused)
    player.crash()
    player.play(.resume(by: "ann"))
    #expect(player.openSteps == ["a"])
    player.succeed("a", "A")
    #expect(player.status == .completed)
  }

  @Test func `a cancel outranks a pause, and a kill both`() {
    var player = FlowPlayer(two)
    player.play(.pause(by: "ann"))
    player.play(.cancel(by: "ann"))
    player.play(.pause(by: "ann"))
    player.play(.kill(by: "ann"))
    #expect(player.stopped == ["a": .killed, "b": .killed])
    player.end("a", .crashed(.exitOne))
    player.end("b", .crashed(.exitOne))
    #expect(player.journal.last?.entry == .killed(by: "ann", uncompensated: []))
    #expect(player.status == .cancelled)
  }

  @Test(arguments: [DurableEvent.pause(by: "ann"), .nodeStopping])
  func `what fails for good while the run is halted has failed`(halt: DurableEvent) throws {
    let named = try #require(ErrorPattern("NX-RUN-030"))
    for change: (inout FlowStep) -> Void in [
      { $0.retry.nonRetryable = [named] }, { $0.retry.policy.maxAttempts = 1 },
    ] {
      var player = FlowPlayer(.workflow([.agent("a", change)]))
      player.play(.attemptTimedOut("a", AttemptNumber(1)))
      player.play(halt)
      player.crash("a")
      player.crash()
      player.play(halt == .nodeStopping ? .claimed(trapped: false) : .resume(by: "ann"))
      #expect(player.started.count == 1)
      #expect(player.status == .failed)
    }
  }

  @Test func `a paused run is cancelled at once`() {
    var player = FlowPlayer(two)
    player.play(.pause(by: "ann"))
    player.end("a", .crashed(.exitOne))
    player.end("b", .crashed(.exitOne))
    player.crash()
    player.play(.cancel(by: "ann"))
    #expect(player.status == .cancelled)
    #expect(player.machine.outlook.pauseReason == nil)
    #expect(player.isSettled)
  }

  @Test func `a node that stops leaves the run as it is, and the next node goes on`() {
    var player = FlowPlayer(two)
    player.play(.nodeStopping)
    player.end("a", .crashed(.exitOne))
    #expect(!player.isSettled)
    player.succeed("b", "B")
    #expect(player.isSettled)
    #expect(player.status == .running)
    player.recover()
    #expect(player.openSteps == ["a"])
    #expect(player.open["a"]?.attempt == AttemptNumber(2))
  }

  @Test func `a cancel that the node did not live to see through is remembered`() {
    var player = FlowPlayer(two)
    player.play(.cancel(by: "ann"))
    player.recover()
    #expect(player.status == .cancelled)
  }

  @Test func `what attempts came to whose node died is written down with their ends`() {
    var player = FlowPlayer(two)
    #expect(player.openSteps == ["a", "b"])
    player.crash()
    #expect(player.machine.orphanedSteps == ["a", "b"])
    player.machine.note(spent: ["b": Spend(cost: NanoUSD(7), tokens: TokenCount(40))])
    player.play(.claimed(trapped: false))
    #expect(player.machine.orphanedSteps.isEmpty)
    #expect(player.machine.outlook.cost == NanoUSD(7) && player.machine.outlook.tokens == TokenCount(40))
    // Once only.
    player.recover()
    #expect(player.machine.outlook.cost == NanoUSD(7))
  }

  @Test func `a run that traps the node twice is parked`() {
    var player = FlowPlayer(two)
    player.crash()
    player.play(.claimed(trapped: true))
    #expect(player.openSteps == ["a", "b"])
    player.crash()
    player.play(.claimed(trapped: true))
    #expect(player.status == .paused)
    #expect(player.machine.outlook.pauseReason == .poison)
    #expect(player.isSettled)
  }

  @Test func `a budget that says pause pauses the whole run, one that refuses fails the step`() {
    for action in [OnLimit.pause, .refuse] {
      var player = FlowPlayer(.workflow([.agent("a")]))
      let refusal = BudgetRefusal(reason: .exhausted, scope: "agent:a", action: action, message: "used up")
      player.end("a", .budgetStopped(refusal))
      #expect(player.status == (action == .pause ? .paused : .failed))
      #expect(player.machine.outlook.pauseReason == (action == .pause ? .budget : nil))
    }
  }

  @Test(arguments: [(BudgetRefusal.Reason.loop, PauseReason.loop), (.ceiling, .calls), (.reserve, .budget)])
  func `a run that another limit pauses says so`(reason: BudgetRefusal.Reason, pause: PauseReason) {
    var player = FlowPlayer(.workflow([.agent("a")]))
    let refusal = BudgetRefusal(reason: reason, scope: "agent:a", action: .pause, message: "no more")
    player.end("a", .budgetStopped(refusal))
    #expect(player.machine.outlook.pauseReason == pause)
  }

  @Test func `a supervisor that gave up on an agent fails the steps of that agent`() {
    var player = FlowPlayer(two)
    let reason = RunError(code: "NX-SUP-001", message: "too many restarts", isRetryable: false)
    player.play(.supervisorGaveUp(AgentName("agent-a"), reason))
    #expect(player.stopped == ["a": .givenUp])
    player.end("a", .crashed(.exitOne))
    player.succeed("b")
    #expect(player.status == .failed)
    #expect(player.machine.outlook.error?.code == "NX-SUP-001")
  }

  // MARK: Doubt

  private func doubtful(_ policy: OnUnknown) -> FlowPlayer {
    var player = FlowPlayer(.workflow([.agent("a") { $0.onUnknown = policy }]))
    player.recover()
    return player
  }

  @Test func `an attempt of a killed node is tried again under the same key`() {
    let player = doubtful(.retrySameKey)
    #expect(player.started.map(\.idempotencyKey) == ["run_1/a", "run_1/a"])
    #expect(player.started.map(\.attempt.value) == [1, 2])
  }

  @Test func `fail gives the step up`() {
    #expect(doubtful(.fail).machine.outlook.error?.code == "NX-RUN-033")
  }

  @Test func `ask waits for a person, who may say that it is done, or that it is tried again`() {
    var player = doubtful(.ask)
    #expect(player.machine.outlook.pauseReason == .unknown)
    player.crash()
    var done = player
    done.play(.markDone("a", by: "ann", output: "seen in the bank"))
    #expect(done.machine.outlook.output == "seen in the bank")
    player.play(.resume(by: "ann"))
    #expect(player.openSteps == ["a"])
  }

  @Test(arguments: [true, false])
  func `probe asks an agent`(applied: Bool) {
    var player = doubtful(.probe(AgentName("bank")))
    #expect(player.openSteps == ["a.probe"])
    #expect(player.open["a.probe"]?.input == ["input": ["topic": "bees"], "idempotencyKey": "run_1/a"])
    player.recover()
    #expect(player.openSteps == ["a.probe"])
    player.succeed("a.probe", ["applied": .bool(applied), "output": "X"])
    if applied {
      #expect(player.machine.outlook.output == "X")
    } else {
      #expect(player.openSteps == ["a"])
      player.recover()
      #expect(player.openSteps == ["a.probe"])
    }
  }

  @Test func `a decision about one step in doubt is none about another`() {
    let ask: (inout FlowStep) -> Void = { $0.onUnknown = .ask }
    var player = FlowPlayer(.workflow([.agent("a", ask), .agent("b", ask)]))
    player.recover()
    #expect(player.journal.last?.entry == .paused(.unknown, note: "nobody knows whether a, b had their effect"))
    player.crash()
    player.play(.markDone("a", by: "ann", output: "A"))
    #expect(player.openSteps == [])
    #expect(player.journal.last?.entry == .paused(.unknown, note: "nobody knows whether b had its effect"))
    player.crash()
    player.play(.resume(by: "ann"))
    #expect(player.openSteps == ["b"])
  }

  @Test func `a decision about a failed step does not try another again that may have had its effect`() {
    var player = FlowPlayer(.workflow([.agent("a"), .agent("b") { $0.onUnknown = .fail }]))
    player.recover()
    player.crash("a", .badOutput)
    #expect(player.status == .failed)
    player.crash()
    player.play(.skip("a", by: "ann", reason: "not needed"))
    #expect(player.openSteps == [])
    #expect(player.status == .failed)
    player.crash()
    player.play(.retry(by: "ann", newKeys: false))
    #expect(player.openSteps == ["b"])
  }

  @Test(
    arguments: [OnUnknown.fail, .ask, .probe(AgentName("bank")), .retrySameKey],
    [DurableEvent.pause(by: "ann"), .nodeStopping])
  func `an attempt that a pause cut off is in doubt as any other`(policy: OnUnknown, halt: DurableEvent) {
    var player = FlowPlayer(.workflow([.agent("a") { $0.onUnknown = policy }]))
    player.play(halt)
    player.crash("a")
    player.crash()
    player.play(halt == .nodeStopping ? .claimed(trapped: false) : .resume(by: "ann"))
    switch policy {
    case .retrySameKey: #expect(player.openSteps == ["a"])
    case .probe: #expect(player.openSteps == ["a.probe"])
    case .fail: #expect(player.machine.outlook.error?.code == "NX-RUN-033")
    case .ask: #expect(player.machine.outlook.pauseReason == .unknown)
    }
  }

  @Test func `an attempt that never began leaves no doubt, and nothing to undo`() {
    var player = FlowPlayer(.workflow([.agent("a") { $0.onUnknown = .ask }]))
    player.play(.pause(by: "ann"))
    player.end("a", .interrupted(AttemptOutcome.neverBegan))
    player.crash()
    player.play(.resume(by: "ann"))
    #expect(player.openSteps == ["a"])
    for choice in [CompensateFailed.auto, .always] {
      var saga = FlowPlayer(.saga([.undoable("a") { $0.compensation?.ofFailed = choice }]))
      saga.play(.cancel(by: "ann"))
      saga.end("a", .interrupted(AttemptOutcome.neverBegan))
      #expect(saga.status == .compensated)
      #expect(saga.started.count == 1)
    }
  }

  @Test func `an attempt that was stopped at its limit before it began begins anew`() {
    var player = FlowPlayer(.workflow([.agent("a")]))
    player.play(.attemptTimedOut("a", AttemptNumber(1)))
    player.end("a", .interrupted(AttemptOutcome.neverBegan))
    player.passTime(of: "a")
    #expect(player.openSteps == ["a"])
  }

  @Test func `a budget that pauses the run leaves the others in doubt`() {
    var player = FlowPlayer(.workflow([.agent("a"), .agent("b") { $0.onUnknown = .ask }]))
    let refusal = BudgetRefusal(reason: .exhausted, scope: "agent:a", action: .pause, message: "used up")
    player.end("a", .budgetStopped(refusal))
    player.crash("b")
    player.crash()
    player.play(.resume(by: "ann"))
    #expect(player.started.filter { $0.step == "b" }.count == 1)
  }

  @Test(arguments: [JSONValue.null, ["applied": "perhaps"]])
  func `a probe that cannot tell asks a person, whose resume tries the step again`(answer: JSONValue) {
    var player = doubtful(.probe(AgentName("bank")))
    if answer == .null { player.crash("a.probe", .badOutput) } else { player.succeed("a.probe", answer) }
    #expect(player.machine.outlook.pauseReason == .unknown)
    player.crash()
    player.play(.resume(by: "ann"))
    #expect(player.openSteps == ["a"])
  }

  @Test func `the limit on the run counts from its creation, or from when a person last had it go on`() {
    var player = FlowPlayer(two)
    let created = player.now
    func from(_ player: FlowPlayer) -> [WallTime?] {
      [player.machine.limitCountsFrom, player.recovered().limitCountsFrom]
    }
    player.now = created + .seconds(60)
    player.recover()
    #expect(from(player) == [created, created])
    player.play(.timeout)
    player.crash("a")
    player.crash("b")
    #expect(player.status == .failed)
    player.now = created + .seconds(120)
    player.play(.retry(by: "ann", newKeys: false))
    #expect(from(player) == [player.now, player.now])
    player.play(.pause(by: "ann"))
    player.crash("a")
    player.crash("b")
    player.now = created + .seconds(600)
    player.play(.resume(by: "ann"))
    #expect(from(player) == [player.now, player.now])
  }

  // MARK: Children

  private let parent = FlowDefinition.workflow([
    FlowStep(name: "sub", action: .run("child")), .agent("b", needs: [0]),
  ])

  @Test func `a child run is started once, under a key of its own, and its output is the step's`() {
    var player = FlowPlayer(parent)
    let key = "run_of_child_run_1/sub"
    #expect(player.children["sub"] == RunID(key))
    player.recover()
    #expect(player.children["sub"] == RunID(key), "the start may not have been heard of")
    player.play(.childStarted("sub", RunID("run_2")))
    player.recover()
    #expect(player.actions == [.awaitChild("sub", RunID("run_2"))])
    player.play(.childEnded("sub", ChildEnd(status: .completed, output: "C", error: nil)))
    #expect(player.open["b"]?.input == "C")
  }

  @Test func `a child run that fails is not started again by itself`() {
    var player = FlowPlayer(parent)
    player.play(.childStarted("sub", RunID("run_2")))
    player.play(.childEnded("sub", ChildEnd(status: .compensated, output: nil, error: .exitOne)))
    #expect(player.status == .failed)
  }

  @Test func `a cancel is passed on to the child run and waits for it`() {
    var player = FlowPlayer(parent)
    player.play(.childStarted("sub", RunID("run_2")))
    player.play(.cancel(by: "ann"))
    #expect(player.actions == [.stopChild("sub", RunID("run_2"), .cancel)])
    #expect(player.status == .suspended || player.status == .running)
    player.play(.childEnded("sub", ChildEnd(status: .cancelled, output: nil, error: nil)))
    #expect(player.status == .cancelled)
  }

  @Test func `a child run that is abandoned goes on by itself`() {
    var player = FlowPlayer(
      .workflow([FlowStep(name: "sub", action: .run("child"))]).with { $0.steps[0].parentClose = .abandon })
    player.play(.childStarted("sub", RunID("run_2")))
    player.play(.cancel(by: "ann"))
    #expect(player.status == .cancelled)
  }
}
