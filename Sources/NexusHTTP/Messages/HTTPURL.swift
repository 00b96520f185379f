// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// An absolute `http` or `https` URL, taken apart.
///
/// It is stricter than browsers are: no user information, no spaces or control characters, no backslashes.
package struct HTTPURL: Sendable, Hashable, CustomStringConvertible {
  package let isSecure: Bool
  /// In lower case; an IPv6 address stands without its brackets.
  package let host: String
  package let port: Int
  /// Path and query; the fragment is dropped, because it never travels.
  package let target: String

  package init(isSecure: Bool, host: String, port: Int, target: String) {
    self.isSecure = isSecure
    self.host = host
    self.port = port
    self.target = target
  }

  package init(_ text: String) throws(HTTPClientError) {
    func refuse(_ why: String) -> HTTPClientError { HTTPClientError(.invalidRequest, "the URL \(why)") }
    guard text.utf8.count <= Self.maxLength else { throw refuse("is longer than \(Self.maxLength) bytes") }
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else {
      throw refuse("has a character that must be percent-encoded")
    }
    let lower = text.lowercased()
    let rest: Substring
    if lower.hasPrefix("http://") {
      isSecure = false
      rest = text.dropFirst(7)
    } else if lower.hasPrefix("https://") {
      isSecure = true
      rest = text.dropFirst(8)
    } else {
      throw refuse("does not start with http:// or https://")
    }
    let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
    let authority = rest[..<end]
    guard !authority.contains("@") else { throw refuse("holds credentials") }
    let withoutFragment = rest[end...].prefix { $0 != "#" }
    target = withoutFragment.hasPrefix("/") ? String(withoutFragment) : "/" + withoutFragment
    let (name, portText) = try Self.split(authority)
    let isPlain = name.utf8.allSatisfy { byte in
      (0x30...0x3A).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || [0x2D, 0x2E, 0x5F].contains(byte)
    }
    guard !name.isEmpty, name.utf8.count <= 253, isPlain else { throw refuse("has no valid host") }
    host = name.lowercased()
    if let portText {
      guard let number = Int(portText), (1...65_535).contains(number), portText.utf8.allSatisfy({ $0 >= 0x30 }) else {
        throw refuse("has no valid port")
      }
      port = number
    } else {
      port = isSecure ? 443 : 80
    }
  }

  /// Longer ones are refused.
  package static let maxLength = 8192

  private static func split(_ authority: Substring) throws(HTTPClientError) -> (Substring, Substring?) {
    if authority.hasPrefix("[") {
      guard let bracket = authority.firstIndex(of: "]") else {
        throw HTTPClientError(.invalidRequest, "the URL has a bracket that is not closed")
      }
      let name = authority[authority.index(after: authority.startIndex)..<bracket]
      let rest = authority[authority.index(after: bracket)...]
      guard rest.isEmpty || rest.hasPrefix(":"), case .v6? = IPAddress(String(name))?.family else {
        throw HTTPClientError(.invalidRequest, "the URL has no valid IPv6 address in its brackets")
      }
      return (name, rest.isEmpty ? nil : rest.dropFirst())
    }
    guard let colon = authority.firstIndex(of: ":") else { return (authority, nil) }
    let name = authority[..<colon]
    return (name, authority[authority.index(after: colon)...])
  }

  package var endpoint: HTTPEndpoint { isSecure ? .tls(host: host, port: port) : .tcp(host: host, port: port) }

  /// `host:port`, without the port where it is the scheme's own; IPv6 in brackets.
  package var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
  }

  package var description: String { "\(isSecure ? "https" : "http")://\(authority)\(target)" }

  /// The URL that a `Location` of an answer to this one stands for.
  package func resolving(_ location: String) throws(HTTPClientError) -> HTTPURL {
    let lower = location.lowercased()
    if lower.hasPrefix("http://") || lower.hasPrefix("https://") { return try HTTPURL(location) }
    if location.hasPrefix("//") { return try HTTPURL((isSecure ? "https:" : "http:") + location) }
    let base = "\(isSecure ? "https" : "http")://\(authority)"
    if location.hasPrefix("/") { return try HTTPURL(base + location) }
    let path = target.prefix { $0 != "?" }
    if location.hasPrefix("?") { return try HTTPURL(base + path + location) }
    guard !location.prefix(while: { $0 != "/" }).contains(":") else {
      throw HTTPClientError(.invalidRequest, "the redirect leads to another scheme than HTTP")
    }
    let folder = path[...(path.lastIndex(of: "/") ?? path.startIndex)]
    return try HTTPURL(base + folder + location)
  }
}
