// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

/// Gates over what comes out of the run of an agent.
@Suite struct `A guarded run of an agent` {
  /// Plays a run as the shell does.
  private struct Player {
    var machine: RunMachine
    var journal: [JournalEntry] = []
    var actions: [DurableAction] = []
    let gates: AgentGates

    init(_ gate: GateDefinition = .sample()) {
      gates = AgentGates(agent: "a", input: "in", output: [gate], asksAnew: true, judge: SampleJudge())
      machine = Self.machine(gates)
      append([
        .created(RunCreation(kind: .agent, name: "a", input: "in", definition: DefinitionHash("d")))
      ])
      machine = recovered()
      play(.claimed(trapped: false))
    }

    private static func machine(_ gates: AgentGates) -> RunMachine {
      RunMachine(run: RunID("run_1"), retry: RetryPolicy(), gates: gates)
    }

    private mutating func append(_ entries: [RunEntry]) {
      for entry in entries {
        journal.append(
          JournalEntry(
            sequence: JournalSequence(Int64(journal.count + 1)), at: WallTime(microseconds: 1), entry: entry))
      }
    }

    func recovered() -> RunMachine {
      var machine = Self.machine(gates)
      for entry in journal { machine.apply(entry) }
      return machine
    }

    mutating func play(_ event: DurableEvent) {
      let decision = machine.handle(event, at: WallTime(microseconds: 1))
      append(decision.entries)
      actions = decision.actions
    }

    mutating func recover() {
      machine = recovered()
      play(.claimed(trapped: false))
    }

    mutating func succeed(_ output: JSONValue) {
      play(.attemptEnded(.main, AttemptEnd(outcome: .succeeded, cost: NanoUSD(10)), output: output))
      if case .wake(let path, _)? = actions.first { play(.due(path)) }
    }

    var status: RunStatus { machine.outlook.status }
    var order: StepOrder? { if case .startAttempt(let order)? = actions.last { order } else { nil } }
    var words: [String] { journal.map { JournalWord.of($0.entry) } }
  }

  private static func odd(_ place: String) -> JSONValue { ["kind": "odd", "path": .string("/" + place)] }

  @Test func `completes with what passes`() {
    var player = Player()
    player.succeed("good")
    #expect(player.status == .completed)
    #expect(player.machine.outlook.output == "good")
    #expect(player.words.suffix(2) == ["judged main pass", "completed"])
  }

  @Test func `is tried again with feedback, and stopped when that helps nothing`() throws {
    var player = Player()
    player.succeed(Self.odd("x"))
    let order = try #require(player.order)
    #expect(order.feedback?["attempt"] == 1)
    #expect(order.rewind == 1)
    #expect(order.idempotencyKey == "run_1/main#g1")
    player.recover()
    #expect(player.order?.feedback == order.feedback)
    player.succeed(Self.odd("x"))
    #expect(player.status == .stopped)
    #expect(player.machine.outlook.error?.code == "NX-GAT-070")
    #expect(player.machine.outlook.output == nil)
    #expect(player.actions == [.settle])
  }

  @Test(arguments: [(GateDecision.accept, RunStatus.completed), (.stop, .stopped), (.retry, .running)])
  func `waits for a person's word over restarts`(decision: GateDecision, status: RunStatus) {
    var player = Player()
    player.succeed("faint")
    #expect(player.status == .suspended)
    player.recover()
    #expect(player.status == .suspended)
    #expect(player.actions == [])
    player.play(.decide(.main, by: "ann", decision, note: ""))
    #expect(player.status == status)
    #expect((player.machine.outlook.output == "faint") == (decision == .accept))
    #expect(player.recovered().outlook == player.machine.outlook)
  }

  @Test func `a decision that comes too late means nothing, and holds nothing up`() {
    var player = Player()
    player.succeed("faint")
    player.play(.decide(.main, by: "ann", .accept, note: ""))
    let before = player.journal.count
    player.recover()
    player.play(.decide(.main, by: "bob", .stop, note: ""))
    #expect(player.journal.count == before)
    #expect(player.actions == [.settle])
  }

  @Test func `a resume is no answer`() {
    var player = Player()
    player.succeed("faint")
    player.play(.pause(by: "ann"))
    #expect(player.status == .paused)
    player.play(.resume(by: "ann"))
    #expect(player.status == .suspended)
    #expect(player.actions == [])
    player.play(.decide(.main, by: "ann", .accept, note: ""))
    #expect(player.status == .completed)
  }

  @Test(arguments: [DurableEvent.cancel(by: "ann"), .kill(by: "ann")])
  func `ends when a person wants no answer`(event: DurableEvent) {
    var player = Player()
    player.succeed("faint")
    player.play(event)
    #expect(player.status == .cancelled)
    #expect(player.actions == [.settle])
  }

  @Test func `a rejected value of an attempt that was told to stop is not taken`() {
    var player = Player()
    player.play(.cancel(by: "ann"))
    player.succeed(Self.odd("x"))
    #expect(player.status == .cancelled)
    #expect(player.machine.outlook.output == nil)
  }

  @Test func `a node that goes down with a rejected value goes on with the retry`() {
    var player = Player()
    player.play(.nodeStopping)
    player.succeed(Self.odd("x"))
    #expect(player.status == .running)
    player.recover()
    #expect(player.order?.feedback != nil)
  }

  @Test func `no retry once the attempts have cost what they may`() {
    var player = Player(.sample { $0.retry.maxCost = NanoUSD(15) })
    player.succeed(Self.odd("x"))
    #expect(player.order != nil)
    player.succeed(Self.odd("y"))
    #expect(player.status == .stopped)
    #expect(player.machine.state.gate.last?.reason == .cost)
  }
}
