// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusStore
import NexusStoreSQLite
import NexusTestKit
import Testing

/// Entries that are appended together share a row, and nobody who reads them sees that.
@Suite struct JournalRowTests {
  private static let run = RunID("run_1")

  private func entries(_ numbers: ClosedRange<Int64>, at seconds: Int64, size: Int = 1) -> [JournalEntry] {
    numbers.map { number in
      JournalEntry(
        sequence: JournalSequence(number), at: StoreSamples.time(seconds),
        entry: .stepRecorded(
          path: StepPath("s\(number)"), value: .string("\u{1E}\n" + String(repeating: "x", count: size))))
    }
  }

  private func append(_ entries: [JournalEntry], to store: SQLiteStore) async throws {
    try await store.commit(
      .append(
        run: Self.run, fence: FencingToken(1), entries: entries,
        summary: RunSummary(status: .running, updatedAt: StoreSamples.time(9))))
  }

  /// A check that fails makes the script fail.
  private func expect(rows: Int, in path: String) {
    let script = "CREATE TEMP TABLE fits (n CHECK (n = \(rows))); INSERT INTO fits SELECT count(*) FROM journal;"
    #expect(OtherProgram.execute(script, on: path))
  }

  private func with(_ appends: [[JournalEntry]], rows: Int) async throws {
    try await withScratchFolder { folder in
      let path = folder + "/nexus.db"
      let store = try await SQLiteStore.open(path: path, clock: SystemClock())
      try await store.commit(.insertRun(StoreSamples.run(Self.run.text)))
      for entries in appends { try await append(entries, to: store) }
      await store.close()
      expect(rows: rows, in: path)
      let again = try await SQLiteStore.open(path: path, clock: SystemClock())
      let all = appends.flatMap(\.self)
      #expect(try await again.journals(of: [Self.run], upTo: .max)[Self.run]?.get() == all)
      for after in 0...all.count {
        for limit in 1...all.count + 1 {
          let page = try await again.journal(of: Self.run, after: JournalSequence(Int64(after)), limit: limit)
          #expect(page == Array(all.dropFirst(after).prefix(limit)), "after \(after), \(limit) of them")
        }
      }
      await again.close()
    }
  }

  @Test func `an append is a row, and is read from any of its entries on`() async throws {
    try await with([entries(1...3, at: 1), entries(4...4, at: 1), entries(5...7, at: 2)], rows: 3)
  }

  @Test func `what is of another time or too long stands in a row of its own`() async throws {
    let mixed = entries(1...1, at: 1) + entries(2...3, at: 2)
    let long = entries(4...4, at: 3) + entries(5...5, at: 3, size: 20_000) + entries(6...7, at: 3)
    let many = entries(8...10, at: 4, size: 7_000)
    try await with([mixed, long, many], rows: 2 + 3 + 2)
  }

  @Test func `an append that repeats an entry is refused`() async throws {
    try await withScratchFolder { folder in
      let store = try await SQLiteStore.open(path: folder + "/nexus.db", clock: SystemClock())
      try await store.commit(.insertRun(StoreSamples.run(Self.run.text)))
      try await append(entries(1...3, at: 1), to: store)
      let error = await #expect(throws: StoreError.self) { try await append(entries(3...4, at: 1), to: store) }
      #expect(error?.code == .staleGuard)
      #expect(try await store.journal(of: Self.run, after: .none, limit: 9).count == 3)
      await store.close()
    }
  }
}
