// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// One field of a request's head.
struct RequestField: Sendable {
  typealias Octets = ArraySlice<UInt8>

  /// As the agent writes it.
  let name: Octets
  let value: Octets
  /// Its name in small letters.
  let key: [UInt8]

  init(_ line: Octets) throws(RequestGuard.Refusal) {
    // Without a name before the colon it is the rest of the line before, which is not to be.
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")), ASCII.isToken(line[..<colon]) else {
      throw .unclear("a header field without a name")
    }
    name = line[..<colon]
    value = ASCII.trimmed(line[(colon + 1)...])
    key = ASCII.folded(name)
    // `Content_Length` is the one that is meant to some, and one that means nothing to others.
    guard !Self.own.contains(ASCII.plain(name)) || Self.own.contains(key) else {
      throw .unclear("\(String(decoding: name, as: UTF8.self)), which some servers take for another field")
    }
  }

  func isNamed(_ word: String) -> Bool { key.elementsEqual(word.utf8) }

  /// Whether it asks the host to say first whether it wants the body.
  var isAsking: Bool { isNamed("expect") && ASCII.contains(ASCII.folded(value), "100-continue") }

  /// What the gate writes itself, or leaves out, because it is for the next hop only.
  var isOwn: Bool { Self.own.contains(key) }

  private static let own = Set(
    [
      "host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "te", "trailer",
      "upgrade", "http2-settings",
    ].map { Array($0.utf8) })

  // MARK: Fields that say anew what the request line has said

  /// Whether some servers take its value for the method.
  var isMethod: Bool { Self.methods.contains(ASCII.plain(name)) }

  /// Whether some servers take its value for the path.
  var isPath: Bool { Self.paths.contains(ASCII.plain(name)) }

  /// Whether some servers take its value for the host.
  var isHost: Bool { Self.hosts.contains(ASCII.plain(name)) }

  private static let methods = Set(
    [
      "x-http-method-override", "x-http-method", "x-method-override", "x-method", "x-http-verb", "http-method",
      "http-method-override", "x-original-method", "x-forwarded-method",
    ].map { Array($0.utf8) })
  private static let paths = Set(
    [
      "x-original-url", "x-rewrite-url", "x-original-uri", "x-rewrite-uri", "x-override-url", "x-forwarded-uri",
      "x-forwarded-url", "x-forwarded-path", "x-forwarded-prefix", "x-envoy-original-path", "x-original-path",
      "x-http-path-override", "x-path-override", "destination",
    ].map { Array($0.utf8) })
  private static let hosts = Set(
    [
      "forwarded", "x-forwarded-host", "x-forwarded-server", "x-host", "x-original-host", "x-http-host-override",
      "x-host-override",
    ].map { Array($0.utf8) })
}
