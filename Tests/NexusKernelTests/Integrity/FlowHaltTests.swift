// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

/// Doubts about the state of a flow.
@Suite struct `A flow in doubt` {
  private let article = FlowDefinition.saga([.undoable("write"), .undoable("publish", needs: [0])])

  private func rules(_ conditions: StopCondition...) -> IntegrityRules { IntegrityRules(stopWhen: Set(conditions)) }

  @Test func `does nothing until a person decides, not even compensate`() {
    var player = FlowPlayer(article, rules: rules())
    player.succeed("write", "W")
    player.play(.doubted(IntegrityDoubt(.readSetUnknown, step: "publish", note: "nobody knows")))
    #expect(player.status == .halted)
    #expect(player.machine.outlook.error?.code == "NX-GAT-100")
    #expect(player.stopped["publish"] == .killed)
    // What it came to in spite of that is not taken.
    player.succeed("publish", "P")
    #expect(player.words.suffix(2) == ["halted readSetUnknown", "end publish#1"])
    #expect(player.isSettled)
    for event in [
      DurableEvent.cancel(by: "ann"), .kill(by: "ann"), .pause(by: "ann"), .resume(by: "ann"), .timeout,
      .retry(by: "ann", newKeys: true), .skip("publish", by: "ann", reason: ""), .claimed(trapped: false),
    ] {
      player.crash()
      let before = player.journal.count
      player.play(event)
      #expect(player.journal.count == before, "\(event)")
      #expect(player.status == .halted && player.open.isEmpty && player.isSettled)
    }
  }

  @Test func `goes on where it was, under the same key, once somebody says so`() {
    var player = FlowPlayer(article, rules: rules())
    player.succeed("write", "W")
    player.play(.doubted(IntegrityDoubt(.outcomeUnknown)))
    player.end("publish", .crashed(.exitOne))
    player.crash()
    player.play(.acceptHalt(by: "ann", reason: "looked at it"))
    #expect(player.status == .running)
    #expect(player.open["publish"]?.idempotencyKey == "run_1/publish")
    player.succeed("publish", "P")
    #expect(player.status == .completed)
  }

  @Test func `is the same after the node was killed at any moment`() {
    var player = FlowPlayer(article, rules: rules())
    player.play(.doubted(IntegrityDoubt(.outcomeUnknown)))
    // The attempt was killed with the node, and nobody reports its end.
    player.recover()
    #expect(player.status == .halted)
    #expect(player.open.isEmpty && player.isSettled)
    player.play(.acceptHalt(by: "ann", reason: "seen"))
    #expect(player.words.suffix(3) == ["end write#1", "accepted", "start write#2"])
  }

  @Test(arguments: [OnUnknown.ask, .fail])
  func `is halted where it would ask or fail because nobody knows what a step did`(policy: OnUnknown) {
    let flow = FlowDefinition.saga([.undoable("pay") { $0.onUnknown = policy }])
    var player = FlowPlayer(flow, rules: rules(.outcomeUnknown))
    player.recover()
    #expect(player.status == .halted)
    #expect(player.machine.state.haltedFor == .outcomeUnknown)
    #expect(player.open.isEmpty)
    player.crash()
    // Then what its definition says is done, and the same doubt does not come again.
    player.play(.acceptHalt(by: "ann", reason: "seen"))
    #expect(player.status == (policy == .ask ? .paused : .compensating))
  }

  @Test func `is tried again all the same where its policy makes that harmless`() {
    var player = FlowPlayer(article, rules: rules(.outcomeUnknown))
    player.recover()
    #expect(player.openSteps == ["write"])
  }

  @Test(arguments: [OnCompensationFailure.pause, .proceed])
  func `is halted where a compensation fails, once`(policy: OnCompensationFailure) {
    let flow = article.with { $0.onCompensationFailure = policy }
    var player = FlowPlayer(flow, rules: rules(.compensationFailed))
    player.succeed("write", "W")
    player.crash("publish", .neverStarted)
    #expect(player.openSteps == ["write.compensation"])
    player.crash("write.compensation", .badOutput)
    #expect(player.status == .halted)
    player.crash()
    player.play(.acceptHalt(by: "ann", reason: "seen"))
    #expect(player.openSteps == ["write.compensation"])
    player.crash("write.compensation", .badOutput)
    #expect(player.status == (policy == .pause ? .paused : .compensatedPartial))
  }

  @Test func `is halted where the clock stands before its journal`() {
    var player = FlowPlayer(article, rules: rules(.clockRegressed))
    player.now = player.now + .seconds(60)
    player.succeed("write", "W")
    player.now = player.now + .milliseconds(-900)
    player.play(.event(name: "any", id: nil, payload: nil))
    #expect(player.status == .running)
    player.now = player.now + .seconds(-30)
    player.succeed("publish", "P")
    #expect(player.status == .halted)
    #expect(player.machine.state.haltedFor == .clockRegressed)
    player.crash()
    player.play(.acceptHalt(by: "ann", reason: "the clock was wrong before"))
    player.succeed("publish", "P")
    #expect(player.status == .completed)
  }

  @Test func `is halted where the rules are others than those under which it began`() {
    var player = FlowPlayer(article, rules: IntegrityRules(stopWhen: [.definitionChanged], policy: "one"))
    player.succeed("write", "W")
    player.recover()
    #expect(player.status == .running)
    player.rules.policy = "two"
    player.recover()
    #expect(player.status == .halted)
    #expect(player.machine.state.haltedFor == .definitionChanged)
    player.crash()
    player.play(.acceptHalt(by: "ann", reason: "the new rules hold"))
    #expect(player.machine.policy == "two")
    #expect(player.openSteps == ["publish"])
    player.recover()
    #expect(player.status == .running)
  }

  @Test func `is halted where the audit log was begun anew behind its journal, and once`() {
    var player = FlowPlayer(article, rules: rules(.auditBroken))
    player.succeed("write", "W")
    player.recover()
    #expect(player.status == .running)
    player.rules.auditBegunAt = player.now + .seconds(60)
    player.now = player.now + .seconds(120)
    player.recover()
    #expect(player.status == .halted)
    #expect(player.machine.state.haltedFor == .auditBroken)
    player.crash()
    player.play(.acceptHalt(by: "ann", reason: "the old log was looked at"))
    #expect(player.openSteps == ["publish"])
    player.recover()
    #expect(player.status == .running)
  }

  @Test func `is not halted for what the project does not name`() {
    var player = FlowPlayer(article, rules: rules(.clockRegressed))
    player.rules = IntegrityRules(stopWhen: [.clockRegressed], policy: "another")
    player.recover()
    #expect(player.openSteps == ["write"])
  }

  @Test func `is halted where a validator could not be asked, and stops if that is accepted`() {
    let flow = article.guarded(.sample(), steps: ["write"])
    var player = FlowPlayer(flow, rules: rules(.evaluatorError))
    player.succeed("write", "broken")
    #expect(player.words.suffix(2) == ["failed write", "halted evaluatorError"])
    player.crash()
    player.play(.acceptHalt(by: "ann", reason: "it is stopped then"))
    #expect(player.openSteps == ["write.compensation"])
    player.succeed("write.compensation")
    #expect(player.status == .stopped)
  }
}

@Suite struct `The run of an agent in doubt` {
  private static let run = RunID("run_1")

  private func machine(_ rules: IntegrityRules = IntegrityRules()) -> RunMachine {
    var machine = RunMachine(run: Self.run, retry: RetryPolicy(), rules: rules)
    machine.apply(
      JournalEntry(
        sequence: JournalSequence(1), at: WallTime(microseconds: 0),
        entry: .created(
          RunCreation(
            kind: .agent, name: "a", input: nil, definition: DefinitionHash("d"), policy: rules.policy))))
    return machine
  }

  private let now = WallTime(microseconds: 5_000_000)

  @Test func `is halted, and what its attempt comes to is not taken`() {
    var machine = machine()
    _ = machine.handle(.claimed(trapped: false), at: now)
    let halt = machine.handle(.doubted(IntegrityDoubt(.outcomeUnknown)), at: now)
    #expect(halt.entries.map(JournalWord.of) == ["halted outcomeUnknown"])
    #expect(halt.actions == [.stopAttempt(.main, .killed)])
    let end = machine.handle(.attemptEnded(.main, AttemptEnd(outcome: .succeeded), output: "done"), at: now)
    #expect(end.entries.map(JournalWord.of) == ["end main#1"])
    #expect(end.actions == [.settle])
    #expect(machine.outlook.status == .halted && machine.outlook.output == nil)
    #expect(machine.handle(.resume(by: "ann"), at: now).entries.isEmpty)
    #expect(machine.handle(.cancel(by: "ann"), at: now).entries.isEmpty)
    let accepted = machine.handle(.acceptHalt(by: "ann", reason: "seen"), at: now)
    #expect(accepted.entries.map(JournalWord.of) == ["accepted", "start main#2"])
  }

  @Test func `is halted by an audit log that was begun anew, and once`() {
    var rules = IntegrityRules(stopWhen: [.auditBroken])
    rules.auditBegunAt = now
    var machine = machine(rules)
    #expect(machine.handle(.claimed(trapped: false), at: now).entries.map(JournalWord.of) == ["halted auditBroken"])
    let accepted = machine.handle(.acceptHalt(by: "ann", reason: "seen"), at: now)
    #expect(accepted.entries.map(JournalWord.of) == ["accepted", "start main#1"])
    #expect(
      machine.handle(.pause(by: "ann"), at: now).entries.allSatisfy { JournalWord.of($0) != "halted auditBroken" })
    rules.stopWhen = []
    var other = self.machine(rules)
    #expect(other.handle(.claimed(trapped: false), at: now).entries.map(JournalWord.of) == ["start main#1"])
  }

  @Test func `is halted by a clock that stands before its journal, and by other rules`() {
    var machine = machine(IntegrityRules(stopWhen: [.clockRegressed, .definitionChanged], policy: "one"))
    _ = machine.handle(.claimed(trapped: false), at: now)
    let late = machine.handle(.pause(by: "ann"), at: now + .seconds(-2))
    #expect(late.entries.first.map(JournalWord.of) == "halted clockRegressed")
    var other = RunMachine(
      run: Self.run, retry: RetryPolicy(), rules: IntegrityRules(stopWhen: [.definitionChanged], policy: "two"))
    other.apply(
      JournalEntry(
        sequence: JournalSequence(1), at: now,
        entry: .created(
          RunCreation(kind: .agent, name: "a", input: nil, definition: DefinitionHash("d"), policy: "one"))))
    #expect(
      other.handle(.claimed(trapped: false), at: now).entries.map(JournalWord.of) == ["halted definitionChanged"])
    #expect(other.handle(.acceptHalt(by: "ann", reason: "seen"), at: now).entries.count == 2)
    #expect(other.policy == "two")
  }
}
