// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import Glibc
import NexusCore
import NexusStore
import NexusStoreSQLite
import NexusTestKit
import Synchronization
import Testing

/// Who commits, when it is flushed, and how many flushes there are.
@Suite struct CommitPathTests {
  @Test func `an idle writer commits a written transaction before submit returns, without a flush`() async throws {
    try await withScratchFolder { folder in
      let disk = FaultFileSystem()
      let store = try await disk.open(folder + "/nexus.db")
      try await store.commit(.insertRun(StoreSamples.run("run_1")))
      let before = disk.syncs
      await idle(store)
      let told = Atomic(false)
      store.submit(StoreTransaction(.written, [StoreSamples.append("run_1", from: 1)])) { _ in
        told.store(true, ordering: .sequentiallyConsistent)
      }
      let isTold = told.load(ordering: .sequentiallyConsistent)
      #expect(isTold)
      #expect(disk.syncs == before)
      try await store.commit(StoreSamples.append("run_1", from: 2))
      // One, and those of the checkpoint where a busy machine has let the time for it come.
      #expect(disk.syncs > before)
      await store.close()
    }
  }

  /// The writer's thread gives the turn back a moment after it has told of a commit; a written transaction that is
  /// committed inline shows that it has.
  private func idle(_ store: SQLiteStore) async {
    let isIdle = Atomic(false)
    while !isIdle.load(ordering: .sequentiallyConsistent) {
      let thread = pthread_self()
      await withCheckedContinuation { continuation in
        store.submit(StoreTransaction(.written, [])) { _ in
          if pthread_self() == thread { isIdle.store(true, ordering: .sequentiallyConsistent) }
          continuation.resume()
        }
      }
    }
  }

  @Test func `no submitter ever waits for the disk, checkpoints included`() async throws {
    try await withScratchFolder { folder in
      let disk = FaultFileSystem()
      let store = try await disk.open(folder + "/nexus.db")
      try await store.commit(CrashScenario.step(1))
      let before = disk.syncs
      let big = [UInt8](repeating: 1, count: 200_000)
      for index in 1...150 {
        let row = StoreSamples.effect("eff_x\(index)", run: "run_1", digest: "x\(index)", ordinal: 9, request: big)
        try await store.commit(StoreTransaction(.written, [.insertEffect(row)]))
      }
      await store.close()
      #expect(disk.syncs > before + 2, "30 MB went through the log without a checkpoint")
      #expect(disk.foreignSyncs == 0)
    }
  }

  @Test func `the log stays short while the writer is never idle`() async throws {
    try await withScratchFolder { folder in
      let disk = FaultFileSystem()
      let store = try await disk.open(folder + "/nexus.db")
      try await store.commit(CrashScenario.step(1))
      let big = [UInt8](repeating: 1, count: 100_000)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in 1...4 {
          group.addTask(name: "writer \(writer)") {
            for index in 1...250 {
              let row = StoreSamples.effect(
                "eff_\(writer)-\(index)", run: "run_1", digest: "\(writer)-\(index)", ordinal: 9,
                request: big + [UInt8(writer), UInt8(index)])
              try await store.commit(StoreTransaction(.written, [.insertEffect(row)]))
            }
          }
        }
        try await group.waitForAll()
      }
      let length = try FileManager.default.attributesOfItem(atPath: folder + "/nexus.db-wal")[.size] as? Int
      #expect(try #require(length) < 24 << 20, "100 MB went through a log of \(length ?? 0) bytes")
      #expect(disk.foreignSyncs == 0)
      await store.close()
    }
  }

  @Test func `what waits together is flushed together`() async throws {
    try await withScratchFolder { folder in
      let disk = FaultFileSystem()
      let store = try await disk.open(folder + "/nexus.db")
      for writer in 1...64 { try await store.commit(.insertRun(StoreSamples.run("run_\(writer)"))) }
      let before = disk.syncs
      await withCheckedContinuation { continuation in
        let left = Atomic(64 * 8)
        for sequence in 1...8 as ClosedRange<Int64> {
          for writer in 1...64 {
            store.submit(StoreTransaction(.synced, [StoreSamples.append("run_\(writer)", from: sequence)])) { _ in
              if left.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 { continuation.resume() }
            }
          }
        }
      }
      #expect(disk.syncs - before < 64, "512 synced transactions took \(disk.syncs - before) flushes")
      #expect(try await store.run(RunID("run_64"))?.head == JournalSequence(8))
      await store.close()
    }
  }

  @Test func `closing commits what was submitted`() async throws {
    try await withScratchFolder { folder in
      let store = try await SQLiteStore.open(path: folder + "/nexus.db", clock: SystemClock())
      for step in 1...200 { store.submit(CrashScenario.step(step)) { _ in } }
      await store.close()
      let again = try await SQLiteStore.open(path: folder + "/nexus.db", clock: SystemClock())
      #expect(try await CrashScenario.steps(in: again) == 200)
      await again.close()
    }
  }
}
