// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusStore
import NexusStoreSQLite
import NexusTestKit
import Synchronization
import Testing

/// SQLite does what the oracle does, whatever comes.
@Suite struct OracleTests {
  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func `random transactions leave equal stores`(_ seed: UInt64) async throws {
    try await withScratchFolder { folder in
      let oracle = InMemoryStore()
      var store = try await SQLiteStore.open(path: folder + "/nexus.db", clock: SystemClock())
      var transactions = RandomTransactions(random: SeededRandom(seed: seed))
      for round in 1...8 {
        let batch = (0..<40).map { _ in round % 2 == 0 ? transactions.next() : transactions.nextCall() }
        let wanted = await results(of: batch, on: oracle)
        // Whoever logs a transaction knows that it fits.
        let logging = zip(batch, wanted).map { transaction, code in
          code == nil && transaction.commitClass == .written
            ? StoreTransaction(.logged, transaction.mutations) : transaction
        }
        let found = await results(of: logging, on: store)
        #expect(found == wanted, "seed \(seed), round \(round)")
        #expect(try await StoreContents(of: store) == StoreContents(of: oracle), "seed \(seed), round \(round)")
        if round % 4 == 0 {
          await store.close()
          store = try await SQLiteStore.open(path: folder + "/nexus.db", clock: SystemClock())
        }
      }
      #expect(try await StoreContents(of: store) == StoreContents(of: oracle), "seed \(seed), reopened")
      await store.close()
    }
  }

  /// Submits all at once, so that they meet in batches of whatever size the writer makes of them.
  private func results(of batch: [StoreTransaction], on store: any Store) async -> [StoreError.Code?] {
    await withCheckedContinuation { continuation in
      let codes = Mutex<[StoreError.Code?]>([])
      for transaction in batch {
        store.submit(transaction) { result in
          let all = codes.withLock { codes -> [StoreError.Code?]? in
            if case .failure(let error) = result { codes.append(error.code) } else { codes.append(nil) }
            return codes.count == batch.count ? codes : nil
          }
          if let all { continuation.resume(returning: all) }
        }
      }
    }
  }
}
