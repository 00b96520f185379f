// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

/// Gates between the steps of workflows, sagas and pools.
@Suite struct `A guarded flow` {
  private let pair = FlowDefinition.workflow([.agent("a"), .agent("b", needs: [0])])
    .guarded(.sample(), steps: ["a"])

  private static func odd(_ place: String) -> JSONValue { ["kind": "odd", "path": .string("/" + place)] }

  @Test func `passes a good value on, and writes the verdict down`() {
    var player = FlowPlayer(pair)
    player.succeed("a", "good")
    #expect(player.words.suffix(4) == ["end a#1", "judged a pass", "done a", "start b#1"])
    #expect(player.open["b"]?.input == "good")
  }

  @Test func `never shows a rejected value to the next step`() {
    var player = FlowPlayer(pair)
    player.succeed("a", Self.odd("x"))
    #expect(player.openSteps == ["a"])
    #expect(player.machine.stepViews[0].output == nil)
    #expect(player.machine.stepViews[0].judgement?.rejected == Self.odd("x"))
    player.succeed("a", "wild")
    #expect(player.status == .stopped)
    #expect(player.machine.outlook.error?.code == "NX-GAT-070")
    #expect(player.machine.outlook.output == nil)
    #expect(!player.started.contains { $0.step == "b" })
    #expect(player.isSettled)
  }

  @Test func `tells the agent what was wrong, under a key of its own`() throws {
    var player = FlowPlayer(pair)
    #expect(player.open["a"]?.feedback == nil)
    player.succeed("a", Self.odd("x"))
    let order = try #require(player.open["a"])
    #expect(order.attempt == AttemptNumber(2))
    #expect(order.feedback?["errors"]?.arrayValue?.first?["path"] == "/x")
    #expect(order.idempotencyKey == "run_1/a#g1")
    #expect(order.rewind == 1)
    // A crash in between changes nothing of that.
    player.crash("a")
    #expect(player.open["a"]?.feedback == order.feedback)
    #expect(player.open["a"]?.idempotencyKey == "run_1/a#g1")
    #expect(player.open["a"]?.rewind == 0)
    player.succeed("a", "good")
    #expect(player.open["b"] != nil)
  }

  @Test func `an llm agent goes through its conversation again instead of asking anew`() {
    var flow = pair
    flow.agents[AgentName("agent-a")] = ["llm": ["model": "m"]]
    var player = FlowPlayer(flow)
    player.succeed("a", Self.odd("x"))
    #expect(player.open["a"]?.rewind == 0)
  }

  @Test func `waits between tries as long as the gate says, also over a restart`() {
    let flow = FlowDefinition.workflow([.agent("a")])
      .guarded(.sample { $0.retry.backoff = .seconds(30) })
    var player = FlowPlayer(flow)
    player.succeed("a", Self.odd("x"))
    #expect(player.openSteps == [])
    #expect(player.status == .suspended)
    let due = player.wakes["a"]
    #expect(due == player.now + .seconds(30))
    player.now = player.now + .seconds(10)
    player.recover()
    #expect(player.wakes["a"] == due)
    player.passTime(of: "a")
    #expect(player.openSteps == ["a"])
  }

  @Test func `counts rejections, and crashes apart from them`() {
    let flow = FlowDefinition.workflow([.agent("a") { $0.retry.policy.maxAttempts = 2 }])
      .guarded(.sample { $0.retry.maxAttempts = 2 })
    var player = FlowPlayer(flow)
    player.succeed("a", Self.odd("x"))
    player.crash("a")
    #expect(player.openSteps == ["a"])
    player.succeed("a", Self.odd("y"))
    #expect(player.status == .stopped)
    #expect(player.started.count == 3)
  }

  @Test func `onError skip does not let a stop pass`() {
    let flow = FlowDefinition.workflow([.agent("a") { $0.onError = .skip }, .agent("b", needs: [0])])
      .with { $0.onExhausted = .pause }.guarded(.sample(), steps: ["a"])
    var player = FlowPlayer(flow)
    player.succeed("a", "wild")
    #expect(player.status == .stopped)
    player.crash()
    player.play(.retry(by: "ann", newKeys: false))
    #expect(player.status == .stopped)
  }

  @Test func `what a stop leaves under way comes to its end first`() {
    let flow = FlowDefinition.workflow([.agent("a"), .agent("b"), .agent("c", needs: [0, 1])])
      .guarded(.sample(), steps: ["a"])
    var player = FlowPlayer(flow)
    player.succeed("a", "wild")
    #expect(player.status == .running)
    player.succeed("b", "fine")
    #expect(player.status == .stopped)
    #expect(!player.words.contains("start c#1"))
  }

  @Test func `nobody to judge means stop`() {
    var machine = FlowMachine(run: FlowPlayer.run, definition: pair, input: .null)
    _ = machine.handle(.claimed(trapped: false), at: WallTime(microseconds: 1))
    let end = AttemptEnd(outcome: .succeeded)
    _ = machine.handle(.attemptEnded("a", end, output: "good"), at: WallTime(microseconds: 2))
    #expect(machine.outlook.status == .stopped)
  }

  // MARK: A person decides

  @Test func `an escalated value waits for a person, and the node may die meanwhile`() {
    var player = FlowPlayer(pair)
    player.succeed("a", "faint")
    #expect(player.status == .suspended)
    #expect(player.openSteps == [])
    for _ in 0..<2 {
      player.recover()
      #expect(player.status == .suspended)
      #expect(player.openSteps == [] && player.wakes == [:])
    }
    player.play(.decide("a", by: "ann", .accept, note: "looks right"))
    #expect(player.open["b"]?.input == "faint")
    player.succeed("b", "B")
    #expect(player.status == .completed)
  }

  @Test func `other branches go on while one waits for a person`() {
    let flow = FlowDefinition.workflow([.agent("a"), .agent("b"), .agent("c", needs: [1])])
      .guarded(.sample(), steps: ["a"])
    var player = FlowPlayer(flow)
    player.succeed("a", "faint")
    #expect(player.status == .running)
    player.succeed("b", "B")
    #expect(player.openSteps == ["c"])
    player.succeed("c", "C")
    #expect(player.status == .suspended)
    player.play(.decide("a", by: "ann", .accept, note: ""))
    #expect(player.status == .completed)
  }

  @Test func `a person's retry tries again, with feedback and a new count`() {
    var player = FlowPlayer(pair)
    player.succeed("a", "faint")
    player.play(.decide("a", by: "ann", .retry, note: "be sure"))
    #expect(player.openSteps == ["a"])
    #expect(player.open["a"]?.feedback != nil)
    player.recover()
    #expect(player.openSteps == ["a"])
    player.succeed("a", "good")
    #expect(player.openSteps == ["b"])
  }

  @Test func `a person's stop ends the run stopped`() {
    var player = FlowPlayer(pair)
    player.succeed("a", "faint")
    player.play(.decide("a", by: "ann", .stop, note: "no"))
    #expect(player.status == .stopped)
    #expect(player.machine.outlook.error?.code == "NX-GAT-071")
  }

  @Test func `a decision about what does not wait means nothing`() {
    var player = FlowPlayer(pair)
    let before = player.journal.count
    player.play(.decide("a", by: "ann", .accept, note: ""))
    player.play(.decide("nope", by: "ann", .stop, note: ""))
    #expect(player.journal.count == before)
    player.succeed("a", "faint")
    player.play(.decide("a", by: "ann", .accept, note: ""))
    let after = player.journal.count
    player.play(.decide("a", by: "bob", .stop, note: ""))
    #expect(player.journal.count == after)
  }

  @Test func `a pause and a resume do not answer for the person`() {
    var player = FlowPlayer(pair)
    player.succeed("a", "faint")
    player.play(.pause(by: "ann"))
    #expect(player.status == .paused)
    player.crash()
    player.play(.resume(by: "ann"))
    #expect(player.status == .suspended)
    #expect(player.openSteps == [])
    player.play(.decide("a", by: "ann", .accept, note: ""))
    #expect(player.openSteps == ["b"])
  }

  @Test func `cancelling ends a run that waits for a person`() {
    var player = FlowPlayer(pair)
    player.succeed("a", "faint")
    player.play(.cancel(by: "ann"))
    #expect(player.status == .cancelled)
  }

  // MARK: Lists, runs, pools

  @Test func `each element of a list is judged by itself`() throws {
    var step = FlowStep.agent("a")
    step.forEach = ForEach(items: try ValueTemplate(parsing: "{{ run.input.list }}"))
    let flow = FlowDefinition.workflow([step, .agent("b", needs: [0])]).guarded(.sample(), steps: ["a"])
    var player = FlowPlayer(flow, input: ["list": [1, 2]])
    player.succeed("a[0]", "good")
    player.succeed("a[1]", Self.odd("x"))
    #expect(player.openSteps == ["a[1]"])
    player.succeed("a[1]", "faint")
    #expect(player.status == .suspended)
    player.play(.decide("a[1]", by: "ann", .accept, note: ""))
    #expect(player.open["b"]?.input == ["good", "faint"])
  }

  @Test func `what a run of a step came to is judged, and never asked for anew`() {
    let flow = FlowDefinition.workflow([FlowStep(name: "r", action: .run("child")), .agent("b", needs: [0])])
      .guarded(.sample { $0.onExhausted = .escalate }, steps: ["r"])
    var player = FlowPlayer(flow)
    player.startChild("r")
    player.endChild("r", .completed, "odd")
    #expect(player.status == .suspended)
    player.recover()
    #expect(player.children == [:])
    player.play(.decide("r", by: "ann", .accept, note: ""))
    #expect(player.open["b"]?.input == "odd")
  }

  @Test func `a vote that is stopped does not count`() {
    let pool = FlowDefinition.pool(3, PoolDecision(strategy: .majority)).guarded(.sample())
    var player = FlowPlayer(pool)
    player.succeed("m0", "wild")
    player.succeed("m1", "wild")
    #expect(player.status == .failed)
    var other = FlowPlayer(pool)
    other.succeed("m0", "wild")
    other.succeed("m1", "same")
    other.succeed("m2", "same")
    #expect(other.status == .completed)
    #expect(other.machine.outlook.output == "same")
  }

  @Test func `what a probe found out is judged, and the step tried again if it is rejected`() {
    let flow = FlowDefinition.workflow([.agent("a") { $0.onUnknown = .probe(AgentName("probe")) }]).guarded(.sample())
    var player = FlowPlayer(flow)
    player.end("a", .interrupted("a sibling"))
    player.passTime(of: "a")
    #expect(player.openSteps == ["a.probe"])
    player.succeed("a.probe", ["applied": true, "output": "odd"])
    #expect(player.openSteps == ["a"])
    #expect(player.open["a"]?.feedback != nil)
    player.succeed("a", "good")
    #expect(player.status == .completed)
  }

  // MARK: Sagas

  @Test func `a stop has a saga undo what it did, the rejected step first`() {
    let saga = FlowDefinition.saga([.undoable("a"), .undoable("b", needs: [0])]).guarded(.sample())
    var player = FlowPlayer(saga)
    player.succeed("a", "good")
    player.succeed("b", "wild")
    #expect(player.status == .compensating)
    // Whoever undoes it has to know what it did, and may not take it for a result.
    #expect(player.open["b.compensation"]?.input?["output"] == .null)
    #expect(player.open["b.compensation"]?.input?["rejected"] == "wild")
    player.succeed("b.compensation")
    player.recover()
    player.succeed("a.compensation")
    #expect(player.status == .stopped)
    #expect(player.machine.outlook.error?.code == "NX-GAT-070")
    #expect(player.recovered().outlook == player.machine.outlook)
  }

  @Test func `a stop whose undo was given up ends compensated in part, not stopped`() {
    let saga = FlowDefinition.saga([.undoable("a") { $0.compensation?.retry.policy.maxAttempts = 1 }])
      .with { $0.onCompensationFailure = .proceed }.guarded(.sample())
    var player = FlowPlayer(saga)
    player.succeed("a", "wild")
    player.crash("a.compensation", .badOutput)
    #expect(player.status == .compensatedPartial)
  }

  @Test func `a stop at the pivot asks a person, whatever the gate says`() {
    var saga = FlowDefinition.saga([.undoable("a"), .agent("p", needs: [0]), .agent("r", needs: [1])])
    saga.steps[1].commitment = .pivot
    saga.steps[2].commitment = .retriable
    var player = FlowPlayer(saga.guarded(.sample()))
    player.succeed("a", "good")
    player.succeed("p", "wild")
    #expect(player.status == .suspended)
    #expect(player.machine.stepViews[1].judgement?.reason == .cannotUndo)
    player.play(.decide("p", by: "ann", .accept, note: ""))
    player.succeed("r", "wild")
    #expect(player.status == .suspended)
    player.play(.decide("r", by: "ann", .stop, note: ""))
    #expect(player.status == .paused)
    #expect(!player.words.contains("compensating"))
  }

  @Test func `a saga does not go back while nobody has said what its pivot came to`() {
    var saga = FlowDefinition.saga([.undoable("a"), .agent("p")])
    saga.steps[1].commitment = .pivot
    var player = FlowPlayer(saga.guarded(.sample(), steps: ["p"]))
    player.succeed("p", "faint")
    player.crash("a", .badOutput)
    #expect(player.status != .compensating && !player.status.isFinal)
    player.play(.decide("p", by: "ann", .accept, note: ""))
    // Behind the pivot there is only forward.
    #expect(player.status == .paused)
  }
}
