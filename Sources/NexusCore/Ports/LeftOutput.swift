// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc

/// What a program in a sandbox left as its output, as its launcher copied it out: one byte that says what this is, and
/// the bytes.
package enum LeftOutput: Sendable, Hashable {
  case none
  case bytes([UInt8])
  /// It cannot be taken, and why.
  case refused(String)

  private static let noneMark = UInt8(ascii: " ")
  private static let bytesMark = UInt8(ascii: "=")
  private static let refusedMark = UInt8(ascii: "!")

  /// Makes the file that a launcher copies to.
  package static func prepare(_ path: String) throws(FileError) {
    let file = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw FileError.lastError(path) }
    defer { close(file) }
    var mark = noneMark
    guard unsafe write(file, &mark, 1) == 1 else { throw FileError.lastError(path) }
  }

  /// Reads the copy of an output of at most `limit` bytes.
  package static func read(_ path: String, limit: Int) -> LeftOutput {
    do throws(FileError) {
      let bytes = try Files.read(path, limit: limit + 1, followsLink: false)
      switch bytes.first {
      case noneMark: return .none
      case bytesMark: return .bytes(Array(bytes.dropFirst()))
      case refusedMark: return .refused(String(decoding: bytes.dropFirst(), as: UTF8.self))
      default: return .refused("its copy is damaged")
      }
    } catch {
      return .refused(error.errorNumber == EFBIG ? "larger than \(limit) bytes" : error.message)
    }
  }
}
