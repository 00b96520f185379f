// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CSQLite
internal import NexusStore

/// The file of the written log: beside the database, through the library's own file system.
@safe
final class LogFile {
  private let file: UnsafeMutablePointer<sqlite3_file>

  /// The address as a number, because the file belongs to nobody yet and a pointer would belong to its connection.
  @unsafe
  fileprivate init?(address: UInt) {
    guard let file = unsafe UnsafeMutablePointer<sqlite3_file>(bitPattern: address) else { return nil }
    unsafe self.file = file
  }

  deinit { unsafe naos_file_close(file) }

  /// Everything in it.
  func contents() throws(StoreError) -> [UInt8] {
    var size: Int64 = 0
    try check(unsafe naos_file_size(file, &size), "measuring")
    let count = Int32(clamping: size)
    guard count > 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: Int(count))
    let result = unsafe bytes.withUnsafeMutableBytes { unsafe naos_file_read(file, $0.baseAddress, count, 0) }
    try check(result, "reading")
    return bytes
  }

  /// Writes all of it or fails; after a failure the place holds anything.
  func write(_ bytes: [UInt8], at offset: Int) throws(StoreError) {
    let result = unsafe bytes.withUnsafeBytes {
      unsafe naos_file_write(file, $0.baseAddress, Int32(clamping: $0.count), Int64(offset))
    }
    try check(result, "writing")
  }

  /// Makes it `size` bytes of zeros for which the device has the space.
  func clear(size: Int) throws(StoreError) {
    try check(unsafe naos_file_clear(file, Int32(clamping: size)), "clearing")
  }

  private func check(_ result: Int32, _ doing: String) throws(StoreError) {
    guard result != SQLITE_OK else { return }
    throw StoreError(
      SQLiteError.code(of: result, systemError: 0), "\(doing) the written log failed (SQLite \(result))")
  }
}

extension SQLiteConnection {
  /// The database's written log; nil if there is none and none is to be made.
  func openLog(creates: Bool) throws(StoreError) -> sending LogFile? {
    var result: Int32 = 0
    let address = unsafe UInt(bitPattern: naos_file_open(handle, "-log", creates ? 1 : 0, &result))
    if result == SQLITE_OK { return unsafe LogFile(address: address) }
    if result == SQLITE_NOTFOUND { return nil }
    throw StoreError(
      SQLiteError.code(of: result, systemError: 0), "the written log cannot be opened (SQLite \(result))")
  }
}
