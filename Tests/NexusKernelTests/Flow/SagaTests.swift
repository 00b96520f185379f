// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

@Suite struct `A saga` {
  private let article = FlowDefinition.saga([
    .undoable("research"), .undoable("write", needs: [0]), .undoable("publish", needs: [1]),
  ])

  @Test func `compensates the failed step first, then what was done, the last first`() {
    var player = FlowPlayer(article)
    player.succeed("research", "R")
    player.succeed("write", "W")
    player.crash("publish", .badOutput)
    #expect(player.status == .compensating)
    #expect(player.openSteps == ["publish.compensation"])
    #expect(player.open["publish.compensation"]?.agent == AgentName("undo-publish"))
    player.succeed("publish.compensation")
    #expect(
      player.open["write.compensation"]?.input == [
        "input": "R", "output": "W", "error": ["code": "NX-AGT-005", "message": "step publish: no output"],
      ])
    player.succeed("write.compensation")
    player.succeed("research.compensation")
    #expect(player.status == .compensated)
    #expect(player.machine.outlook.error?.code == "NX-AGT-005")
    #expect(player.isSettled)
  }

  @Test(
    arguments: [
      (RunError.neverStarted, false),
      (RunError(code: "NX-AGT-008", message: "no", isRetryable: false, wasApplied: false), false),
      (RunError(code: "NX-AGT-008", message: "no", isRetryable: false, wasApplied: true), true),
      (RunError.badOutput, true),
    ])
  func `the failed step is compensated only if it may have had an effect`(error: RunError, isUndone: Bool) {
    var player = FlowPlayer(article)
    player.crash("research", error)
    #expect(player.openSteps == (isUndone ? ["research.compensation"] : []))
    #expect((player.status == .compensated) == !isUndone)
  }

  @Test func `an earlier attempt that may have had an effect counts, although the last never started`() {
    var player = FlowPlayer(article)
    player.crash("research")
    player.crash("research", .neverStarted)
    #expect(player.openSteps == ["research.compensation"])
  }

  @Test(arguments: [(CompensateFailed.never, false), (.always, true)])
  func `compensateFailed overrides`(choice: CompensateFailed, isUndone: Bool) {
    var player = FlowPlayer(.saga([.undoable("a") { $0.compensation?.ofFailed = choice }]))
    player.crash("a", choice == .never ? .badOutput : .neverStarted)
    #expect(player.openSteps == (isUndone ? ["a.compensation"] : []))
  }

  private static let short = BudgetRefusal(reason: .reserve, scope: "global", action: .refuse, message: "no room")

  @Test(arguments: [CompensateFailed.auto, .always])
  func `a step whose undo cannot be paid for does not begin, and is not undone`(choice: CompensateFailed) {
    var player = FlowPlayer(
      .saga([.undoable("a"), .undoable("b", needs: [0]) { $0.compensation?.ofFailed = choice }]))
    player.succeed("a")
    player.end("b", .budgetStopped(Self.short))
    #expect(player.machine.outlook.error?.code == "NX-BUD-020")
    #expect(player.openSteps == ["a.compensation"])
    player.succeed("a.compensation")
    #expect(player.status == .compensated)
  }

  @Test func `keeps what all its compensations need, by the agent that makes them`() throws {
    let items = try ValueTemplate(parsing: "{{ run.input }}")
    let flow = FlowDefinition.saga([
      .agent("look"),
      .undoable("a", needs: [0]) { $0.compensation?.reserve = Spend(cost: NanoUSD(5)) },
      .undoable("b", needs: [1]) {
        $0.compensation = CompensationStep(agent: AgentName("undo-a"))
        $0.compensation?.reserve = Spend(cost: NanoUSD(2), tokens: TokenCount(7))
      },
      .undoable("each", needs: [2]) {
        $0.forEach = ForEach(items: items)
        $0.compensation?.reserve = Spend(cost: NanoUSD(3))
      },
      .undoable("free", needs: [3]) { $0.compensation?.reserve = .zero },
      .undoable("silent", needs: [4]),
      .agent("pivot", needs: [5]) { $0.commitment = .pivot },
      .agent("last", needs: [6]) { $0.commitment = .retriable },
    ])
    #expect(flow.keepsReserve)
    var player = FlowPlayer(flow, input: ["x", "y"])
    #expect(!player.machine.canBeUndone("look") && player.machine.canBeUndone("a"))
    let undoA = CompensationReserve(
      agent: AgentName("undo-a"), amount: Spend(cost: NanoUSD(7), tokens: TokenCount(7)))
    let silent = CompensationReserve(agent: AgentName("undo-silent"), usesHeadroom: true)
    #expect(player.machine.reserves == [undoA, silent] && player.machine.keptReserves.isEmpty)
    player.succeed("look")
    #expect(player.recovered().keptReserves == [undoA, silent])
    for step in ["a", "b"] { player.succeed(StepPath(step)) }
    let each = CompensationReserve(agent: AgentName("undo-each"), amount: Spend(cost: NanoUSD(6)))
    #expect(player.machine.reserves == [undoA, each, silent])
    #expect(player.recovered().keptReserves == [undoA, each, silent])
    for step in ["each[0]", "each[1]", "free", "silent", "pivot"] { player.succeed(StepPath(step)) }
    #expect(player.openSteps == ["last"])
    // Behind the pivot nothing is undone, and what comes has the money for itself.
    #expect(player.machine.reserves.isEmpty && player.machine.isBehindReturn)
    #expect(player.recovered().keptReserves.isEmpty)
  }

  @Test func `tells its compensations from its steps, and reads them again from what a run is pinned to`() throws {
    var player = FlowPlayer(.saga([.undoable("a") { $0.compensation?.reserve = Spend(cost: NanoUSD(5)) }]))
    #expect(player.open["a"]?.isCompensation == false)
    player.crash("a", .badOutput)
    #expect(player.open["a.compensation"]?.isCompensation == true)
    #expect(FlowDefinition(pinned: player.definition.pinned) == player.definition)
  }

  @Test func `steps that ran side by side are undone in the reverse order of their completion`() {
    var player = FlowPlayer(.saga([.undoable("a"), .undoable("b"), .undoable("c"), .agent("d", needs: [0, 1, 2])]))
    for step in ["b", "c", "a"] { player.succeed(StepPath(step)) }
    player.crash("d", .badOutput)
    var order: [String] = []
    while let step = player.openSteps.first {
      order.append(step)
      player.succeed(StepPath(step))
    }
    #expect(order == ["a.compensation", "c.compensation", "b.compensation"])
  }

  @Test func `a step that was cut off is compensated, because nobody knows`() {
    var player = FlowPlayer(.saga([.undoable("a"), .undoable("b")]))
    player.succeed("a")
    player.play(.cancel(by: "ann"))
    #expect(player.stopped["b"] == .cancelled)
    player.end("b", .crashed(.exitOne))
    #expect(player.openSteps == ["b.compensation"])
    player.succeed("b.compensation")
    player.succeed("a.compensation")
    #expect(player.status == .compensated)
    #expect(player.machine.outlook.error?.code == "NX-RUN-037")
  }

  @Test func `a second cancel does not abort the undo, and a kill does and says what stands`() {
    var player = FlowPlayer(article)
    player.succeed("research")
    player.play(.cancel(by: "ann"))
    player.end("write", .crashed(.exitOne))
    player.play(.cancel(by: "ann"))
    #expect(player.stopped.isEmpty)
    #expect(player.openSteps == ["write.compensation"])
    player.play(.kill(by: "bob"))
    #expect(player.stopped["write.compensation"] == .killed)
    player.end("write.compensation", .crashed(.exitOne))
    #expect(player.status == .cancelled)
    #expect(player.journal.last?.entry == .killed(by: "bob", uncompensated: ["write", "research"]))
  }

  @Test func `a kill that the node did not live to carry out is remembered`() {
    var player = FlowPlayer(article)
    player.succeed("research")
    player.play(.kill(by: "bob"))
    #expect(player.journal.last?.entry == .killRequested(by: "bob"))
    #expect(player.stopped["write"] == .killed)
    player.recover()
    #expect(player.openSteps.isEmpty)
    #expect(player.status == .cancelled)
    #expect(player.journal.last?.entry == .killed(by: "bob", uncompensated: ["write", "research"]))
    // Whoever has it go on afterwards means it.
    player.play(.retry(by: "ann", newKeys: false))
    player.recover()
    #expect(player.status == .running)
  }

  @Test func `behind the pivot there is only forward`() {
    let saga = FlowDefinition.saga([
      .undoable("reserve"), .agent("charge", needs: [0]) { $0.commitment = .pivot },
      .agent("ship", needs: [1]) { $0.commitment = .retriable },
    ])
    var player = FlowPlayer(saga)
    player.succeed("reserve")
    player.succeed("charge")
    let entries = player.journal.count
    player.play(.cancel(by: "ann"))
    player.play(.timeout)
    #expect(player.journal.count == entries, "whoever asks is told, and nothing is written down")
    #expect(player.stopped.isEmpty)
    player.crash("ship", .badOutput)
    #expect(player.status == .paused)
    #expect(player.machine.outlook.pauseReason == .exhausted)
    player.crash()
    player.play(.resume(by: "ann"))
    player.succeed("ship")
    #expect(player.status == .completed)
  }

  @Test func `a pivot that fails is a failure before the pivot`() {
    var player = FlowPlayer(.saga([.undoable("a"), .agent("p", needs: [0]) { $0.commitment = .pivot }]))
    player.succeed("a")
    player.crash("p", .badOutput)
    #expect(player.openSteps == ["a.compensation"])
  }

  @Test func `a compensation has its own retries, and one that keeps failing parks the run`() {
    var player = FlowPlayer(.saga([.undoable("a"), .undoable("b", needs: [0]), .agent("c", needs: [1])]))
    player.succeed("a")
    player.succeed("b")
    player.crash("c", .badOutput)
    player.crash("b.compensation")
    player.crash("b.compensation")
    player.passTime(of: "b.compensation")
    player.crash("b.compensation")
    #expect(player.status == .paused)
    #expect(player.machine.outlook.pauseReason == .compensation)
    #expect(!player.words.contains("start a.compensation#1"))
    #expect(player.isSettled)
  }

  private func parked(onCompensation choice: OnCompensationFailure = .pause) -> FlowPlayer {
    let saga = FlowDefinition.saga([.undoable("a"), .undoable("b", needs: [0]), .agent("c", needs: [1])])
    var player = FlowPlayer(saga.with { $0.onCompensationFailure = choice })
    player.succeed("a")
    player.succeed("b")
    player.crash("c", .badOutput)
    player.crash("b.compensation", .badOutput)
    return player
  }

  @Test func `a person has a parked compensation tried again`() {
    var player = parked()
    player.crash()
    player.play(.retry(by: "ann", newKeys: false))
    #expect(player.openSteps == ["b.compensation"])
    player.succeed("b.compensation")
    player.succeed("a.compensation")
    #expect(player.status == .compensated)
  }

  @Test func `a person does without a parked compensation, and the end says partly`() {
    var player = parked()
    player.crash()
    player.play(.skip("b.compensation", by: "ann", reason: "undone by hand"))
    #expect(player.openSteps == ["a.compensation"])
    player.succeed("a.compensation")
    #expect(player.status == .compensatedPartial)
  }

  @Test func `a person says that a parked compensation is done, and the end is a clean one`() {
    var player = parked()
    player.crash()
    player.play(.markDone("b.compensation", by: "ann", output: .null))
    player.succeed("a.compensation")
    #expect(player.status == .compensated)
  }

  @Test func `what nobody can decide about changes nothing`() {
    var player = parked()
    let before = player.journal.count
    for path: StepPath in ["a", "a.compensation", "nonsense", "c[3]"] {
      player.play(.skip(path, by: "ann", reason: "?"))
      player.play(.markDone(path, by: "ann", output: .null))
    }
    #expect(player.journal.count == before)
    #expect(player.status == .paused)
  }

  /// A compensation whose input refers to nothing.
  private func speechless(_ choice: OnCompensationFailure = .pause) throws -> FlowPlayer {
    let input = try ValueTemplate(parsing: ["booking": "{{ output.nope.id }}"])
    var player = FlowPlayer(
      .saga([.undoable("a") { $0.compensation?.input = input }, .agent("b", needs: [0])]).with {
        $0.onCompensationFailure = choice
      })
    player.succeed("a", "A")
    player.crash("b", .badOutput)
    return player
  }

  @Test func `a compensation without an input is parked, and a person can decide about it`() throws {
    var player = try speechless()
    #expect(player.machine.outlook.pauseReason == .compensation)
    player.crash()
    player.play(.retry(by: "ann", newKeys: false))
    #expect(player.machine.outlook.pauseReason == .compensation)
    player.crash()
    var done = player
    done.play(.markDone("a.compensation", by: "ann", output: .null))
    #expect(done.status == .compensated)
    player.play(.skip("a.compensation", by: "ann", reason: "by hand"))
    #expect(player.status == .compensatedPartial)
    let reported = try speechless(.proceed)
    #expect(reported.status == .compensatedPartial)
  }

  @Test func `a failed step that a person does without is not undone, and the end says partly`() {
    var player = FlowPlayer(.saga([.undoable("a"), .undoable("b", needs: [0])]))
    player.succeed("a")
    player.crash("b", .badOutput)
    player.crash("b.compensation", .badOutput)
    player.crash()
    player.play(.skip("b", by: "ann", reason: "looked at it"))
    player.succeed("b.compensation")
    player.succeed("a.compensation")
    #expect(player.status == .compensatedPartial)
  }

  @Test func `a parked compensation is not cancelled away`() {
    var player = parked()
    player.play(.cancel(by: "ann"))
    #expect(player.status == .paused)
  }

  @Test func `onCompensationFailure continue reports and goes on`() {
    var player = parked(onCompensation: .proceed)
    #expect(player.openSteps == ["a.compensation"])
    player.succeed("a.compensation")
    #expect(player.status == .compensatedPartial)
  }

  @Test func `a timeout of the whole run sends it back`() {
    var player = FlowPlayer(article)
    player.play(.timeout)
    player.end("research", .crashed(.exitOne))
    #expect(player.openSteps == ["research.compensation"])
  }

  @Test func `undoes a long list step by step, each at the same cost`() throws {
    var each = FlowStep.undoable("a")
    each.forEach = ForEach(items: try ValueTemplate(parsing: "{{ run.input.list }}"), parallel: 1)
    let items = (0..<3_000).map { JSONValue.int(Int64($0)) }
    var player = FlowPlayer(.saga([each, .agent("b", needs: [0])]), input: ["list": .array(items)], claim: false)
    for index in items.indices {
      let entry = RunEntry.stepCompleted(path: StepPath("a[\(index)]"), output: .int(Int64(index)))
      for entry in index == 0 ? [.stepExpanded(path: "a", count: items.count), entry] : [entry] {
        player.journal.append(
          JournalEntry(sequence: JournalSequence(Int64(player.journal.count + 1)), at: player.now, entry: entry))
      }
    }
    player.recover()
    player.crash("b", .badOutput)
    for index in items.indices.reversed() { player.succeed(StepPath("a[\(index)].compensation")) }
    #expect(player.status == .compensated)
  }

  @Test func `goes on with the undo where a killed node left it`() {
    var player = FlowPlayer(article)
    player.succeed("research")
    player.succeed("write")
    player.crash("publish", .neverStarted)
    player.succeed("write.compensation")
    player.recover()
    #expect(player.openSteps == ["research.compensation"])
    #expect(player.open["research.compensation"]?.attempt == AttemptNumber(2))
    player.succeed("research.compensation")
    #expect(player.status == .compensated)
  }
}
