// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import NexusStore
import NexusStoreSQLite
import NexusTestKit
import Testing

/// Other programs at the same file, and reading without a node.
@Suite struct LockTests {
  @Test func `a database that another program writes to is locked in bounded time, and free again`() async throws {
    try await withScratchFolder { folder in
      let path = folder + "/nexus.db"
      let store = try await SQLiteStore.open(path: path, clock: SystemClock())
      try await store.commit(CrashScenario.step(1))
      let other = try #require(OtherProgram(locking: path))
      for commitClass in [CommitClass.written, .synced] {
        let error = await #expect(throws: StoreError.self) {
          try await store.commit(StoreTransaction(commitClass, CrashScenario.step(2).mutations))
        }
        #expect(error?.code == .locked)
      }
      #expect(try await CrashScenario.steps(in: store) == 1)
      let opening = await #expect(throws: StoreError.self) {
        _ = try await SQLiteStore.open(path: path, clock: SystemClock())
      }
      #expect(opening?.code == .locked)
      other.release()
      try await store.commit(CrashScenario.step(2))
      #expect(try await CrashScenario.steps(in: store) == 2)
      await store.close()
    }
  }

  @Test func `a database is read without a node, also after a crash, and never written`() async throws {
    try await withScratchFolder { folder in
      let path = folder + "/nexus.db"
      let missing = await #expect(throws: StoreError.self) { _ = try await SQLiteStore.openReadOnly(path: path) }
      #expect(missing?.code == .notFound)
      let store = try await SQLiteStore.open(path: path, clock: SystemClock())
      for step in 1...5 { try await store.commit(CrashScenario.step(step)) }
      // What a killed node leaves: the file with its log.
      for suffix in ["", "-wal"] {
        try FileManager.default.copyItem(atPath: path + suffix, toPath: folder + "/left.db" + suffix)
      }
      await store.close()
      for file in [path, folder + "/left.db"] {
        let reader = try await SQLiteStore.openReadOnly(path: file)
        #expect(try await CrashScenario.steps(in: reader) == 5)
        let error = await #expect(throws: StoreError.self) { try await reader.commit(CrashScenario.step(6)) }
        #expect(error?.code == .closed)
        await reader.close()
      }
    }
  }
}
