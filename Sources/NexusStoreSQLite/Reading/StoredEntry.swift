// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// An entry as it stands in the database: reading is the reader's work, decoding is everybody's.
struct StoredEntry: Sendable {
  let sequence: JournalSequence
  let at: WallTime
  let bytes: [UInt8]

  /// - Throws: `corrupt`.
  func entry() throws(StoreError) -> JournalEntry {
    JournalEntry(sequence: sequence, at: at, entry: try EntryFormat.decode(bytes))
  }

  /// How many tasks decode side by side.
  private static let lanes = 4

  /// Decodes many journals, side by side.
  @concurrent
  static func journals(
    _ stored: [RunID: Result<[StoredEntry], StoreError>]
  ) async -> [RunID: Result<[JournalEntry], StoreError>] {
    typealias Journals = [RunID: Result<[JournalEntry], StoreError>]
    let runs = Array(stored)
    let size = max(1, (runs.count + lanes - 1) / lanes)
    return await withTaskGroup(of: Journals.self) { group in
      for start in stride(from: 0, to: runs.count, by: size) {
        group.addTask(name: "decode journals") {
          var journals: Journals = [:]
          for (run, entries) in runs[start..<min(start + size, runs.count)] {
            journals[run] = entries.flatMap { entries in
              Result { () throws(StoreError) in try entries.map { stored throws(StoreError) in try stored.entry() } }
            }
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
  func storedEntries(of run: RunID, after: JournalSequence, limit: Int) throws(StoreError) -> [StoredEntry] {
    try all(.journal, [.id(run), .integer(after.value), .limit(limit)]) { row throws(StoreError) in
      guard let payload = row.payload(2) else { throw StoreError(.corrupt, "an entry has no content") }
      return StoredEntry(
        sequence: JournalSequence(row.integer(0)), at: row.time(1), bytes: try bytes(of: payload))
    }
  }
}
