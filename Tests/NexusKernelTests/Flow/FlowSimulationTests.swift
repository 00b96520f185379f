// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Testing

@Suite struct `A simulated flow` {
  /// So many seeds in each of the chunks that run side by side.
  private static let chunk: UInt64 = 1_250

  @Test(arguments: 0..<UInt64(8))
  func `comes to a right end in every world`(part: UInt64) throws {
    for seed in (part * Self.chunk)..<((part + 1) * Self.chunk) {
      var simulation = try FlowSimulation(seed: seed)
      if let problem = simulation.walk() {
        Issue.record("seed \(seed): \(problem)\n\(simulation.player.words.joined(separator: " · "))")
        return
      }
    }
  }
}
