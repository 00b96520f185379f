// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

/// Gates before a step: over what goes in.
@Suite struct `A guarded entrance` {
  private static func pair(_ change: (inout FlowStep) -> Void = { _ in }) -> FlowDefinition {
    var flow = FlowDefinition.workflow([.agent("a"), .agent("b", needs: [0], change)])
    flow.gates["g"] = .sample { $0.onExhausted = .escalate }
    flow.steps[1].inputGates = ["g"]
    return flow
  }

  @Test func `lets a good input in, once for all attempts`() {
    var player = FlowPlayer(Self.pair())
    player.succeed("a", "good")
    player.crash("b")
    player.succeed("b", "B")
    #expect(player.status == .completed)
    #expect(player.words.count { $0.hasPrefix("judged") } == 1)
  }

  @Test func `begins nothing with an input that is stopped`() {
    var player = FlowPlayer(Self.pair())
    player.succeed("a", "wild")
    #expect(player.status == .stopped)
    #expect(player.machine.outlook.error?.code == "NX-GAT-072")
    #expect(!player.started.contains { $0.step == "b" })
  }

  @Test func `never asks for an input anew`() {
    var player = FlowPlayer(Self.pair())
    player.succeed("a", "odd")
    #expect(player.status == .suspended)
    #expect(player.machine.stepViews[1].judgement?.reason == .cannotRetry)
  }

  @Test(arguments: [(GateDecision.accept, RunStatus.running), (.stop, .stopped), (.retry, .suspended)])
  func `waits for a person's word over restarts`(decision: GateDecision, status: RunStatus) {
    var player = FlowPlayer(Self.pair())
    player.succeed("a", "faint")
    #expect(player.status == .suspended)
    player.recover()
    #expect(player.status == .suspended)
    #expect(player.openSteps == [])
    player.play(.decide("b", by: "ann", decision, note: ""))
    #expect(player.status == status)
    #expect(player.open["b"]?.input == (decision == .accept ? "faint" : nil))
    #expect(player.recovered().outlook.status.isFinal == status.isFinal)
  }

  @Test func `each element of a list has an entrance of its own`() throws {
    let list = try ValueTemplate(parsing: "{{ run.input.list }}")
    var flow = FlowDefinition.workflow([.agent("a") { $0.forEach = ForEach(items: list) }])
    flow.gates["g"] = .sample()
    flow.steps[0].inputGates = ["g"]
    var player = FlowPlayer(flow, input: ["list": ["good", "faint"]])
    #expect(player.openSteps == ["a[0]"])
    player.succeed("a[0]", 1)
    player.play(.decide("a[1]", by: "ann", .accept, note: ""))
    player.succeed("a[1]", 2)
    #expect(player.machine.outlook.output == [1, 2])
  }

  @Test func `a saga that is stopped before a step does not undo that step`() {
    var saga = FlowDefinition.saga([.undoable("a"), .undoable("b", needs: [0])])
    saga.gates["g"] = .sample()
    saga.steps[1].inputGates = ["g"]
    var player = FlowPlayer(saga)
    player.succeed("a", "wild")
    #expect(player.openSteps == ["a.compensation"])
    player.succeed("a.compensation")
    #expect(player.status == .stopped)
  }

  @Test func `a pivot that never began can be gone back from`() {
    var saga = FlowDefinition.saga([.undoable("a"), .agent("p", needs: [0])])
    saga.steps[1].commitment = .pivot
    saga.gates["g"] = .sample()
    saga.steps[1].inputGates = ["g"]
    var player = FlowPlayer(saga)
    player.succeed("a", "wild")
    #expect(player.openSteps == ["a.compensation"])
  }

  // MARK: Runs of agents

  private static func play(_ input: JSONValue) -> (RunMachine, [DurableAction]) {
    var machine = RunMachine(
      run: RunID("run_1"), retry: RetryPolicy(),
      gates: AgentGates(agent: "a", input: input, entrance: [.sample()], judge: SampleJudge()))
    machine.apply(
      JournalEntry(
        sequence: JournalSequence(1), at: WallTime(microseconds: 1),
        entry: .created(RunCreation(kind: .agent, name: "a", input: input, definition: DefinitionHash("d")))))
    let decision = machine.handle(.claimed(trapped: false), at: WallTime(microseconds: 2))
    return (machine, decision.actions)
  }

  @Test func `an agent's run begins only with what is let in`() {
    #expect(Self.play("good").0.outlook.status == .running)
    #expect(Self.play("wild").0.outlook.status == .stopped)
    #expect(Self.play("wild").1 == [.settle])
    var (machine, actions) = Self.play("faint")
    #expect(machine.outlook.status == .suspended)
    #expect(actions == [])
    let again = machine.handle(.decide(.main, by: "ann", .accept, note: ""), at: WallTime(microseconds: 3))
    #expect(machine.outlook.status == .running)
    #expect(again.entries.count == 2)
  }
}
