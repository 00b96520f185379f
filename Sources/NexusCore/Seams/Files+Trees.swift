// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc

extension Files {
  /// How deep folders may lie in each other where a whole one is removed.
  private static let maxDepth = 64

  /// Removes a file, or a folder with everything in it; of a link the link alone, and what is not there is fine.
  package static func removeTree(_ path: String) throws(FileError) { try removeTree(path, maxDepth) }

  private static func removeTree(_ path: String, _ depth: Int) throws(FileError) {
    var information = stat()
    guard unsafe lstat(path, &information) == 0 else {
      if errno == ENOENT { return }
      throw FileError.lastError(path)
    }
    guard (information.st_mode & S_IFMT) == S_IFDIR, depth > 0 else { return try remove(path) }
    for name in try list(path) { try removeTree(path + "/" + name, depth - 1) }
    guard unsafe rmdir(path) == 0 || errno == ENOENT else { throw FileError.lastError(path) }
  }
}
