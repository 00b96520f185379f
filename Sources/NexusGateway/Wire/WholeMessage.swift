// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOHTTP1
internal import NexusCore

/// A message whose length is known, ready for the wire: head and body in one buffer, unless the body is long.
///
/// They go out past the encoders, which take a message part by part. What may stand in a field is checked here as there
/// (RFC 9110 §5): nothing that a field holds can end it.
struct WholeMessage {
  /// A longer body goes out as it is, behind its head.
  private static let copiedBody = 32 << 10
  /// What a head takes beside its body, as a rule.
  private static let usualHead = 512

  private(set) var bytes: ByteBuffer
  /// What follows `bytes`.
  private(set) var rest: ByteBuffer?
  private var isValid = true

  /// A request; nil if one of its fields holds what no field may.
  static func request(_ head: HTTPRequestHead, _ body: ByteBuffer) -> WholeMessage? {
    var message = WholeMessage(for: body)
    message.bytes.writeString(head.method.rawValue)
    message.bytes.writeStaticString(" ")
    message.bytes.writeString(head.uri)
    message.bytes.writeStaticString(" HTTP/1.1\r\n")
    for (name, value) in head.headers { message.put(name, value) }
    return message.finished(body)
  }

  /// A response; nil if one of its fields holds what no field may, or if one with the status has no body.
  static func response(
    status: Int, fields: [EnvironmentVariable], closes: Bool, _ body: ByteBuffer
  ) -> WholeMessage? {
    guard (200...599).contains(status), status != 204, status != 304 else { return nil }
    var message = WholeMessage(for: body)
    message.bytes.writeStaticString("HTTP/1.1 ")
    message.bytes.writeString(String(status))
    message.bytes.writeStaticString(" ")
    message.bytes.writeString(HTTPResponseStatus(statusCode: status).reasonPhrase)
    message.bytes.writeStaticString("\r\n")
    for field in fields { message.put(field.name, field.value) }
    message.put("content-length", String(body.readableBytes))
    if closes { message.put("connection", "close") }
    return message.finished(body)
  }

  private init(for body: ByteBuffer) {
    let room = body.readableBytes <= Self.copiedBody ? body.readableBytes : 0
    bytes = ByteBufferAllocator().buffer(capacity: Self.usualHead + room)
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

  private consuming func finished(_ body: ByteBuffer) -> WholeMessage? {
    guard isValid else { return nil }
    bytes.writeStaticString("\r\n")
    if body.readableBytes <= Self.copiedBody { bytes.writeImmutableBuffer(body) } else { rest = body }
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
