// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

@Suite struct `A step that is a run` {
  /// Children beside a step that fails.
  private func beside(_ kind: RunKind, _ change: (inout FlowStep) -> Void = { _ in }) throws -> FlowPlayer {
    var sub = FlowStep(name: "sub", action: .run("child"))
    sub.forEach = ForEach(items: try ValueTemplate(parsing: "{{ run.input.list }}"), parallel: 16)
    change(&sub)
    let definition = FlowDefinition(kind: kind, name: "parent", steps: [sub, .agent("bad")])
    return FlowPlayer(definition, input: ["list": [1, 2, 3]])
  }

  @Test(arguments: [RunKind.workflow, .saga])
  func `that only begins when another step fails is told to end, and waited for`(kind: RunKind) throws {
    var player = try beside(kind)
    player.startChild("sub[0]")
    player.crash("bad", .badOutput)
    #expect(player.stoppedChildren == ["sub[0]": .cancel])
    #expect(!player.status.isFinal)
    player.endChild("sub[0]", .cancelled)
    #expect(!player.status.isFinal)
    for path: StepPath in ["sub[1]", "sub[2]"] {
      player.startChild(path)
      #expect(player.stoppedChildren[path] == .cancel)
      #expect(player.words.contains("child \(path)"))
      player.endChild(path, .cancelled)
    }
    #expect(player.status == (kind == .saga ? .compensated : .failed))
    #expect(player.living.isEmpty)
  }

  @Test func `is looked for by the next node, also by a run that has failed meanwhile`() throws {
    var player = try beside(.saga)
    player.crash("bad", .badOutput)
    player.recover()
    for path: StepPath in ["sub[0]", "sub[1]", "sub[2]"] {
      #expect(!player.status.isFinal)
      player.startChild(path)
      #expect(player.stoppedChildren[path] == .cancel)
      player.endChild(path, .cancelled)
    }
    #expect(player.status == .compensated)
  }

  @Test func `is killed with its parent, however long it was only cancelled`() throws {
    for first in [DurableEvent.kill(by: "ann"), .cancel(by: "ann")] {
      var player = try beside(.saga)
      player.startChild("sub[0]")
      player.play(first)
      player.play(.kill(by: "ann"))
      player.startChild("sub[1]")
      player.startChild("sub[2]")
      #expect(player.stoppedChildren == ["sub[0]": .kill, "sub[1]": .kill, "sub[2]": .kill])
      player.crash("bad")
      for path: StepPath in ["sub[0]", "sub[1]", "sub[2]"] { player.endChild(path, .cancelled) }
      #expect(player.journal.last?.entry == .killed(by: "ann", uncompensated: []))
    }
  }

  /// Paused with one child that is known and two that are only starting; a node later.
  private func paused(_ kind: RunKind) throws -> FlowPlayer {
    var player = try beside(kind)
    player.startChild("sub[0]")
    player.play(.pause(by: "ann"))
    player.crash("bad")
    #expect(player.status == .paused && player.isSettled)
    player.crash()
    return player
  }

  @Test(arguments: [RunKind.workflow, .saga], [false, true])
  func `of a paused run that is cancelled is told to end, and waited for`(kind: RunKind, isLost: Bool) throws {
    var player = try paused(kind)
    player.play(.cancel(by: "ann"))
    if isLost { player.recover() }
    #expect(!player.isSettled)
    for path: StepPath in ["sub[0]", "sub[1]", "sub[2]"] {
      #expect(!player.status.isFinal && !player.words.contains("compensating"))
      player.startChild(path)
      #expect(player.stoppedChildren[path] == .cancel)
      player.endChild(path, .cancelled)
    }
    #expect(player.status == (kind == .saga ? .compensated : .cancelled))
    #expect(player.machine.outlook.pauseReason == nil)
  }

  @Test func `of a paused run that is killed is killed, and waited for`() throws {
    var player = try paused(.workflow)
    player.play(.kill(by: "ann"))
    for path: StepPath in ["sub[0]", "sub[1]", "sub[2]"] {
      #expect(!player.status.isFinal && !player.isSettled)
      player.startChild(path)
      #expect(player.stoppedChildren[path] == .kill)
      player.endChild(path, .cancelled)
    }
    #expect(player.status == .cancelled)
  }

  @Test func `is left to the next node by one that goes down while the run is ended`() throws {
    var player = try beside(.workflow)
    for path: StepPath in ["sub[0]", "sub[1]", "sub[2]"] { player.startChild(path) }
    player.play(.cancel(by: "ann"))
    player.play(.nodeStopping)
    player.crash("bad")
    #expect(player.isSettled)
    #expect(!player.status.isFinal)
    player.recover()
    #expect(player.stoppedChildren.count == 3)
    for path: StepPath in ["sub[0]", "sub[1]", "sub[2]"] { player.endChild(path, .cancelled) }
    #expect(player.status == .cancelled)
  }

  @Test(
    arguments: [
      (RunStatus.failed, CompensateFailed.auto, true), (.cancelled, .auto, true), (.compensatedPartial, .auto, true),
      (.compensated, .auto, false), (.compensated, .always, true), (.failed, .never, false),
    ])
  func `is undone if the run may have done part of its work`(
    status: RunStatus, choice: CompensateFailed, isUndone: Bool
  ) {
    var sub = FlowStep(name: "sub", action: .run("child"))
    sub.compensation = CompensationStep(agent: AgentName("undo"))
    sub.compensation?.ofFailed = choice
    var player = FlowPlayer(.saga([sub]))
    player.startChild("sub")
    player.endChild("sub", status)
    #expect(player.openSteps == (isUndone ? ["sub.compensation"] : []))
    player.recover()
    #expect(player.openSteps == (isUndone ? ["sub.compensation"] : []))
  }

  @Test func `is not undone if the run never began`() {
    var sub = FlowStep(name: "sub", action: .run("child"))
    sub.compensation = CompensationStep(agent: AgentName("undo"))
    sub.compensation?.ofFailed = .always
    var player = FlowPlayer(.saga([sub]))
    player.endChild("sub", .failed)
    #expect(player.status == .compensated)
  }

  @Test func `goes on by itself where the step says so, also if it only begins`() throws {
    var player = try beside(.workflow) { $0.parentClose = .abandon }
    player.crash("bad", .badOutput)
    for path: StepPath in ["sub[0]", "sub[1]", "sub[2]"] { player.startChild(path) }
    #expect(player.status == .failed)
    #expect(player.words.contains("skipped sub[1]"))
  }
}
