// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusStore

/// One step of the schema; a released one is never edited.
struct Migration {
  let version: Int64
  let script: String

  /// All steps, in order.
  static let all = [v01, v02, v03, v04, v05, v06, v07, v08, v09]

  /// "naos", by which a database of ours is known.
  static let applicationID: Int64 = 0x6E61_6F73

  /// Brings the database to the newest schema, or refuses it.
  ///
  /// - Throws: `newerSchema`, or `corrupt` for another program's database.
  static func migrate(_ connection: SQLiteConnection) throws(StoreError) {
    let found = try check(connection)
    let missing = all.filter { $0.version > found }
    guard !missing.isEmpty else { return }
    try connection.execute(script: "BEGIN EXCLUSIVE")
    do throws(StoreError) {
      for migration in missing { try connection.execute(script: migration.script) }
      try connection.execute(script: "PRAGMA application_id = \(applicationID)")
      try connection.execute(script: "PRAGMA user_version = \(all.last?.version ?? 0)")
      try connection.execute(script: "COMMIT")
    } catch {
      if connection.isInTransaction { try? connection.execute(script: "ROLLBACK") }
      throw error
    }
  }

  /// Refuses a file whose schema only a writer can bring up to date.
  ///
  /// - Throws: `notFound` for one that no writer ever finished; `inputOutput` for one of an older version.
  static func checkForReading(_ connection: SQLiteConnection) throws(StoreError) {
    let found = try check(connection)
    guard found > 0 else { throw StoreError(.notFound, "the database was never finished: its first node was killed") }
    guard found == all.last?.version else {
      throw StoreError(
        .inputOutput, "the database has schema \(found), of an older version; a node brings it up to date: `naos up`")
    }
  }

  /// The version of the schema that the file has.
  @discardableResult
  static func check(_ connection: SQLiteConnection) throws(StoreError) -> Int64 {
    let found = try connection.integer(of: "PRAGMA user_version") ?? 0
    let newest = all.last?.version ?? 0
    guard found <= newest else {
      throw StoreError(
        .newerSchema, "the database has schema \(found); this version of naos knows schemas up to \(newest)")
    }
    let application = try connection.integer(of: "PRAGMA application_id") ?? 0
    let objects = try connection.integer(of: "SELECT count(*) FROM sqlite_schema") ?? 0
    guard application == applicationID || (application == 0 && found == 0 && objects == 0) else {
      throw StoreError(.corrupt, "the file is a database of another program")
    }
    return found
  }
}
