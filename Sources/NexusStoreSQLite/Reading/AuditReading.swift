// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAudit
package import NexusCore
package import NexusStore

extension SQLiteConnection {
  func auditStanding() throws(StoreError) -> AuditStanding? {
    let row = try first(.auditLog) { row throws(StoreError) in
      (
        origin: row.text(0), epoch: row.integer(1), size: row.integer(2), tree: row.blob(3), baseSize: row.integer(4),
        base: row.blob(5), seal: row.blob(6)
      )
    }
    guard let row else { return nil }
    // What cannot be read fits no seal and no entry, and is found by whoever checks.
    let tree = CompactRange(size: row.size, bytes: row.tree) ?? .unknown(size: max(0, row.size))
    var base = CompactRange(size: row.baseSize, bytes: row.base) ?? CompactRange()
    if base.size > tree.size { base = CompactRange() }
    let last = try first(.lastAuditEntry) { row throws(StoreError) in row.optionalInteger(0) } ?? nil
    return AuditStanding(
      head: AuditHead(origin: row.origin, epoch: row.epoch, tree: tree, base: base), seal: row.seal,
      last: last ?? base.size - 1)
  }

  func auditRows(from sequence: Int64, limit: Int) throws(StoreError) -> [AuditRow] {
    try all(.auditEntries, [.integer(sequence), .limit(limit)]) { row throws(StoreError) in
      // A hash of another length is no hash of any entry.
      let leaf = MerkleHash(row.blob(1)) ?? .empty
      return AuditRow(sequence: row.integer(0), entry: row.blob(2), leaf: leaf)
    }
  }
}

extension SQLiteStore {
  package func auditStanding() async throws(StoreError) -> AuditStanding? {
    try await read { connection throws(StoreError) in try connection.auditStanding() }
  }

  package func auditRows(from sequence: Int64, limit: Int) async throws(StoreError) -> [AuditRow] {
    try await read { connection throws(StoreError) in try connection.auditRows(from: sequence, limit: limit) }
  }

  package func auditCheckpoints() async throws(StoreError) -> [AuditCheckpointRow] {
    try await read { connection throws(StoreError) in
      try connection.all(.auditCheckpoints) { row throws(StoreError) in
        AuditCheckpointRow(size: row.integer(0), note: row.text(1))
      }
    }
  }

  package func auditPayload(_ digest: String) async throws(StoreError) -> AuditPayload? {
    try await read { connection throws(StoreError) in
      let found = try connection.first(.auditPayload, [.text(digest)]) { row throws(StoreError) in
        AuditPayload(row.blob(1), salt: row.blob(0))
      }
      return found ?? nil
    }
  }

  package func auditPayloads(of run: RunID) async throws(StoreError) -> [String] {
    try await read { connection throws(StoreError) in
      try connection.all(.auditPayloadsOfRun, [.id(run)]) { row throws(StoreError) in row.text(0) }
    }
  }
}
