// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NIOHTTP1
import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

@Suite(.timeLimit(.minutes(1)))
struct FallbackTests {
  private static let json = ("content-type", "application/json")

  /// Three models of one provider and another one, at $0.001, $0.004 and $0.002 a call.
  private func bench(
    _ upstream: ScriptedUpstream, attempts: Int = 1, budget: Int64 = 10_000_000,
    limits: GatewayLimits = GatewayLimits(), store: any Store = InMemoryStore()
  ) async throws -> GatewayBench {
    if upstream.port == 0 { try await upstream.start() }
    let spec = { (name: String) in
      ProviderSpec(
        name: name, dialect: .openai, baseURL: "\(upstream.baseURL)/\(name)", apiKey: SecretText("sk-\(name)"))
    }
    return try await GatewayBench.start(
      store: store, budgets: [BudgetSpec(scope: .agent(AgentName("tester")), maxCost: NanoUSD(budget))],
      prices: [
        PriceSpec(model: "one/small", input: .zero, output: .zero, perRequest: NanoUSD(1_000_000)),
        PriceSpec(model: "two/large", input: .zero, output: .zero, perRequest: NanoUSD(4_000_000)),
        PriceSpec(model: "two/medium", input: .zero, output: .zero, perRequest: NanoUSD(2_000_000)),
      ], limits: limits, providers: [spec("one"), spec("two")], attempts: attempts,
      models: [
        ModelAlias(alias: "smart", use: "one/small", fallback: ["two/large", "two/medium"]),
        ModelAlias(alias: "offline", use: "one/small", fallback: ["local/extractive"]),
      ], upstream: upstream)
  }

  @Test func `when a model is given up the next one answers, is billed and is named`() async throws {
    let upstream = ScriptedUpstream { _, request in
      request.uri.hasPrefix("/one")
        ? .answer(status: 503, fields: [Self.json, ("retry-after-ms", "1")], body: "{}")
        : GatewayBench.answer("well", model: "large")
    }
    let store = GatedStore(InMemoryStore())
    let bench = try await bench(upstream, attempts: 2, store: store)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("q", model: "smart"))
    #expect(reply.status == 200)
    #expect(reply.fields["x-naos-model"] == "two/large")
    #expect(reply.fields["x-naos-attempts"] == "3")
    #expect(
      upstream.requests.map(\.uri) == ["/one/chat/completions", "/one/chat/completions", "/two/chat/completions"])
    #expect(upstream.requests.last?.body.contains("\"model\":\"large\"") == true)
    // Each provider gets its own key, and no other.
    #expect(
      upstream.requests.map { $0.headers["authorization"] } == [
        ["Bearer sk-one"], ["Bearer sk-one"], ["Bearer sk-two"],
      ])
    let holds = store.written.flatMap(\.mutations).compactMap { mutation -> NanoUSD? in
      if case .placeHold(let hold) = mutation { hold.bound.cost } else { nil }
    }
    // The dearest of all, from the start.
    #expect(holds == [NanoUSD(4_000_000)])
    let charges = try await bench.store.charges(ChargeQuery())
    #expect(charges.map(\.model) == ["two/large"])
    #expect(charges.map(\.spend.cost) == [NanoUSD(4_000_000)])
    await bench.stop()
  }

  @Test func `the first model answers at its own price, and the rest of the hold comes back`() async throws {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("well", model: "small") }
    let bench = try await bench(upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("q", model: "smart"))
    #expect(reply.fields["x-naos-model"] == nil)
    #expect(try await bench.store.charges(ChargeQuery()).map(\.spend.cost) == [NanoUSD(1_000_000)])
    await bench.stop()
  }

  @Test func `a budget that cannot take the dearest of them takes none`() async throws {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("well", model: "small") }
    let bench = try await bench(upstream, budget: 3_000_000)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("q", model: "smart"))
    #expect(reply.status == 429)
    #expect(reply.fields["x-naos-code"] == "NX-BUD-003")
    #expect(upstream.requests.isEmpty)
    await bench.stop()
  }

  @Test func `when all are given up the last answer is passed on and nothing is spent`() async throws {
    let upstream = ScriptedUpstream { number, _ in
      .answer(status: 529, fields: [Self.json], body: "{\"error\":{\"message\":\"no \(number)\"}}")
    }
    let bench = try await bench(upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("q", model: "smart"))
    #expect(reply.status == 529)
    #expect(reply.body.contains("no 2"))
    #expect(reply.fields["x-should-retry"] == "false")
    #expect(try await bench.store.charges(ChargeQuery()).map(\.spend.cost) == [.zero])
    await bench.stop()
  }

  @Test func `a call that may have been worked on goes nowhere else`() async throws {
    let upstream = ScriptedUpstream { _, _ in .close }
    let bench = try await bench(upstream)
    let access = try await bench.open()
    #expect(try await bench.call(key: access.key, body: GatewayBench.chat("q", model: "smart")).status == 502)
    #expect(upstream.requests.count == 1)
    // Nobody knows which price; the hold covers all of them.
    #expect(try await bench.store.charges(ChargeQuery()).map(\.spend.cost) == [NanoUSD(4_000_000)])
    await bench.stop()
  }

  @Test func `a provider whose circuit is open is left out at once`() async throws {
    let upstream = ScriptedUpstream { _, request in
      request.uri.hasPrefix("/one")
        ? .answer(status: 500, fields: [Self.json], body: "{}") : GatewayBench.answer("well", model: "large")
    }
    var limits = GatewayLimits()
    limits.circuit = CircuitBreaker.Limits(leastCalls: 2, opening: .seconds(600), longestOpening: .seconds(600))
    let bench = try await bench(upstream, budget: 100_000_000, limits: limits)
    let access = try await bench.open()
    for call in 0..<5 {
      let reply = try await bench.call(key: access.key, body: GatewayBench.chat("q\(call)", model: "smart"))
      #expect(reply.status == 200)
    }
    #expect(upstream.requests.count { $0.uri.hasPrefix("/one") } == 2)
    let charges = try await bench.store.charges(ChargeQuery())
    #expect(Set(charges.map(\.model)) == ["two/large"])
    await bench.stop()
  }

  @Test func `with the built-in model behind it an agent goes on without any provider`() async throws {
    let upstream = ScriptedUpstream { _, _ in .answer(status: 503, fields: [Self.json], body: "{}") }
    let bench = try await bench(upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("What is up?", model: "offline"))
    #expect(reply.status == 200)
    #expect(reply.fields["x-naos-model"] == "local/extractive")
    await bench.stop()
  }
}
