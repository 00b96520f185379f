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
  @Test func `a change that was cut off while the database was made is taken back by whoever reads first`() async throws
  {
    try await withScratchFolder { folder in
      let (path, copy) = (folder + "/made.db", folder + "/cut.db")
      // More than the cache holds, so that the file is changed before the commit and its journal is whole.
      let other = try #require(
        OtherProgram(
          amid: """
            PRAGMA application_id = 1851879283; CREATE TABLE first (t); PRAGMA cache_size = 2; BEGIN;
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
              INSERT INTO first SELECT hex(zeroblob(200)) FROM n;
            """, on: path))
      for end in ["", "-journal"] { try FileManager.default.copyItem(atPath: path + end, toPath: copy + end) }
      other.release()
      let error = await #expect(throws: StoreError.self) { _ = try await SQLiteStore.openReadOnly(path: copy) }
      #expect(error?.code == .notFound, "\(String(describing: error))")
      #expect(!FileManager.default.fileExists(atPath: copy + "-journal"))
    }
  }

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
