// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension Migration {
  /// By which price each hold was reckoned, as charges have it, and an index that finds what was charged since a time.
  ///
  /// The hold of a node that died becomes a charge.
  static let v06 = Migration(
    version: 6,
    script: """
      ALTER TABLE hold ADD COLUMN price TEXT;
      CREATE INDEX charge_at ON charge (at);
      """)
}
