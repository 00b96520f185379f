// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

@Suite(.timeLimit(.minutes(1)))
struct RetryTests {
  private static let json = ("content-type", "application/json")

  private static func failing(_ status: Int, more: [(String, String)] = [], body: String = "{}")
    -> ScriptedUpstream.Act
  {
    .answer(status: status, fields: [json, ("retry-after-ms", "1")] + more, body: body)
  }

  /// A bench with one budget of a cent, at $0.006 a call: two holds at a time do not fit.
  private func bench(
    _ upstream: ScriptedUpstream, attempts: Int = 3, limits: GatewayLimits = GatewayLimits()
  ) async throws -> GatewayBench {
    try await GatewayBench.start(
      budgets: [BudgetSpec(scope: .agent(AgentName("tester")), maxCost: NanoUSD(10_000_000))],
      prices: [PriceSpec(model: "acme/paid", input: .zero, output: .zero, perRequest: NanoUSD(6_000_000))],
      limits: limits, attempts: attempts,
      models: [
        ModelAlias(alias: "once", use: "acme/paid", retries: 0),
        ModelAlias(alias: "often", use: "acme/paid", retries: 5),
      ], upstream: upstream)
  }

  private static let question = GatewayBench.chat("q", model: "acme/paid")

  @Test(arguments: [429, 500, 502, 503, 529])
  func `a call that failed without cost is sent again under its one hold`(status: Int) async throws {
    let upstream = ScriptedUpstream { number, _ in
      number < 2 ? Self.failing(status) : GatewayBench.answer("well", model: "paid")
    }
    let store = GatedStore(InMemoryStore())
    let bench = try await GatewayBench.start(
      store: store, budgets: [BudgetSpec(scope: .agent(AgentName("tester")), maxCost: NanoUSD(10_000_000))],
      prices: [PriceSpec(model: "acme/paid", input: .zero, output: .zero, perRequest: NanoUSD(6_000_000))],
      attempts: 3, upstream: upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: Self.question)
    #expect(reply.status == 200)
    #expect(reply.fields["x-naos-attempts"] == "3")
    #expect(upstream.requests.count == 3)
    #expect(Set(upstream.requests.map(\.body)).count == 1)
    let holds = store.written.flatMap(\.mutations).count { if case .placeHold = $0 { true } else { false } }
    #expect(holds == 1)
    let charges = try await bench.store.charges(ChargeQuery())
    #expect(charges.map(\.spend.cost) == [NanoUSD(6_000_000)])
    #expect(try await bench.store.effects(of: GatewayBench.run).count == 1)
    await bench.stop()
  }

  @Test func `when all attempts fail the last answer is passed on, and the client is told to leave it`() async throws {
    let upstream = ScriptedUpstream { number, _ in
      Self.failing(503, more: [("x-should-retry", "true")], body: "{\"error\":{\"message\":\"no \(number)\"}}")
    }
    let bench = try await bench(upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: Self.question)
    #expect(reply.status == 503)
    #expect(reply.body == "{\"error\":{\"message\":\"no 2\"}}")
    #expect(reply.fields["x-should-retry"] == "false")
    #expect(upstream.requests.count == 3)
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis) == [.released])
    await bench.stop()
  }

  @Test func `a stream that never began is sent again, and one that broke off is not`() async throws {
    let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"half\"}}]}\n\n"
    let upstream = ScriptedUpstream { number, _ in
      number == 0 ? Self.failing(529) : .cut(type: "text/event-stream", [chunk])
    }
    let bench = try await bench(upstream)
    let access = try await bench.open()
    let body = GatewayBench.chat("q", model: "acme/paid", more: ",\"stream\":true")
    let reply = try await bench.call(key: access.key, body: body)
    #expect(reply.status == 200)
    #expect(reply.fields["x-naos-attempts"] == "2")
    #expect(reply.body.contains("half"))
    #expect(upstream.requests.count == 2)
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis) == [.hold])
    await bench.stop()
  }

  @Test func `a call that may have been worked on is never sent twice`() async throws {
    let upstream = ScriptedUpstream { _, _ in .close }
    let bench = try await bench(upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: Self.question)
    #expect(reply.status == 502)
    #expect(reply.fields["x-should-retry"] == nil)
    #expect(upstream.requests.count == 1)
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis) == [.hold])
    await bench.stop()
  }

  @Test func `counting tokens costs nothing, so it is asked again whatever happened`() async throws {
    let upstream = ScriptedUpstream { number, _ in
      number == 0 ? .close : .answer(status: 200, fields: [Self.json], body: "{\"input_tokens\":5}")
    }
    var limits = GatewayLimits()
    limits.firstRetryDelay = .milliseconds(1)
    let bench = try await bench(upstream, limits: limits)
    let access = try await bench.open()
    let body = "{\"model\":\"claudia/claude-test\",\"messages\":[]}"
    let reply = try await bench.call("POST", "/v1/messages/count_tokens", key: access.key, body: body)
    #expect(reply.status == 200)
    #expect(upstream.requests.count == 2)
    await bench.stop()
  }

  @Test(
    arguments: [
      (400, [], "{}"), (401, [], "{}"), (504, [], "{}"), (503, [("x-should-retry", "false")], "{}"),
      (429, [], "{\"error\":{\"type\":\"insufficient_quota\",\"code\":\"insufficient_quota\"}}"),
    ] as [(Int, [(String, String)], String)])
  func `what asking again cannot mend is passed on at once`(status: Int, fields: [(String, String)], body: String)
    async throws
  {
    let upstream = ScriptedUpstream { _, _ in .answer(status: status, fields: [Self.json] + fields, body: body) }
    let bench = try await bench(upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: Self.question)
    #expect(reply.status == (status == 401 ? 502 : status))
    #expect(upstream.requests.count == 1)
    // Whoever gave up waiting does not say whether the call was worked on.
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis) == [status == 504 ? .hold : .released])
    await bench.stop()
  }

  @Test func `a provider that asks for too long is not waited for`() async throws {
    let upstream = ScriptedUpstream { _, _ in
      .answer(status: 429, fields: [Self.json, ("retry-after", "3600")], body: "{}")
    }
    let bench = try await bench(upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: Self.question)
    #expect(reply.status == 429)
    #expect(reply.fields["x-should-retry"] == "false")
    #expect(reply.fields["retry-after"] == "3600")
    #expect(upstream.requests.count == 1)
    await bench.stop()
  }

  @Test func `an alias says how often`() async throws {
    let upstream = ScriptedUpstream { _, _ in Self.failing(500) }
    let bench = try await bench(upstream)
    let access = try await bench.open()
    let once = try await bench.call(key: access.key, body: GatewayBench.chat("q", model: "once"))
    #expect(upstream.requests.count == 1)
    // Whoever wants no retries here does them himself.
    #expect(once.fields["x-should-retry"] == nil)
    _ = try await bench.call(key: access.key, body: GatewayBench.chat("q", model: "often"))
    #expect(upstream.requests.count == 7)
    await bench.stop()
  }

  @Test func `an agent that leaves while its call waits for another attempt ends it, and nothing stays held`()
    async throws
  {
    let upstream = ScriptedUpstream { _, _ in
      .answer(status: 503, fields: [Self.json, ("retry-after", "100")], body: "{}")
    }
    var limits = GatewayLimits()
    limits.drainTimeout = .milliseconds(20)
    let bench = try await bench(upstream, limits: limits)
    let access = try await bench.open()
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    try await client.send(GatewayBench.request(key: access.key.secret, body: Self.question))
    await upstream.received(1)
    await client.close()
    while try await bench.store.charges(ChargeQuery()).isEmpty { await Task.yield() }
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis) == [.released])
    #expect(try await bench.store.openHolds().isEmpty)
    #expect(upstream.requests.count == 1)
    await bench.stop()
  }

  @Test func `a call that waits for another attempt is given up at once when its agent leaves`() async throws {
    let upstream = ScriptedUpstream { _, _ in
      .answer(status: 503, fields: [Self.json, ("retry-after", "100")], body: "{}")
    }
    var limits = GatewayLimits()
    limits.drainTimeout = .seconds(600)
    let bench = try await bench(upstream, limits: limits)
    let access = try await bench.open()
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    try await client.send(GatewayBench.request(key: access.key.secret, body: Self.question))
    while !bench.events.notes.contains(where: { $0.contains("attempt 2") }) { await Task.yield() }
    await client.close()
    while try await bench.store.charges(ChargeQuery()).isEmpty { await Task.yield() }
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis) == [.released])
    #expect(upstream.requests.count == 1)
    await bench.stop()
  }

  @Test func `a call that fails after its agent has left is not made again for nobody`() async throws {
    let gate = Signal()
    let upstream = ScriptedUpstream { number, _ in
      number == 0 ? .after(gate, Self.failing(503)) : GatewayBench.answer("for nobody", model: "paid")
    }
    let bench = try await bench(upstream)
    let access = try await bench.open()
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    try await client.send(GatewayBench.request(key: access.key.secret, body: Self.question))
    await upstream.received(1)
    await client.close()
    while bench.gateway.abandonedCalls == 0 { await Task.yield() }
    gate.set()
    while try await bench.store.charges(ChargeQuery()).isEmpty { await Task.yield() }
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis) == [.released])
    #expect(upstream.requests.count == 1)
    await bench.stop()
  }

  @Test func `a provider that comes up between two attempts gets the call`() async throws {
    let gone = ScriptedUpstream { _, _ in .close }
    try await gone.start()
    let port = gone.port
    await gone.stop()
    let next = ScriptedUpstream { _, _ in GatewayBench.answer("well", model: "gpt-test") }
    var limits = GatewayLimits()
    limits.firstRetryDelay = .milliseconds(200)
    let bench = try await GatewayBench.start(
      limits: limits,
      providers: [ProviderSpec(name: "acme", dialect: .openai, baseURL: "http://127.0.0.1:\(port)/v1")], attempts: 10,
      upstream: ScriptedUpstream { _, _ in .close })
    let access = try await bench.open()
    async let reply = bench.call(key: access.key, body: GatewayBench.chat("q"))
    while !bench.events.notes.contains(where: { $0.contains("attempt 2") }) { await Task.yield() }
    try await next.start(port: port)
    #expect(try await reply.status == 200)
    await bench.stop()
    await next.stop()
  }
}
