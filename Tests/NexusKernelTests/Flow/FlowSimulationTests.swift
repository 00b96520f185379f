// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import Testing

@Suite struct `A simulated flow` {
  /// So many seeds in each of the chunks that run side by side.
  private static let chunk: UInt64 = 1_250

  /// One seed alone again: `NAOS_SEED=17 SWIFT_DETERMINISTIC_HASHING=1`, and this test.
  @Test(arguments: 0..<UInt64(8))
  func `comes to a right end in every world`(part: UInt64) throws {
    var seeds = (part * Self.chunk)..<((part + 1) * Self.chunk)
    if let chosen = ProcessInfo.processInfo.environment["NAOS_SEED"].flatMap({ UInt64($0) }) {
      guard part == 0 else { return }
      seeds = chosen..<(chosen + 1)
    }
    for seed in seeds {
      var simulation = try FlowSimulation(seed: seed)
      if let problem = simulation.walk() {
        Issue.record("seed \(seed): \(problem)\n\(simulation.player.words.joined(separator: " · "))")
        return
      }
    }
  }

  /// A seed that fails has to fail again: everything that happens is drawn from it.
  @Test func `is the same each time`() throws {
    for seed in UInt64(0)..<200 {
      var (first, second) = (try FlowSimulation(seed: seed), try FlowSimulation(seed: seed))
      _ = first.walk()
      _ = second.walk()
      #expect(first.player.journal == second.player.journal, "seed \(seed)")
      #expect(first.effects == second.effects, "seed \(seed)")
    }
  }
}
