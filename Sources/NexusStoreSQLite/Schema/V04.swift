// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension Migration {
  /// What schedules and queue pools remember: which due times are decided, and how many workers a person wants.
  static let v04 = Migration(
    version: 4,
    script: """
      CREATE TABLE component (
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        state BLOB NOT NULL,
        PRIMARY KEY (kind, name)
      ) WITHOUT ROWID;
      """)
}
