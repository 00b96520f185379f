// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

extension MutationWriter {
  /// Adds to the record of an approval, or begins it.
  func write(_ write: ApprovalWrite) throws(StoreError) {
    let version = SQLiteValue.integer(Int64(write.after + write.entries.count))
    if let request = write.request {
      let subject = request.subject
      do throws(StoreError) {
        try connection.run(
          .insertApproval,
          [
            .id(write.id), .id(subject.run), .id(subject.step), .text(request.slot), .text(write.status.rawValue),
            version,
          ])
      } catch {
        guard error.code == .duplicate else { throw error }
        throw StoreError(.duplicate, "the approval \(write.id) exists")
      }
    } else {
      let changed = try connection.run(
        .advanceApproval, [.id(write.id), .integer(Int64(write.after)), .text(write.status.rawValue), version])
      guard changed == 1 else {
        throw StoreError(.staleGuard, "the approval \(write.id) is not what it was, or there is none")
      }
    }
    for (index, entry) in write.entries.enumerated() {
      try connection.run(
        .insertApprovalEntry,
        [
          .id(write.id), .integer(Int64(write.after + index + 1)), .time(write.at),
          .blob(ApprovalFormat.encode(entry)),
        ])
    }
  }
}

extension SQLiteConnection {
  func approvals(_ query: ApprovalQuery) throws(StoreError) -> [ApprovalRecord] {
    let before = SQLiteValue.text(query.before?.text ?? Self.afterAll)
    let limit = SQLiteValue.limit(query.limit)
    var keys: [(id: String, key: Int64)] = []
    func collect(_ sql: SQL, _ values: [SQLiteValue]) throws(StoreError) {
      keys += try all(sql, [before, limit] + values) { row throws(StoreError) in (id: row.text(1), key: row.integer(0))
      }
    }
    let statuses =
      query.statuses.isEmpty ? ApprovalStatus.allCases : query.statuses.sorted { $0.rawValue < $1.rawValue }
    for status in statuses {
      let word = SQLiteValue.text(status.rawValue)
      switch (query.run, query.place) {
      case (let run?, let place?):
        try collect(.approvalsOfPlace, [word, .id(run), .id(place.step), .text(place.slot)])
      case (let run?, nil): try collect(.approvalsOfRun, [word, .id(run)])
      case (nil, _): try collect(.approvalsOfStatus, [word])
      }
    }
    let wanted = keys.sorted { $0.id > $1.id }.prefix(max(0, query.limit))
    var records: [ApprovalRecord] = []
    for (_, key) in wanted { records.append(try approval(key)) }
    return records
  }

  /// Greater than every id.
  private static let afterAll = "apr_~"

  func approval(_ id: ApprovalID) throws(StoreError) -> ApprovalRecord? {
    let key = try first(.findApproval, [.id(id)]) { row throws(StoreError) in row.integer(0) }
    guard let key else { return nil }
    return try approval(key)
  }

  private func approval(_ key: Int64) throws(StoreError) -> ApprovalRecord {
    ApprovalRecord(
      try all(.approvalEntries, [.integer(key)]) { row throws(StoreError) in
        ApprovalRecord.Note(at: row.time(0), entry: try ApprovalFormat.decode(row.blob(1)))
      })
  }
}
