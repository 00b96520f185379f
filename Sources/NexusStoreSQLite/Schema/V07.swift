// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension Migration {
  /// The audit log: its entries, its end, its checkpoints, and what is kept beside it.
  ///
  /// `audit_log` has one row. `tree` and `base` are the hashes of compact ranges, one behind the other; `seal` is a code
  /// over them that only the owner of the log's key can make. Digests are salted; an erased payload leaves no row.
  static let v07 = Migration(
    version: 7,
    script: """
      CREATE TABLE audit_entry (seq INTEGER PRIMARY KEY, leaf BLOB NOT NULL, entry BLOB NOT NULL);
      CREATE TABLE audit_log (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        origin TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        size INTEGER NOT NULL,
        tree BLOB NOT NULL,
        base_size INTEGER NOT NULL,
        base BLOB NOT NULL,
        seal BLOB NOT NULL
      );
      CREATE TABLE audit_checkpoint (key INTEGER PRIMARY KEY, size INTEGER NOT NULL, note TEXT NOT NULL);
      CREATE TABLE audit_payload (
        digest TEXT PRIMARY KEY,
        seq INTEGER NOT NULL,
        run TEXT,
        salt BLOB NOT NULL,
        bytes BLOB NOT NULL
      );
      CREATE INDEX audit_payload_seq ON audit_payload (seq);
      CREATE INDEX audit_payload_run ON audit_payload (run) WHERE run IS NOT NULL;
      """)
}
