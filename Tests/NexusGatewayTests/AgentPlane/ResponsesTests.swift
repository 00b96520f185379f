// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NIOHTTP1
import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

struct ResponsesTests {
  private static let json = [("content-type", "application/json")]
  static let answer =
    "{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"completed\",\"model\":\"gpt-test\",\"output\":[],\"usage\":{\"input_tokens\":7,\"output_tokens\":3,\"total_tokens\":10}}"

  static func event(_ type: String, _ more: String = "") -> String {
    "event: \(type)\ndata: {\"type\":\"\(type)\",\"sequence_number\":1\(more)}\n\n"
  }
  static let delta = event("response.output_text.delta", ",\"delta\":\"a\",\"obfuscation\":\"xYz\"")
  static let completed = event("response.completed", ",\"response\":\(answer)")

  static func body(_ model: String = "acme/gpt-test", _ more: String = "") -> String {
    "{\"input\":\"hi\",\"model\":\"\(model)\"\(more)}"
  }

  private let paid = PriceSpec(
    model: "acme/paid", input: PicoUSDPerToken(1_000_000), output: PicoUSDPerToken(1_000_000))

  @Test func `a response passes byte for byte, is metered, and is replayed`() async throws {
    let upstream = ScriptedUpstream { _, _ in .answer(status: 200, fields: Self.json, body: Self.answer) }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let body = "{ \"x-unknown\": 1.50, \"input\" : [ ], \"model\":\"fast\" }"
    let reply = try await bench.call("POST", "/v1/responses", key: access.key, body: body)
    #expect(reply.body == Self.answer)
    let sent = try #require(upstream.requests.first)
    #expect(sent.uri == "/v1/responses")
    #expect(sent.body == "{ \"x-unknown\": 1.50, \"input\" : [ ], \"model\":\"gpt-test\" }")
    #expect(sent.headers["authorization"] == ["Bearer sk-real-openai"])
    #expect(bench.gateway.closeAttempt(access.key).tokens == TokenCount(10))
    let again = try await bench.open(2)
    let replayed = try await bench.call("POST", "/v1/responses", key: again.key, body: body)
    #expect(replayed.body == Self.answer)
    #expect(upstream.requests.count == 1)
    await bench.stop()
  }

  @Test func `a stream passes byte for byte and its last event waits for the record`() async throws {
    let upstream = ScriptedUpstream { _, _ in .pieces(type: StreamTests.type, [Self.delta, Self.completed]) }
    let store = GatedStore(InMemoryStore())
    let bench = try await GatewayBench.start(store: store, upstream: upstream)
    let access = try await bench.open()
    store.holdOutcomes()
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    let body = Self.body("acme/gpt-test", ",\"stream\":true")
    try await client.send(GatewayBench.request("POST", "/v1/responses", key: access.key.secret, body: body))
    await store.outcomeHeld()
    await client.wait { text, _ in text.contains("obfuscation") }
    #expect(!client.received.contains("response.completed"))
    store.letGo()
    await client.wait { text, _ in text.contains("response.completed") }
    await client.close()
    #expect(upstream.requests.first?.body.contains("stream_options") == false)
    #expect(bench.gateway.closeAttempt(access.key).tokens == TokenCount(10))
    await bench.stop()
  }

  @Test func `a stream that breaks off ends with an error event of its own form and keeps its hold`() async throws {
    let upstream = ScriptedUpstream { _, _ in .cut(type: StreamTests.type, [Self.delta]) }
    let bench = try await GatewayBench.start(prices: [paid], upstream: upstream)
    let access = try await bench.open()
    let body = Self.body("acme/paid", ",\"stream\":true,\"max_output_tokens\":100")
    let reply = try await bench.call("POST", "/v1/responses", key: access.key, body: body)
    #expect(reply.body.hasPrefix(Self.delta + "event: error\ndata: {\"type\":\"error\",\"code\":"))
    #expect(try await bench.store.charges(ChargeQuery()).first?.basis == .hold)
    await bench.stop()
  }

  @Test func `a response without usage keeps its hold, and one that failed says so`() async throws {
    let failed = Self.event("response.failed", ",\"response\":{\"status\":\"failed\",\"usage\":null}")
    let upstream = ScriptedUpstream { number, _ in
      number == 0
        ? .answer(status: 200, fields: Self.json, body: "{\"status\":\"queued\",\"usage\":null}")
        : .pieces(type: StreamTests.type, [failed])
    }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    _ = try await bench.call("POST", "/v1/responses", key: access.key, body: Self.body())
    let reply = try await bench.call(
      "POST", "/v1/responses", key: access.key, body: Self.body("acme/gpt-test", ",\"stream\":true"))
    #expect(reply.body == failed)
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis) == [.hold, .hold])
    await bench.stop()
  }

  @Test(arguments: [
    ("/v1/responses", ResponsesTests.body("acme/paid"), "{\"max_output_tokens\":#,\"input\":\"hi\""),
    (
      "/v1/responses", ResponsesTests.body("acme/paid", ",\"max_output_tokens\":null"),
      "\"max_output_tokens\":#}"
    ),
    (
      "/v1beta/models/gem/paid:generateContent", "{\"contents\":[{\"parts\":[{\"text\":\"hi\"}]}]}",
      "{\"generationConfig\":{\"maxOutputTokens\":#},\"contents\""
    ),
    (
      "/v1beta/models/gem/paid:generateContent", "{\"generationConfig\":{ \"topK\":1}}",
      "{\"generationConfig\":{\"maxOutputTokens\":#, \"topK\":1}}"
    ),
    ("/v1beta/models/gem/paid:generateContent", "{\"generation_config\":{}}", "{\"maxOutputTokens\":#}}"),
    ("/v1beta/models/gem/paid:generateContent", "{\"generationConfig\":null}", "{\"maxOutputTokens\":#}}"),
    (
      "/v1beta/models/gem/paid:generateContent", "{\"generationConfig\":{\"max_output_tokens\":90000}}",
      "\"max_output_tokens\":#}}"
    ),
    ("/v1beta/models/gem/paid:generateContent", "{}", "{\"generationConfig\":{\"maxOutputTokens\":#}}"),
  ])
  func `the cap is put where the API has it, as high as the budget allows`(
    path: String, body: String, sent: String
  ) async throws {
    let upstream = ScriptedUpstream { _, _ in .answer(status: 500, fields: Self.json, body: "{}") }
    let other = PriceSpec(model: "gem/paid", input: PicoUSDPerToken(1_000_000), output: PicoUSDPerToken(1_000_000))
    let budget = BudgetSpec(scope: .agent(AgentName("tester")), maxCost: NanoUSD(2_000_000))
    let bench = try await GatewayBench.start(budgets: [budget], prices: [paid, other], upstream: upstream)
    let access = try await bench.open()
    let reply = try await bench.call("POST", path, key: access.key, body: body)
    let cap = try #require(reply.fields["x-naos-clamped"])
    let found = try #require(upstream.requests.first).body
    #expect(found.contains(sent.replacing("#", with: cap)), "\(found)")
    #expect((try? JSONValue(parsing: found)) != nil)
    await bench.stop()
  }

  @Test func `a client that wants a WebSocket is sent to HTTP at once`() async throws {
    let bench = try await GatewayBench.start(upstream: ScriptedUpstream { _, _ in .close })
    let access = try await bench.open()
    let fields = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: aGk="]
    let reply = try await bench.call("GET", "/v1/responses", key: access.key, fields: fields)
    #expect(reply.status == 426)
    #expect(reply.fields["x-naos-code"] == "NX-GWY-020")
    let plain = try await bench.call("GET", "/v1/responses/resp_1", key: access.key)
    #expect(plain.status == 404)
    await bench.stop()
  }

  @Test func `an embedding is metered and its cap is nothing`() async throws {
    let answer =
      "{\"object\":\"list\",\"data\":[],\"model\":\"paid\",\"usage\":{\"prompt_tokens\":8,\"total_tokens\":8}}"
    let upstream = ScriptedUpstream { _, _ in .answer(status: 200, fields: Self.json, body: answer) }
    let budget = BudgetSpec(scope: .agent(AgentName("tester")), maxCost: NanoUSD(2_000_000))
    let bench = try await GatewayBench.start(budgets: [budget], prices: [paid], upstream: upstream)
    let access = try await bench.open()
    let body = "{\"model\":\"acme/paid\",\"input\":[[1,2],[3]]}"
    let reply = try await bench.call("POST", "/v1/embeddings", key: access.key, body: body)
    #expect(reply.body == answer)
    #expect(upstream.requests.first?.uri == "/v1/embeddings")
    #expect(upstream.requests.first?.body == body.replacing("acme/", with: ""))
    let charge = try #require(try await bench.store.charges(ChargeQuery()).first)
    #expect(charge.spend.cost == NanoUSD(8000))
    await bench.stop()
  }

  @Test func `counting tokens costs nothing, even where nobody knows the price and the budget is used up`() async throws
  {
    let upstream = ScriptedUpstream { _, _ in
      .answer(status: 200, fields: Self.json, body: "{\"input_tokens\":4242,\"totalTokens\":4242}")
    }
    let budget = BudgetSpec(scope: .agent(AgentName("tester")), maxCost: NanoUSD(1))
    let bench = try await GatewayBench.start(budgets: [budget], upstream: upstream)
    let access = try await bench.open()
    let calls = [
      ("/v1/messages/count_tokens", "{\"model\":\"claudia/new\",\"messages\":[],\"mcp_servers\":[]}"),
      ("/v1/responses/input_tokens", "{\"model\":\"acme/new\",\"input\":\"x\"}"),
      ("/v1beta/models/gem/new:countTokens", "{\"contents\":[]}"),
    ]
    for (path, body) in calls {
      let reply = try await bench.call("POST", path, key: access.key, body: body)
      #expect(reply.status == 200)
      #expect(reply.body.contains("4242"))
    }
    #expect(
      upstream.requests.map(\.uri) == [
        "/v1/messages/count_tokens", "/v1/responses/input_tokens", "/v1beta/models/new:countTokens",
      ])
    #expect(
      try await bench.store.charges(ChargeQuery()).allSatisfy { $0.spend.cost == .zero && $0.spend.tokens == .zero })
    await bench.stop()
  }
}
