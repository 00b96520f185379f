// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusStore
import NexusStoreSQLite
import NexusTestKit
import Synchronization
import Testing

/// A power loss keeps what was flushed and any part of the rest.
///
/// A synced step that was acknowledged survives; a written one may vanish, but never by halves and never out of order.
@Suite struct PowerLossTests {
  /// The steps of runs, or those of model calls, most of which stand in the written log first; or of calls, every other
  /// step of which is committed at once, without a flush.
  enum History: CaseIterable {
    case runs, calls, mixed

    func step(_ step: Int) -> StoreTransaction {
      if self == .runs { return CrashScenario.step(step) }
      let transaction = CallScenario.step(step)
      guard self == .mixed, transaction.commitClass == .logged, step % 2 == 0 else { return transaction }
      return StoreTransaction(.written, transaction.mutations)
    }
    func isSynced(_ step: Int) -> Bool {
      self == .runs ? CrashScenario.isSynced(step) : CallScenario.isSynced(step)
    }
    func steps(in store: SQLiteStore) async throws -> Int {
      self == .runs ? try await CrashScenario.steps(in: store) : try await CallScenario.steps(in: store)
    }
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>, History.allCases)
  func `a power loss before any change of a file leaves a prefix with every synced step`(
    _ seed: UInt64, _ history: History
  ) async throws {
    var turn: Int64 = Int64(seed)
    var lostWritten = 0
    var pictures = 0
    var isOver = false
    while !isOver {
      try await withScratchFolder { folder in
        let disk = FaultFileSystem()
        disk.crash(at: turn, seed: seed &* 1_000_003 &+ UInt64(turn))
        let store = try await disk.open(folder + "/nexus.db")
        let told = Mutex((acknowledged: 0, synced: 0))
        await submitSteps(24, of: history, to: store) { step in
          told.withLock { told in
            told.acknowledged = step
            if history.isSynced(step) { told.synced = step }
            disk.mark(told.synced)
          }
        }
        await store.close()
        let after = folder + "/after"
        try makeFolder(after)
        guard let synced = disk.writePicture(to: after) else {
          isOver = true
          return
        }
        pictures += 1
        let survivor = try await SQLiteStore.open(path: after + "/nexus.db", clock: SystemClock())
        let steps = try await history.steps(in: survivor)
        #expect(steps >= synced, "seed \(seed), turn \(turn)")
        #expect(steps <= 24)
        if steps < 24 { lostWritten += 1 }
        // Life goes on from there.
        try await survivor.commit(history.step(steps + 1))
        #expect(try await history.steps(in: survivor) == steps + 1)
        await survivor.close()
      }
      turn += 9
    }
    #expect(pictures > 10)
    #expect(lostWritten > 0, "the simulated power loss loses nothing and so shows nothing")
  }

  /// What failed as a batch is committed piece by piece.
  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `a power loss after a full disk leaves a prefix, too`(_ seed: UInt64) async throws {
    var recovered = 0
    for turn in stride(from: Int64(60) + Int64(seed), to: 260, by: 5) {
      try await withScratchFolder { folder in
        let disk = FaultFileSystem()
        let store = try await disk.open(folder + "/nexus.db")
        try await store.commit(History.mixed.step(1))
        disk.crash(at: turn, seed: seed &* 1_000_003 &+ UInt64(turn))
        disk.arm(.full, at: turn % 23 + 1)
        let told = Mutex((synced: 1, isBroken: false))
        // Not one after the other: some are of one batch.
        await withCheckedContinuation { continuation in
          for step in 2...24 {
            store.submit(History.mixed.step(step)) { result in
              told.withLock { told in
                if case .failure = result { told.isBroken = true }
                if !told.isBroken, History.mixed.isSynced(step) { told.synced = step }
                disk.mark(told.synced)
              }
              if step == 24 { continuation.resume() }
            }
          }
        }
        await store.close()
        // What was refused leaves no prefix.
        guard !told.withLock({ $0.isBroken }) else { return }
        if disk.fired > 0 { recovered += 1 }
        let after = folder + "/after"
        try makeFolder(after)
        guard let synced = disk.writePicture(to: after) else { return }
        let survivor = try await SQLiteStore.open(path: after + "/nexus.db", clock: SystemClock())
        let steps = try await History.mixed.steps(in: survivor)
        #expect(steps >= synced && steps <= 24, "seed \(seed), turn \(turn)")
        try await survivor.commit(History.mixed.step(steps + 1))
        await survivor.close()
      }
    }
    #expect(recovered > 0, "no batch was committed piece by piece")
  }

  /// Submits without waiting, so that batches of both classes form; returns when the last is acknowledged.
  ///
  /// The steps of a mixed history wait for each other: else all would become one commit.
  private func submitSteps(
    _ count: Int, of history: History, to store: SQLiteStore, _ acknowledged: @escaping @Sendable (Int) -> Void
  ) async {
    if history == .mixed {
      for step in 1...count {
        // What fails behind the crash is not acknowledged.
        if (try? await store.commit(history.step(step))) != nil { acknowledged(step) }
      }
      return
    }
    await withCheckedContinuation { continuation in
      for step in 1...count {
        store.submit(history.step(step)) { result in
          if case .success = result { acknowledged(step) }
          if step == count { continuation.resume() }
        }
      }
    }
  }

  @Test(.timeLimit(.minutes(2))) func `relaxed keeps its word within its time`() async throws {
    try await withScratchFolder { folder in
      let disk = FaultFileSystem()
      let clock = ManualClock()
      let store = try await SQLiteStore.open(
        path: folder + "/nexus.db", durability: .relaxed, clock: clock, vfs: disk.name)
      let before = disk.syncs
      for step in 1...3 { try await store.commit(CrashScenario.step(step)) }
      #expect(disk.syncs == before, "a commit waited for the disk")
      clock.advance(by: .milliseconds(99))
      try await store.commit(CrashScenario.step(4))
      #expect(disk.syncs == before)
      clock.advance(by: .milliseconds(1))
      // The thread looks at the clock by itself; this only gives it the time.
      while disk.syncs == before { await Task.yield() }
      await store.close()
    }
  }
}
