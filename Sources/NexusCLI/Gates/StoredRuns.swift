// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

/// Goes through all that is stored, for commands that look back.
enum StoredRuns {
  /// The runs that were started since then, the newest first; nil for all.
  static func forEach(
    of name: String? = nil, since start: WallTime?, _ operations: any NodeOperations,
    _ body: (RunRow) async throws -> Void
  ) async throws {
    var filter = RunFilter(name: name, parent: "any", limit: 200)
    while true {
      let page = try await operations.listRuns(filter)
      for row in page.runs where start.map({ row.createdAt >= $0 }) ?? true { try await body(row) }
      // The newest come first.
      guard let next = page.next, start.map({ page.runs.last?.createdAt ?? $0 >= $0 }) ?? true else { return }
      filter.cursor = next
    }
  }

  static func journal(of run: RunID, _ operations: any NodeOperations) async throws -> [JournalItem] {
    var items: [JournalItem] = []
    var after = JournalSequence.none
    while true {
      let page = try await operations.journal(of: run, after: after, limit: JournalPage.maxLimit)
      items += page.entries
      guard let next = page.next else { return items }
      after = next
    }
  }
}
