// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusStore
import NexusStoreSQLite
import NexusTestKit
import Testing

/// The disk fails at every n-th operation, until none is left to fail: what was acknowledged is there, what was refused
/// is not.
@Suite struct DiskFaultTests {
  struct Told {
    var acknowledged = 0
    var isOpen = true
    var isUnknown = false
    var recovered = false
  }

  /// Commits six steps, tries a refused one again, and gives up when nothing can be written any more.
  private func play(_ store: SQLiteStore, _ history: PowerLossTests.History) async -> Told {
    var told = Told()
    while told.acknowledged < 6 {
      var tries = 0
      while true {
        do throws(StoreError) {
          try await store.commit(history.step(told.acknowledged + 1))
          told.acknowledged += 1
          if tries > 0 { told.recovered = true }
          break
        } catch {
          tries += 1
          if error.code == .unknownOutcome { told.isUnknown = true }
          #expect([.inputOutput, .full, .unknownOutcome].contains(error.code), "\(error)")
          if tries == 3 || told.isUnknown { return told }
        }
      }
    }
    return told
  }

  @Test(arguments: FaultFileSystem.Fault.allCases, [false, true])
  func `nothing acknowledged is lost and nothing refused is kept`(
    _ fault: FaultFileSystem.Fault, _ lasts: Bool
  ) async throws {
    for history in PowerLossTests.History.allCases { try await fail(fault, lasts, history) }
  }

  private func fail(
    _ fault: FaultFileSystem.Fault, _ lasts: Bool, _ history: PowerLossTests.History
  ) async throws {
    var turn: Int64 = 0
    var recovered = 0
    var fired: Int64 = 1
    while fired > 0 {
      // Opening fails at each operation; of the many equal ones of the steps, each case takes another third.
      turn += turn < 70 ? 1 : 3
      if turn == 73, lasts { turn += 1 }
      try #require(turn < 5000, "the fault never stops firing")
      try await withScratchFolder { folder in
        let path = folder + "/nexus.db"
        let disk = FaultFileSystem()
        disk.arm(fault, at: turn, lasts: lasts)
        var told = Told()
        do throws(StoreError) {
          let store = try await disk.open(path)
          told = await play(store, history)
          await store.close()
        } catch {
          #expect([.inputOutput, .full, .corrupt].contains(error.code), "turn \(turn): \(error)")
        }
        fired = disk.fired
        if told.recovered { recovered += 1 }
        let store = try await FaultFileSystem().open(path)
        let steps = try await history.steps(in: store)
        let wanted = told.acknowledged...(told.acknowledged + (told.isUnknown ? 1 : 0))
        #expect(wanted.contains(steps), "turn \(turn)")
        // Whatever happened, the file can be used.
        try await store.commit(history.step(steps + 1))
        await store.close()
      }
    }
    #expect(turn > 20)
    // A record that cannot be written is no failure: the call is committed instead.
    if !lasts, fault != .reading {
      #expect(recovered > (history == .runs ? 5 : 2), "one fault must not be the end of writing")
    }
  }

  @Test func `with a full disk reads go on, and writing does when there is space again`() async throws {
    try await withScratchFolder { folder in
      let disk = FaultFileSystem()
      let store = try await disk.open(folder + "/nexus.db")
      try await store.commit(CrashScenario.step(1))
      disk.arm(.full, at: 1, lasts: true)
      for step in [2, 3] {
        for _ in 0..<3 {
          let error = await #expect(throws: StoreError.self) {
            try await store.commit(StoreTransaction(step == 2 ? .written : .synced, CrashScenario.step(2).mutations))
          }
          #expect(error?.code == .full)
        }
        #expect(try await CrashScenario.steps(in: store) == 1)
      }
      disk.disarm()
      for step in 2...9 { try await store.commit(CrashScenario.step(step)) }
      #expect(try await CrashScenario.steps(in: store) == 9)
      await store.close()
    }
  }

  @Test func `after a flush that failed nothing is promised any more`() async throws {
    try await withScratchFolder { folder in
      let disk = FaultFileSystem()
      let store = try await disk.open(folder + "/nexus.db")
      try await store.commit(CrashScenario.step(1))
      let before = disk.syncs
      // The step's own writes succeed; its flush is the operation that fails.
      var turn: Int64 = 1
      var code: StoreError.Code?
      while code != .unknownOutcome, turn < 100 {
        disk.arm(.inputOutput, at: turn)
        do throws(StoreError) {
          try await store.commit(StoreTransaction(.synced, [.putAgent(AgentRow(name: AgentName("a\(turn)")))]))
          code = nil
        } catch { code = error.code }
        turn += 1
      }
      #expect(code == .unknownOutcome)
      #expect(disk.syncs > before)
      disk.disarm()
      for commitClass in [CommitClass.written, .synced] {
        let error = await #expect(throws: StoreError.self) {
          try await store.commit(StoreTransaction(commitClass, CrashScenario.step(2).mutations))
        }
        #expect(error?.code == .inputOutput)
      }
      #expect(try await CrashScenario.steps(in: store) == 1)
      await store.close()
    }
  }
}
