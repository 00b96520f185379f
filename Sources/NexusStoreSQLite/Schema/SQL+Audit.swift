// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension SQL {
  var auditText: String {
    switch self {
    case .auditLog: "SELECT origin, epoch, size, tree, base_size, base, seal FROM audit_log WHERE id = 1"
    case .putAuditLog: "INSERT OR REPLACE INTO audit_log VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)"
    case .lastAuditEntry: "SELECT max(seq) FROM audit_entry"
    case .insertAuditEntry: "INSERT INTO audit_entry VALUES (?1, ?2, ?3)"
    case .auditEntries: "SELECT seq, leaf, entry FROM audit_entry WHERE seq >= ?1 ORDER BY seq LIMIT ?2"
    case .pruneAuditEntries: "DELETE FROM audit_entry WHERE seq < ?1"
    case .insertAuditCheckpoint: "INSERT INTO audit_checkpoint (size, note) VALUES (?1, ?2)"
    case .trimAuditCheckpoints:
      "DELETE FROM audit_checkpoint WHERE key <= (SELECT max(key) FROM audit_checkpoint) - ?1"
    case .auditCheckpoints: "SELECT size, note FROM audit_checkpoint WHERE key > 0 ORDER BY key"
    case .pruneAuditCheckpoints: "DELETE FROM audit_checkpoint WHERE key > 0 AND size < ?1"
    case .insertAuditPayload:
      "INSERT INTO audit_payload VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (digest) DO NOTHING"
    case .auditPayload: "SELECT salt, bytes FROM audit_payload WHERE digest = ?1"
    case .auditPayloadsOfRun: "SELECT digest FROM audit_payload WHERE run = ?1"
    case .eraseAuditPayload: "DELETE FROM audit_payload WHERE digest = ?1"
    default: "DELETE FROM audit_payload WHERE seq < ?1"
    }
  }
}
