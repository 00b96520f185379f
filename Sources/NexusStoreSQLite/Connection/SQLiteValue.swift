// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CSQLite
internal import NexusCore
internal import NexusStore

/// A value on its way into a statement.
enum SQLiteValue: Sendable {
  case null
  case integer(Int64)
  case text(String)
  case blob([UInt8])

  static func text(_ text: String?) -> SQLiteValue { text.map { .text($0) } ?? .null }
  static func id(_ id: some Identifier) -> SQLiteValue { .text(id.text) }
  static func time(_ time: WallTime?) -> SQLiteValue { time.map { .integer($0.microseconds) } ?? .null }
  static func bool(_ claim: Bool) -> SQLiteValue { .integer(claim ? 1 : 0) }

  /// Binds a copy of the value.
  @unsafe
  func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
    switch self {
    case .null: return unsafe sqlite3_bind_null(statement, index)
    case .integer(let number): return unsafe sqlite3_bind_int64(statement, index, number)
    case .text(var text):
      return text.withUTF8 { bytes in
        unsafe bytes.withMemoryRebound(to: CChar.self) { characters in
          unsafe naos_sqlite_bind_text(statement, index, characters.baseAddress, Int32(clamping: characters.count))
        }
      }
    case .blob(let bytes):
      return unsafe bytes.withUnsafeBufferPointer { bytes in
        unsafe naos_sqlite_bind_blob(statement, index, bytes.baseAddress, Int32(clamping: bytes.count))
      }
    }
  }
}

/// Gives a statement its values, the first one first.
@safe
struct SQLiteBinding {
  private let statement: OpaquePointer
  private let handle: OpaquePointer
  private let sql: SQL
  private var index: Int32 = 0

  @unsafe
  init(statement: OpaquePointer, handle: OpaquePointer, sql: SQL) {
    unsafe self.statement = statement
    unsafe self.handle = handle
    self.sql = sql
  }

  mutating func next(_ value: SQLiteValue) throws(StoreError) {
    index += 1
    try check(unsafe value.bind(to: statement, at: index))
  }

  mutating func next(_ number: Int64) throws(StoreError) {
    index += 1
    try check(unsafe sqlite3_bind_int64(statement, index, number))
  }

  mutating func nextNull(_ count: Int = 1) throws(StoreError) {
    for _ in 0..<count {
      index += 1
      try check(unsafe sqlite3_bind_null(statement, index))
    }
  }

  private func check(_ result: Int32) throws(StoreError) {
    guard result == SQLITE_OK else { throw unsafe SQLiteError.make(result, handle, doing: "binding to \(sql)") }
  }
}

/// The row that a statement stands on; valid until the statement moves on.
@safe
struct SQLiteRow {
  private let statement: OpaquePointer

  @unsafe
  init(statement: OpaquePointer) { unsafe self.statement = statement }

  func integer(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(statement, column) }

  func isNull(_ column: Int32) -> Bool { unsafe sqlite3_column_type(statement, column) == SQLITE_NULL }

  func optionalInteger(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }

  /// Bytes that are no UTF-8 are repaired; texts that matter are checked by their decoders.
  func text(_ column: Int32) -> String {
    guard let start = unsafe sqlite3_column_text(statement, column) else { return "" }
    let count = unsafe Int(sqlite3_column_bytes(statement, column))
    return unsafe String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }

  func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

  func blob(_ column: Int32) -> [UInt8] {
    guard let start = unsafe sqlite3_column_blob(statement, column) else { return [] }
    let count = unsafe Int(sqlite3_column_bytes(statement, column))
    return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
  }

  func time(_ column: Int32) -> WallTime { WallTime(microseconds: integer(column)) }

  func optionalTime(_ column: Int32) -> WallTime? { optionalInteger(column).map(WallTime.init(microseconds:)) }

  /// A payload as it stands in its row: the bytes, or the digest under which they are kept.
  func payload(_ column: Int32) -> StoredPayload? {
    switch unsafe sqlite3_column_type(statement, column) {
    case SQLITE_NULL: nil
    case SQLITE_TEXT: .reference(BlobDigest(text(column)))
    default: .inline(blob(column))
    }
  }

  /// The digest in a column that a statement made null unless it holds one.
  func reference(_ column: Int32) -> StoredPayload? {
    optionalText(column).map { .reference(BlobDigest($0)) }
  }

  /// A case of an enumeration.
  ///
  /// - Throws: `corrupt` for a text that is none of its cases.
  func choice<Choice: RawRepresentable<String>>(_ column: Int32) throws(StoreError) -> Choice {
    guard let choice = Choice(rawValue: text(column)) else {
      throw StoreError(.corrupt, "the database holds an unknown value in column \(column) of a row")
    }
    return choice
  }
}

/// What stands in a payload column: a blob is the payload itself, a text is the digest of a longer one.
enum StoredPayload: Sendable {
  case inline([UInt8])
  case reference(BlobDigest)
}
