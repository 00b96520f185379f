// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc

/// Cuts a stream of chunks into lines, keeping at most `limit` bytes of each.
struct LineAssembler: Sendable {
  struct Line: Sendable, Equatable {
    var bytes: [UInt8]
    /// How many bytes of the line were not kept.
    var cut = 0
  }

  private let limit: Int
  private var open = Line(bytes: [])
  private var isOpen = false

  init(limit: Int) {
    precondition(limit > 0, "a line limit of \(limit) bytes keeps nothing")
    self.limit = limit
  }

  /// Calls `emit` with each line that `chunk` ends.
  ///
  /// Once it answers false, the further lines of the chunk are only
  /// counted: a flood costs little more than being read.
  ///
  /// - Returns: how many lines and bytes were not emitted.
  mutating func feed(_ chunk: [UInt8], _ emit: (Line) -> Bool) -> (lines: Int, bytes: Int) {
    var start = 0
    while start < chunk.count {
      let newline = Self.newline(in: chunk, from: start)
      take(chunk[start..<(newline ?? chunk.count)])
      guard let newline else { break }
      start = newline + 1
      if !emitOpen(emit) {
        let skipped = Self.wholeLines(in: chunk, from: start)
        take(chunk[(start + skipped.bytes)...])
        return skipped
      }
    }
    return (0, 0)
  }

  /// Ends a line that has no newline.
  mutating func finish(_ emit: (Line) -> Bool) { if isOpen { _ = emitOpen(emit) } }

  private mutating func take(_ part: ArraySlice<UInt8>) {
    isOpen = isOpen || !part.isEmpty
    let kept = part.prefix(limit - open.bytes.count)
    open.bytes += kept
    open.cut += part.count - kept.count
  }

  private mutating func emitOpen(_ emit: (Line) -> Bool) -> Bool {
    if open.cut == 0, open.bytes.last == UInt8(ascii: "\r") { open.bytes.removeLast() }
    defer {
      open = Line(bytes: [])
      isOpen = false
    }
    return emit(open)
  }

  private static func wholeLines(in chunk: [UInt8], from start: Int) -> (lines: Int, bytes: Int) {
    var lines = 0
    var end = start
    while let newline = newline(in: chunk, from: end) {
      lines += 1
      end = newline + 1
    }
    return (lines, end - start)
  }

  /// By `memchr`, because an agent may write gigabytes.
  private static func newline(in chunk: [UInt8], from start: Int) -> Int? {
    unsafe chunk.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return nil }
      let found = unsafe memchr(base + start, Int32(UInt8(ascii: "\n")), bytes.count - start)
      return unsafe found.map { unsafe UnsafeRawPointer($0) - base }
    }
  }
}
