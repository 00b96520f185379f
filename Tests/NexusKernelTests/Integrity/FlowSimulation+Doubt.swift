// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

// The state of the run is doubted, and a person has it go on, or back.
extension FlowSimulation {
  static let trusting = IntegrityRules()
  static let doubting = IntegrityRules(
    stopWhen: Set(StopCondition.allCases), policy: "p",
    digest: { bytes in
      var hash: UInt64 = 0xcbf2_9ce4_8422_2325
      for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
      return String(hash, radix: 16)
    })

  /// What was sealed is what the journal says, whatever happened.
  var brokenSeal: String? {
    player.words.contains("halted checkpointMismatch") ? "a seal does not fit its own journal" : nil
  }

  mutating func doubt() {
    doubtsLeft -= 1
    switch Int.random(in: 0..<3, using: &random) {
    case 0:
      // The clock is set back, and put right again.
      let before = player.now
      player.now = player.now + .seconds(-30)
      player.play(.event(name: "tick", id: nil, payload: nil))
      player.now = before
    case 1: player.recover()
    default: player.play(.doubted(IntegrityDoubt(.readSetUnknown, note: "nobody knows")))
    }
  }

  /// The run is halted, and nothing of it is under way.
  mutating func settleDoubt() {
    player.crash()
    let places = player.machine.checkpoints.map(\.number)
      .filter { player.machine.obstacle(to: $0, allowsUnverified: true) == nil }
    if goesBack, !places.isEmpty, chance(2) {
      let target = places[Int.random(in: 0..<places.count, using: &random)]
      player.play(.rollBack(to: target, by: "ann", reason: "wrong", allowsUnverified: true))
    } else {
      player.play(.acceptHalt(by: "ann", reason: "seen"))
    }
  }
}

@Suite struct `A simulated flow in doubt` {
  private static let chunk: UInt64 = 500

  @Test(arguments: 0..<UInt64(4))
  func `is halted and goes on to a right end in every world`(part: UInt64) throws {
    for seed in (part * Self.chunk)..<((part + 1) * Self.chunk) {
      var simulation = try FlowSimulation(seed: seed, doubts: 3)
      if let problem = simulation.walk() ?? simulation.brokenSeal
        ?? HaltRules(simulation.player.journal).broken()
      {
        Issue.record("seed \(seed): \(problem)\n\(simulation.player.words.joined(separator: " · "))")
        return
      }
    }
  }

  /// What was done behind a checkpoint is done anew under other keys, so the rules about effects are those of its kind.
  @Test(arguments: 0..<UInt64(4))
  func `goes back, and on to an end, in every world`(part: UInt64) throws {
    var walks = 0
    for seed in (part * Self.chunk)..<((part + 1) * Self.chunk) {
      var simulation = try FlowSimulation(seed: seed, doubts: 3, goesBack: true)
      if let problem = simulation.walk() ?? simulation.brokenSeal
        ?? HaltRules(simulation.player.journal).broken()
      {
        Issue.record("seed \(seed): \(problem)\n\(simulation.player.words.joined(separator: " · "))")
        return
      }
      if simulation.player.machine.rollbacks > 0 { walks += 1 }
    }
    #expect(walks > 20)
  }
}
