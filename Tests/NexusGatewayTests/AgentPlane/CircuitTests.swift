// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Synchronization
import Testing

/// A provider's health over many calls: its circuit, and its rate limits.
@Suite(.timeLimit(.minutes(1)))
struct CircuitTests {
  private static let json = ("content-type", "application/json")

  private static func limits(opening: Duration = .seconds(30)) -> GatewayLimits {
    var limits = GatewayLimits()
    limits.circuit = CircuitBreaker.Limits(leastCalls: 3, opening: opening)
    return limits
  }

  private static func failure(_ status: Int) -> ScriptedUpstream.Act {
    .answer(status: status, fields: [json], body: "{}")
  }

  @Test func `a provider that fails gets no more calls, and nothing is held for those it does not get`() async throws {
    let upstream = ScriptedUpstream { _, request in
      request.body.contains("claude") ? Self.failure(400) : Self.failure(500)
    }
    let store = GatedStore(InMemoryStore())
    let bench = try await GatewayBench.start(store: store, limits: Self.limits(), upstream: upstream)
    let access = try await bench.open()
    for call in 0..<3 {
      #expect(try await bench.call(key: access.key, body: GatewayBench.chat("q\(call)")).status == 500)
    }
    #expect(bench.notices == ["provider 'acme' fails most calls: none are sent for a while (NX-GWY-050)"])
    let written = store.submissions
    let refused = try await bench.call(key: access.key, body: GatewayBench.chat("q9"))
    #expect(refused.status == 503)
    #expect(refused.fields["x-naos-code"] == "NX-GWY-050")
    #expect(refused.fields["x-should-retry"] == "true")
    #expect(Int(refused.fields["retry-after"] ?? "").map { (1...30).contains($0) } == true)
    #expect(refused.json?["error"]?["type"] == "server_error")
    #expect(upstream.requests.count == 3)
    #expect(store.submissions == written)
    #expect(bench.events.phases.last == .refused)
    // Another provider has a circuit of its own.
    let other = "{\"model\":\"claudia/claude-test\",\"max_tokens\":9,\"messages\":[]}"
    #expect(try await bench.call("POST", "/v1/messages", key: access.key, body: other).status == 400)
    await bench.stop()
  }

  @Test func `after its time one call goes through, and when that is well so do all`() async throws {
    let gate = Signal()
    let upstream = ScriptedUpstream { number, _ in
      if number < 3 { return Self.failure(503) }
      return number == 3 ? .after(gate, GatewayBench.answer("well")) : GatewayBench.answer("well")
    }
    let bench = try await GatewayBench.start(limits: Self.limits(opening: .milliseconds(30)), upstream: upstream)
    let access = try await bench.open()
    for call in 0..<3 { _ = try await bench.call(key: access.key, body: GatewayBench.chat("q\(call)")) }
    // Refused until the time is over; then it is the one call that goes through.
    async let probe = untilWell(bench, access.key)
    await upstream.received(4)
    #expect(try await bench.call(key: access.key, body: GatewayBench.chat("meanwhile")).status == 503)
    gate.set()
    #expect(try await probe.status == 200)
    #expect(try await bench.call(key: access.key, body: GatewayBench.chat("after")).status == 200)
    #expect(bench.notices.last == "provider 'acme' is well again")
    await bench.stop()
  }

  private func untilWell(_ bench: GatewayBench, _ key: VirtualKey) async throws -> Reply {
    while true {
      let reply = try await bench.call(key: key, body: GatewayBench.chat("probe"))
      if reply.status == 200 { return reply }
    }
  }

  @Test func `what the agents do wrong is not the provider's failure`() async throws {
    let upstream = ScriptedUpstream { number, _ in Self.failure([400, 404, 422, 429][number % 4]) }
    let bench = try await GatewayBench.start(limits: Self.limits(), upstream: upstream)
    let access = try await bench.open()
    for call in 0..<12 { _ = try await bench.call(key: access.key, body: GatewayBench.chat("q\(call)")) }
    #expect(upstream.requests.count == 12)
    #expect(bench.notices.isEmpty)
    await bench.stop()
  }

  // MARK: Rate limits

  @Test func `calls wait in line while the provider has no room, and go as it comes back`() async throws {
    let told = [
      Self.json, ("x-ratelimit-limit-requests", "100"), ("x-ratelimit-remaining-requests", "0"),
      ("x-ratelimit-reset-requests", "150ms"),
    ]
    let upstream = ScriptedUpstream { number, _ in
      .answer(status: 200, fields: number == 0 ? told : [Self.json], body: GatewayBench.completion("a"))
    }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    _ = try await bench.call(key: access.key, body: GatewayBench.chat("first"))
    let clock = ContinuousClock()
    let start = clock.now
    let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
      for call in 0..<20 {
        group.addTask { try await bench.call(key: access.key, body: GatewayBench.chat("q\(call)")).status }
      }
      return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
    }
    #expect(statuses == [200: 20])
    // The twentieth place of a hundred is there after a fifth of the time.
    #expect(clock.now - start >= .milliseconds(30))
    await bench.stop()
  }

  @Test func `a 429 holds the others back as long as it says, and longer waits are refused at once`() async throws {
    let upstream = ScriptedUpstream { _, _ in
      .answer(status: 429, fields: [Self.json, ("retry-after", "3600")], body: "{}")
    }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    #expect(try await bench.call(key: access.key, body: GatewayBench.chat("q")).status == 429)
    let refused = try await bench.call(key: access.key, body: GatewayBench.chat("next"))
    #expect(refused.status == 429)
    #expect(refused.fields["x-naos-code"] == "NX-GWY-051")
    #expect(refused.fields["x-should-retry"] == "false")
    #expect(Int(refused.fields["retry-after"] ?? "").map { (3000...3600).contains($0) } == true)
    #expect(upstream.requests.count == 1)
    await bench.stop()
  }

  @Test func `an agent that leaves the line lets the next one go`() async throws {
    let upstream = ScriptedUpstream { number, _ in
      number == 0
        ? .answer(status: 429, fields: [Self.json, ("retry-after-ms", "300")], body: "{}")
        : GatewayBench.answer("well")
    }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    _ = try await bench.call(key: access.key, body: GatewayBench.chat("q"))
    let leaving = try await AgentClient.connect(bench.gateway.boundPort)
    try await leaving.send(GatewayBench.request(key: access.key.secret, body: GatewayBench.chat("leaving")))
    async let staying = bench.call(key: access.key, body: GatewayBench.chat("staying"))
    await leaving.close()
    #expect(try await staying.status == 200)
    // The one that left may have been on its way just then; it is brought to its end.
    await bench.stop()
    #expect(try await bench.store.openHolds().isEmpty)
  }
}
