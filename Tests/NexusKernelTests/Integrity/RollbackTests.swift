// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

/// Checkpoints, and the way back to them.
@Suite struct `A flow that goes back` {
  private let article = FlowDefinition.saga([
    .undoable("research"), .undoable("write", needs: [0]), .undoable("publish", needs: [1]),
  ]).guarded(.sample(), steps: ["research"])

  /// A digest that tells apart, and no more.
  private static func digest(_ bytes: [UInt8]) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }

  private static let sealing = IntegrityRules(stopWhen: [.checkpointMismatch], policy: "p", digest: digest)

  /// Two steps are done, and the third is in doubt.
  private func halted(_ flow: FlowDefinition? = nil, rules: IntegrityRules = IntegrityRules()) -> FlowPlayer {
    var player = FlowPlayer(flow ?? article, rules: rules)
    player.succeed("research", "R")
    player.succeed("write", "W")
    player.play(.doubted(IntegrityDoubt(.readSetUnknown)))
    player.end("publish", .crashed(.exitOne))
    return player
  }

  private func back(_ number: Int, unverified: Bool = false) -> DurableEvent {
    .rollBack(to: number, by: "ann", reason: "wrong", allowsUnverified: unverified)
  }

  @Test func `has a checkpoint behind each step, verified where a validator let it pass`() {
    let player = halted()
    #expect(player.machine.checkpoints.map(\.number) == [0, 1, 2])
    #expect(player.machine.checkpoints.map(\.step) == [nil, "research", "write"])
    #expect(player.machine.checkpoints.map(\.isVerified) == [true, true, false])
  }

  @Test func `undoes what came after the checkpoint, the last first, and does it anew`() {
    var player = halted()
    player.crash()
    player.play(back(1))
    #expect(player.status == .compensating)
    // What may have had its effect comes before what did.
    #expect(player.openSteps == ["publish.compensation"])
    player.succeed("publish.compensation")
    #expect(player.openSteps == ["write.compensation"])
    #expect(player.open["write.compensation"]?.input?["output"] == "W")
    #expect(player.open["write.compensation"]?.input?["error"]?["code"] == "NX-GAT-110")
    player.succeed("write.compensation")
    #expect(player.words.suffix(2) == ["at 1", "start write#2"])
    #expect(player.status == .running)
    #expect(player.open["write"]?.input == "R")
    // It is another effect than before.
    #expect(player.open["write"]?.idempotencyKey == "run_1/e1/write")
    player.succeed("write", "W2")
    player.succeed("publish", "P")
    #expect(player.status == .completed)
    #expect(player.machine.outlook.output == "P")
    #expect(player.machine.checkpoints.map(\.number) == [0, 1, 3, 4])
  }

  @Test func `goes on going back after the node was killed`() {
    var player = halted()
    player.crash()
    player.play(back(0))
    player.recover()
    #expect(player.openSteps == ["publish.compensation"])
    player.succeed("publish.compensation")
    player.recover()
    player.succeed("write.compensation")
    player.succeed("research.compensation")
    #expect(player.openSteps == ["research"])
    player.recover()
    #expect(player.openSteps == ["research"])
    #expect(player.machine.epoch == 1 && player.machine.rollbacks == 1)
  }

  @Test func `is not sent to what is unverified, unknown or undone unless that is said`() {
    var player = halted()
    #expect(player.machine.obstacle(to: 2, allowsUnverified: false) == .unverified)
    #expect(player.machine.obstacle(to: 3, allowsUnverified: true) == .unknown)
    player.crash()
    let before = player.journal.count
    player.play(back(2))
    #expect(player.journal.count == before && player.status == .halted && player.isSettled)
    player.crash()
    player.play(back(2, unverified: true))
    player.succeed("publish.compensation")
    #expect(player.openSteps == ["publish"])
    #expect(player.open["publish"]?.input == "W")
  }

  @Test func `never goes back behind its pivot`() {
    let flow = FlowDefinition.saga([
      .undoable("a"), .agent("b", needs: [0]) { $0.commitment = .pivot },
      .agent("c", needs: [1]) { $0.commitment = .retriable },
    ])
    var player = FlowPlayer(flow)
    player.succeed("a", "A")
    player.succeed("b", "B")
    player.play(.doubted(IntegrityDoubt(.outcomeUnknown)))
    player.end("c", .crashed(.exitOne))
    #expect(player.machine.obstacle(to: 1, allowsUnverified: true) == .pivot)
    #expect(player.machine.obstacle(to: 2, allowsUnverified: true) == nil)
  }

  @Test func `does not go back while the pivot is in doubt`() {
    let flow = FlowDefinition.saga([.undoable("a"), .agent("b", needs: [0]) { $0.commitment = .pivot }])
    var player = FlowPlayer(flow)
    player.succeed("a", "A")
    player.play(.doubted(IntegrityDoubt(.outcomeUnknown)))
    player.succeed("b", "B")
    #expect(player.machine.obstacle(to: 0, allowsUnverified: true) == .pivot)
  }

  @Test func `names what could not be undone`() {
    let flow = FlowDefinition.workflow([.agent("a"), .agent("b", needs: [0]), .agent("c", needs: [1])])
    var player = FlowPlayer(flow)
    player.succeed("a", "A")
    player.succeed("b", "B")
    player.crash("c", .badOutput)
    #expect(player.status == .failed)
    player.crash()
    player.play(back(1, unverified: true))
    #expect(player.words.suffix(3) == ["back to 1", "at 1 but b c", "start b#2"])
  }

  @Test func `does the elements of a list anew that came after the checkpoint`() throws {
    let items = try ValueTemplate(parsing: "{{ run.input.list }}")
    let flow = FlowDefinition.workflow([
      .agent("each") { $0.forEach = ForEach(items: items, parallel: 1) }, .agent("end", needs: [0]),
    ])
    var player = FlowPlayer(flow, input: ["list": ["x", "y", "z"]])
    player.succeed("each[0]", "X")
    player.succeed("each[1]", "Y")
    player.crash("each[2]", .badOutput)
    player.crash()
    player.play(back(1, unverified: true))
    #expect(player.openSteps == ["each[1]"])
    player.recover()
    player.succeed("each[1]", "Y2")
    player.succeed("each[2]", "Z")
    #expect(player.open["end"]?.input == ["X", "Y2", "Z"])
  }

  @Test func `gives an event again to the step that waits for it anew`() {
    let flow = FlowDefinition.workflow([
      FlowStep(name: "wait", action: .event("go")), .agent("end", needs: [0]),
    ])
    var player = FlowPlayer(flow)
    player.play(.event(name: "go", id: "1", payload: "now"))
    player.crash("end", .badOutput)
    player.crash()
    player.play(back(0))
    #expect(player.open["end"]?.input == "now")
    #expect(player.open["end"]?.idempotencyKey == "run_1/e1/end")
  }

  // MARK: Seals

  @Test func `seals each checkpoint over the one before`() throws {
    let player = halted(rules: Self.sealing)
    let seals = player.journal.compactMap { entry -> CheckpointSeal? in
      if case .integrity(.checkpointed(let seal)) = entry.entry { seal } else { nil }
    }
    #expect(seals.map(\.number) == [1, 2])
    #expect(seals.map(\.isVerified) == [true, false])
    #expect(Set(seals.map(\.digest)).count == 2)
    var other = FlowPlayer(article, rules: Self.sealing)
    other.succeed("research", "another")
    other.succeed("write", "W")
    // The second step came to the same, but not out of the same.
    #expect(!other.journal.contains { $0.entry == .integrity(.checkpointed(seals[1])) })
  }

  @Test func `is halted where its journal is not what was sealed, until somebody has seen that`() {
    var player = halted(rules: Self.sealing)
    player.crash()
    player.play(.acceptHalt(by: "ann", reason: "seen"))
    player.recover()
    #expect(player.status == .running)
    let place = player.journal.firstIndex { $0.entry.isEnd(of: "research") }
    player.replace(place, .stepCompleted(path: "research", output: "forged"))
    player.rules.stopWhen = [.checkpointMismatch, .outcomeUnknown]
    player.recover()
    // It was accepted behind the place that was changed: what was seen then was another journal.
    #expect(player.status == .running)
    player.replaceAccepted()
    player.recover()
    #expect(player.status == .halted)
    #expect(player.machine.state.haltedFor == .checkpointMismatch)
    player.crash()
    player.play(.acceptHalt(by: "ann", reason: "seen"))
    player.recover()
    #expect(player.status == .running)
  }

  @Test func `goes on sealing behind a roll-back`() {
    var player = halted(rules: Self.sealing)
    player.crash()
    player.play(back(1))
    for path in ["publish.compensation", "write.compensation", "write", "publish"] as [StepPath] {
      player.succeed(path, "again")
      player.recover()
      #expect(player.status != .halted, "\(path)")
    }
    #expect(player.status == .completed)
    #expect(
      player.words.filter { $0.hasPrefix("sealed") } == ["sealed 1 verified", "sealed 2", "sealed 3", "sealed 4"])
  }
}

extension RunEntry {
  fileprivate func isEnd(of step: StepPath) -> Bool {
    if case .stepCompleted(step, _) = self { true } else { false }
  }
}

extension FlowPlayer {
  /// Somebody changes the journal.
  fileprivate mutating func replace(_ place: Int?, _ entry: RunEntry) {
    guard let place else { return }
    journal[place] = JournalEntry(sequence: journal[place].sequence, at: journal[place].at, entry: entry)
  }

  /// Takes the acceptance out of the journal, with the halt before it.
  fileprivate mutating func replaceAccepted() {
    for (index, entry) in journal.enumerated() {
      guard case .integrity(let integrity) = entry.entry else { continue }
      switch integrity {
      case .halted, .haltAccepted:
        replace(index, .eventReceived(name: "none", id: nil, payload: nil))
      default: break
      }
    }
  }
}
