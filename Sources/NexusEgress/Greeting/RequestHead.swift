// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// The head of a request that a grant allows.
struct RequestHead: Sendable {
  typealias Refusal = RequestGuard.Refusal
  typealias Octets = ArraySlice<UInt8>

  /// What goes on of it.
  let lines: [Octets]
  let method: String
  let body: RequestGuard.Body

  /// Reads and checks a head.
  ///
  /// - Parameters:
  ///   - lines: the request line and the fields, at least the first.
  ///   - grant: the host that it has to name, and what may be asked for there.
  ///   - secrets: what is put into it, in the place of what stands there.
  /// - Returns: the head, or why nothing of the connection goes on from there.
  static func read(
    _ lines: [Octets], for grant: HostGrant, adding secrets: [GateSecret] = []
  ) -> Result<RequestHead, Refusal> {
    do throws(Refusal) {
      let words = lines[0].split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      guard words.count == 3, isToken(words[0]), !words[1].isEmpty else {
        throw .unclear("no request line of HTTP")
      }
      let version = text(words[2])
      guard version == "HTTP/1.1" || version == "HTTP/1.0" else { throw .unclear("another protocol than HTTP/1") }
      let (method, target) = (text(words[0]), text(words[1]))
      guard method != "CONNECT" else { throw .unclear("CONNECT \(target)") }
      guard target.hasPrefix("/") || target == "*" else {
        // A whole URL names a host of its own.
        throw Refusal(rule: .host, target: target)
      }
      var fields: [Field] = []
      for line in lines.dropFirst() { fields.append(try Field(line)) }
      try checkHost(fields, grant)
      try check(method: method, target: target, grant)
      let body = try body(of: fields, isNew: version == "HTTP/1.1")
      var kept = try kept(fields)
      if !secrets.isEmpty { try check(method: method, target: target, kept, secrets, grant) }
      kept.removeAll { field in secrets.contains { $0.isNamed(by: field.name.utf8) } }
      return .success(
        RequestHead(lines: [lines[0]] + kept.map(\.line) + (try added(secrets)), method: method, body: body))
    } catch {
      return .failure(error)
    }
  }

  private static func text(_ octets: Octets) -> String { String(decoding: octets, as: UTF8.self) }

  /// RFC 9110 §5.6.2.
  private static func isToken(_ octets: Octets) -> Bool {
    !octets.isEmpty
      && octets.allSatisfy { octet in
        switch octet {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(octet)
        }
      }
  }

  private struct Field {
    let line: Octets
    let name: String
    let value: Octets

    init(_ line: Octets) throws(Refusal) {
      // Without a name before the colon it is the rest of the line before, which is not to be.
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")), RequestHead.isToken(line[..<colon]) else {
        throw .unclear("a header field without a name")
      }
      self.line = line
      name = RequestHead.text(line[..<colon]).lowercased()
      var value = line[(colon + 1)...]
      while let first = value.first, first == 0x20 || first == 0x09 { value = value.dropFirst() }
      while let last = value.last, last == 0x20 || last == 0x09 { value = value.dropLast() }
      self.value = value
    }
  }

  private static func checkHost(_ fields: [Field], _ grant: HostGrant) throws(Refusal) {
    let hosts = fields.filter { $0.name == "host" }.map { text($0.value).lowercased() }
    guard hosts.count == 1, let host = hosts.first else {
      throw Refusal(rule: .host, target: hosts.isEmpty ? "(no host)" : hosts.joined(separator: ", "))
    }
    var name = host[...]
    if let colon = host.lastIndex(of: ":") {
      guard host[host.index(after: colon)...] == String(grant.port) else { throw Refusal(rule: .host, target: host) }
      name = host[..<colon]
    }
    if name.hasSuffix(".") { name = name.dropLast() }
    guard name == grant.host else { throw Refusal(rule: .host, target: host) }
  }

  /// Whether a grant allows a request by its line.
  static func check(method: String, target: String, _ grant: HostGrant) throws(Refusal) {
    // Of a host that is not encrypted only the name, as ever.
    let place = grant.isTerminated ? grant.place : grant.host
    let path = String(target.prefix { $0 != "?" })
    guard grant.methods.isEmpty || grant.methods.contains(method) else {
      throw Refusal(rule: .method, target: grant.isTerminated ? "\(method) \(place)\(path)" : "\(method) \(place)")
    }
    guard !grant.paths.isEmpty else { return }
    guard isPlain(path), grant.paths.contains(where: { fits(path, $0) }) else {
      throw Refusal(rule: .path, target: "\(method) \(place)\(path)")
    }
  }

  /// Methods whose answers are the requests themselves.
  private static let echoing: Set = ["TRACE", "TRACK", "DEBUG"]

  /// What no request may be that a secret is added to.
  private static func check(
    method: String, target: String, _ fields: [Field], _ secrets: [GateSecret], _ grant: HostGrant
  ) throws(Refusal) {
    guard !echoing.contains(method.uppercased()) else {
      throw Refusal(rule: .method, target: "\(method) \(grant.place)\(target.prefix { $0 != "?" })")
    }
    // Fields that it names end at the next proxy, where the secret would be lost.
    for field in fields where field.name == "connection" {
      let options = field.value.split(separator: UInt8(ascii: ","))
      guard !options.contains(where: { option in secrets.contains { $0.isNamed(by: option) } }) else {
        throw .unclear("Connection: \(text(field.value))")
      }
    }
  }

  private static func added(_ secrets: [GateSecret]) throws(Refusal) -> [Octets] {
    var lines: [Octets] = []
    for secret in secrets {
      guard let line = secret.line else { throw Refusal(rule: .secret, target: secret.injection.name) }
      lines.append(line[...])
    }
    return lines
  }

  private static func fits(_ path: String, _ pattern: String) -> Bool {
    pattern.hasSuffix("*") ? path.utf8.starts(with: pattern.utf8.dropLast()) : path == pattern
  }

  /// Whether a path is the same to every server: nothing in it leads up or is written so that it could.
  private static func isPlain(_ path: String) -> Bool {
    let lower = path.lowercased()
    let parts = lower.split(separator: "/", omittingEmptySubsequences: false)
    return !["\\", "%2e", "%2f", "%5c", "%25", "//"].contains { lower.contains($0) }
      && !parts.contains { $0 == "." || $0 == ".." || $0.hasPrefix("..;") || $0.hasPrefix(".;") }
  }

  private static func body(of fields: [Field], isNew: Bool) throws(Refusal) -> RequestGuard.Body {
    let lengths = fields.filter { $0.name == "content-length" }
    let codings = fields.filter { $0.name == "transfer-encoding" }
    if codings.isEmpty {
      guard let length = lengths.first else { return .length(0) }
      guard lengths.count == 1, let count = RequestGuard.length(length.value) else {
        throw .unclear("a Content-Length that is none")
      }
      return .length(count)
    }
    guard lengths.isEmpty, codings.count == 1, isNew, text(codings[0].value).lowercased() == "chunked" else {
      throw .unclear("a body whose end can be understood in two ways")
    }
    return .chunks
  }

  /// Without the wish for HTTP/2, which nobody here could follow; a server that does not hear it goes on with HTTP/1.
  private static func kept(_ fields: [Field]) throws(Refusal) -> [Field] {
    for field in fields where field.name == "upgrade" {
      guard text(field.value).lowercased() == "h2c" else { throw .unclear("Upgrade: \(text(field.value))") }
    }
    return fields.filter { $0.name != "upgrade" && $0.name != "http2-settings" }
  }
}

extension RequestGuard.Refusal {
  fileprivate static func unclear(_ what: String) -> RequestGuard.Refusal { Self(rule: .language, target: what) }
}
