// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension Migration {
  /// A row of the journal may hold several entries from here on (`JournalRow`), and `seq` is that of the last.
  ///
  /// The tables stay as they are; versions before would take such a row for a damaged one.
  static let v03 = Migration(version: 3, script: "")
}
