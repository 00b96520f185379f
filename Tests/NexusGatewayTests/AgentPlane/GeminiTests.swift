// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NIOHTTP1
import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

struct GeminiTests {
  private static let json = [("content-type", "application/json; charset=UTF-8")]
  private static let root = "/v1beta/models/gem/flash"

  private static func chunk(_ text: String, finish: Bool = false, output: Int = 0) -> String {
    let end = finish ? ",\"finishReason\":\"STOP\"" : ""
    return
      "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"\(text)\"}]}\(end)}],\"usageMetadata\":{\"promptTokenCount\":7,\"candidatesTokenCount\":\(output)},\"modelVersion\":\"flash\"}"
  }
  private static let body = "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]}"
  private static let events = [
    "data: \(chunk("a", output: 1))\r\n\r\n", "data: \(chunk("b", finish: true, output: 3))\r\n\r\n",
  ]
  private static let array = [
    "[\(chunk("a, \\\"]}[", output: 1))\n,\r\n", chunk("b", finish: true, output: 3), "\n]\n",
  ]
  private let free = PriceSpec(model: "gem/flash", input: .zero, output: .zero)

  @Test func `a call goes to the model that the path names, with the real key`() async throws {
    let upstream = ScriptedUpstream { _, _ in
      .answer(status: 200, fields: Self.json, body: Self.chunk("x", finish: true, output: 3))
    }
    let bench = try await GatewayBench.start(prices: [free], upstream: upstream)
    let access = try await bench.open()
    let reply = try await bench.call("POST", "\(Self.root):generateContent?alt=json", key: access.key, body: Self.body)
    #expect(reply.body == Self.chunk("x", finish: true, output: 3))
    let sent = try #require(upstream.requests.first)
    #expect(sent.uri == "/v1beta/models/flash:generateContent")
    #expect(sent.body == Self.body)
    #expect(sent.headers["x-goog-api-key"] == ["real-gemini"])
    #expect(!sent.headers.contains(name: "authorization"))
    #expect(bench.gateway.closeAttempt(access.key).tokens == TokenCount(10))
    await bench.stop()
  }

  @Test(arguments: [1, 2, 7, 64, 10_000])
  func `a stream passes byte for byte, as events and as an array, cut into pieces of any size`(size: Int) async throws {
    let upstream = ScriptedUpstream { _, request in
      let isArray = !request.uri.hasSuffix("?alt=sse")
      let bytes = Array((isArray ? Self.array : Self.events).joined().utf8)
      let pieces = stride(from: 0, to: bytes.count, by: size).map {
        String(decoding: bytes[$0..<min($0 + size, bytes.count)], as: UTF8.self)
      }
      return .pieces(type: isArray ? Self.json[0].1 : "text/event-stream", pieces)
    }
    let bench = try await GatewayBench.start(prices: [free], upstream: upstream)
    let access = try await bench.open()
    for (query, whole) in [("?alt=sse&key=\(access.key.secret)", Self.events), ("", Self.array)] {
      let reply = try await bench.call(
        "POST", "\(Self.root):streamGenerateContent\(query)", key: access.key, body: Self.body)
      #expect(reply.body == whole.joined())
    }
    let sent = upstream.requests.map(\.uri)
    #expect(
      sent == ["/v1beta/models/flash:streamGenerateContent?alt=sse", "/v1beta/models/flash:streamGenerateContent"])
    #expect(try await bench.store.charges(ChargeQuery()).map(\.spend.tokens) == [TokenCount(10), TokenCount(10)])
    let again = try await bench.open(2)
    for (query, whole) in [("", Self.array), ("?alt=sse", Self.events)] {
      let reply = try await bench.call(
        "POST", "\(Self.root):streamGenerateContent\(query)", key: again.key, body: Self.body)
      #expect(reply.body == whole.joined())
      #expect(reply.fields["x-naos-replayed"] == "true")
    }
    await bench.stop()
  }

  @Test func `the first element of an array goes on before the rest has come, and the last waits for the record`()
    async throws
  {
    let gate = Signal()
    let upstream = ScriptedUpstream { _, _ in
      .first(type: Self.json[0].1, [Self.array[0]], then: gate, Array(Self.array.dropFirst()))
    }
    let store = GatedStore(InMemoryStore())
    let bench = try await GatewayBench.start(store: store, prices: [free], upstream: upstream)
    let access = try await bench.open()
    store.holdOutcomes()
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    let path = "\(Self.root):streamGenerateContent"
    try await client.send(GatewayBench.request("POST", path, key: access.key.secret, body: Self.body))
    await client.wait { text, _ in text.contains("\"text\":\"a, ") }
    gate.set()
    await store.outcomeHeld()
    #expect(!client.received.contains("finishReason"))
    store.letGo()
    await client.wait { text, _ in text.contains("\n]\n") }
    await client.close()
    await bench.stop()
  }

  @Test(arguments: [true, false]) func `a stream that ends without a reason is charged its hold`(isArray: Bool)
    async throws
  {
    let upstream = ScriptedUpstream { _, _ in
      isArray
        ? .pieces(type: Self.json[0].1, [Self.array[0].replacing("\n,\r\n", with: "")])
        : .pieces(type: "text/event-stream", [Self.events[0]])
    }
    let bench = try await GatewayBench.start(prices: [free], upstream: upstream)
    let access = try await bench.open()
    let query = isArray ? "" : "?alt=sse"
    let reply = try await bench.call(
      "POST", "\(Self.root):streamGenerateContent\(query)", key: access.key, body: Self.body)
    #expect(reply.body.contains("broke off"))
    #expect(reply.body.contains("\"code\":502"))
    if isArray { #expect((try? JSONValue(parsing: reply.body))?.arrayValue?.count == 2) }
    #expect(try await bench.store.charges(ChargeQuery()).first?.basis == .hold)
    await bench.stop()
  }

  @Test func `each form of the key opens the plane, and a wrong one is told in Google's words`() async throws {
    let upstream = ScriptedUpstream { _, _ in
      .answer(status: 200, fields: Self.json, body: Self.chunk("x", finish: true, output: 3))
    }
    let bench = try await GatewayBench.start(prices: [free], upstream: upstream)
    let access = try await bench.open()
    let wrong = VirtualKey("nk_guess")
    let path = "\(Self.root):generateContent"
    for field in ["x-goog-api-key", "x-api-key", "api-key"] {
      let reply = try await bench.call(
        "POST", path, key: wrong, body: Self.body, fields: ["\(field): \(access.key.secret)"])
      #expect(reply.status == 200)
    }
    let asked = try await bench.call("POST", "\(path)?key=\(access.key.secret)", key: wrong, body: Self.body)
    #expect(asked.status == 200)
    #expect(upstream.requests.allSatisfy { !$0.uri.contains("key=") && !"\($0.headers)".contains("nk_") })
    let refused = try await bench.call("POST", path, key: wrong, body: Self.body)
    #expect(refused.status == 401)
    #expect(refused.json?["error"]?["status"] == "UNAUTHENTICATED")
    await bench.stop()
  }

  @Test(arguments: [
    "/v1beta/models/gem/../../files:generateContent", "/v1beta/models/gem/%2e%2e/files:generateContent",
    "/v1beta/models/gem/a%3Fb:generateContent", "/v1beta/models/:generateContent", "/v1beta/models/gem//x:countTokens",
    "/v1beta/models/gem/flash:embedContent", "/v1beta/models/gem/flash:batchGenerateContent", "/v1beta/files",
    "/v1beta/cachedContents", "/v1beta/models/gem/flash", "/upload/v1beta/files",
  ])
  func `no other path of the provider can be reached`(path: String) async throws {
    let upstream = ScriptedUpstream { _, _ in .close }
    let bench = try await GatewayBench.start(prices: [free], upstream: upstream)
    let access = try await bench.open()
    let reply = try await bench.call(
      "POST", path, key: access.key, body: Self.body, fields: ["x-goog-api-key: \(access.key.secret)"])
    #expect([400, 404].contains(reply.status))
    #expect(reply.json?["error"]?["status"] != nil)
    #expect(upstream.requests.isEmpty)
    await bench.stop()
  }

  @Test func `a used-up budget is told in Google's words, once and for all`() async throws {
    let upstream = ScriptedUpstream { _, _ in .close }
    let budget = BudgetSpec(scope: .agent(AgentName("tester")), maxCost: NanoUSD(1))
    let dear = PriceSpec(model: "gem/dear", input: .zero, output: .zero, perRequest: NanoUSD.dollars(1))
    let bench = try await GatewayBench.start(budgets: [budget], prices: [dear], upstream: upstream)
    let access = try await bench.open()
    let reply = try await bench.call(
      "POST", "/v1beta/models/gem/dear:generateContent", key: access.key, body: Self.body)
    #expect(reply.status == 429)
    #expect(reply.json?["error"]?["status"] == "RESOURCE_EXHAUSTED")
    #expect(reply.fields["x-should-retry"] == "false")
    #expect(upstream.requests.isEmpty)
    await bench.stop()
  }
}
