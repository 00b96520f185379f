// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The first message of a TLS connection (RFC 8446 §4.1.2), read for the host that it names. It may come in several
// records; each has five bytes before its content.
//
//   record: type:8 version:16 length:16 | message: type:8 length:24 | version:16 random:256 session<0..32>
//           ciphers<2..2^16> compressions<1..255> extensions<0..2^16>

/// What a TLS client says before anything is encrypted.
package enum ClientHello: Sendable, Equatable {
  /// More has to come.
  case incomplete
  /// It is none; why.
  case malformed(String)
  /// The host that it names, if it names one; and whether it hides another behind it.
  case complete(name: String?, hidesName: Bool)

  /// No client says more.
  package static let maxBytes = 64 << 10

  private static let handshakeRecord: UInt8 = 22
  private static let helloMessage: UInt8 = 1
  private static let maxRecord = 16_384
  /// In so many records at most; no client sends more than two or three.
  private static let maxRecords = 32

  static func isBegun(by byte: UInt8) -> Bool { byte == handshakeRecord }

  package static func read(_ bytes: [UInt8]) -> ClientHello {
    var message: [UInt8] = []
    var rest = bytes[...]
    for _ in 0..<maxRecords {
      guard rest.count >= 5 else { return .incomplete }
      let head = Array(rest.prefix(5))
      let length = Int(head[3]) << 8 | Int(head[4])
      guard head[0] == handshakeRecord, head[1] == 3, length > 0, length <= maxRecord else {
        return .malformed("a record that is no part of a greeting")
      }
      rest = rest.dropFirst(5)
      message += rest.prefix(length)
      if message.count >= 4 {
        guard message[0] == helloMessage else { return .malformed("another message than a greeting") }
        let size = Int(message[1]) << 16 | Int(message[2]) << 8 | Int(message[3])
        guard size + 4 <= maxBytes else { return .malformed("a greeting that is too long") }
        if message.count >= size + 4 { return parse(message[4..<(4 + size)]) }
      }
      guard rest.count >= length else { return .incomplete }
      rest = rest.dropFirst(length)
    }
    return .malformed("a greeting in too many pieces")
  }

  private static func parse(_ body: ArraySlice<UInt8>) -> ClientHello {
    var reader = OctetReader(body)
    guard reader.skip(34), reader.vector(lengthBytes: 1) != nil, reader.vector(lengthBytes: 2) != nil,
      reader.vector(lengthBytes: 1) != nil
    else { return .malformed("a greeting that is cut") }
    // As old clients send it.
    if reader.isAtEnd { return .complete(name: nil, hidesName: false) }
    guard let extensions = reader.vector(lengthBytes: 2), reader.isAtEnd else {
      return .malformed("a greeting with something behind it")
    }
    return parse(extensions: extensions)
  }

  private static let serverName = 0
  /// Names that are encrypted: the extension of today, and that of the drafts before it.
  private static let hiddenNames: Set<Int> = [0xFE0D, 0xFFCE]

  private static func parse(extensions: ArraySlice<UInt8>) -> ClientHello {
    var reader = OctetReader(extensions)
    var name: String?
    var hidesName = false
    while !reader.isAtEnd {
      guard let type = reader.number(bytes: 2), let content = reader.vector(lengthBytes: 2) else {
        return .malformed("an extension that is cut")
      }
      if hiddenNames.contains(type) { hidesName = true }
      guard type == serverName else { continue }
      guard name == nil, let found = hostName(content) else { return .malformed("a host name that is none") }
      name = found
    }
    return .complete(name: name, hidesName: hidesName)
  }

  /// The one name of the extension's list; nil if there is another number of them.
  private static func hostName(_ content: ArraySlice<UInt8>) -> String? {
    var outer = OctetReader(content)
    guard let list = outer.vector(lengthBytes: 2), outer.isAtEnd else { return nil }
    var inner = OctetReader(list)
    guard inner.number(bytes: 1) == 0, let name = inner.vector(lengthBytes: 2), inner.isAtEnd, !name.isEmpty else {
      return nil
    }
    guard name.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
    return String(decoding: name, as: UTF8.self).lowercased()
  }
}

/// Reads numbers and vectors off the front of octets.
private struct OctetReader {
  private var rest: ArraySlice<UInt8>

  init(_ octets: ArraySlice<UInt8>) { rest = octets }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func skip(_ count: Int) -> Bool {
    guard rest.count >= count else { return false }
    rest = rest.dropFirst(count)
    return true
  }

  mutating func number(bytes: Int) -> Int? {
    guard rest.count >= bytes else { return nil }
    let value = rest.prefix(bytes).reduce(0) { $0 << 8 | Int($1) }
    rest = rest.dropFirst(bytes)
    return value
  }

  mutating func vector(lengthBytes: Int) -> ArraySlice<UInt8>? {
    guard let length = number(bytes: lengthBytes), rest.count >= length else { return nil }
    defer { rest = rest.dropFirst(length) }
    return rest.prefix(length)
  }
}
