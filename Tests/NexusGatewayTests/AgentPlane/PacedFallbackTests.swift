// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

/// Models that take no calls for now because their providers said so, beside others that do.
@Suite(.timeLimit(.minutes(1)))
struct PacedFallbackTests {
  private static let json = ("content-type", "application/json")

  /// Two models at $0.001 and $0.004 a call, of a provider each.
  private func bench(_ upstream: ScriptedUpstream, limits: GatewayLimits = GatewayLimits()) async throws
    -> GatewayBench
  {
    if upstream.port == 0 { try await upstream.start() }
    let spec = { (name: String) in
      ProviderSpec(
        name: name, dialect: .openai, baseURL: "\(upstream.baseURL)/\(name)", apiKey: SecretText("sk-\(name)"))
    }
    return try await GatewayBench.start(
      budgets: [BudgetSpec(scope: .agent(AgentName("tester")), maxCost: NanoUSD(100_000_000))],
      prices: [
        PriceSpec(model: "one/small", input: .zero, output: .zero, perRequest: NanoUSD(1_000_000)),
        PriceSpec(model: "two/large", input: .zero, output: .zero, perRequest: NanoUSD(4_000_000)),
      ], limits: limits, providers: [spec("one"), spec("two")],
      models: [
        ModelAlias(alias: "smart", use: "one/small", fallback: ["two/large"]),
        ModelAlias(alias: "plain", use: "one/small"), ModelAlias(alias: "large", use: "two/large"),
      ], upstream: upstream)
  }

  private static func tooMany(_ seconds: Int) -> ScriptedUpstream.Act {
    .answer(status: 429, fields: [json, ("retry-after", String(seconds))], body: "{}")
  }

  private func ask(_ bench: GatewayBench, _ key: VirtualKey, _ text: String, of model: String = "smart") async throws
    -> Reply
  {
    try await bench.call(key: key, body: GatewayBench.chat(text, model: model))
  }

  @Test func `while the first model wants to be left alone the next one answers, at its own price`() async throws {
    let upstream = ScriptedUpstream { _, request in
      request.uri.hasPrefix("/one") ? Self.tooMany(3600) : GatewayBench.answer("well", model: "large")
    }
    let bench = try await bench(upstream)
    let access = try await bench.open()
    #expect(try await ask(bench, access.key, "q", of: "plain").status == 429)
    let reply = try await ask(bench, access.key, "next")
    #expect(reply.status == 200)
    #expect(reply.fields["x-naos-model"] == "two/large")
    #expect(reply.fields["x-naos-attempts"] == nil)
    // The provider that asked for it was left alone.
    #expect(upstream.requests.map(\.uri) == ["/one/chat/completions", "/two/chat/completions"])
    #expect(bench.events.notes.contains("one/small takes no calls now; the call goes to two/large"))
    let charges = try await bench.store.charges(ChargeQuery())
    #expect(charges.first { $0.model == "two/large" }?.spend.cost == NanoUSD(4_000_000))
    await bench.stop()
  }

  @Test func `when none takes calls the one that will soonest says when, and nothing is held`() async throws {
    let upstream = ScriptedUpstream { _, request in Self.tooMany(request.uri.hasPrefix("/one") ? 3600 : 600) }
    let bench = try await bench(upstream)
    let access = try await bench.open()
    #expect(try await ask(bench, access.key, "q").status == 429)
    let held = try await bench.store.charges(ChargeQuery()).count
    let refused = try await ask(bench, access.key, "next")
    #expect(refused.status == 429)
    #expect(refused.fields["x-naos-code"] == "NX-GWY-051")
    #expect(refused.body.contains("two/large"))
    #expect(Int(refused.fields["retry-after"] ?? "").map { (500...600).contains($0) } == true)
    #expect(upstream.requests.count == 2)
    #expect(try await bench.store.charges(ChargeQuery()).count == held)
    await bench.stop()
  }

  @Test func `a call that waits goes to the next model once the wait would be too long`() async throws {
    let gate = Signal()
    let upstream = ScriptedUpstream { number, request in
      guard request.uri.hasPrefix("/one") else { return GatewayBench.answer("well", model: "large") }
      return number == 0 ? .after(gate, Self.tooMany(3600)) : Self.tooMany(20)
    }
    let bench = try await bench(upstream)
    let access = try await bench.open()
    async let slow = ask(bench, access.key, "slow", of: "plain")
    await upstream.received(1)
    #expect(try await ask(bench, access.key, "quick", of: "plain").status == 429)
    async let waiting = ask(bench, access.key, "waiting")
    while !bench.events.notes.contains(where: { $0.contains("the call waits") }) { await Task.yield() }
    gate.set()
    #expect(try await waiting.status == 200)
    #expect(try await waiting.fields["x-naos-model"] == "two/large")
    #expect(try await slow.status == 429)
    await bench.stop()
  }

  @Test func `a call that falls back spares a model that wants to be left alone`() async throws {
    let upstream = ScriptedUpstream { _, request in
      request.uri.hasPrefix("/two") ? Self.tooMany(3600) : .answer(status: 503, fields: [Self.json], body: "{}")
    }
    let bench = try await bench(upstream)
    let access = try await bench.open()
    #expect(try await ask(bench, access.key, "q", of: "large").status == 429)
    let reply = try await ask(bench, access.key, "next")
    #expect(reply.status == 429)
    #expect(reply.fields["x-naos-code"] == "NX-GWY-051")
    #expect(upstream.requests.map(\.uri) == ["/two/chat/completions", "/one/chat/completions"])
    #expect(try await bench.store.openHolds().isEmpty)
    await bench.stop()
  }
}
