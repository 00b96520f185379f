// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

@Suite struct `A fork of a run` {
  private let diamond = FlowDefinition.workflow([
    .agent("a"), .agent("b", needs: [0]), .agent("c", needs: [0]), .agent("d", needs: [1, 2]),
  ])

  private func forked(_ player: FlowPlayer, from step: String) throws -> FlowPlayer {
    let kept = try #require(FlowFork.entries(of: player.journal, definition: player.definition, from: step))
    var fork = FlowPlayer(player.definition, claim: false)
    for entry in kept {
      fork.journal.append(
        JournalEntry(sequence: JournalSequence(Int64(fork.journal.count + 1)), at: fork.now, entry: entry))
    }
    fork.recover()
    return fork
  }

  @Test func `keeps the results of what does not need the step, and does the rest anew`() throws {
    var player = FlowPlayer(diamond)
    player.succeed("a", "A")
    player.succeed("b", "B")
    player.succeed("c", "C")
    player.succeed("d", "D")
    var fork = try forked(player, from: "b")
    #expect(fork.openSteps == ["b"])
    fork.succeed("b", "B2")
    #expect(fork.open["d"]?.input == ["b": "B2", "c": "C"])
  }

  @Test func `of a failed run does not keep the failure`() throws {
    var player = FlowPlayer(diamond)
    player.succeed("a", "A")
    player.crash("b", .badOutput)
    player.succeed("c", "C")
    #expect(player.status == .failed)
    let fork = try forked(player, from: "b")
    #expect(fork.status == .running)
    #expect(fork.openSteps == ["b"])
  }

  @Test func `of a saga that went back does anew what was undone, and what needs it`() throws {
    let saga = FlowDefinition.saga([
      .agent("before"), .undoable("a", needs: [0]), .agent("between", needs: [1]), .undoable("b", needs: [2]),
    ])
    var player = FlowPlayer(saga)
    player.succeed("before", "B")
    player.succeed("a", "A")
    player.succeed("between", "X")
    player.crash("b", .badOutput)
    // Nobody knows whether an undo that was begun did its work.
    let halfway = player
    player.succeed("b.compensation")
    player.succeed("a.compensation")
    let fork = try forked(player, from: "b")
    #expect(fork.openSteps == ["a"])
    #expect(fork.open["a"]?.input == "B")
    #expect(try forked(halfway, from: "b").openSteps == ["b"])
    var begun = halfway
    begun.succeed("b.compensation")
    #expect(try forked(begun, from: "b").openSteps == ["a"])
  }

  @Test func `of a list does anew the elements that were undone`() throws {
    var each = FlowStep.undoable("a")
    each.forEach = ForEach(items: try ValueTemplate(parsing: ["x", "y"]))
    var player = FlowPlayer(.saga([each, .agent("b", needs: [0])]))
    player.succeed("a[0]", "X")
    player.succeed("a[1]", "Y")
    player.crash("b", .badOutput)
    player.succeed("a[1].compensation")
    player.crash("a[0].compensation", .neverStarted)
    var fork = try forked(player, from: "b")
    #expect(fork.openSteps == ["a[0]", "a[1]"])
    player.journal.removeAll { entry in
      if case .attemptStarted("a[0].compensation", _, _) = entry.entry { true } else { false }
    }
    fork = try forked(player, from: "b")
    #expect(fork.openSteps == ["a[1]"])
  }

  @Test func `needs a step that exists`() {
    #expect(FlowFork.entries(of: [], definition: diamond, from: "nowhere") == nil)
  }
}

@Suite struct `The steps of a run as people see them` {
  private func words(_ player: FlowPlayer) -> [String] {
    player.machine.stepViews.map { "\($0.path) \($0.status)" }
  }

  @Test func `are pending, running, waiting, over`() {
    var player = FlowPlayer(
      .workflow([.agent("a"), .agent("b", needs: [0]), FlowStep(name: "go", action: .event("go"), needs: [1])]))
    #expect(words(player) == ["a running", "b pending", "go pending"])
    player.crash("a")
    player.crash("a")
    #expect(words(player) == ["a waiting", "b pending", "go pending"])
    #expect(player.machine.stepViews[0].dueAt == player.now + .seconds(1))
    player.passTime(of: "a")
    player.succeed("a")
    player.succeed("b")
    #expect(words(player) == ["a completed", "b completed", "go waiting"])
    player.play(.kill(by: "ann"))
    #expect(words(player) == ["a completed", "b completed", "go interrupted"])
  }

  @Test func `show what each was given`() {
    var player = FlowPlayer(
      .saga([.undoable("a"), .agent("b", needs: [0]), FlowStep(name: "go", action: .event("go"), needs: [1])]),
      input: ["topic": "sagas"])
    #expect(player.machine.stepViews.map(\.input) == [["topic": "sagas"], nil, nil])
    player.succeed("a", "A")
    #expect(player.machine.stepViews.map(\.input) == [["topic": "sagas"], "A", nil])
    player.crash("b", .badOutput)
    let undo = player.machine.stepViews.first { $0.path == "a.compensation" }?.input
    #expect(undo?["input"] == ["topic": "sagas"])
    #expect(undo?["output"] == "A")
    #expect(undo?["error"]?["code"]?.stringValue?.hasPrefix("NX-") == true)
  }

  @Test func `of a list show how the undo of each element stands, and of all together`() throws {
    var each = FlowStep.undoable("a")
    each.forEach = ForEach(items: try ValueTemplate(parsing: ["x", "y"]))
    var player = FlowPlayer(.saga([each, .agent("b", needs: [0])]))
    player.succeed("a[0]", "X")
    player.succeed("a[1]", "Y")
    #expect(player.machine.stepViews.map(\.compensation) == ["pending", "pending", "pending", nil])
    player.crash("b", .badOutput)
    #expect(
      words(player) == [
        "a completed", "a[0] completed", "a[1] completed", "a[1].compensation running", "b failed",
      ])
    #expect(player.machine.stepViews.map(\.compensation) == ["running", "pending", "running", nil, nil])
    player.succeed("a[1].compensation")
    player.succeed("a[0].compensation")
    #expect(player.machine.stepViews.map(\.compensation) == ["completed", "completed", nil, "completed", nil, nil])
  }

  @Test func `of a list that is not over read failed or interrupted in a run that is`() throws {
    let list = try ValueTemplate(parsing: ["x", "y"])
    let each = FlowStep.agent("a") { $0.forEach = ForEach(items: list) }
    var failed = FlowPlayer(.workflow([each]))
    failed.crash("a[0]", .badOutput)
    failed.succeed("a[1]")
    #expect(words(failed) == ["a failed", "a[0] failed", "a[1] completed"])
    var killed = FlowPlayer(.workflow([each]))
    killed.play(.kill(by: "ann"))
    killed.crash("a[0]")
    killed.crash("a[1]")
    #expect(words(killed) == ["a interrupted", "a[0] interrupted", "a[1] interrupted"])
  }

  @Test func `show the probes that were asked`() {
    var player = FlowPlayer(.workflow([.agent("a") { $0.onUnknown = .probe(AgentName("bank")) }]))
    player.recover()
    #expect(words(player) == ["a waiting", "a.probe running"])
    player.crash("a.probe", .badOutput)
    #expect(words(player) == ["a waiting", "a.probe failed"])
  }

  @Test func `of a pool show the judge with the votes that it was given`() {
    var player = FlowPlayer(.pool(2, PoolDecision(strategy: .majority, equality: .agent(AgentName("judge")))))
    player.succeed("m0", "Paris")
    #expect(words(player) == ["m0 completed", "m1 running"])
    player.succeed("m1", "The capital, Paris")
    let votes: JSONValue = ["votes": ["m0": "Paris", "m1": "The capital, Paris"]]
    #expect(words(player) == ["m0 completed", "m1 completed", ".judge running"])
    #expect(player.machine.stepViews.last?.input == votes)
    player.succeed(".judge", ["groups": [["m0", "m1"]]])
    #expect(player.status == .completed)
    #expect(words(player).last == ".judge completed")
    #expect(player.machine.stepViews.last?.input == votes)
  }

  @Test func `of a saga show how their undo stands`() {
    var player = FlowPlayer(.saga([.undoable("a"), .agent("b", needs: [0])]))
    player.succeed("a")
    #expect(player.machine.stepViews[0].compensation == "pending")
    player.crash("b", .badOutput)
    #expect(player.machine.stepViews.map(\.compensation) == ["running", nil, nil])
    #expect(words(player) == ["a completed", "a.compensation running", "b failed"])
    player.succeed("a.compensation")
    #expect(player.machine.stepViews[0].compensation == "completed")
  }
}
