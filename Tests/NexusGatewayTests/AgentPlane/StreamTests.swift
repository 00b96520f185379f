// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NIOHTTP1
import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

struct StreamTests {
  static let type = "text/event-stream; charset=utf-8"

  static func chunk(_ text: String, usage: String = "null") -> String {
    "data: {\"id\":\"c\",\"model\":\"gpt-test\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\(text)\"}}],\"usage\":\(usage),\"obfuscation\":\"xYz\"}\n\n"
  }
  static let usage =
    "data: {\"id\":\"c\",\"model\":\"gpt-test\",\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,\"total_tokens\":10}}\n\n"
  static let done = "data: [DONE]\n\n"

  static let anthropic = [
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"claude-test\",\"usage\":{\"input_tokens\":25,\"cache_read_input_tokens\":3,\"output_tokens\":1}}}\n\n",
    ": keep-alive\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\r\n\r\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":15}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
  ]

  @Test func `usage that only the gateway asked for is taken out again and everything else passes byte for byte`()
    async throws
  {
    let upstream = ScriptedUpstream { _, _ in
      .pieces(type: Self.type, [Self.chunk("a"), Self.chunk("b"), Self.usage, Self.done])
    }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("q", more: ",\"stream\":true"))
    let bare = Self.chunk("a") + Self.chunk("b") + Self.done
    #expect(reply.body == bare.split(separator: ",\"usage\":null").joined())
    #expect(reply.fields["content-type"] == Self.type)
    let sent = try #require(upstream.requests.first).body
    #expect(sent.hasPrefix("{\"stream_options\":{\"include_usage\":true},\"model\":\"gpt-test\""))
    let tally = bench.gateway.closeAttempt(access.key)
    #expect(tally.tokens == TokenCount(10))

    let again = try await bench.open(2)
    let replayed = try await bench.call(key: again.key, body: GatewayBench.chat("q", more: ",\"stream\":true"))
    #expect(replayed.body == reply.body)
    #expect(replayed.fields["content-type"] == Self.type)
    #expect(upstream.requests.count == 1)
    await bench.stop()
  }

  @Test(arguments: [1, 2, 3, 7, 64])
  func `a stream cut into pieces of any size comes out the same`(size: Int) async throws {
    let whole = Self.chunk("héllo") + Self.chunk("b") + Self.usage + Self.done
    let bytes = Array(whole.utf8)
    let pieces = stride(from: 0, to: bytes.count, by: size).map {
      String(decoding: bytes[$0..<min($0 + size, bytes.count)], as: UTF8.self)
    }
    guard pieces.joined() == whole else { return }
    let upstream = ScriptedUpstream { _, _ in .pieces(type: Self.type, pieces) }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let asked = ",\"stream\":true,\"stream_options\":{\"include_usage\":true}"
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("q", more: asked))
    #expect(reply.body == whole)
    #expect(upstream.requests.first?.body == GatewayBench.chat("q", model: "gpt-test", more: asked))
    await bench.stop()
  }

  @Test func `an explicit no to usage is overridden on the way and honoured on the way back`() async throws {
    let upstream = ScriptedUpstream { _, _ in
      .pieces(type: Self.type, [Self.chunk("a"), Self.usage, Self.done])
    }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let reply = try await bench.call(
      key: access.key,
      body: GatewayBench.chat("q", more: ",\"stream\":true,\"stream_options\":{\"x\":1,\"include_usage\":false}"))
    #expect(!reply.body.contains("usage"))
    #expect(upstream.requests.first?.body.contains("\"stream_options\":{\"x\":1,\"include_usage\":true}") == true)
    await bench.stop()
  }

  @Test func `an Anthropic stream passes byte for byte and its last usage counts`() async throws {
    let upstream = ScriptedUpstream { _, _ in .pieces(type: Self.type, Self.anthropic) }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let body = "{\"model\":\"claude-test\",\"max_tokens\":99,\"stream\":true,\"messages\":[]}"
    let reply = try await bench.call(
      "POST", "/v1/messages", key: access.key, body: body,
      fields: ["anthropic-version: 2023-06-01", "anthropic-beta: one", "anthropic-beta: two"])
    #expect(reply.body == Self.anthropic.joined())
    let sent = try #require(upstream.requests.first)
    #expect(sent.uri == "/v1/messages")
    #expect(sent.body == body)
    #expect(sent.headers["x-api-key"] == ["sk-real-anthropic"])
    #expect(!sent.headers.contains(name: "authorization"))
    #expect(sent.headers["anthropic-beta"] == ["one", "two"])
    let charge = try #require(try await bench.store.charges(ChargeQuery()).first)
    #expect(charge.inputTokens == TokenCount(28))
    #expect(charge.cachedTokens == TokenCount(3))
    #expect(charge.outputTokens == TokenCount(15))
    await bench.stop()
  }

  @Test func `the last event waits until the outcome is written`() async throws {
    let upstream = ScriptedUpstream { _, _ in .pieces(type: Self.type, [Self.chunk("a"), Self.usage, Self.done]) }
    let store = GatedStore(InMemoryStore())
    let bench = try await GatewayBench.start(store: store, upstream: upstream)
    let access = try await bench.open()
    store.holdOutcomes()
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    try await client.send(
      GatewayBench.request(key: access.key.secret, body: GatewayBench.chat("q", more: ",\"stream\":true")))
    await store.outcomeHeld()
    await client.wait { text, _ in text.contains("\"content\":\"a\"") }
    #expect(!client.received.contains("[DONE]"))
    store.letGo()
    await client.wait { text, _ in text.contains("[DONE]") }
    await client.close()
    await bench.stop()
  }

  @Test func `a stream that is cut ends with the dialect's error, keeps its hold, and is asked again`() async throws {
    let upstream = ScriptedUpstream { number, _ in
      number == 0
        ? .cut(type: Self.type, [Self.chunk("a"), "data: {\"half"])
        : .pieces(type: Self.type, [Self.chunk("b"), Self.usage, Self.done])
    }
    let bench = try await GatewayBench.start(
      prices: [
        PriceSpec(model: "acme/paid", input: PicoUSDPerToken(1_000_000), output: PicoUSDPerToken(1_000_000))
      ], upstream: upstream)
    let access = try await bench.open()
    let body = GatewayBench.chat("q", model: "acme/paid", more: ",\"stream\":true,\"max_tokens\":100")
    let reply = try await bench.call(key: access.key, body: body)
    #expect(reply.status == 200)
    #expect(reply.body.contains("\"content\":\"a\""))
    let last = reply.body.split(separator: "\n\n").last ?? ""
    #expect(last.hasPrefix("data: {\"error\":{"))
    let charge = try #require(try await bench.store.charges(ChargeQuery()).first)
    #expect(charge.basis == .hold)
    #expect(charge.spend.cost > .zero)
    _ = bench.gateway.closeAttempt(access.key)
    let next = try await bench.open(2)
    #expect(try await bench.call(key: next.key, body: body).body.contains("\"content\":\"b\""))
    await bench.stop()
  }

  @Test func `an agent that hangs up in mid-stream does not stop the metering`() async throws {
    let gate = Signal()
    let upstream = ScriptedUpstream { _, _ in
      .first(
        type: Self.type, [Self.chunk("a")], then: gate, [Self.chunk("b"), Self.usage, Self.done])
    }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let body = GatewayBench.chat("q", more: ",\"stream\":true")
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    try await client.send(GatewayBench.request(key: access.key.secret, body: body))
    await client.wait { text, _ in text.contains("\"content\":\"a\"") }
    await client.close()
    _ = bench.gateway.closeAttempt(access.key)
    gate.set()
    let next = try await bench.open(2)
    let reply = try await bench.call(key: next.key, body: body)
    #expect(reply.body.contains("\"content\":\"a\""))
    #expect(reply.body.contains("\"content\":\"b\""))
    #expect(reply.body.hasSuffix(Self.done))
    #expect(upstream.requests.count == 1)
    #expect(try await bench.store.charges(ChargeQuery()).first?.spend.tokens == TokenCount(10))
    await bench.stop()
  }

  /// Somebody else may hold the connection: a process that was not ended with its attempt.
  @Test func `an answer on its way ends with the attempt, and is paid for in full`() async throws {
    let upstream = ScriptedUpstream { _, _ in .pieces(type: Self.type, [Self.chunk("a"), Self.usage, Self.done]) }
    let store = GatedStore(InMemoryStore())
    let bench = try await GatewayBench.start(store: store, upstream: upstream)
    let access = try await bench.open()
    store.holdOutcomes()
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    try await client.send(
      GatewayBench.request(key: access.key.secret, body: GatewayBench.chat("q", more: ",\"stream\":true")))
    await client.wait { text, _ in text.contains("\"content\":\"a\"") }
    _ = bench.gateway.closeAttempt(access.key)
    #expect(!(await client.untilClosed()).contains("[DONE]"))
    await store.outcomeHeld()
    store.letGo()
    while try await bench.store.charges(ChargeQuery()).isEmpty { await Task.yield() }
    let charge = try #require(try await bench.store.charges(ChargeQuery()).first)
    #expect(charge.basis == .usage)
    #expect(charge.outputTokens == TokenCount(3))
    await client.close()
    await bench.stop()
  }
}
