// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

/// A point of no return that may have been passed while nobody saw it: the node was killed during its attempt.
@Suite struct `A pivot in doubt` {
  private static func saga(_ onUnknown: OnUnknown = .retrySameKey) -> FlowDefinition {
    .saga([
      .undoable("reserve"),
      .agent("charge", needs: [0]) {
        $0.commitment = .pivot
        $0.onUnknown = onUnknown
      },
      .agent("ship", needs: [1]) { $0.commitment = .retriable },
    ])
  }

  /// The node was killed during the pivot's attempt, and the run is to end.
  private static func doubtful(_ onUnknown: OnUnknown = .retrySameKey) -> FlowPlayer {
    var player = FlowPlayer(saga(onUnknown))
    player.succeed("reserve")
    player.play(.cancel(by: "ann"))
    #expect(player.stopped == ["charge": .cancelled])
    player.recover()
    return player
  }

  @Test func `is tried again under its key before a cancelled saga goes back`() {
    var player = Self.doubtful()
    #expect(player.openSteps == ["charge"] && player.stopped.isEmpty, "\(player.words)")
    #expect(player.open["charge"]?.idempotencyKey == "run_1/charge")
    // However often the node is killed over it.
    player.recover()
    player.succeed("charge", "paid")
    #expect(player.openSteps == ["ship"], "\(player.words)")
    player.succeed("ship")
    #expect(player.status == .completed)
  }

  @Test func `has all its tries, and the saga goes back once they have failed`() {
    var player = Self.doubtful()
    for _ in 0..<3 {
      #expect(player.openSteps == ["charge"], "\(player.words)")
      player.crash("charge")
      player.passTime(of: "charge")
    }
    #expect(player.openSteps == ["reserve.compensation"], "\(player.words)")
  }

  @Test func `is no longer in doubt once its agent says that nothing was done`() {
    var player = Self.doubtful()
    var error = RunError.exitOne
    error.wasApplied = false
    player.crash("charge", error)
    #expect(player.openSteps == ["reserve.compensation"], "\(player.words)")
  }

  @Test(arguments: [DurableEvent.cancel(by: "ann"), .timeout])
  func `is not stopped by whoever wants the saga to go back while it is tried again`(halt: DurableEvent) {
    var player = FlowPlayer(Self.saga())
    player.succeed("reserve")
    player.recover()
    player.play(halt)
    #expect(player.stopped.isEmpty, "\(player.words)")
    player.succeed("charge", "paid")
    #expect(player.openSteps == ["ship"])
  }

  @Test(arguments: [true, false])
  func `is settled by its probe`(applied: Bool) {
    var player = Self.doubtful(.probe(AgentName("bank")))
    #expect(player.openSteps == ["charge.probe"], "\(player.words)")
    player.succeed("charge.probe", ["applied": .bool(applied), "output": "paid"])
    #expect(player.openSteps == [applied ? "ship" : "reserve.compensation"], "\(player.words)")
  }

  @Test func `is a person's to answer, who cancels once more to say that it was not passed`() {
    var player = Self.doubtful(.ask)
    #expect(player.status == .paused && player.machine.outlook.pauseReason == .unknown, "\(player.words)")
    player.crash()
    var passed = player
    passed.play(.markDone("charge", by: "ann", output: "paid"))
    #expect(passed.openSteps == ["ship"], "\(passed.words)")
    player.play(.cancel(by: "ann"))
    #expect(player.openSteps == ["reserve.compensation"], "\(player.words)")
  }

  @Test func `of a probe that cannot tell is a person's to answer`() {
    var player = Self.doubtful(.probe(AgentName("bank")))
    player.crash("charge.probe", .badOutput)
    #expect(player.machine.outlook.pauseReason == .unknown, "\(player.words)")
  }

  @Test func `is given up where its definition says so, and the saga goes back`() {
    let player = Self.doubtful(.fail)
    #expect(player.openSteps == ["reserve.compensation"], "\(player.words)")
  }

  @Test func `is settled before the failure of another step sends the saga back`() {
    var player = FlowPlayer(
      .saga([
        .undoable("reserve"), .agent("charge", needs: [0]) { $0.commitment = .pivot }, .undoable("note", needs: [0]),
      ]))
    player.succeed("reserve")
    player.crash("note", .badOutput)
    player.recover()
    #expect(player.openSteps == ["charge"], "\(player.words)")
    var passed = player
    passed.succeed("charge", "paid")
    #expect(passed.machine.outlook.pauseReason == .exhausted, "\(passed.words)")
    player.crash("charge", .badOutput)
    #expect(player.openSteps == ["note.compensation"], "\(player.words)")
  }

  @Test func `is left to the next node by one that goes down`() {
    var player = Self.doubtful()
    player.play(.nodeStopping)
    player.crash("charge")
    #expect(!player.words.contains("compensating"), "\(player.words)")
    player.recover()
    #expect(player.openSteps == ["charge"])
  }

  @Test func `whose run traps the node is not tried again by whoever cancels the parked run`() {
    var player = FlowPlayer(Self.saga())
    player.succeed("reserve")
    for _ in 0..<2 {
      player.crash()
      player.play(.claimed(trapped: true))
    }
    #expect(player.machine.outlook.pauseReason == .poison)
    player.crash()
    player.play(.cancel(by: "ann"))
    #expect(player.openSteps == ["reserve.compensation"], "\(player.words)")
  }

  @Test func `that is paused for its budget stays so, and is not asked about without end`() {
    var player = Self.doubtful()
    let refusal = BudgetRefusal(reason: .exhausted, scope: "agent:a", action: .pause, message: "used up")
    player.end("charge", .budgetStopped(refusal))
    #expect(player.machine.outlook.pauseReason == .budget, "\(player.words)")
  }
}

/// Runs of their own beside a pivot, when the saga is to end.
@Suite struct `A run beside a pivot` {
  private static func cancelled(_ policy: ParentClose = .cancel) -> FlowPlayer {
    var sub = FlowStep(name: "sub", action: .run("child"), needs: [0])
    sub.parentClose = policy
    sub.commitment = .retriable
    var player = FlowPlayer(
      .saga([
        .undoable("reserve"), .agent("charge", needs: [0]) { $0.commitment = .pivot }, sub,
        .agent("ship", needs: [1, 2]) { $0.commitment = .retriable },
      ]))
    player.succeed("reserve")
    player.startChild("sub")
    player.play(.cancel(by: "ann"))
    return player
  }

  @Test(arguments: [ParentClose.cancel, .kill, .abandon])
  func `goes on if the pivot succeeds all the same`(policy: ParentClose) {
    var player = Self.cancelled(policy)
    #expect(player.stoppedChildren.isEmpty && player.stopped == ["charge": .cancelled])
    player.succeed("charge", "paid")
    #expect(player.words.contains("resumed"), "\(player.words)")
    #expect(player.stoppedChildren.isEmpty)
    player.endChild("sub", .completed, "done")
    #expect(player.openSteps == ["ship"], "\(player.words)")
  }

  @Test func `is told to end once the pivot has not succeeded, and waited for`() {
    var player = Self.cancelled()
    player.crash("charge", .badOutput)
    #expect(player.stoppedChildren == ["sub": .cancel], "\(player.words)")
    #expect(player.openSteps.isEmpty && !player.words.contains("compensating"))
    player.endChild("sub", .cancelled)
    #expect(player.openSteps == ["reserve.compensation"], "\(player.words)")
  }

  @Test func `that only begins meanwhile goes on as well`() {
    var player = FlowPlayer(Self.cancelled().definition)
    player.succeed("reserve")
    player.play(.cancel(by: "ann"))
    player.startChild("sub")
    #expect(player.stoppedChildren.isEmpty)
    player.play(.kill(by: "ann"))
    #expect(player.stoppedChildren == ["sub": .kill])
  }

  @Test func `is the pivot itself, and told to end at once`() {
    var pivot = FlowStep(name: "charge", action: .run("child"), needs: [0])
    pivot.commitment = .pivot
    var player = FlowPlayer(
      .saga([.undoable("reserve"), pivot, .agent("ship", needs: [1]) { $0.commitment = .retriable }]))
    player.succeed("reserve")
    player.startChild("charge")
    player.play(.cancel(by: "ann"))
    #expect(player.stoppedChildren == ["charge": .cancel])
    var passed = player
    passed.endChild("charge", .completed, "paid")
    #expect(passed.openSteps == ["ship"], "\(passed.words)")
    player.endChild("charge", .cancelled)
    #expect(player.openSteps == ["reserve.compensation"], "\(player.words)")
  }
}
