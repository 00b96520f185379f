// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// A row of the journal as it stands in the database: reading is the reader's work, decoding is everybody's.
struct StoredRow: Sendable {
  /// Of its last entry.
  let sequence: JournalSequence
  let at: WallTime
  let bytes: [UInt8]

  /// The entries of rows in their order.
  ///
  /// - Throws: `corrupt`.
  static func entries(of rows: [StoredRow]) throws(StoreError) -> [JournalEntry] {
    var entries: [JournalEntry] = []
    for row in rows {
      let parts = row.bytes.split(separator: EncodedEntries.separator, omittingEmptySubsequences: false)
      let first = row.sequence.value - Int64(parts.count) + 1
      for (index, part) in parts.enumerated() {
        entries.append(
          JournalEntry(
            sequence: JournalSequence(first + Int64(index)), at: row.at, entry: try EntryFormat.decode(Array(part))))
      }
    }
    return entries
  }

  /// How many tasks decode side by side.
  private static let lanes = 4

  /// Decodes many journals, side by side.
  @concurrent
  static func journals(
    _ stored: [RunID: Result<[StoredRow], StoreError>]
  ) async -> [RunID: Result<[JournalEntry], StoreError>] {
    typealias Journals = [RunID: Result<[JournalEntry], StoreError>]
    let runs = Array(stored)
    let size = max(1, (runs.count + lanes - 1) / lanes)
    return await withTaskGroup(of: Journals.self) { group in
      for start in stride(from: 0, to: runs.count, by: size) {
        group.addTask(name: "decode journals") {
          var journals: Journals = [:]
          for (run, rows) in runs[start..<min(start + size, runs.count)] {
            journals[run] = rows.flatMap { rows in Result { () throws(StoreError) in try entries(of: rows) } }
          }
          return journals
        }
      }
      return await group.reduce(into: Journals(minimumCapacity: runs.count)) { all, some in
        all.merge(some) { first, _ in first }
      }
    }
  }
}

extension SQLiteConnection {
  /// The rows that hold the entries after one, at most `limit` of them; the first may begin with some before it.
  func journalRows(of run: RunID, after: JournalSequence, limit: Int) throws(StoreError) -> [StoredRow] {
    try all(.journal, [.id(run), .integer(after.value), .limit(limit)]) { row throws(StoreError) in
      guard let payload = row.payload(2) else { throw StoreError(.corrupt, "an entry has no content") }
      return StoredRow(
        sequence: JournalSequence(row.integer(0)), at: row.time(1), bytes: try bytes(of: payload))
    }
  }
}
