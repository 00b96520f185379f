// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusEgress
import Testing

struct RequestGuardTests {
  private static let grant = HostGrant(host: "example.test", port: 8080, language: .http)

  private func take(_ text: String, _ grant: HostGrant = grant) -> RequestGuard.Passage {
    var requests = RequestGuard(grant)
    return requests.take(Array(text.utf8))
  }

  private func refusal(_ text: String, _ grant: HostGrant = grant) -> RequestGuard.Refusal? {
    take(text, grant).refusal
  }

  private func text(_ passage: RequestGuard.Passage) -> String { String(decoding: passage.bytes, as: UTF8.self) }

  private static let plain = "GET /a?b HTTP/1.1\r\nHost: example.test:8080\r\nAccept: */*\r\n\r\n"
  private static let sized = "POST / HTTP/1.1\r\nhost: EXAMPLE.test\r\ncontent-length: 5\r\n\r\nhello"
  private static let chunked =
    "PUT /x HTTP/1.1\r\nTransfer-Encoding: Chunked\r\nTrailer: x\r\nHost: example.test.\r\nA:b \r\n\r\n"
    + "5\r\nhello\r\n0A;name=\"x\"\r\n0123456789\r\n000;x\r\n\r\n"
  /// As they are written to the host.
  private static let written =
    (
      sized: "POST / HTTP/1.1\r\nHost: example.test\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
      chunked: "PUT /x HTTP/1.1\r\nHost: example.test\r\nA: b\r\nTransfer-Encoding: chunked\r\n"
        + "Connection: close\r\n\r\n5\r\nhello\r\na\r\n0123456789\r\n0\r\n\r\n"
    )

  @Test func `requests to the granted host go through, written as they were understood`() {
    for (asked, written) in [(Self.sized, Self.written.sized), (Self.chunked, Self.written.chunked)] {
      let passage = take(Self.plain + Self.plain + asked)
      #expect(passage.refusal == nil && passage.requests == 3)
      #expect(text(passage) == Self.plain + Self.plain + written)
    }
  }

  @Test(arguments: ["POST", "GET", "HEAD", "DELETE"])
  func `a request with a body is the last one, so that no host takes the body for the next`(_ method: String) {
    let hidden = "DELETE /admin HTTP/1.1\r\nHost: other\r\n\r\n"
    for (field, body) in [
      ("Content-Length: \(hidden.utf8.count)", hidden),
      ("Expect: 100-continue\r\nContent-Length: \(hidden.utf8.count)", hidden),
      ("Transfer-Encoding: chunked", "\(String(hidden.utf8.count, radix: 16))\r\n\(hidden)\r\n0\r\n\r\n"),
      ("Transfer-Encoding: chunked", "0\r\n\r\n"),
    ] {
      var requests = RequestGuard(Self.grant)
      let head = "\(method) /x HTTP/1.1\r\nHost: example.test\r\nConnection: keep-alive\r\n\(field)\r\n\r\n"
      let passage = requests.take(Array((head + body + Self.plain).utf8))
      #expect(passage.refusal == nil && passage.requests == 1 && requests.isLast && requests.isOver)
      let written = text(passage)
      #expect(written.hasSuffix("\r\n\r\n" + body), "\(written)")
      #expect(written.contains("\r\nConnection: close\r\n") && !written.contains("keep-alive"), "\(written)")
      #expect(requests.take(Array(Self.plain.utf8)) == RequestGuard.Passage())
    }
  }

  @Test func `a request whose body is none keeps the connection`() {
    let empty = "POST /x HTTP/1.1\r\nHost: example.test\r\nContent-Length: 0\r\n\r\n"
    let passage = take(empty + empty + Self.plain)
    #expect(passage.requests == 3 && text(passage) == empty + empty + Self.plain)
  }

  @Test func `it does not matter in which pieces they come`() {
    let bytes = Array((Self.plain + Self.plain + Self.chunked).utf8)
    var generator = SeededBytes(3)
    for _ in 0..<500 {
      var requests = RequestGuard(Self.grant)
      var (passed, count, rest) = ([UInt8](), 0, bytes[...])
      while !rest.isEmpty {
        let size = Int(generator.next() % 9) + 1
        let passage = requests.take(Array(rest.prefix(size)))
        #expect(passage.refusal == nil)
        passed += passage.bytes
        count += passage.requests
        rest = rest.dropFirst(size)
      }
      #expect(passed == Array((Self.plain + Self.plain + Self.written.chunked).utf8) && count == 3)
    }
  }

  @Test func `a second request to another host is refused, and the first one is not`() {
    let passage = take(Self.plain + "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n")
    #expect(passage.requests == 1 && passage.refusal == RequestGuard.Refusal(rule: .host, target: "other.test"))
    #expect(text(passage) == Self.plain)
  }

  @Test(arguments: [
    ("no host", "GET / HTTP/1.1\r\n\r\n"),
    ("another host", "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n"),
    ("a host below", "GET / HTTP/1.1\r\nHost: a.example.test\r\n\r\n"),
    ("a host that begins with it", "GET / HTTP/1.1\r\nHost: example.test.evil\r\n\r\n"),
    ("another port", "GET / HTTP/1.1\r\nHost: example.test:80\r\n\r\n"),
    ("two hosts", "GET / HTTP/1.1\r\nHost: example.test\r\nHost: other.test\r\n\r\n"),
    ("the same twice", "GET / HTTP/1.1\r\nHost: example.test\r\nHost: example.test\r\n\r\n"),
    ("a list of hosts", "GET / HTTP/1.1\r\nHost: example.test, other.test\r\n\r\n"),
    ("a host with a user", "GET / HTTP/1.1\r\nHost: example.test@other.test\r\n\r\n"),
    ("a whole URL", "GET http://other.test/ HTTP/1.1\r\nHost: example.test\r\n\r\n"),
    ("a host with a letter of Unicode", "GET / HTTP/1.1\r\nHost: e\u{445}ample.test\r\n\r\n"),
    ("a host with a mark", "GET / HTTP/1.1\r\nHost: example.test\u{301}\r\n\r\n"),
    ("a port with a mark", "GET / HTTP/1.1\r\nHost: example.test:8080\u{301}\r\n\r\n"),
    ("a colon with a mark", "GET / HTTP/1.1\r\nHost: other:\u{301}example.test\r\n\r\n"),
    ("another protocol", "GET gopher://other.test/ HTTP/1.1\r\nHost: example.test\r\n\r\n"),
  ])
  func `whoever does not name the granted host, and it alone, is refused`(_ name: String, _ text: String) {
    #expect(refusal(text)?.rule == .host, "\(name)")
  }

  private static let head = "POST / HTTP/1.1\r\nHost: example.test\r\n"

  @Test(arguments: [
    ("a length and chunks", head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("two lengths", head + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    ("a list of lengths", head + "Content-Length: 5, 5\r\n\r\nhello"),
    ("a signed length", head + "Content-Length: +5\r\n\r\nhello"),
    ("a negative length", head + "Content-Length: -5\r\n\r\nhello"),
    ("a hexadecimal length", head + "Content-Length: 0x5\r\n\r\nhello"),
    ("a length that overflows", head + "Content-Length: 99999999999999999999\r\n\r\n"),
    ("another coding", head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    ("a coding twice", head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
    ("a coding with a tab in it", head + "Transfer-Encoding: \u{0B}chunked\r\n\r\n0\r\n\r\n"),
    ("a coding of HTTP/1.0", "POST / HTTP/1.0\r\nHost: example.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("a coding with the sign for kelvin", head + "Transfer-Encoding: chun\u{212A}ed\r\n\r\n0\r\n\r\n"),
    ("a coding with a mark", head + "Transfer-Encoding: chunked\u{301}\r\n\r\n0\r\n\r\n"),
    ("a length in other digits", head + "Content-Length: \u{665}\r\n\r\nhello"),
    ("a length with a mark", head + "Content-Length: 5\u{301}\r\n\r\nhello"),
    ("a length with an underscore", head + "Content_Length: 5\r\n\r\nhello"),
    ("a coding with an underscore", head + "Transfer_Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("a name beyond ASCII", head + "Content\u{2010}Length: 5\r\n\r\nhello"),
    ("a method beyond ASCII", "G\u{CB}T / HTTP/1.1\r\nHost: example.test\r\n\r\n"),
    ("a long method", String(repeating: "G", count: 33) + " / HTTP/1.1\r\nHost: example.test\r\n\r\n"),
    ("a version with a mark", "GET / HTTP/1.1\u{301}\r\nHost: example.test\r\n\r\n"),
    ("a path beyond ASCII", "GET /\u{E9} HTTP/1.1\r\nHost: example.test\r\n\r\n"),
    ("a slash with a mark", "GET /\u{301}x HTTP/1.1\r\nHost: example.test\r\n\r\n"),
    ("a query beyond ASCII", "GET /?\u{E9} HTTP/1.1\r\nHost: example.test\r\n\r\n"),
    ("a fragment", "GET /a#b HTTP/1.1\r\nHost: example.test\r\n\r\n"),
    ("a folded field", head + "X: a\r\n Content-Length: 5\r\n\r\nhello"),
    ("a space before the colon", head + "Content-Length : 5\r\n\r\nhello"),
    ("a field without a name", head + ": 5\r\n\r\n"),
    ("a field without a colon", head + "Content-Length\r\n\r\n"),
    ("a bare line feed", "GET / HTTP/1.1\nHost: example.test\n\n"),
    ("a bare line feed in a field", head + "X: a\nHost: other.test\r\n\r\n"),
    ("a carriage return in a field", head + "X: a\rHost: other.test\r\n\r\n"),
    ("a zero byte", head + "X: a\0b\r\n\r\n"),
    ("a chunk without a size", head + "Transfer-Encoding: chunked\r\n\r\n\r\nhello"),
    ("a chunk of a signed size", head + "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n"),
    ("a chunk with a prefix", head + "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n"),
    ("a chunk that is longer", head + "Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n"),
    ("a chunk that overflows", head + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"),
    ("a chunk that ends in a line feed", head + "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n"),
    ("a tunnel", "CONNECT other.test:443 HTTP/1.1\r\nHost: example.test\r\n\r\n"),
    ("another protocol with a letter of Unicode", head + "Upgrade: h2\u{63}\u{301}\r\n\r\n"),
    ("another protocol behind it", head + "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
    ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("HTTP/0.9", "GET /\r\n\r\n"),
    ("two spaces", "GET  / HTTP/1.1\r\nHost: example.test\r\n\r\n"),
    ("an empty line first", "\r\nGET / HTTP/1.1\r\nHost: example.test\r\n\r\n"),
    ("a tab in the request line", "GET\t/ HTTP/1.1\r\nHost: example.test\r\n\r\n"),
    ("a head that is too long", head + "X: " + String(repeating: "x", count: 70_000) + "\r\n\r\n"),
    ("too many fields", head + String(repeating: "X: x\r\n", count: 300) + "\r\n"),
  ])
  func `what two servers could understand differently is refused`(_ name: String, _ text: String) {
    #expect(refusal(text)?.rule == .language, "\(name)")
  }

  @Test func `nothing goes on behind a refusal`() {
    var requests = RequestGuard(Self.grant)
    #expect(requests.take(Array("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n".utf8)).refusal != nil)
    #expect(requests.take(Array(Self.plain.utf8)) == RequestGuard.Passage())
  }

  @Test func `the wish for HTTP/2 is left out, and so is what is for the next hop alone`() {
    let passage = take(
      "GET / HTTP/1.1\r\nHost: example.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: H2C\r\n"
        + "HTTP2-Settings: AAMAAABk\r\nKeep-Alive: 5\r\nProxy-Connection: close\r\nTE: trailers\r\nX: y\r\n\r\n")
    #expect(passage.refusal == nil)
    #expect(text(passage) == "GET / HTTP/1.1\r\nHost: example.test\r\nX: y\r\n\r\n")
  }

  @Test(arguments: [
    ("close", "close"), ("Keep-Alive", "keep-alive"), ("keep-alive,, TE", "keep-alive"),
    ("keep-alive\r\nConnection: CLOSE", "close"),
  ])
  func `what is said about the connection is written by the gate`(_ said: String, _ written: String) {
    let passage = take("GET / HTTP/1.1\r\nConnection: \(said)\r\nHost: example.test\r\n\r\n")
    #expect(text(passage) == "GET / HTTP/1.1\r\nHost: example.test\r\nConnection: \(written)\r\n\r\n")
  }

  @Test(arguments: [
    "Content-Length, Transfer-Encoding", "close, Host", "X-Key", "clo\u{17F}e", "close\u{301}",
    "close\r\nConnection: host",
  ])
  func `no field of the head is named for the next hop to take out`(_ said: String) {
    #expect(refusal(Self.head + "Connection: \(said)\r\n\r\n")?.rule == .language)
  }

  @Test(arguments: [
    "DELETE /admin HTTP/1.1\r\nHost: other\r\nContent-Length: 400\r\n\r\n", "X: y\r\n\r\n", "x\r\n\r\n", " \r\n\r\n",
    "\u{301}\r\n\r\n",
  ])
  func `nothing stands behind a body that a server could take for a request`(_ trailer: String) {
    let start = Self.head + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"
    let passage = take(start + "0\r\n" + trailer + Self.plain)
    #expect(passage.refusal?.rule == .language && passage.requests == 1 && !passage.isBetween)
    // The end of the body is not sent either.
    let chunk = "2\r\nhi\r\n"
    #expect(text(passage) == Self.head + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunk)
  }

  @Test func `methods and paths hold, whatever a path is written like`() {
    let grant = HostGrant(
      host: "example.test", port: 80, language: .http, methods: ["GET"], paths: ["/v1/*", "/health"])
    func rule(_ method: String, _ path: String) -> DenialEvent.Rule? {
      refusal("\(method) \(path) HTTP/1.1\r\nHost: example.test\r\n\r\n", grant)?.rule
    }
    for path in [
      "/v1/", "/v1/chat?x=/../y", "/health", "/health?a", "/v1/a.b/c..d", "/v1/.well-known/..a", "/v1/%C3%A9%20b",
    ] { #expect(rule("GET", path) == nil, "\(path)") }
    for path in [
      "/", "/v1", "/v2/x", "/healthy", "/v1/../admin", "/v1/%2e%2e/admin", "/v1/%2E%2E/admin", "/v1/..;/admin",
      "/v1//x",
      "/v1/..", "/v1/...", "/v1/..%00/x", "/v1/..%3b/admin", "/v1/.;a/x", "/v1/%c0%ae%c0%ae/x", "/v1/%u002e/x",
      "/v1/%EF%BC%8E/x", "/v1/%%32e%%32e/x", "/v1/%2%65%2%65/x", "/v1/%e2%80%a5/x", "/v1/%ef%b8%b0/x",
      "/v1/%ef%b9%92%ef%b9%92/x", "/v1/x%ef%b9%a8..", "/v1/%f8%80%80%80%ae/x", "/v1/%00../x", "/v1/%09../x",
      "/v1/%20../x", "/v1/%c2%a0../x", "/v1/%c2%ad../x", "/v1/%", "/v1/%4", "/v1/%zz", "/v1/%80", "/v1/a%0d%0ab",
      "/v1/%ed%a0%80",
      "/v1/x%2f..%2fadmin", "/v1/x\\..\\admin", "/v1/./x", "/v1/%252e%252e/x", "*",
    ] { #expect(rule("GET", path) == .path, "\(path)") }
    #expect(rule("DELETE", "/v1/x") == .method)
    #expect(rule("get", "/v1/x") == .method)
  }

  @Test(arguments: [
    "/v1/users/me/..;\u{301}/admin", "/v1/users/me/..?\u{301}", "/v1/users/me/../\u{301}x", "/v1/users/me/..\\\u{301}x",
    "/v1/users/me/.\u{301}./x", "/v1/users/me/\u{301}/../../x", "/v1/users/me/%2\u{301}e%2\u{301}e/x",
    "/v1/users/me/\u{FF0E}\u{FF0E}/x",
  ])
  func `a path is read byte by byte, as servers read it`(_ path: String) {
    let grant = HostGrant(host: "example.test", port: 80, language: .http, paths: ["/v1/users/me/*"])
    #expect(refusal("GET \(path) HTTP/1.1\r\nHost: example.test\r\n\r\n", grant)?.rule == .language)
  }

  @Test func `no field says another method or path where there are rules about them`() {
    let free = HostGrant(host: "example.test", port: 80, language: .http)
    let methods = HostGrant(host: "example.test", port: 80, language: .http, methods: ["POST"])
    let paths = HostGrant(host: "example.test", port: 80, language: .http, paths: ["/*"])
    func isRefused(_ field: String, _ grant: HostGrant) -> Bool {
      refusal(Self.head + field + ": x\r\n\r\n", grant)?.rule == .language
    }
    for field in [
      "X-HTTP-Method-Override", "x-http-method", "X-METHOD-OVERRIDE", "X_HTTP_Method_Override", "x-http_method",
      "X.HTTP.Method.Override", "X-HTTP-Verb", "Http-Method",
    ] { #expect(isRefused(field, methods) && !isRefused(field, paths) && !isRefused(field, free), "\(field)") }
    for field in [
      "X-Original-URL", "x-rewrite-url", "X_Original_URL", "X-Forwarded-Uri", "X-Envoy-Original-Path",
      "X-HTTP-Path-Override", "Destination",
    ] {
      #expect(isRefused(field, paths) && !isRefused(field, methods) && !isRefused(field, free), "\(field)")
    }
  }

  @Test(arguments: ["Forwarded", "X-Forwarded-Host", "x_host", "X-Original-Host"])
  func `no field says another host where there are rules`(_ field: String) {
    let request = Self.head + field + ": other.test\r\n\r\n"
    for (methods, paths) in [(["POST"], []), ([], ["/*"])] as [([String], [String])] {
      let grant = HostGrant(host: "example.test", port: 80, language: .http, methods: methods, paths: paths)
      #expect(refusal(request, grant)?.rule == .language)
    }
    var terminated = HostGrant(host: "example.test", port: 443, language: .tls)
    terminated.isTerminated = true
    #expect(refusal(request, terminated)?.rule == .language)
    #expect(refusal(request) == nil)
  }

  @Test func `no bytes at all make it fail, or let another host through`() {
    var generator = SeededBytes(5)
    let seeds = [Self.plain, Self.sized, Self.chunked].map { Array($0.utf8) }
    for _ in 0..<20_000 {
      var bytes = seeds[Int(generator.next() % 3)]
      for _ in 0..<3 {
        bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
      }
      var requests = RequestGuard(Self.grant)
      let passage = requests.take(bytes)
      guard passage.requests > 0 else { continue }
      #expect(String(decoding: passage.bytes, as: UTF8.self).lowercased().contains("example.test"))
    }
  }
}
