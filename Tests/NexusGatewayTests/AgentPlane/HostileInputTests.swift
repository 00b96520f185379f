// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

struct HostileInputTests {
  @Test(arguments: [
    ("", "nothing"), ("{", "cut"), ("[]", "an array"), ("null", "null"), ("{} {}", "two values"),
    ("{\"model\":\"acme/gpt-test\",\"model\":\"acme/other\"}", "a duplicate model"),
    ("{\"model\":\"acme/gpt-test\",\"m\\u006fdel\":\"acme/other\"}", "a duplicate model in disguise"),
    ("{\"model\":7,\"messages\":[]}", "a number for a model"), ("{\"messages\":[]}", "no model"),
    ("{\"model\":\"acme/gpt-test\",\"max_tokens\":-1}", "a negative cap"),
    ("{\"model\":\"acme/gpt-test\",\"max_tokens\":1e99}", "an endless cap"),
    ("{\"model\":\"acme/gpt-test\",\"max_tokens\":1,\"max_completion_tokens\":2}", "two caps"),
    ("{\"model\":\"acme/gpt-test\",\"n\":0}", "no answers"),
    ("{\"model\":\"acme/gpt-test\",\"n\":99999999999}", "too many answers"),
    ("{\"model\":\"acme/gpt-test\",\"stream\":\"yes\"}", "a word for a flag"),
    ("{\"model\":\"acme/gpt-test\",\"x\":\"\u{1}\"}", "a control character"),
    ("{\"model\":\"acme/gpt-test\",\"x\":01}", "an octal number"),
    ("{\"model\":\"acme/gpt-test\",}", "a comma too many"),
    ("{\"model\":\"acme/gpt-test\",\"x\":\"\\x\"}", "an escape that is none"),
    ("{\"model\":\"acme/gpt-test\",\"x\":\"\\u12g4\"}", "a digit that is none"),
    ("{\"model\":\"acme/gpt-test\",\"x\":\"\\u12", "half an escape"),
    ("{\"model\":\"acme/gpt-test\",\"n\":1000}", "a thousand answers"),
  ])
  func `a malformed body is refused before anything is held or sent`(body: String, what: String) async throws {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok") }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: body)
    #expect(reply.status == 400, "\(what)")
    #expect(reply.fields["x-naos-code"] == "NX-GWY-006")
    #expect(upstream.requests.isEmpty)
    #expect(try await bench.store.effects(of: GatewayBench.run).isEmpty)
    await bench.stop()
  }

  @Test func `deep nesting, a flood of keys and bytes that are not text are refused, and the server lives on`()
    async throws
  {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok") }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let start = "{\"model\":\"acme/gpt-test\",\"x\":"
    let deep = start + String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000) + "}"
    #expect(try await bench.call(key: access.key, body: deep).status == 400)
    let keys = (0..<100_000).map { "\"k\($0)\":0" }.joined(separator: ",")
    #expect(try await bench.call(key: access.key, body: "{\(keys)}").status == 400)
    // The same flood further down passes through: what it means is the provider's business.
    #expect(try await bench.call(key: access.key, body: start + "{\(keys)}}").status == 200)

    let client = try await AgentClient.connect(bench.gateway.boundPort)
    let body = Array((start + "\"").utf8) + [0xFF, 0xC0, 0x80] + Array("\"}".utf8)
    let head = GatewayBench.request(key: access.key.secret, fields: [])
    let framed = head.split(separator: "Content-Length: 0").joined(separator: "Content-Length: \(body.count)")
    try await client.send(Array(framed.utf8) + body)
    await client.wait { text, _ in Reply(text) != nil }
    #expect(Reply(client.received)?.status == 400)
    await client.close()
    #expect(upstream.requests.count == 1)
    await bench.stop()
  }

  @Test func `a body over the limit is refused whether it says its length or not`() async throws {
    var limits = GatewayLimits()
    limits.requestBodyBytes = 1 << 20
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok") }
    let bench = try await GatewayBench.start(limits: limits, upstream: upstream)
    let access = try await bench.open()
    let announced = try await AgentClient.connect(bench.gateway.boundPort)
    try await announced.send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(access.key.secret)\r\nContent-Length: 9999999\r\n\r\n"
    )
    #expect(Reply(await announced.untilClosed())?.status == 413)

    let chunked = try await AgentClient.connect(bench.gateway.boundPort)
    try await chunked.send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(access.key.secret)\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    let piece = "10000\r\n" + String(repeating: "a", count: 65536) + "\r\n"
    for _ in 0..<32 {
      do { try await chunked.send(piece) } catch { break }
    }
    #expect(Reply(await chunked.untilClosed())?.status == 413)
    await bench.stop()
  }

  @Test func `a client that dribbles its head or its body is cut off`() async throws {
    var limits = GatewayLimits()
    limits.headerTimeout = .milliseconds(100)
    limits.bodyTimeout = .milliseconds(100)
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok") }
    let bench = try await GatewayBench.start(limits: limits, upstream: upstream)
    let key = try await bench.open().key.secret
    // On a busy machine the limit may be over before the first byte is out.
    let slowHead = try await AgentClient.connect(bench.gateway.boundPort)
    try? await slowHead.send("POST /v1/chat/completions HTTP/1.1\r\nHost: loc")
    let late = Reply(await slowHead.untilClosed())
    #expect(late == nil || late?.fields["x-naos-code"] == "NX-GWY-044")
    let slowBody = try await AgentClient.connect(bench.gateway.boundPort)
    try? await slowBody.send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nx-api-key: \(key)\r\nContent-Length: 10\r\n\r\n{")
    let lateBody = Reply(await slowBody.untilClosed())
    #expect(lateBody == nil || lateBody?.status == 408)
    await bench.stop()
  }

  @Test(arguments: [
    "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: evil://localhost\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost:\r\n\r\n", "GET / HTTP/1.1\r\nHost: localhost:99999\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost.evil.example:4201\r\n\r\n",
  ])
  func `another host's name is refused whatever the key`(request: String) async throws {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok") }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    let keyed = request.split(separator: "\r\n\r\n").joined() + "\r\nAuthorization: Bearer \(access.key.secret)\r\n\r\n"
    try await client.send(keyed)
    await client.wait { text, _ in Reply(text) != nil }
    #expect(Reply(client.received)?.status == 403)
    await client.close()
    await bench.stop()
  }

  @Test func `noise that is not HTTP closes its own connection only`() async throws {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok") }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let noise = try await AgentClient.connect(bench.gateway.boundPort)
    try await noise.send((0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 151) })
    _ = await noise.untilClosed()
    #expect(try await bench.call(key: access.key, body: GatewayBench.chat("q")).status == 200)
    await bench.stop()
  }

  @Test func `unlisted endpoints do not exist, in the words of their dialect`() async throws {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok") }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    for path in [
      "/v1/files", "/v1/images/generations", "/v1/batches", "/", "/v1/chat/completions/x", "/v1/responses/r/cancel",
    ] {
      let reply = try await bench.call("POST", path, key: access.key, body: "{}")
      #expect(reply.status == 404)
      #expect(reply.json?["error"]?["type"] == "invalid_request_error")
    }
    let anthropic = try await bench.call("POST", "/v1/messages/batches", key: access.key, body: "{}")
    #expect(anthropic.json?["error"]?["type"] == "not_found_error")
    #expect(upstream.requests.isEmpty)
    await bench.stop()
  }

  @Test func `requests sent ahead on one connection are answered in order`() async throws {
    let upstream = ScriptedUpstream { _, request in
      GatewayBench.answer(request.body.contains("first") ? "1st" : request.body.contains("second") ? "2nd" : "3rd")
    }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    let key = access.key.secret
    try await client.send(
      ["first", "second", "third"].map { GatewayBench.request(key: key, body: GatewayBench.chat($0)) }.joined()
        + GatewayBench.request("GET", "/nowhere", key: key))
    await client.wait { text, _ in text.contains("no endpoint") }
    var rest = client.received
    var bodies: [String] = []
    while let (reply, after) = Reply.first(in: rest) {
      bodies.append(reply.body)
      rest = after
    }
    #expect(bodies.prefix(3) == ["1st", "2nd", "3rd"].map { GatewayBench.completion($0) }[...])
    #expect(bodies.count == 4)
    await client.close()
    await bench.stop()
  }

  @Test func `a provider that answers nonsense is an error of the provider, not of the gateway`() async throws {
    let upstream = ScriptedUpstream { number, _ in
      switch number {
      case 0: .close
      case 1: .answer(status: 200, fields: [("content-type", "application/json")], body: "{\"broken\":")
      case 2: .answer(status: 401, fields: [], body: "{\"error\":{\"message\":\"Incorrect API key: sk-real\"}}")
      default: GatewayBench.answer("ok")
      }
    }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let closed = try await bench.call(key: access.key, body: GatewayBench.chat("a"))
    #expect(closed.status == 502)
    #expect(closed.fields["x-naos-code"] == "NX-GWY-010")
    #expect(try await bench.call(key: access.key, body: GatewayBench.chat("b")).body == "{\"broken\":")
    let rejected = try await bench.call(key: access.key, body: GatewayBench.chat("c"))
    #expect(rejected.status == 502)
    #expect(rejected.fields["x-naos-code"] == "NX-GWY-016")
    #expect(!rejected.body.contains("sk-real"))
    let bases = try await bench.store.charges(ChargeQuery()).map(\.basis)
    #expect(bases == [.released, .hold, .hold])
    await bench.stop()
  }

  @Test func `a provider that is not there is a 502 and costs nothing`() async throws {
    // Nobody listens on port 1, and no other test can come to have it.
    let nobody = ProviderSpec(name: "acme", dialect: .openai, baseURL: "http://127.0.0.1:1/v1")
    let bench = try await GatewayBench.start(providers: [nobody], upstream: ScriptedUpstream { _, _ in .close })
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("a"))
    #expect(reply.status == 502)
    #expect(reply.fields["x-naos-code"] == "NX-GWY-008")
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis) == [.released])
    await bench.stop()
  }

  @Test func `a provider that never answers is a 504 that keeps its hold`() async throws {
    var limits = GatewayLimits()
    limits.firstByteTimeout = .milliseconds(80)
    let gate = Signal()
    let upstream = ScriptedUpstream { _, _ in .after(gate, GatewayBench.answer("ok")) }
    let bench = try await GatewayBench.start(limits: limits, upstream: upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("a"))
    #expect(reply.status == 504)
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis) == [.hold])
    gate.set()
    await bench.stop()
  }
}
