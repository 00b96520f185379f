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

  private static let plain = "GET /a?b HTTP/1.1\r\nHost: example.test:8080\r\nAccept: */*\r\n\r\n"
  private static let sized = "POST / HTTP/1.1\r\nhost: EXAMPLE.test\r\ncontent-length: 5\r\n\r\nhello"
  private static let chunked =
    "PUT /x HTTP/1.1\r\nHost: example.test.\r\nTransfer-Encoding: chunked\r\n\r\n"
    + "5\r\nhello\r\nA;name=\"x\"\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"

  @Test func `requests to the granted host go through as they are, one behind the other`() {
    let text = Self.plain + Self.sized + Self.chunked + Self.plain
    let passage = take(text)
    #expect(passage.refusal == nil && passage.requests == 4)
    #expect(String(decoding: passage.bytes, as: UTF8.self) == text)
  }

  @Test func `it does not matter in which pieces they come`() {
    let bytes = Array((Self.sized + Self.chunked + Self.plain).utf8)
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
      #expect(passed == bytes && count == 3)
    }
  }

  @Test func `a second request to another host is refused, and the first one is not`() {
    let passage = take(Self.sized + "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n")
    #expect(passage.requests == 1 && passage.refusal == RequestGuard.Refusal(rule: .host, target: "other.test"))
    #expect(String(decoding: passage.bytes, as: UTF8.self) == Self.sized)
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

  @Test func `the wish for HTTP/2 is left out`() {
    let passage = take(
      "GET / HTTP/1.1\r\nHost: example.test\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nX: y\r\n\r\n")
    #expect(String(decoding: passage.bytes, as: UTF8.self) == "GET / HTTP/1.1\r\nHost: example.test\r\nX: y\r\n\r\n")
  }

  @Test func `methods and paths hold, whatever a path is written like`() {
    let grant = HostGrant(
      host: "example.test", port: 80, language: .http, methods: ["GET"], paths: ["/v1/*", "/health"])
    func rule(_ method: String, _ path: String) -> DenialEvent.Rule? {
      refusal("\(method) \(path) HTTP/1.1\r\nHost: example.test\r\n\r\n", grant)?.rule
    }
    for path in ["/v1/", "/v1/chat?x=/../y", "/health", "/health?a", "/v1/a.b/c..d"] {
      #expect(rule("GET", path) == nil, "\(path)")
    }
    for path in [
      "/", "/v1", "/v2/x", "/healthy", "/v1/../admin", "/v1/%2e%2e/admin", "/v1/%2E%2E/admin", "/v1/..;/admin",
      "/v1//x",
      "/v1/x%2f..%2fadmin", "/v1/x\\..\\admin", "/v1/./x", "/v1/%252e%252e/x", "*",
    ] { #expect(rule("GET", path) == .path, "\(path)") }
    #expect(rule("DELETE", "/v1/x") == .method)
    #expect(rule("get", "/v1/x") == .method)
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
