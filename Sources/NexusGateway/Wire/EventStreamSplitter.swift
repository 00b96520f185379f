// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NexusCore

/// Cuts the bytes of a server-sent event stream into whole events, each with the blank line behind it.
struct EventStreamSplitter {
  /// An event longer than this is not an event of a model API.
  static let maxEventBytes = 8 << 20

  private var buffer = ByteBuffer()
  /// Up to here the buffer holds no end of an event.
  private var searched = 0

  mutating func append(_ bytes: ByteBuffer) {
    if buffer.readableBytes == 0 {
      buffer = bytes
    } else {
      buffer.writeImmutableBuffer(bytes)
    }
  }

  var isOverlong: Bool { buffer.readableBytes > Self.maxEventBytes }

  /// The next whole event, with its end; nil until more bytes come.
  mutating func next() -> ByteBuffer? {
    switch Self.endOfEvent(buffer.readableBytesUInt8Span, from: searched) {
    case .behind(let searched):
      self.searched = searched
      return nil
    case .at(let length):
      searched = 0
      return buffer.readSlice(length: length)
    }
  }

  private enum Search {
    case at(Int)
    /// Not before this place.
    case behind(Int)
  }

  /// What is left when the stream ends.
  mutating func rest() -> ByteBuffer? {
    searched = 0
    return buffer.readableBytes > 0 ? buffer.readSlice(length: buffer.readableBytes) : nil
  }

  /// Looks for the blank line that ends the first event: two line ends of any kind in a row.
  private static func endOfEvent(_ bytes: Span<UInt8>, from start: Int) -> Search {
    var index = ByteScan.lineEnd(bytes, from: start)
    // Without an end of its own, a carriage return at the end may be half a line end.
    while index < bytes.count, let first = lineEnd(bytes, index) {
      guard index + first < bytes.count else { break }
      if let second = lineEnd(bytes, index + first) { return .at(index + first + second) }
      if bytes[index + first] == 0x0D { break }
      index = ByteScan.lineEnd(bytes, from: index + first)
    }
    return .behind(index)
  }

  /// The length of the line end at `index`; nil if there is none or its second half may be still to come.
  private static func lineEnd(_ bytes: Span<UInt8>, _ index: Int) -> Int? {
    if bytes[index] == 0x0A { return 1 }
    guard bytes[index] == 0x0D, index + 1 < bytes.count else { return nil }
    return bytes[index + 1] == 0x0A ? 2 : 1
  }
}

/// The parts of one event.
struct StreamEvent {
  /// Of its data, if it is on one line, which it is in all model APIs.
  let data: Range<Int>?

  init(_ bytes: Span<UInt8>) {
    var found: Range<Int>?
    var isSingle = true
    var start = 0
    while start < bytes.count {
      let end = ByteScan.lineEnd(bytes, from: start)
      if let place = Self.dataPlace(bytes, start..<end) {
        isSingle = found == nil
        found = place
      }
      start = end + 1
    }
    data = isSingle ? found : nil
  }

  private static func dataPlace(_ bytes: Span<UInt8>, _ line: Range<Int>) -> Range<Int>? {
    guard line.count >= 5, Self.matches(bytes, line.lowerBound, "data:") else { return nil }
    var start = line.lowerBound + 5
    if start < line.upperBound, bytes[start] == 0x20 { start += 1 }
    return start..<line.upperBound
  }

  static func matches(_ bytes: Span<UInt8>, _ start: Int, _ word: StaticString) -> Bool {
    var index = start
    for character in word.description.utf8 {
      guard index < bytes.count, bytes[index] == character else { return false }
      index += 1
    }
    return true
  }
}
