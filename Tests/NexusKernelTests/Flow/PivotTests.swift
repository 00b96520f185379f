// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

/// Whoever wants a saga to end while its point of no return is being passed.
@Suite struct `A pivot under way` {
  /// A cancel, or the end of the run's time, stops the pivot's own attempt.
  @Test(arguments: [DurableEvent.cancel(by: "ann"), .timeout])
  func `a pivot that succeeds although it was stopped wins over the way back`(_ halt: DurableEvent) throws {
    let saga = FlowDefinition.saga([
      .undoable("reserve"), .agent("charge", needs: [0]) { $0.commitment = .pivot },
      .agent("ship", needs: [1]) { $0.commitment = .retriable },
    ])
    var player = FlowPlayer(saga)
    player.succeed("reserve")
    player.play(halt)
    #expect(player.stopped.keys.map(\.text) == ["charge"])
    player.succeed("charge", "paid")
    #expect(player.status == .running && player.openSteps == ["ship"], "\(player.words)")
    let reason = player.journal.compactMap { if case .resumed(let why) = $0.entry { why } else { nil } }
    #expect(reason.count == 1 && reason[0].contains("its pivot, which had succeeded"), "\(reason)")
    // The node after this one does not think of it again, and neither does whoever asks again.
    player.recover()
    #expect(player.openSteps == ["ship"])
    let entries = player.journal.count
    player.play(.cancel(by: "ann"))
    #expect(player.journal.count == entries && player.stopped.isEmpty)
    player.succeed("ship")
    #expect(player.status == .completed)
  }

  @Test func `what was stopped with a pivot that succeeds goes on`() {
    let saga = FlowDefinition.saga([
      .undoable("reserve"), .agent("charge", needs: [0]) { $0.commitment = .pivot },
      .agent("note", needs: [0]) { $0.commitment = .retriable },
      .agent("ship", needs: [1, 2]) { $0.commitment = .retriable },
    ])
    var player = FlowPlayer(saga)
    player.succeed("reserve")
    player.play(.cancel(by: "ann"))
    player.crash("note", .exitOne)
    player.succeed("charge", "paid")
    #expect(player.openSteps == ["note"], "\(player.words)")
    player.succeed("note")
    player.succeed("ship")
    #expect(player.status == .completed)
  }

  @Test func `an event that came while the pivot was stopped is given to its step`() {
    var wait = FlowStep(name: "approval", action: .event("approved"), needs: [0])
    wait.commitment = .retriable
    let saga = FlowDefinition.saga([
      .undoable("reserve"), .agent("charge", needs: [0]) { $0.commitment = .pivot }, wait,
      .agent("ship", needs: [1, 2]) { $0.commitment = .retriable },
    ])
    var player = FlowPlayer(saga)
    player.succeed("reserve")
    player.play(.cancel(by: "ann"))
    player.play(.event(name: "approved", id: nil, payload: "yes"))
    player.succeed("charge", "paid")
    #expect(player.openSteps == ["ship"], "\(player.words)")
  }

  @Test func `what a cancel stopped beside the pivot is not repeated without being asked about`() {
    let saga = FlowDefinition.saga([
      .undoable("reserve"), .agent("charge", needs: [0]) { $0.commitment = .pivot },
      .agent("send", needs: [0]) {
        $0.commitment = .pivot
        $0.onUnknown = .ask
      },
    ])
    var player = FlowPlayer(saga)
    player.succeed("reserve")
    player.play(.cancel(by: "ann"))
    player.crash("send", .exitOne)
    player.succeed("charge", "paid")
    #expect(player.openSteps.isEmpty && player.status == .paused, "\(player.words)")
  }

  @Test func `a pivot that was stopped and did not succeed is no pivot that was passed`() {
    var player = FlowPlayer(.saga([.undoable("a"), .agent("p", needs: [0]) { $0.commitment = .pivot }]))
    player.succeed("a")
    player.play(.cancel(by: "ann"))
    // A polite goodbye is no result.
    player.succeed("p")
    #expect(player.openSteps == ["a.compensation"])
  }
}
