// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore

/// Reads a file, or the standard input, line by line, and keeps no more of it than one line.
struct LineReader {
  enum Line {
    case whole([UInt8])
    /// So many bytes, which are not kept.
    case tooLong(Int)
  }

  /// `-` is the standard input.
  let path: String
  /// Of one line, without its end.
  let maxBytes: Int

  /// Calls `body` for every line that is more than white space; `after` whenever what could be read at once is done.
  func forEach(_ body: (Line) -> Void, after: () -> Void) throws(FileError) {
    let descriptor = path == "-" ? 0 : unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError.lastError(path) }
    defer { if path != "-" { close(descriptor) } }
    var chunk = [UInt8](repeating: 0, count: 65_536)
    var line: [UInt8] = []
    var length = 0
    func end() {
      defer {
        line.removeAll(keepingCapacity: true)
        length = 0
      }
      if length > maxBytes { return body(.tooLong(length)) }
      if line.last == UInt8(ascii: "\r") { line.removeLast() }
      guard line.contains(where: { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }) else { return }
      body(.whole(line))
    }
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileError.lastError(path) }
      guard count > 0 else { break }
      var rest = chunk[..<count]
      while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
        length += newline - rest.startIndex
        if length <= maxBytes { line += rest[..<newline] }
        end()
        rest = rest[(newline + 1)...]
      }
      length += rest.count
      if length <= maxBytes { line += rest }
      after()
    }
    end()
    after()
  }
}
