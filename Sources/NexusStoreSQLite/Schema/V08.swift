// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension Migration {
  /// Questions to people, each a record that grows at its end: `version` counts its entries, so that of two who write at
  /// the same time one comes too late.
  static let v08 = Migration(
    version: 8,
    script: """
      CREATE TABLE approval (
        key INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        run TEXT NOT NULL,
        step TEXT NOT NULL,
        slot TEXT NOT NULL,
        status TEXT NOT NULL,
        version INTEGER NOT NULL
      );
      CREATE INDEX approval_place ON approval (run, step, slot, id);
      CREATE INDEX approval_run ON approval (run, id);
      CREATE INDEX approval_status ON approval (status, id);
      CREATE TABLE approval_entry (
        approval INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        entry BLOB NOT NULL,
        PRIMARY KEY (approval, seq)
      ) WITHOUT ROWID;
      CREATE TRIGGER approval_entry_fixed BEFORE UPDATE ON approval_entry BEGIN
        SELECT RAISE(ABORT, 'the record of an approval only grows');
      END;
      """)
}
