// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension Migration {
  /// The state of the project that its agents share: under each key its versions, with who wrote and who read them.
  ///
  /// `revision` counts the writes of the row, so that of two who write at the same time one comes too late; `version` is
  /// that of the value.
  static let v09 = Migration(
    version: 9,
    script: """
      CREATE TABLE context (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        revision INTEGER NOT NULL,
        version INTEGER NOT NULL,
        record BLOB NOT NULL
      );
      """)
}
