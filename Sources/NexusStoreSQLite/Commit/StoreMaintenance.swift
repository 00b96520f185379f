// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// When the log is copied into the database file, and when `relaxed` owes a flush.
enum StoreMaintenance {
  /// SQLite's page.
  static let pageBytes = 4096
  /// A log of this length is copied between two commits.
  static let checkpointPages = (8 << 20) / pageBytes
  /// A log of this length is waited for and cut.
  static let truncateBytes = 64 << 20
  static let truncatePages = truncateBytes / pageBytes
  /// A log of at least this length is copied when nothing has been written for a while.
  static let idlePages = 64
  static let idleAfter = Duration.seconds(1)
  /// What `relaxed` can lose at a power loss.
  static let flushAfter = Duration.milliseconds(100)
  /// How long acknowledged transactions wait for company on their way into the database.
  static let lingers = Duration.milliseconds(25)
  /// How soon the thread tries again what failed or was in the way.
  static let retryAfter = Duration.seconds(1)
}
