// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore

/// What of a streamed answer waits to go out: pieces that come together leave as one chunk (RFC 9112 §7.1), with the head
/// of the answer before the first, in one write.
struct ChunkedAnswer {
  /// More goes out as it is, between its frame.
  private static let copiedBody = 32 << 10
  /// What the frame of a chunk takes.
  private static let frameBytes = 32

  private var head: ByteBuffer?
  private var body = ByteBuffer()

  init(head: ByteBuffer) { self.head = head }

  mutating func append(_ bytes: ByteBuffer) {
    if body.readableBytes == 0 { body = bytes } else { body.writeImmutableBuffer(bytes) }
  }

  /// Hands out what waits, in its frame; with the end of the answer behind it, if there is no more to come.
  mutating func take(isLast: Bool) -> [ByteBuffer] {
    var parts: [ByteBuffer] = []
    let body = body
    self.body = ByteBuffer()
    let isCopied = body.readableBytes <= Self.copiedBody
    var frame = ByteBufferAllocator().buffer(
      capacity: (head?.readableBytes ?? 0) + (isCopied ? body.readableBytes : 0) + Self.frameBytes)
    if let head = head.take() { frame.writeImmutableBuffer(head) }
    if body.readableBytes > 0 {
      frame.writeString(String(body.readableBytes, radix: 16))
      frame.writeStaticString("\r\n")
      if isCopied {
        frame.writeImmutableBuffer(body)
      } else {
        parts = [frame, body]
        frame = ByteBuffer()
      }
      frame.writeStaticString("\r\n")
    }
    if isLast { frame.writeStaticString("0\r\n\r\n") }
    if frame.readableBytes > 0 { parts.append(frame) }
    return parts
  }
}
