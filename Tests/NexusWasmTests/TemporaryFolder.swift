// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore

/// A folder that is removed with everything in it when the test lets go of it.
final class TemporaryFolder: Sendable {
  struct Failure: Error { let what: String }
  let path: String

  init() throws {
    path = "/tmp/" + "naos-test-" + String(SystemRandom().next(), radix: 16)
    guard unsafe mkdir(path, 0o700) == 0 else { throw Failure(what: "mkdir \(path)") }
  }

  deinit { remove(path) }

  func write(_ name: String, _ text: String, mode: mode_t) throws -> String {
    let file = path + "/" + name
    let fd = unsafe open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
    guard fd >= 0 else { throw Failure(what: "open \(file)") }
    defer { close(fd) }
    let bytes = Array(text.utf8)
    guard unsafe Glibc.write(fd, bytes, bytes.count) == bytes.count else { throw Failure(what: "write \(file)") }
    return file
  }

  /// Of a link it removes the link alone: what that leads to is not the test's.
  private func remove(_ path: String) {
    var information = stat()
    guard unsafe lstat(path, &information) == 0 else { return }
    guard information.st_mode & S_IFMT == S_IFDIR, let directory = unsafe opendir(path) else {
      unsafe unlink(path)
      return
    }
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) {
        unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { remove(path + "/" + name) }
    }
    unsafe closedir(directory)
    unsafe rmdir(path)
  }
}
