// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// The head of a request that a grant allows.
struct RequestHead: Sendable {
  typealias Refusal = RequestGuard.Refusal
  typealias Octets = ArraySlice<UInt8>

  /// What the host gets: written anew, from what was understood.
  let bytes: [UInt8]
  let method: String
  let body: RequestGuard.Body
  /// Whether the host is told that no other request comes behind it.
  let isLast: Bool
  /// Whether the host is asked first whether it wants the body.
  let isAsking: Bool

  /// No method is longer.
  private static let maxMethod = 32

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
      let line = try RequestLine(lines[0])
      var fields: [RequestField] = []
      for line in lines.dropFirst() { fields.append(try RequestField(line)) }
      let host = try host(of: fields, grant)
      try check(line, grant, isSecret: !secrets.isEmpty)
      try check(fields, grant, isSecret: !secrets.isEmpty)
      let body = try body(of: fields, isNew: line.isNew)
      var head = line.octets + lineEnd
      write("Host", host, to: &head)
      for field in fields where !field.isOwn && !secrets.contains(where: { $0.isNamed(by: field.name) }) {
        head += field.name + [0x3A, 0x20] + field.value + lineEnd
      }
      switch body {
      case .chunks: write("Transfer-Encoding", "chunked", to: &head)
      case .length(let count):
        if fields.contains(where: { $0.isNamed("content-length") }) { write("Content-Length", "\(count)", to: &head) }
      }
      // A head with a secret or a body is the last one that goes to the host there: `RequestGuard`.
      let connection = try connection(of: fields)
      let isLast = !secrets.isEmpty || !body.isNone
      if let option = isLast ? "close" : connection { write("Connection", option, to: &head) }
      for secret in secrets {
        guard let line = secret.line else { throw Refusal(rule: .secret, target: secret.injection.name) }
        head += line + lineEnd
      }
      return .success(
        RequestHead(
          bytes: head + lineEnd, method: line.method, body: body, isLast: isLast,
          isAsking: !body.isNone && fields.contains(where: \.isAsking)))
    } catch {
      return .failure(error)
    }
  }

  /// Whether a grant allows a request that is not written yet, of a method, a target and fields of these names.
  ///
  /// `isSecret`: a secret is added to it.
  static func check(
    method: String, target: String, fields names: some Sequence<String>, _ grant: HostGrant, isSecret: Bool
  ) throws(Refusal) {
    let line = try RequestLine(Array("\(method) \(target) HTTP/1.1".utf8)[...])
    var fields: [RequestField] = []
    for name in names { fields.append(try RequestField(Array("\(name):".utf8)[...])) }
    try check(line, grant, isSecret: isSecret)
    try check(fields, grant, isSecret: isSecret)
  }

  private static let lineEnd: [UInt8] = [0x0D, 0x0A]

  private static func write(_ name: String, _ value: String, to head: inout [UInt8]) {
    head += Array("\(name): \(value)".utf8) + lineEnd
  }

  private static func text(_ octets: Octets) -> String { String(decoding: octets, as: UTF8.self) }

  /// The first line, in letters of ASCII alone.
  private struct RequestLine {
    let octets: [UInt8]
    let method: String
    let target: Octets
    /// Whether it is of HTTP/1.1.
    let isNew: Bool

    init(_ line: Octets) throws(Refusal) {
      let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      guard words.count == 3, ASCII.isToken(words[0]), words[0].count <= RequestHead.maxMethod, !words[1].isEmpty else {
        throw .unclear("no request line of HTTP")
      }
      isNew = words[2].isExactly("HTTP/1.1")
      guard isNew || words[2].isExactly("HTTP/1.0") else { throw .unclear("another protocol than HTTP/1") }
      (method, target) = (RequestHead.text(words[0]), words[1])
      // What stands behind a `#` is not for servers, and some cut it off.
      guard target.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }) else {
        throw .unclear("a request line of other letters than ASCII's")
      }
      guard method != "CONNECT" else { throw .unclear("CONNECT \(RequestHead.text(target))") }
      guard target.first == UInt8(ascii: "/") || target.isExactly("*") else {
        // A whole URL names a host of its own.
        throw Refusal(rule: .host, target: RequestHead.text(target))
      }
      octets = Array(line)
    }

    var path: Octets { target.prefix { $0 != UInt8(ascii: "?") } }
  }

  /// The host as it is granted, with its port if the agent says it.
  private static func host(of fields: [RequestField], _ grant: HostGrant) throws(Refusal) -> String {
    let hosts = fields.filter { $0.isNamed("host") }.map(\.value)
    guard hosts.count == 1, let host = hosts.first else {
      throw Refusal(rule: .host, target: hosts.isEmpty ? "(no host)" : hosts.map(text).joined(separator: ", "))
    }
    var name = host
    if let colon = host.lastIndex(of: UInt8(ascii: ":")) {
      guard host[(colon + 1)...].isExactly("\(grant.port)") else { throw Refusal(rule: .host, target: text(host)) }
      name = host[..<colon]
    }
    let port = name.count < host.count ? ":\(grant.port)" : ""
    if name.last == UInt8(ascii: ".") { name = name.dropLast() }
    guard ASCII.folded(name).elementsEqual(grant.host.utf8) else { throw Refusal(rule: .host, target: text(host)) }
    return grant.host + port
  }

  /// Methods whose answers are the requests themselves.
  private static let echoing: Set = ["TRACE", "TRACK", "DEBUG"]

  private static func check(_ line: RequestLine, _ grant: HostGrant, isSecret: Bool) throws(Refusal) {
    // Of a host that is not encrypted only the name, as ever.
    let place = grant.isTerminated ? grant.place : grant.host
    let asked = "\(line.method) \(place)\(text(line.path))"
    guard grant.methods.isEmpty || grant.methods.contains(line.method) else {
      throw Refusal(rule: .method, target: grant.isTerminated ? asked : "\(line.method) \(place)")
    }
    let isGranted = RequestPath.isPlain(line.path) && grant.paths.contains { RequestPath.fits(line.path, $0) }
    guard grant.paths.isEmpty || isGranted else { throw Refusal(rule: .path, target: asked) }
    // It is a token, and so of ASCII.
    guard !isSecret || !echoing.contains(line.method.uppercased()) else { throw Refusal(rule: .method, target: asked) }
  }

  /// A rule about methods or paths holds for what the host goes by, wherever it stands; and a secret is not echoed.
  private static func check(_ fields: [RequestField], _ grant: HostGrant, isSecret: Bool) throws(Refusal) {
    let hasMethods = isSecret || !grant.methods.isEmpty
    let hasRules = hasMethods || !grant.paths.isEmpty || grant.isTerminated
    for field in fields
    where hasMethods && field.isMethod || !grant.paths.isEmpty && field.isPath || hasRules && field.isHost {
      throw .unclear("\(text(field.name)): \(text(field.value))")
    }
    // A server that does not hear the wish for HTTP/2 goes on with HTTP/1.
    for field in fields where field.isNamed("upgrade") {
      guard ASCII.folded(field.value).elementsEqual("h2c".utf8) else {
        throw .unclear("Upgrade: \(text(field.value))")
      }
    }
  }

  private static func body(of fields: [RequestField], isNew: Bool) throws(Refusal) -> RequestGuard.Body {
    let lengths = fields.filter { $0.isNamed("content-length") }
    let codings = fields.filter { $0.isNamed("transfer-encoding") }
    if codings.isEmpty {
      guard let length = lengths.first else { return .length(0) }
      guard lengths.count == 1, let count = RequestGuard.length(length.value) else {
        throw .unclear("a Content-Length that is none")
      }
      return .length(count)
    }
    guard lengths.isEmpty, codings.count == 1, isNew, ASCII.folded(codings[0].value).elementsEqual("chunked".utf8)
    else { throw .unclear("a body whose end can be understood in two ways") }
    return .chunks
  }

  /// What an agent may say about its connection; each other word names a field that the next hop would take out.
  private static let options = Set(
    ["close", "keep-alive", "te", "upgrade", "http2-settings"].map { Array($0.utf8) })

  /// What is said to the host about the connection to it.
  private static func connection(of fields: [RequestField]) throws(Refusal) -> String? {
    var found: Set<[UInt8]> = []
    for field in fields where field.isNamed("connection") {
      for option in field.value.split(separator: UInt8(ascii: ",")).map({ ASCII.folded(ASCII.trimmed($0)) })
      where !option.isEmpty {
        guard options.contains(option) else { throw .unclear("Connection: \(text(field.value))") }
        found.insert(option)
      }
    }
    return ["close", "keep-alive"].first { found.contains(Array($0.utf8)) }
  }
}

extension RequestGuard.Refusal {
  static func unclear(_ what: String) -> RequestGuard.Refusal { Self(rule: .language, target: what) }
}
