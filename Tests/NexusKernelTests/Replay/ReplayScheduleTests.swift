// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

/// Runs an agent through random crashes and looks at what its provider saw.
struct ReplayScheduleTests {
  /// SplitMix64: the same schedule for the same seed, everywhere.
  struct Dice: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var word = state
      word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
      word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
      return word ^ (word >> 31)
    }
  }

  /// An agent of `stages`, each of which asks its calls in any order and waits for all.
  struct World {
    var records: [EffectRecord] = []
    /// How often each call reached the provider and got an outcome that was recorded.
    var recorded: [String: Int] = [:]
    var sent: [String: Int] = [:]
    var lost: [String: Int] = [:]
    var dropped: [String: Int] = [:]
    var serial = 0

    mutating func store(_ record: EffectRecord) { records.append(record) }
    mutating func set(_ id: EffectID, _ state: EffectState) {
      if let index = records.firstIndex(where: { $0.id == id }) { records[index].state = state }
    }
  }

  @Test(arguments: 0..<200)
  func `whatever crashes when, nothing recorded is sent again and the agent finishes`(seed: Int) {
    var dice = Dice(state: UInt64(seed))
    let stages = (0..<Int.random(in: 1...6, using: &dice)).map { stage in
      (0..<Int.random(in: 1...4, using: &dice)).map { call in
        // Equal calls within a stage and across stages.
        Bool.random(using: &dice) ? "m\(stage).\(call)" : "m-same"
      }
    }
    var world = World()
    var machine = ReplayMachine(records: [])
    var isDone = false
    for attempt in 1...60 where !isDone {
      let calm = attempt > 50
      if !calm, Int.random(in: 0..<3, using: &dice) == 0 {
        // The node itself died: only what is stored is left.
        machine = ReplayMachine(records: world.records)
        for id in machine.orphans {
          world.set(id, .unknown)
          world.lost[digest(of: id, world), default: 0] += 1
        }
      }
      let rewind = calm ? 0 : [0, 0, 1, 2, 4, 8].randomElement(using: &dice) ?? 0
      for id in machine.beginAttempt(AttemptNumber(attempt), rewind: rewind) {
        world.set(id, .rewound)
        world.dropped[digest(of: id, world), default: 0] += 1
      }
      isDone = runAttempt(&machine, &world, stages, crashes: !calm, &dice)
    }
    #expect(isDone)
    for (name, count) in world.sent {
      let wanted = stages.joined().count { $0 == name }
      // Each wanted call once, and once more for every outcome that was dropped or lost with its node.
      #expect(
        count <= wanted + world.dropped[name, default: 0] + world.lost[name, default: 0], "\(name), seed \(seed)")
    }
  }

  private func digest(of id: EffectID, _ world: World) -> String {
    world.records.first { $0.id == id }?.digest.text ?? ""
  }

  /// One attempt; true if the agent got to its end.
  private func runAttempt(
    _ machine: inout ReplayMachine, _ world: inout World, _ stages: [[String]], crashes: Bool, _ dice: inout Dice
  ) -> Bool {
    for stage in stages {
      var underWay: [EffectID] = []
      for name in stage.shuffled(using: &dice) {
        if crashes, Int.random(in: 0..<12, using: &dice) == 0 { return false }
        world.serial += 1
        switch machine.request(
          RequestDigest(name), kind: .model, repeatable: true, id: EffectID("e\(world.serial)"))
        {
        case .replay(let id):
          // Answered from the record: it must be an outcome of exactly this call.
          #expect(digest(of: id, world) == name)
        case .join(let id): underWay.append(id)
        case .new(let record, _):
          world.store(record)
          world.sent[name, default: 0] += 1
          underWay.append(record.id)
        case .uncertain: Issue.record("model calls are never uncertain")
        }
      }
      for id in underWay.shuffled(using: &dice) {
        if crashes, Int.random(in: 0..<12, using: &dice) == 0 { return false }
        machine.outcome(id, .succeeded)
        world.set(id, .succeeded)
      }
    }
    return true
  }
}
