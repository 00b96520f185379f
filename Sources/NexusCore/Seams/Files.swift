// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc

/// Why a file could not be read or written.
package struct FileError: Error, Sendable, Hashable, CustomStringConvertible {
  package let path: String
  /// The kernel's number, or 0 where a limit of ours said no.
  package let errorNumber: Int32
  package let message: String

  package init(path: String, errorNumber: Int32, message: String) {
    self.path = path
    self.errorNumber = errorNumber
    self.message = message
  }

  package var description: String { "\(path): \(message)" }

  /// What the kernel said last on this thread (`errno`).
  package static func lastError(_ path: String) -> FileError {
    let number = errno
    return FileError(path: path, errorNumber: number, message: unsafe String(cString: strerror(number)))
  }
}

/// The few things that modules without a framework need of the file system.
///
/// Blocking; descriptors never leak to children.
package enum Files {
  /// Reads a whole file of at most `limit` bytes.
  ///
  /// - Throws: `FileError`; a larger file is refused with error number `EFBIG`.
  package static func read(_ path: String, limit: Int, followsLink: Bool = true) throws(FileError) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followsLink ? 0 : O_NOFOLLOW))
    guard descriptor >= 0 else { throw FileError.lastError(path) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileError.lastError(path) }
      if count == 0 { return bytes }
      bytes.append(contentsOf: chunk[0..<count])
      guard bytes.count <= limit else {
        throw FileError(path: path, errorNumber: EFBIG, message: "larger than \(limit) bytes")
      }
    }
  }

  /// Writes a file so that a reader sees the old or the new content and never a part: a new file, synced, renamed.
  package static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o644) throws(FileError) {
    let temporary = path + ".new"
    _ = unsafe unlink(temporary)
    let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_t(mode))
    guard descriptor >= 0 else { throw FileError.lastError(temporary) }
    do {
      defer { close(descriptor) }
      try writeAll(bytes, to: descriptor, path: temporary)
      guard fsync(descriptor) == 0 else { throw FileError.lastError(temporary) }
    }
    guard unsafe rename(temporary, path) == 0 else { throw FileError.lastError(path) }
  }

  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(FileError) {
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress.map { unsafe $0 + written }, bytes.count - written)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileError.lastError(path) }
      written += count
    }
  }

  /// Makes a folder and those above it; what exists is left as it is.
  package static func makeDirectory(_ path: String, mode: UInt32 = 0o755) throws(FileError) {
    guard unsafe mkdir(path, mode_t(mode)) != 0 else { return }
    if errno == EEXIST, isDirectory(path) { return }
    guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
      throw FileError.lastError(path)
    }
    try makeDirectory(String(path[..<slash]), mode: mode)
    guard unsafe mkdir(path, mode_t(mode)) == 0 || errno == EEXIST else { throw FileError.lastError(path) }
  }

  /// Sets the permissions of what exists.
  package static func restrict(_ path: String, mode: UInt32) throws(FileError) {
    guard unsafe chmod(path, mode_t(mode)) == 0 else { throw FileError.lastError(path) }
  }

  package static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  package static func isDirectory(_ path: String) -> Bool {
    var information = stat()
    return unsafe stat(path, &information) == 0 && (information.st_mode & S_IFMT) == S_IFDIR
  }

  /// Removes a file; one that is not there is fine.
  package static func remove(_ path: String) throws(FileError) {
    guard unsafe unlink(path) == 0 || errno == ENOENT else { throw FileError.lastError(path) }
  }

  /// The names in a folder, sorted, without `.` and `..`.
  package static func list(_ path: String) throws(FileError) -> [String] {
    guard let directory = unsafe opendir(path) else { throw FileError.lastError(path) }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) {
        unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}
