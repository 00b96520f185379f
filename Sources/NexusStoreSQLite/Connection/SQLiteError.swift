// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CSQLite
internal import Glibc
internal import NexusStore

/// Turns the library's result codes into the port's errors.
enum SQLiteError {
  @unsafe
  static func make(_ result: Int32, _ handle: OpaquePointer?, doing what: String) -> StoreError {
    let cause = unsafe handle.map { unsafe String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
    let number = unsafe handle.map { unsafe sqlite3_system_errno($0) } ?? 0
    let code = code(of: result, systemError: number)
    return StoreError(code, "\(what): \(cause) (SQLite \(result))")
  }

  /// A flush of the commit itself that failed leaves open whether the commit happened.
  static func code(of result: Int32, systemError: Int32) -> StoreError.Code {
    let isSpace = systemError == ENOSPC || systemError == EDQUOT
    switch result {
    case SQLITE_IOERR | (4 << 8), SQLITE_IOERR | (5 << 8): return .unknownOutcome  // IOERR_FSYNC, IOERR_DIR_FSYNC
    case SQLITE_IOERR | (2 << 8), SQLITE_IOERR | (33 << 8), SQLITE_IOERR | (32 << 8): return .corrupt  // SHORT_READ …
    default: break
    }
    switch result & 0xFF {
    case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL: return .locked
    case SQLITE_FULL: return .full
    case SQLITE_IOERR, SQLITE_CANTOPEN: return isSpace ? .full : .inputOutput
    case SQLITE_CORRUPT, SQLITE_NOTADB: return .corrupt
    case SQLITE_CONSTRAINT: return .duplicate
    default: return .inputOutput
    }
  }
}
