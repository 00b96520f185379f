// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import NexusKernel
import Testing

@Suite(.serialized) struct `A simulated run` {
  /// So many seeds in each of the chunks, one after the other: they share a thread, and other tests need the rest.
  private static let chunk: UInt64 = 1_250

  private static let executor = SeededExecutor()

  /// One seed alone again: `NAOS_SEED=17 SWIFT_DETERMINISTIC_HASHING=1`, and this test.
  @Test(arguments: 0..<UInt64(8))
  func `comes to a right end over a faulty store`(part: UInt64) async throws {
    let directory = "/tmp/naos-simulation-\(getpid())-\(part)"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    var seeds = (part * Self.chunk)..<((part + 1) * Self.chunk)
    if let chosen = ProcessInfo.processInfo.environment["NAOS_SEED"].flatMap({ UInt64($0) }) {
      guard part == 0 else { return }
      seeds = chosen..<(chosen + 1)
    }
    let executor = Self.executor
    var ends: Set<RunStatus> = []
    var (kills, faults) = (0, 0)
    for seed in seeds {
      executor.begin(seed: seed)
      let outcome = try await withTaskExecutorPreference(executor) {
        let simulation = try RunSimulation(seed: seed, executor: executor, directory: directory)
        return RunSimulation.Outcome(try await simulation.walk(), simulation)
      }
      if let problem = outcome.problem {
        Issue.record("seed \(seed): \(problem)")
        return
      }
      if let end = outcome.end { ends.insert(end) }
      kills += outcome.kills
      faults += outcome.faults
    }
    // A world in which nothing goes wrong would prove nothing.
    guard seeds.count > 1 else { return }
    #expect(ends == [.completed, .failed, .stopped, .compensated, .compensatedPartial, .cancelled])
    #expect(kills > seeds.count / 2 && faults > seeds.count, "\(kills) kills, \(faults) faults")
  }

  /// A seed that fails has to fail again: everything that happens is drawn from it.
  @Test func `is the same each time`() async throws {
    let directory = "/tmp/naos-simulation-\(getpid())-twice"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    for seed in UInt64(0)..<40 {
      var journals: [JournalGolden?] = []
      for _ in 0..<2 {
        Self.executor.begin(seed: seed)
        journals.append(
          try await withTaskExecutorPreference(Self.executor) {
            let simulation = try RunSimulation(seed: seed, executor: Self.executor, directory: directory)
            _ = try await simulation.walk()
            return try await simulation.golden()
          })
      }
      #expect(journals[0] == journals[1], "seed \(seed)")
    }
  }
}
