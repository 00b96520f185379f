// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore

/// Cuts the bytes of a JSON array that grows while it is sent into its elements, each with what stands before it.
///
/// The closing bracket is a piece of its own. What is no array is not cut.
struct ArrayStreamSplitter {
  private var buffer = ByteBuffer()
  /// Up to here the buffer has been looked through.
  private var searched = 0
  private var scan = Scan()

  mutating func append(_ bytes: ByteBuffer) {
    if buffer.readableBytes == 0 { buffer = bytes } else { buffer.writeImmutableBuffer(bytes) }
  }

  var isOverlong: Bool { buffer.readableBytes > EventStreamSplitter.maxEventBytes }

  /// The next whole element, or the end of the array; nil until more bytes come.
  mutating func next() -> ByteBuffer? {
    var scan = scan
    let length = scan.endOfPiece(buffer.readableBytesUInt8Span, from: searched)
    self.scan = scan
    guard let length else {
      searched = buffer.readableBytes
      return nil
    }
    searched = 0
    return buffer.readSlice(length: length)
  }

  /// How deep the bytes are in the array.
  private struct Scan {
    private var depth = 0
    private var isInString = false
    private var isEscaped = false

    mutating func endOfPiece(_ bytes: Span<UInt8>, from start: Int) -> Int? {
      var index = start
      while index < bytes.count {
        index += 1
        if take(bytes[index - 1]) { return index }
      }
      return nil
    }

    /// True behind the end of an element or of the array.
    private mutating func take(_ byte: UInt8) -> Bool {
      switch byte {
      case _ where isEscaped: isEscaped = false
      case UInt8(ascii: "\\") where isInString: isEscaped = true
      case UInt8(ascii: "\""): isInString.toggle()
      case _ where isInString: break
      case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        depth -= 1
        return depth <= 1
      default: break
      }
      return false
    }
  }

  /// What is left when the stream ends.
  mutating func rest() -> ByteBuffer? {
    searched = 0
    return buffer.readableBytes > 0 ? buffer.readSlice(length: buffer.readableBytes) : nil
  }

  /// The element in a piece; empty where the array ends.
  static func data(_ bytes: Span<UInt8>) -> Range<Int> {
    var start = 0
    while start < bytes.count, bytes[start] != UInt8(ascii: "{") { start += 1 }
    return start..<bytes.count
  }
}

/// Cuts a stream in the way in which it is framed.
enum StreamSplitter {
  case events(EventStreamSplitter)
  case array(ArrayStreamSplitter)

  mutating func append(_ bytes: ByteBuffer) {
    switch self {
    case .events(var splitter):
      self = .events(EventStreamSplitter())
      splitter.append(bytes)
      self = .events(splitter)
    case .array(var splitter):
      self = .array(ArrayStreamSplitter())
      splitter.append(bytes)
      self = .array(splitter)
    }
  }

  mutating func next() -> ByteBuffer? {
    switch self {
    case .events(var splitter):
      defer { self = .events(splitter) }
      return splitter.next()
    case .array(var splitter):
      defer { self = .array(splitter) }
      return splitter.next()
    }
  }

  mutating func rest() -> ByteBuffer? {
    switch self {
    case .events(var splitter):
      defer { self = .events(splitter) }
      return splitter.rest()
    case .array(var splitter):
      defer { self = .array(splitter) }
      return splitter.rest()
    }
  }

  var isOverlong: Bool {
    switch self {
    case .events(let splitter): splitter.isOverlong
    case .array(let splitter): splitter.isOverlong
    }
  }

  /// The JSON in a piece, or a word that stands for it; nil where there is none.
  func data(in piece: ByteBuffer) -> Range<Int>? {
    let bytes = piece.readableBytesUInt8Span
    switch self {
    case .events: return StreamEvent(bytes).data.flatMap { $0.isEmpty ? nil : $0 }
    case .array: return ArrayStreamSplitter.data(bytes)
    }
  }
}
