// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusAudit
internal import NexusCore
internal import NexusStore

extension StoreWriter {
  /// After an unclean end, files up to this size are checked for damage before they are used.
  static let quickCheckBytes: Int64 = 64 << 20

  /// Opens the database for writing: format, damage, schema and level of durability are settled here or refused.
  static func open(
    path: String, durability: StoreDurability, at now: WallTime, vfs: String?, seal: AuditSeal?
  ) throws(StoreError) -> (writer: StoreWriter, epoch: Int64) {
    let connection = try SQLiteConnection(path: path, mode: .readWrite, vfs: vfs)
    connection.memory.seal = seal
    // Before anything is changed: a file of another program or of a newer version stays as it is.
    let schema = try Migration.check(connection)
    for setting in ["temp_store = MEMORY", "mmap_size = 0", "trusted_schema = OFF", "cell_size_check = ON"] {
      try connection.execute(script: "PRAGMA \(setting)")
    }
    guard try connection.texts(of: "PRAGMA journal_mode = WAL") == ["wal"] else {
      throw StoreError(.inputOutput, "the database at \(path) cannot keep a write-ahead log")
    }
    _ = try connection.integer(of: "PRAGMA journal_size_limit = \(StoreMaintenance.truncateBytes)")
    _ = try connection.integer(of: "PRAGMA cache_size = -16384")
    if schema > 0 { try checkAfterUncleanEnd(connection) }
    try Migration.migrate(connection)
    var writer = StoreWriter(connection: connection, durability: durability)
    try writer.assertFullSync()
    try connection.settleLog()
    return (writer, try begin(connection, at: now))
  }

  /// Notes the opening; the records of the log are its own from now on, and count from 1.
  private static func begin(_ connection: SQLiteConnection, at now: WallTime) throws(StoreError) -> Int64 {
    let epoch = max(now.microseconds, try connection.logState().epoch + 1)
    try connection.run(.begin)
    do throws(StoreError) {
      try connection.run(.setMeta, [.text("openedAt"), .integer(epoch)])
      try connection.run(.setMeta, [.text("clean"), .integer(0)])
      try connection.setLogSettled(0)
      try connection.run(.commit)
    } catch {
      if connection.isInTransaction { _ = try? connection.run(.rollback) }
      throw error
    }
    return epoch
  }

  private static func checkAfterUncleanEnd(_ connection: SQLiteConnection) throws(StoreError) {
    guard try connection.integer(of: "SELECT value FROM meta WHERE key = 'clean'") != 1 else { return }
    let pages = try connection.integer(of: "PRAGMA page_count") ?? 0
    let pageSize = try connection.integer(of: "PRAGMA page_size") ?? 0
    guard pages.multipliedReportingOverflow(by: pageSize).partialValue <= quickCheckBytes else { return }
    let findings = try connection.texts(of: "PRAGMA quick_check(5)")
    guard findings == ["ok"] else {
      throw StoreError(.corrupt, "the database is damaged: \(findings.joined(separator: "; "))")
    }
  }

  /// Writes everything to its place and marks the end as a clean one.
  mutating func close() {
    guard poison == nil else { return connection.leaveLogOnClose() }
    do throws(StoreError) {
      try assertFullSync()
      try connection.run(.setMeta, [.text("clean"), .integer(1)])
      _ = try connection.checkpoint(truncating: true)
    } catch {
      // Nothing acknowledged depends on this: the log has it all, and the next opening checks the file.
      connection.leaveLogOnClose()
    }
  }
}
