// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore

/// The key of the secrets: a version byte and 32 random bytes, in a file that only its owner may read.
enum SecretKey {
  static let version: UInt8 = 1

  /// - Throws: `badKey` if it is missing, of another size or version, somebody else's, or readable by others.
  static func read(_ path: String) throws(SecretError) -> [UInt8] {
    let bytes: [UInt8]
    do throws(FileError) {
      try check(path)
      bytes = try Files.read(path, limit: 4096, followsLink: false)
    } catch {
      throw SecretError(.badKey, "\(error)")
    }
    guard bytes.count == SecretBox.keyBytes + 1, bytes[0] == version else {
      throw SecretError(.badKey, "\(path) is no key of version \(version)")
    }
    return Array(bytes.dropFirst())
  }

  /// Makes a new one; whoever calls it holds the lock and knows that nothing is encrypted with another one.
  static func make(_ path: String, random: any RandomSource) throws(SecretError) -> [UInt8] {
    let key = random.bytes(SecretBox.keyBytes)
    do throws(FileError) { try Files.write([version] + key, to: path, mode: 0o600) } catch {
      throw SecretError(.file, "\(error)")
    }
    return key
  }

  private static func check(_ path: String) throws(FileError) {
    var information = stat()
    guard unsafe lstat(path, &information) == 0 else { throw FileError.lastError(path) }
    func wrong(_ message: String) -> FileError {
      FileError(path: path, errorNumber: 0, message: message)
    }
    guard information.st_mode & S_IFMT == S_IFREG else { throw wrong("not a file") }
    guard information.st_uid == geteuid() else { throw wrong("it belongs to another user") }
    guard information.st_mode & 0o077 == 0 else {
      throw wrong("others may read or write it; chmod 600 it")
    }
  }
}
