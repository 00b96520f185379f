// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore

/// A new file that is written bit by bit.
final class AppendingFile {
  private let path: String
  private var descriptor: Int32

  init(_ path: String) throws(FileError) {
    self.path = path
    descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw FileError.lastError(path) }
  }

  deinit { if descriptor >= 0 { _ = Glibc.close(descriptor) } }

  func append(_ bytes: [UInt8]) throws(FileError) {
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

  /// - Throws: what the disk did not take.
  func close() throws(FileError) {
    defer {
      _ = Glibc.close(descriptor)
      descriptor = -1
    }
    guard fsync(descriptor) == 0 else { throw FileError.lastError(path) }
  }
}
