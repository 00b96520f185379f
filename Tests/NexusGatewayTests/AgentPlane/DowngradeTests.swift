// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

/// Cheaper models when a budget comes near to its limit: `big` costs $0.002 a call, `small` half of it.
@Suite(.timeLimit(.minutes(1)))
struct `Near its limit` {
  private func bench(
    at share: Int = 50, limit: Int64 = 10_000_000, store: any Store = InMemoryStore(), boot: String = "boot_test",
    upstream: ScriptedUpstream, models: [ModelAlias] = []
  ) async throws -> GatewayBench {
    let spec = BudgetSpec(
      scope: .agent(AgentName("tester")), maxCost: NanoUSD(limit),
      downgrade: DowngradeSpec(at: share, models: ["acme/big": "acme/small"]))
    return try await GatewayBench.start(
      store: store, budgets: [spec],
      prices: [
        PriceSpec(model: "acme/big", input: .zero, output: .zero, perRequest: NanoUSD(2_000_000)),
        PriceSpec(model: "acme/small", input: .zero, output: .zero, perRequest: NanoUSD(1_000_000)),
      ], boot: boot, models: models, upstream: upstream)
  }

  private func echo() -> ScriptedUpstream {
    ScriptedUpstream { _, request in
      GatewayBench.answer("yes", model: request.body.contains("\"small\"") ? "small" : "big")
    }
  }

  private func ask(_ bench: GatewayBench, _ key: VirtualKey, _ text: String, model: String = "acme/big") async throws
    -> Reply
  {
    try await bench.call(key: key, body: GatewayBench.chat(text, model: model))
  }

  private func charges(_ bench: GatewayBench) async throws -> [String] {
    try await bench.store.charges(ChargeQuery()).reversed().map { "\($0.model) \($0.spend.cost.value)" }
  }

  @Test func `the cheaper model answers, says so, and is what is charged`() async throws {
    let bench = try await bench(upstream: echo())
    let access = try await bench.open()
    for number in 1...3 {
      let reply = try await ask(bench, access.key, "\(number)")
      #expect(reply.status == 200 && reply.fields["x-naos-downgraded-from"] == nil)
    }
    for number in 4...7 {
      let reply = try await ask(bench, access.key, "\(number)")
      #expect(reply.status == 200, "\(number)")
      #expect(reply.fields["x-naos-downgraded-from"] == "acme/big")
      #expect(reply.fields["x-naos-model"] == "acme/small")
    }
    #expect(try await ask(bench, access.key, "8").status == 429, "the limit binds as ever")
    #expect(
      try await charges(bench) == Array(repeating: "acme/big 2000000", count: 3)
        + Array(repeating: "acme/small 1000000", count: 4))
    #expect(bench.events.notes.contains { $0.contains("the call goes to acme/small, not to acme/big") })
    await bench.stop()
  }

  @Test func `a call that does not fit goes to the cheaper model before it is refused`() async throws {
    let bench = try await bench(at: 100, limit: 3_000_000, upstream: echo())
    let access = try await bench.open()
    #expect(try await ask(bench, access.key, "1").status == 200)
    let reply = try await ask(bench, access.key, "2")
    #expect(reply.status == 200 && reply.fields["x-naos-downgraded-from"] == "acme/big")
    #expect(try await charges(bench) == ["acme/big 2000000", "acme/small 1000000"])
    await bench.stop()
  }

  @Test func `what was answered by the cheaper model is replayed as it was`() async throws {
    let (store, upstream) = (InMemoryStore(), echo())
    let first = try await bench(at: 1, limit: 9_000_000, store: store, boot: "boot_a", upstream: upstream)
    let access = try await first.open()
    for number in 1...2 { _ = try await ask(first, access.key, "\(number)") }
    await first.gateway.shutdown()
    let second = try await bench(at: 100, limit: 90_000_000, store: store, boot: "boot_b", upstream: upstream)
    let next = try await second.open(2)
    let reply = try await ask(second, next.key, "2")
    #expect(reply.fields["x-naos-replayed"] == "true" && reply.fields["x-naos-downgraded-from"] == "acme/big")
    #expect(upstream.requests.count == 2)
    await second.stop()
  }

  @Test func `the models to fall back to of the dearer one are not tried for the cheaper one`() async throws {
    let upstream = ScriptedUpstream { _, request in
      request.body.contains("\"small\"")
        ? .answer(status: 404, fields: [("content-type", "application/json")], body: "{\"error\":{}}")
        : GatewayBench.answer("yes", model: "big")
    }
    let bench = try await bench(
      at: 20, upstream: upstream, models: [ModelAlias(alias: "best", use: "acme/big", fallback: ["acme/gpt-test"])])
    let access = try await bench.open()
    #expect(try await ask(bench, access.key, "1", model: "best").status == 200)
    let reply = try await ask(bench, access.key, "2", model: "best")
    #expect(reply.status == 404 && reply.fields["x-naos-downgraded-from"] == "acme/big")
    #expect(upstream.requests.count == 2)
    await bench.stop()
  }

  @Test(arguments: [("acme/gpt-4o-mini", "acme/gpt-4o", true), ("acme/gpt-4o", "acme/gpt-4o-mini", false)])
  func `which model is cheaper is known by its price in every respect`(model: String, other: String, is expected: Bool)
  {
    let book = PriceBook(prices: [
      PriceSpec(model: "acme/gpt-4o", input: PicoUSDPerToken(5), output: PicoUSDPerToken(9)),
      PriceSpec(model: "acme/gpt-4o-mini", input: PicoUSDPerToken(5), output: PicoUSDPerToken(8)),
      PriceSpec(model: "acme/odd", input: PicoUSDPerToken(1), output: PicoUSDPerToken(10)),
    ])
    #expect(book.isCheaper(model, than: other) == expected)
    #expect(book.isCheaper("acme/odd", than: "acme/gpt-4o") == false, "not in every respect")
    #expect(book.isCheaper("acme/gpt-4o", than: "acme/gpt-4o") == false)
    #expect(book.isCheaper("acme/unknown", than: "acme/gpt-4o") == nil)
    #expect(book.isCheaper("openai/gpt-4o-mini", than: "openai/gpt-4o") == true, "by the built-in table")
  }
}
