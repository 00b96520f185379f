// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOHTTP1
internal import NexusCore

/// A message whose length is known, ready for the wire: head and body in one buffer, but for what of the body is long.
///
/// They go out past the encoders, which take a message part by part. What may stand in a field is checked here as there
/// (RFC 9110 §5): nothing that a field holds can end it.
struct WholeMessage {
  /// Of a longer body the pieces go out as they are, behind its head.
  private static let copiedBody = 32 << 10
  /// But for the short ones among them.
  private static let copiedPiece = 4 << 10
  /// What a head takes beside its body, as a rule.
  private static let usualHead = 512

  private(set) var bytes: ByteBuffer
  /// What follows `bytes`.
  private(set) var rest: [ByteBuffer] = []
  private var isValid = true

  /// A request; nil if one of its fields holds what no field may.
  ///
  /// The body has `count` bytes in its pieces.
  static func request(_ head: HTTPRequestHead, _ body: [ByteBuffer], count: Int) -> WholeMessage? {
    var message = WholeMessage(bodyBytes: count)
    message.bytes.writeString(head.method.rawValue)
    message.bytes.writeStaticString(" ")
    message.bytes.writeString(head.uri)
    message.bytes.writeStaticString(" HTTP/1.1\r\n")
    for (name, value) in head.headers { message.put(name, value) }
    return message.finished(body, count: count)
  }

  /// A response; nil if one of its fields holds what no field may, or if one with the status has no body.
  static func response(
    status: Int, fields: [EnvironmentVariable], closes: Bool, _ body: ByteBuffer
  ) -> WholeMessage? {
    guard var message = WholeMessage(status, fields, bodyBytes: body.readableBytes) else { return nil }
    message.put("content-length", String(body.readableBytes))
    if closes { message.put("connection", "close") }
    return message.finished([body], count: body.readableBytes)
  }

  /// The head of a response that comes in chunks; nil as for a whole one.
  static func start(status: Int, fields: [EnvironmentVariable], closes: Bool) -> ByteBuffer? {
    guard var message = WholeMessage(status, fields, bodyBytes: 0) else { return nil }
    message.put("transfer-encoding", "chunked")
    if closes { message.put("connection", "close") }
    return message.finished([], count: 0)?.bytes
  }

  /// The beginning of a response; nil if one with the status has no body.
  private init?(_ status: Int, _ fields: [EnvironmentVariable], bodyBytes: Int) {
    guard (200...599).contains(status), status != 204, status != 304 else { return nil }
    self.init(bodyBytes: bodyBytes)
    bytes.writeStaticString("HTTP/1.1 ")
    bytes.writeString(String(status))
    bytes.writeStaticString(" ")
    bytes.writeString(HTTPResponseStatus(statusCode: status).reasonPhrase)
    bytes.writeStaticString("\r\n")
    for field in fields { put(field.name, field.value) }
  }

  private init(bodyBytes: Int) {
    bytes = ByteBufferAllocator().buffer(
      capacity: Self.usualHead + (bodyBytes <= Self.copiedBody ? bodyBytes : Self.copiedPiece))
  }

  private mutating func put(_ name: String, _ value: String) {
    guard !name.isEmpty, name.utf8.allSatisfy(Self.mayName), value.utf8.allSatisfy(Self.mayStand) else {
      isValid = false
      return
    }
    bytes.writeString(name)
    bytes.writeStaticString(": ")
    bytes.writeString(value)
    bytes.writeStaticString("\r\n")
  }

  private consuming func finished(_ body: [ByteBuffer], count: Int) -> WholeMessage? {
    guard isValid else { return nil }
    bytes.writeStaticString("\r\n")
    for piece in body {
      if count > Self.copiedBody, piece.readableBytes > Self.copiedPiece || !rest.isEmpty {
        rest.append(piece)
      } else {
        bytes.writeImmutableBuffer(piece)
      }
    }
    return self
  }

  private static func mayName(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
      UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
      true
    default: false
    }
  }

  private static func mayStand(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F || byte == 0x09 }
}
