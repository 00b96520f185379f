// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

/// Requests that are not HTTP as it should be, or that two readers could understand in two ways.
@Suite(.timeLimit(.minutes(1)))
struct FramingTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var status: Int
    var code: String
    var path = "/v1/chat/completions"
    /// Behind the key, and the body.
    var rest: String
    var testDescription: String { name }
  }

  private static let body = GatewayBench.chat("q")
  private static let length = "Content-Length: \(body.utf8.count)\r\n"
  private static let chunk = String(body.utf8.count, radix: 16) + "\r\n" + body + "\r\n0\r\n\r\n"
  private static let chunked = "Transfer-Encoding: chunked\r\n"

  static let cases = [
    Case(name: "a length and chunks", status: 400, code: "NX-GWY-040", rest: length + chunked + "\r\n" + chunk),
    Case(name: "chunks and a length", status: 400, code: "NX-GWY-040", rest: chunked + length + "\r\n" + chunk),
    Case(name: "two lengths", status: 400, code: "NX-GWY-040", rest: length + "Content-Length: 3\r\n\r\n" + body),
    Case(name: "the same length twice", status: 400, code: "NX-GWY-040", rest: length + length + "\r\n" + body),
    Case(name: "a list of lengths", status: 400, code: "NX-GWY-040", rest: "Content-Length: 3, 3\r\n\r\n" + body),
    Case(name: "a signed length", status: 400, code: "NX-GWY-040", rest: "Content-Length: +3\r\n\r\n" + body),
    Case(name: "a negative length", status: 400, code: "NX-GWY-040", rest: "Content-Length: -3\r\n\r\n" + body),
    Case(
      name: "a length beyond all numbers", status: 400, code: "NX-GWY-040",
      rest: "Content-Length: 99999999999999999999\r\n\r\n" + body),
    Case(name: "a line feed alone", status: 400, code: "NX-GWY-040", rest: "X: a\n" + length + "\r\n" + body),
    Case(name: "a carriage return alone", status: 400, code: "NX-GWY-040", rest: "X: a\rY: b\r\n\r\n" + body),
    Case(name: "a folded line", status: 400, code: "NX-GWY-040", rest: "X: a\r\n b\r\n" + length + "\r\n" + body),
    Case(name: "a space before the colon", status: 400, code: "NX-GWY-040", rest: "X : a\r\n" + length + "\r\n" + body),
    Case(name: "a zero byte", status: 400, code: "NX-GWY-040", rest: "X: a\0b\r\n" + length + "\r\n" + body),
    Case(
      name: "another coding", status: 501, code: "NX-GWY-043", rest: "Transfer-Encoding: gzip, chunked\r\n\r\n" + chunk),
    Case(
      name: "a coding that looks like chunked", status: 501, code: "NX-GWY-043",
      rest: "Transfer-Encoding: xchunked\r\n\r\n" + chunk),
    Case(name: "chunked twice", status: 400, code: "NX-GWY-040", rest: chunked + chunked + "\r\n" + chunk),
    Case(name: "a size that is none", status: 400, code: "NX-GWY-040", rest: chunked + "\r\nzz\r\n"),
    Case(
      name: "a size beyond all numbers", status: 400, code: "NX-GWY-040", rest: chunked + "\r\nfffffffffffffffff\r\n"),
    Case(
      name: "a flood in a chunk's extension", status: 400, code: "NX-GWY-040",
      rest: chunked + "\r\n1;" + String(repeating: "a", count: 400_000) + "\r\n{\r\n"),
    Case(
      name: "a flood of trailers", status: 431, code: "NX-GWY-041",
      rest: chunked + "\r\n1\r\n{\r\n0\r\n" + String(repeating: "X: aaaaaaaaaaaa\r\n", count: 20_000) + "\r\n"),
    Case(
      name: "a long field", status: 431, code: "NX-GWY-041",
      rest: "X: " + String(repeating: "a", count: 1 << 20) + "\r\n\r\n"
    ),
    Case(
      name: "many fields", status: 431, code: "NX-GWY-041", rest: String(repeating: "X: a\r\n", count: 200) + "\r\n"),
    Case(
      name: "a field of spaces", status: 431, code: "NX-GWY-041",
      rest: "X: " + String(repeating: " ", count: 1 << 20) + "\r\n\r\n"),
    Case(
      name: "a long target", status: 414, code: "NX-GWY-042",
      path: "/v1/messages?" + String(repeating: "a", count: 1 << 20), rest: "\r\n"),
    Case(
      name: "Google's form", status: 400, code: "NX-GWY-040", path: "/v1beta/models/m:generateContent",
      rest: length + length + "\r\n"),
    Case(
      name: "Anthropic's form", status: 400, code: "NX-GWY-040", path: "/v1/messages", rest: length + length + "\r\n"),
    Case(
      name: "the form of our own routes", status: 400, code: "NX-GWY-040", path: "/agent/v1/log",
      rest: length + length + "\r\n"),
  ]

  @Test(arguments: cases) func `is refused in the form of its path, and nothing is made`(framing: Case) async throws {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok") }
    let bench = try await GatewayBench.start(upstream: upstream)
    let key = try await bench.open().key
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    try? await client.send(
      "POST \(framing.path) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(key.secret)\r\n" + framing.rest)
    let reply = try #require(Reply(await client.untilClosed()))
    #expect(reply.status == framing.status)
    #expect(reply.fields["x-naos-code"] == framing.code)
    #expect(reply.fields["connection"] == "close")
    switch framing.path {
    case "/v1/chat/completions": #expect(reply.json?["error"]?["type"]?.stringValue != nil)
    case "/agent/v1/log": #expect(reply.json?["code"]?.stringValue == framing.code)
    case let path where path.hasPrefix("/v1beta"): #expect(reply.json?["error"]?["status"] == "INVALID_ARGUMENT")
    default: #expect(reply.json?["type"] == "error")
    }
    #expect(upstream.requests.isEmpty)
    #expect(try await bench.call(key: key, body: GatewayBench.chat("good")).status == 200)
    await bench.stop()
  }

  @Test(arguments: [
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505), ("GET / HTTP/3.0\r\n\r\n", 505), ("FOOBAR / HTTP/1.1\r\n\r\n", 501),
    ("get / HTTP/1.1\r\n\r\n", 400), ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}", 400), ("GET /\r\n\r\n", 400),
  ])
  func `what is not a request of HTTP 1 is told so`(noise: String, status: Int) async throws {
    let bench = try await GatewayBench.start(upstream: ScriptedUpstream { _, _ in GatewayBench.answer("ok") })
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    try await client.send(noise)
    #expect(Reply(await client.untilClosed())?.status == status)
    await bench.stop()
  }

  @Test func `chunks of one byte and extensions of ordinary size are read`() async throws {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok") }
    let bench = try await GatewayBench.start(upstream: upstream)
    let key = try await bench.open().key.secret
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    let pieces = Self.body.map { "1;name=value\r\n\($0)\r\n" }.joined() + "0\r\n\r\n"
    try await client.send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(key)\r\n" + Self.chunked
        + "\r\n"
        + pieces)
    await client.wait { text, _ in Reply(text) != nil }
    #expect(Reply(client.received)?.status == 200)
    #expect(upstream.requests.map(\.body) == [Self.body.replacing("acme/", with: "")])
    await client.close()
    await bench.stop()
  }

  @Test func `a refusal reaches a client that is still sending`() async throws {
    var limits = GatewayLimits()
    limits.requestBodyBytes = 1 << 20
    let bench = try await GatewayBench.start(limits: limits, upstream: ScriptedUpstream { _, _ in .close })
    let key = try await bench.open().key.secret
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    let body = String(repeating: "a", count: 16 << 20)
    // This client closes when it is told that nothing more will come, be it in the middle of its own words.
    try? await client.send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(key)\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        + body)
    #expect(Reply(await client.untilClosed())?.status == 413)
    await bench.stop()
  }

  @Test func `a request that would change the protocol is answered and ends its connection`() async throws {
    let bench = try await GatewayBench.start(upstream: ScriptedUpstream { _, _ in GatewayBench.answer("ok") })
    let key = try await bench.open().key.secret
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    try await client.send(
      GatewayBench.request(key: key, body: GatewayBench.chat("a"), fields: ["Connection: Upgrade", "Upgrade: h2c"]))
    let reply = Reply(await client.untilClosed())
    #expect(reply?.status == 200)
    #expect(reply?.fields["connection"] == "close")
    await bench.stop()
  }
}
