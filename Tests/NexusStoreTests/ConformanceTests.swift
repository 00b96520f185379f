// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusStore
import NexusStoreSQLite
import NexusTestKit
import Testing

@Suite struct ConformanceTests {
  @Test(arguments: StoreConformance.cases)
  func `the in-memory store conforms`(_ conformanceCase: StoreConformance.Case) async throws {
    let store = InMemoryStore()
    try await conformanceCase.body(store)
    await store.close()
  }

  @Test(arguments: StoreConformance.cases, StoreDurability.allCases)
  func `the SQLite store conforms`(_ conformanceCase: StoreConformance.Case, _ durability: StoreDurability) async throws
  {
    try await withScratchFolder { folder in
      let store = try await SQLiteStore.open(path: folder + "/nexus.db", durability: durability, clock: SystemClock())
      try await conformanceCase.body(store)
      await store.close()
    }
  }
}
