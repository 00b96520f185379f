// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

struct BudgetGateTests {
  /// $0.002 a call, $0.01 in all.
  private func bench(_ upstream: ScriptedUpstream, _ limits: GatewayLimits = GatewayLimits()) async throws
    -> GatewayBench
  {
    try await GatewayBench.start(
      budgets: [BudgetSpec(scope: .agent(AgentName("tester")), maxCost: NanoUSD(10_000_000))],
      prices: [
        PriceSpec(model: "acme/paid", input: .zero, output: .zero, perRequest: NanoUSD(2_000_000)),
        PriceSpec(model: "claudia/paid", input: .zero, output: .zero, perRequest: NanoUSD(2_000_000)),
      ], limits: limits, upstream: upstream)
  }

  @Test func `one client gets exactly five calls out of a cent, and the sixth is refused for good`() async throws {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok", model: "paid") }
    let bench = try await bench(upstream)
    let access = try await bench.open()
    for call in 0..<5 {
      let reply = try await bench.call(key: access.key, body: GatewayBench.chat("q\(call)", model: "acme/paid"))
      #expect(reply.status == 200)
    }
    let refused = try await bench.call(key: access.key, body: GatewayBench.chat("q5", model: "acme/paid"))
    #expect(refused.status == 429)
    #expect(refused.json?["error"]?["type"] == "insufficient_quota")
    #expect(refused.json?["error"]?["code"] == "naos_budget_exceeded")
    #expect(refused.json?["error"]?["param"] == .null)
    #expect(refused.fields["x-should-retry"] == "false")
    #expect(refused.fields["x-naos-budget-scope"] == "agent:tester")
    #expect(refused.fields["x-naos-budget-remaining"] == "$0.00")
    #expect(refused.fields["x-naos-code"] == "NX-BUD-001")
    let body = "{\"model\":\"claudia/paid\",\"max_tokens\":9,\"messages\":[]}"
    let other = try await bench.call("POST", "/v1/messages", key: access.key, body: body)
    #expect(other.status == 402)
    #expect(other.json?["type"] == "error")
    #expect(other.json?["error"]?["type"] == "billing_error")
    #expect(other.fields["x-should-retry"] == "false")
    #expect(upstream.requests.count == 5)
    let tally = bench.gateway.closeAttempt(access.key)
    #expect(tally.cost == NanoUSD(10_000_000))
    #expect(tally.refusal?.reason == .exhausted)
    #expect(tally.made == 5)
    #expect(bench.events.phases.count { $0 == .refused } == 2)
    await bench.stop()
  }

  @Test func `fifty clients at once get exactly five calls between them`() async throws {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok", model: "paid") }
    let bench = try await bench(upstream)
    let access = try await bench.open()
    let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
      for call in 0..<50 {
        group.addTask {
          try await bench.call(key: access.key, body: GatewayBench.chat("q\(call)", model: "acme/paid")).status
        }
      }
      return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
    }
    #expect(statuses == [200: 5, 429: 45])
    #expect(upstream.requests.count == 5)
    let charges = try await bench.store.charges(ChargeQuery())
    #expect(charges.count == 5)
    #expect(try await bench.store.openHolds().isEmpty)
    await bench.stop()
  }

  @Test func `a budget of requests refuses the call after the last`() async throws {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok") }
    let bench = try await GatewayBench.start(
      budgets: [BudgetSpec(scope: .agent(AgentName("tester")), maxRequests: 2)], upstream: upstream)
    let access = try await bench.open()
    for call in 0..<2 {
      #expect(try await bench.call(key: access.key, body: GatewayBench.chat("q\(call)")).status == 200)
    }
    let refused = try await bench.call(key: access.key, body: GatewayBench.chat("q2"))
    #expect(refused.status == 429)
    #expect(refused.fields["x-naos-code"] == "NX-BUD-001")
    #expect(refused.fields["x-naos-budget-remaining"] == "0 requests")
    #expect(upstream.requests.count == 2)
    await bench.stop()
  }

  @Test func `calls of a throttled budget are spread over the window: near turns are waited for`() async throws {
    let upstream = ScriptedUpstream { number, _ in GatewayBench.answer("ok", model: number == 0 ? "first" : "second") }
    // A nano-dollar for each microsecond of the week; the first call takes what has passed of it, and a little.
    let week: Int64 = 7 * 86_400_000_000
    let now = SystemClock().wallNow()
    let start = try #require(
      BudgetCalendar.start(of: .week, index: BudgetCalendar.index(of: .week, at: now)))
    let turn = now + .milliseconds(700)
    let bench = try await GatewayBench.start(
      budgets: [
        BudgetSpec(scope: .agent(AgentName("tester")), window: .week, maxCost: NanoUSD(week), onLimit: .throttle)
      ],
      prices: [
        PriceSpec(
          model: "acme/first", input: .zero, output: .zero,
          perRequest: NanoUSD(turn.microseconds - start.microseconds)),
        PriceSpec(model: "acme/second", input: .zero, output: .zero, perRequest: NanoUSD(300_000_000)),
      ], upstream: upstream)
    let access = try await bench.open()
    let first = try await bench.call(key: access.key, body: GatewayBench.chat("a", model: "acme/first"))
    #expect(first.status == 200)
    let second = try await bench.call(key: access.key, body: GatewayBench.chat("b", model: "acme/second"))
    #expect(second.status == 200)
    #expect(SystemClock().wallNow() >= turn)
    // The next turn is five minutes away: longer than a call waits.
    let third = try await bench.call(key: access.key, body: GatewayBench.chat("c", model: "acme/second"))
    #expect(third.status == 429)
    #expect(third.fields["x-naos-code"] == "NX-BUD-002")
    #expect(third.fields["x-should-retry"] == "false")
    let after = third.fields["retry-after"].flatMap { Int($0) }
    #expect((31...300).contains(after ?? 0))
    #expect(upstream.requests.count == 2)
    await bench.stop()
  }

  @Test func `a call waits for the room that a failing one gives back`() async throws {
    let gate = Signal()
    let upstream = ScriptedUpstream { number, _ in
      if number < 5 {
        return .after(gate, .answer(status: 500, fields: [("content-type", "application/json")], body: "{}"))
      }
      return GatewayBench.answer("ok", model: "paid")
    }
    let bench = try await bench(upstream)
    let access = try await bench.open()
    let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
      for call in 0..<8 {
        group.addTask {
          try await bench.call(key: access.key, body: GatewayBench.chat("q\(call)", model: "acme/paid")).status
        }
      }
      await upstream.received(5)
      gate.set()
      return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
    }
    #expect(statuses == [500: 5, 200: 3])
    #expect(upstream.requests.count == 8)
    await bench.stop()
  }

  @Test func `who waits too long for room is told to try again`() async throws {
    let gate = Signal()
    var limits = GatewayLimits()
    limits.budgetQueueTimeout = .milliseconds(50)
    let upstream = ScriptedUpstream { _, _ in .after(gate, GatewayBench.answer("ok", model: "paid")) }
    let bench = try await bench(upstream, limits)
    let access = try await bench.open()
    async let busy = withThrowingTaskGroup(of: Void.self) { group in
      for call in 0..<5 {
        group.addTask {
          _ = try await bench.call(key: access.key, body: GatewayBench.chat("q\(call)", model: "acme/paid"))
        }
      }
      try await group.waitForAll()
    }
    await upstream.received(5)
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("late", model: "acme/paid"))
    #expect(reply.status == 429)
    #expect(reply.fields["x-should-retry"] == "true")
    #expect(reply.fields["retry-after"] == "2")
    #expect(reply.json?["error"]?["type"] == "rate_limit_error")
    // Nothing is used up: what ends this attempt later is not its budget.
    #expect(bench.gateway.tally(of: access.key)?.refusal == nil)
    gate.set()
    try await busy
    await bench.stop()
  }

  @Test func `a call whose worst does not fit gets a lower cap, and is told so`() async throws {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok", model: "wordy") }
    let bench = try await GatewayBench.start(
      budgets: [BudgetSpec(scope: .agent(AgentName("tester")), maxCost: NanoUSD(1_000_000))],
      prices: [PriceSpec(model: "acme/wordy", input: .zero, output: PicoUSDPerToken(1_000_000))], upstream: upstream)
    let access = try await bench.open()
    let reply = try await bench.call(
      key: access.key, body: GatewayBench.chat("q", model: "acme/wordy", more: ",\"max_tokens\":100000"))
    #expect(reply.status == 200)
    let cap = try #require(reply.fields["x-naos-clamped"].flatMap(Int.init))
    #expect((256...1000).contains(cap))
    #expect(upstream.requests.first?.body.hasSuffix(",\"max_tokens\":\(cap)}") == true)
    await bench.stop()
  }

  @Test func `a call that nobody can price is refused with the reason`() async throws {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok", model: "paid") }
    let bench = try await bench(upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("q", model: "acme/never-heard-of"))
    #expect(reply.status == 400)
    #expect(reply.fields["x-naos-code"] == "NX-BUD-004")
    #expect(upstream.requests.isEmpty)
    #expect(bench.gateway.tally(of: access.key)?.refusal == nil)
    await bench.stop()
  }
}
