// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension Migration {
  /// By which price each charge was reckoned, two lines: where the price stood, and its rates.
  ///
  /// Charges of the versions before have none.
  static let v05 = Migration(version: 5, script: "ALTER TABLE charge ADD COLUMN price TEXT;")
}
