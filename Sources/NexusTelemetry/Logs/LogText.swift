// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore

/// The complete lines of a log file from an offset on, as they are now.
struct LogText {
  let file: LogFolder.File
  let bytes: [UInt8]
  /// The lines without their newlines; a last one without a newline is left out.
  let lines: [Range<Int>]
  private let offset: Int
  /// Where to go on reading: behind the last complete line, or behind all of a file that nobody writes any more.
  let end: LogPosition

  init(_ file: LogFolder.File, from offset: Int, isNewest: Bool) throws(FileError) {
    self.file = file
    self.offset = offset
    bytes = try Self.read(file.path, from: offset)
    var lines: [Range<Int>] = []
    var start = 0
    for index in bytes.indices where bytes[index] == UInt8(ascii: "\n") {
      lines.append(start..<index)
      start = index + 1
    }
    self.lines = lines
    end = LogPosition(generation: file.generation, offset: offset + (isNewest ? start : bytes.count))
  }

  func position(after index: Int) -> LogPosition {
    LogPosition(generation: file.generation, offset: offset + lines[index].upperBound + 1)
  }

  func position(before index: Int) -> LogPosition {
    LogPosition(generation: file.generation, offset: offset + lines[index].lowerBound)
  }

  /// Empty for a file that rotation has removed meanwhile.
  private static func read(_ path: String, from offset: Int) throws(FileError) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else {
      if errno == ENOENT { return [] }
      throw FileError.lastError(path)
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe pread(descriptor, &chunk, chunk.count, off_t(offset + bytes.count))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileError.lastError(path) }
      if count == 0 { return bytes }
      bytes += chunk[..<count]
    }
  }
}
