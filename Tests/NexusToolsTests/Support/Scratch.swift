// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import Testing

/// A folder of its own for one test.
final class Scratch: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/naos-test-XXXXXX".utf8CString)
    _ = unsafe try #require(unsafe mkdtemp(&template))
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { Self.remove(path) }

  private static func remove(_ path: String) {
    var information = stat()
    guard unsafe lstat(path, &information) == 0 else { return }
    if information.st_mode & S_IFMT == S_IFDIR {
      _ = unsafe chmod(path, 0o700)
      if let directory = unsafe opendir(path) {
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
          let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) {
            unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
          }
          if name != ".", name != ".." { names.append(name) }
        }
        unsafe closedir(directory)
        for name in names { remove(path + "/" + name) }
      }
      _ = unsafe rmdir(path)
    } else {
      _ = unsafe unlink(path)
    }
  }

  @discardableResult
  func write(_ name: String, _ text: String) throws -> String { try write(name, bytes: Array(text.utf8)) }

  @discardableResult
  func write(_ name: String, bytes: [UInt8]) throws -> String {
    let target = path + "/" + name
    var folder = path
    for component in name.split(separator: "/").dropLast() {
      folder += "/" + component
      _ = unsafe mkdir(folder, 0o755)
    }
    let file = unsafe try #require(unsafe fopen(target, "w"))
    unsafe fwrite(bytes, 1, bytes.count, file)
    unsafe fclose(file)
    return target
  }

  func link(_ name: String, to target: String) throws {
    try #require(unsafe symlink(target, path + "/" + name) == 0)
  }
}
