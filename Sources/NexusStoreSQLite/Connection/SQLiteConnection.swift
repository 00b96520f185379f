// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CSQLite
internal import NexusStore

/// One connection to the database, used by one thread at a time.
///
/// All calls into the library are in this folder. Statements are prepared once and kept.
@safe
final class SQLiteConnection {
  enum Mode { case readWrite, readOnly }

  let handle: OpaquePointer
  let memory = WriterMemory()
  private var statements: [OpaquePointer?]
  /// Written by the library after each commit: how many pages the write-ahead log has.
  private let pagesInLog: UnsafeMutablePointer<Int32>

  private static let countsNoMemory = naos_sqlite_count_no_memory() == SQLITE_OK

  /// How long a statement waits for another process's lock.
  static let busyTimeoutMilliseconds: Int32 = 1000

  /// - Throws: `locked`, `corrupt`, `full` or `inputOutput`.
  init(path: String, mode: Mode, vfs: String? = nil) throws(StoreError) {
    _ = Self.countsNoMemory
    var handle: OpaquePointer?
    let access = mode == .readWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY
    let flags = access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
    let result = unsafe sqlite3_open_v2(path, &handle, flags, vfs)
    guard result == SQLITE_OK, let opened = unsafe handle else {
      let error = unsafe SQLiteError.make(result, handle, doing: "opening \(path)")
      unsafe sqlite3_close_v2(handle)
      throw error
    }
    unsafe self.handle = opened
    unsafe statements = Array(repeating: nil, count: SQL.allCases.count)
    unsafe pagesInLog = .allocate(capacity: 1)
    unsafe pagesInLog.initialize(to: 0)
    unsafe sqlite3_busy_timeout(opened, Self.busyTimeoutMilliseconds)
    unsafe _ = naos_sqlite_defensive(opened)
    unsafe naos_sqlite_watch_log(opened, pagesInLog)
  }

  deinit {
    for index in unsafe statements.indices { unsafe _ = sqlite3_finalize(statements[index]) }
    unsafe sqlite3_close_v2(handle)
    unsafe pagesInLog.deallocate()
  }

  var logPages: Int { unsafe Int(pagesInLog.pointee) }

  /// The key of the row that the last insertion made.
  var lastRow: Int64 { unsafe sqlite3_last_insert_rowid(handle) }

  var isInTransaction: Bool { unsafe sqlite3_get_autocommit(handle) == 0 }

  /// Whether to wait for other processes' locks at all.
  func wait(forLocks waits: Bool) { unsafe sqlite3_busy_timeout(handle, waits ? Self.busyTimeoutMilliseconds : 0) }

  /// Leaves the log to the next opening instead of copying it when this connection closes.
  func leaveLogOnClose() { unsafe _ = naos_sqlite_no_checkpoint_on_close(handle) }

  /// Runs a script that returns nothing of interest.
  func execute(script: String) throws(StoreError) {
    let result = unsafe sqlite3_exec(handle, script, nil, nil, nil)
    if result != SQLITE_OK { throw unsafe SQLiteError.make(result, handle, doing: "executing a script") }
  }

  /// Runs a statement that is not worth keeping and gives the integer of its first row.
  func integer(of text: String) throws(StoreError) -> Int64? {
    var statement: OpaquePointer?
    defer { unsafe _ = sqlite3_finalize(statement) }
    var result = unsafe sqlite3_prepare_v2(handle, text, -1, &statement, nil)
    guard result == SQLITE_OK, let prepared = unsafe statement else {
      throw unsafe SQLiteError.make(result, handle, doing: text)
    }
    result = unsafe sqlite3_step(prepared)
    if result == SQLITE_DONE { return nil }
    guard result == SQLITE_ROW else { throw unsafe SQLiteError.make(result, handle, doing: text) }
    return unsafe sqlite3_column_int64(prepared, 0)
  }

  /// How SQLite carries a statement out, a step each.
  func plan(of sql: SQL) throws(StoreError) -> [String] { try texts(of: "EXPLAIN QUERY PLAN " + sql.text, column: 3) }

  /// Runs a statement that is not worth keeping and gives the texts of one column.
  func texts(of text: String, column: Int32 = 0) throws(StoreError) -> [String] {
    var statement: OpaquePointer?
    defer { unsafe _ = sqlite3_finalize(statement) }
    let result = unsafe sqlite3_prepare_v2(handle, text, -1, &statement, nil)
    guard result == SQLITE_OK, let prepared = unsafe statement else {
      throw unsafe SQLiteError.make(result, handle, doing: text)
    }
    var texts: [String] = []
    while true {
      let result = unsafe sqlite3_step(prepared)
      if result == SQLITE_DONE { return texts }
      guard result == SQLITE_ROW else { throw unsafe SQLiteError.make(result, handle, doing: text) }
      texts.append(unsafe SQLiteRow(statement: prepared).text(column))
    }
  }

  /// Runs a writing statement; answers how many rows it changed.
  @discardableResult
  func run(_ sql: SQL, _ values: [SQLiteValue] = []) throws(StoreError) -> Int {
    try run(sql) { binding throws(StoreError) in for value in values { try binding.next(value) } }
  }

  /// Runs a writing statement whose values `bind` gives one after the other, without a list of them; answers how many
  /// rows it changed.
  func run(_ sql: SQL, _ bind: (inout SQLiteBinding) throws(StoreError) -> Void) throws(StoreError) -> Int {
    let statement = unsafe try prepared(sql, bind)
    defer { unsafe _ = sqlite3_reset(statement) }
    let result = unsafe sqlite3_step(statement)
    guard result == SQLITE_DONE || result == SQLITE_ROW else {
      memory.forgetAll()
      throw unsafe SQLiteError.make(result, handle, doing: "\(sql)")
    }
    if sql == .rollback || sql == .rollbackToSavepoint { memory.forgetAll() }
    return Int(unsafe sqlite3_changes(handle))
  }

  /// Runs a reading statement and shows each row to `each`.
  func rows(
    _ sql: SQL, _ values: [SQLiteValue] = [], _ each: (SQLiteRow) throws(StoreError) -> Void
  ) throws(StoreError) {
    let statement = unsafe try prepared(sql, values)
    defer { unsafe _ = sqlite3_reset(statement) }
    while true {
      let result = unsafe sqlite3_step(statement)
      if result == SQLITE_DONE { return }
      guard result == SQLITE_ROW else { throw unsafe SQLiteError.make(result, handle, doing: "\(sql)") }
      try unsafe each(SQLiteRow(statement: statement))
    }
  }

  /// The first row of a reading statement.
  func first<Answer>(
    _ sql: SQL, _ values: [SQLiteValue] = [], _ make: (SQLiteRow) throws(StoreError) -> Answer
  ) throws(StoreError) -> Answer? {
    let statement = unsafe try prepared(sql, values)
    defer { unsafe _ = sqlite3_reset(statement) }
    let result = unsafe sqlite3_step(statement)
    if result == SQLITE_DONE { return nil }
    guard result == SQLITE_ROW else { throw unsafe SQLiteError.make(result, handle, doing: "\(sql)") }
    return try unsafe make(SQLiteRow(statement: statement))
  }

  /// All rows of a reading statement.
  func all<Answer>(
    _ sql: SQL, _ values: [SQLiteValue] = [], _ make: (SQLiteRow) throws(StoreError) -> Answer
  ) throws(StoreError) -> [Answer] {
    var answers: [Answer] = []
    try rows(sql, values) { row throws(StoreError) in answers.append(try make(row)) }
    return answers
  }

  /// Copies the log into the database; answers whether all of it was copied.
  func checkpoint(truncating: Bool) throws(StoreError) -> Bool {
    var inLog: Int32 = 0
    var copied: Int32 = 0
    let mode = truncating ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE
    let result = unsafe sqlite3_wal_checkpoint_v2(handle, nil, mode, &inLog, &copied)
    // A reader in the way is no failure: the rest is copied the next time.
    if result == SQLITE_BUSY { return false }
    guard result == SQLITE_OK else { throw unsafe SQLiteError.make(result, handle, doing: "a checkpoint") }
    return inLog == copied
  }

  private func prepared(_ sql: SQL, _ values: [SQLiteValue]) throws(StoreError) -> OpaquePointer {
    unsafe try prepared(sql) { binding throws(StoreError) in for value in values { try binding.next(value) } }
  }

  private func prepared(
    _ sql: SQL, _ bind: (inout SQLiteBinding) throws(StoreError) -> Void
  ) throws(StoreError) -> OpaquePointer {
    let statement: OpaquePointer
    if let kept = unsafe statements[sql.rawValue] {
      unsafe statement = kept
    } else {
      var made: OpaquePointer?
      let result = unsafe sqlite3_prepare_v3(
        handle, sql.text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &made, nil)
      guard result == SQLITE_OK, let new = unsafe made else {
        throw unsafe SQLiteError.make(result, handle, doing: "preparing \(sql)")
      }
      unsafe statements[sql.rawValue] = new
      unsafe statement = new
    }
    var binding = unsafe SQLiteBinding(statement: statement, handle: handle, sql: sql)
    try bind(&binding)
    return unsafe statement
  }
}
