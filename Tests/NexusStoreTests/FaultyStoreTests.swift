// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusStore
import NexusTestKit
import Testing

/// The faults that other modules test with do what they say.
@Suite struct FaultyStoreTests {
  @Test func `a faulty store whose turn never comes conforms`() async throws {
    try await StoreConformance.run { FaultyStore(InMemoryStore(), .refused, at: .max) }
  }

  @Test func `a conformance run names every case that fails`() async throws {
    let failure = await #expect(throws: ConformanceFailure.self) {
      try await StoreConformance.run { FaultyStore(InMemoryStore(), .full, at: 1, lasts: true) }
    }
    #expect(failure?.description.contains("a run's id is unique: full") == true)
  }

  @Test(arguments: FaultyStore.Fault.allCases)
  func `each submission fails in turn, and only a lost acknowledgement leaves its writing behind`(
    _ fault: FaultyStore.Fault
  ) async throws {
    var turn = 0
    while true {
      turn += 1
      let store = FaultyStore(InMemoryStore(), fault, at: turn)
      var failed = 0
      for step in 1...5 {
        do throws(StoreError) {
          try await store.commit(CrashScenario.step(step))
        } catch {
          failed += 1
          let isThere = try await CrashScenario.steps(in: store) == step
          #expect(isThere == (fault == .lostAcknowledgement))
          if !isThere { try await store.commit(CrashScenario.step(step)) }
        }
      }
      #expect(try await CrashScenario.steps(in: store) == 5)
      #expect(failed == store.fired)
      if store.fired == 0 { break }
    }
    #expect(turn == 6)
  }
}
