// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAudit
internal import NexusCore
internal import NexusStore

/// What the writer knows of the end of the audit log.
enum KnownAudit {
  case unknown
  /// No log was begun: entries are dropped.
  case none
  case log(AuditHead)
}

extension MutationWriter {
  func write(_ change: AuditChange) throws(StoreError) {
    switch change {
    case .begin(let head):
      try connection.run(.pruneAuditEntries, [.integer(.max)])
      try connection.run(.pruneAuditCheckpoints, [.integer(.max)])
      try put(head)
    case .append(let records):
      guard var head = try auditHead() else { return }
      for record in records { try insert(record, &head) }
      try put(head)
    case .checkpoint(let row):
      try connection.run(.insertAuditCheckpoint, [.integer(row.size), .text(row.note)])
      try connection.run(.trimAuditCheckpoints, [.integer(Int64(StoreLimits.auditCheckpoints))])
    case .prune(let base):
      guard var head = try auditHead() else { return }
      head.prune(to: base)
      for sql in [SQL.pruneAuditEntries, .pruneAuditCheckpoints, .pruneAuditPayloads] {
        try connection.run(sql, [.integer(base.size)])
      }
      try put(head)
    case .erase(let digests): for digest in digests { try connection.run(.eraseAuditPayload, [.text(digest)]) }
    }
  }

  private func insert(_ record: AuditRecord, _ head: inout AuditHead) throws(StoreError) {
    let row = head.append(record)
    do throws(StoreError) {
      try connection.run(.insertAuditEntry, [.integer(row.sequence), .blob(row.leaf.bytes), .blob(row.entry)])
    } catch {
      // Somebody else has written there, which no other transaction can be better off for.
      guard error.code == .duplicate else { throw error }
      throw Self.brokenAudit("entry \(row.sequence) is there already")
    }
    guard let payload = record.payload else { return }
    try connection.run(
      .insertAuditPayload,
      [
        .text(AuditDigest.of(payload)), .integer(row.sequence), .text(record.run?.text), .blob(payload.salt),
        .blob(payload.bytes),
      ])
  }

  /// The end of the log as the database has it: looked at once, and again after anything that was taken back.
  private func auditHead() throws(StoreError) -> AuditHead? {
    switch connection.memory.audit {
    case .none: return nil
    case .log(let head): return head
    case .unknown: break
    }
    guard let standing = try connection.auditStanding() else {
      connection.memory.know(audit: .none)
      return nil
    }
    if let seal = connection.memory.seal, !seal.accepts(standing.seal, of: standing.head) {
      throw Self.brokenAudit("its end, at \(standing.head.tree.size) entries, was not written by this node")
    }
    guard standing.last == standing.head.tree.size - 1 else {
      throw Self.brokenAudit("it ends at entry \(standing.last), not at \(standing.head.tree.size - 1)")
    }
    connection.memory.know(audit: .log(standing.head))
    return standing.head
  }

  private func put(_ head: AuditHead) throws(StoreError) {
    let seal = connection.memory.seal?.seal(head) ?? []
    try connection.run(
      .putAuditLog,
      [
        .text(head.origin), .integer(head.epoch), .integer(head.tree.size), .blob(head.tree.bytes),
        .integer(head.base.size), .blob(head.base.bytes), .blob(seal),
      ])
    connection.memory.know(audit: .log(head))
  }

  private static func brokenAudit(_ what: String) -> StoreError {
    StoreError(.corrupt, "the audit log is not as this node left it: \(what)")
  }
}
