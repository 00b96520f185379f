// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
internal import NexusAudit
internal import NexusCore
internal import NexusStore
internal import NexusStoreSQLite

/// The audit log of a project, read and checked: by a node, or by a command without one.
package struct AuditBook: Sendable {
  /// So many entries are read at a time.
  static let pageRows = 512
  /// The most entries that one question looks through.
  package static let maxSearched = 200_000

  let store: any Store
  let state: ProjectState

  /// Opens the log for reading, whether a node runs or not.
  ///
  /// - Throws: `OperationError`: there is no log, or it cannot be read.
  package static func open(project: String) async throws(OperationError) -> AuditBook {
    let state = ProjectState(project: project)
    do throws(StoreError) {
      return AuditBook(store: try await SQLiteStore.openReadOnly(path: state.database), state: state)
    } catch {
      guard error.code == .notFound else { throw OperationError(error) }
      throw .noAuditLog(project)
    }
  }

  package func close() async { await store.close() }

  func standing() async throws(OperationError) -> AuditStanding {
    let standing = try await reading { () async throws(StoreError) in try await store.auditStanding() }
    guard let standing else { throw .noAuditLog(state.project) }
    return standing
  }

  func reading<Value>(_ body: () async throws(StoreError) -> Value) async throws(OperationError) -> Value {
    do { return try await body() } catch { throw OperationError(error) }
  }

  /// Hands on every entry from a number on, in order, until `body` says no.
  func forEach(
    from sequence: Int64, _ body: (AuditRow) throws(OperationError) -> Bool
  ) async throws(OperationError) {
    var next = sequence
    while true {
      let rows = try await reading { () async throws(StoreError) in
        try await store.auditRows(from: next, limit: Self.pageRows)
      }
      for row in rows { guard try body(row) else { return } }
      guard rows.count == Self.pageRows, let last = rows.last, last.sequence < .max else { return }
      next = last.sequence + 1
    }
  }

  // MARK: Looking

  /// Entries that fit, oldest first: those after a number, or the newest.
  package func page(_ query: AuditQuery) async throws(OperationError) -> AuditPage {
    let standing = try await standing()
    let (first, size) = (standing.head.base.size, standing.head.tree.size)
    var entries: [JSONValue] = []
    if let after = query.after {
      var next = max(after + 1, first)
      let end = next + Int64(Self.maxSearched)
      try await forEach(from: next) { row throws(OperationError) in
        guard entries.count < query.limit, row.sequence < end else { return false }
        next = row.sequence + 1
        if let entry = Self.entry(row), query.matches(entry) { entries.append(entry) }
        return true
      }
      return AuditPage(entries: entries, size: size, next: next - 1)
    }
    // From the end backwards, a page at a time.
    var until = query.before.map { min($0, size) } ?? size
    let newest = until - 1
    while entries.count < query.limit, until > first, newest - until < Int64(Self.maxSearched) {
      let from = max(first, until - Int64(Self.pageRows))
      let rows = try await reading { () async throws(StoreError) in
        try await store.auditRows(from: from, limit: Int(until - from))
      }
      let found = rows.filter { $0.sequence < until }.compactMap(Self.entry).filter(query.matches)
      entries = found + entries
      until = from
    }
    return AuditPage(entries: Array(entries.suffix(query.limit)), size: size, next: max(newest, first - 1))
  }

  private static func entry(_ row: AuditRow) -> JSONValue? { try? JSONValue(parsing: row.entry) }
}

extension OperationError {
  static func noAuditLog(_ project: String) -> OperationError {
    OperationError(
      .notFound, code: "NX-STO-032", title: "There is no audit log",
      detail: "No node of this version has run in \(project).", hint: "A node begins it at its first start: naos up")
  }
}
