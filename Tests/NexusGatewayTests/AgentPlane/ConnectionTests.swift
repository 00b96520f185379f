// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Synchronization
import Testing

/// Who may hold a connection, and for how long.
@Suite(.timeLimit(.minutes(1)))
struct ConnectionTests {
  @Test func `who only holds connections open makes room for an agent, the oldest first`() async throws {
    var limits = GatewayLimits()
    limits.connections = 4
    let bench = try await GatewayBench.start(
      limits: limits, upstream: ScriptedUpstream { _, _ in GatewayBench.answer("ok") })
    let key = try await bench.open().key
    let agent = try await AgentClient.connect(bench.gateway.boundPort)
    try await agent.send(GatewayBench.request(key: key.secret, body: GatewayBench.chat("first")))
    await agent.wait { text, _ in Reply(text) != nil }
    var strangers: [AgentClient] = []
    for _ in 0..<3 { strangers.append(try await AgentClient.connect(bench.gateway.boundPort)) }
    for round in 0..<3 {
      #expect(try await bench.call(key: key, body: GatewayBench.chat("\(round)")).status == 200)
      _ = await strangers[0].untilClosed()
      #expect(strangers[0].isClosed)
    }
    // Who has shown a key keeps its place.
    try await agent.send(GatewayBench.request(key: key.secret, body: GatewayBench.chat("again")))
    await agent.wait { text, _ in Reply.first(in: text).flatMap { Reply($0.rest) } != nil }
    #expect(!agent.isClosed)
    for client in strangers + [agent] { await client.close() }
    await bench.stop()
  }

  /// Connections of an agent, each with a request that is over.
  private static func idle(_ count: Int, _ key: VirtualKey, _ bench: GatewayBench) async throws -> [AgentClient] {
    var clients: [AgentClient] = []
    for _ in 0..<count {
      let client = try await AgentClient.connect(bench.gateway.boundPort)
      try await client.send(GatewayBench.request("GET", "/v1/models", key: key.secret))
      await client.wait { text, _ in Reply(text) != nil }
      clients.append(client)
    }
    return clients
  }

  private static func other(_ bench: GatewayBench) async throws -> VirtualKey {
    try await bench.gateway.openAttempt(
      Caller(agent: AgentName("other"), run: nil, step: .main, attempt: AttemptNumber(1)), rewind: 0
    ).access.key
  }

  @Test func `an agent that holds all places with its key keeps no other out, and is told of`() async throws {
    var limits = GatewayLimits()
    limits.connections = 8
    let told = Mutex<[DenialEvent]>([])
    let bench = try await GatewayBench.start(
      limits: limits, denials: { denial in told.withLock { $0.append(denial) } },
      upstream: ScriptedUpstream { _, _ in GatewayBench.answer("ok") })
    let (key, other) = (try await bench.open().key, try await Self.other(bench))
    let held = try await Self.idle(8, key, bench)
    let guest = try #require(try await Self.idle(1, other, bench).first)
    #expect(Reply(guest.received)?.status == 200)
    _ = await held[0].untilClosed()
    #expect(held.dropFirst().allSatisfy { !$0.isClosed })
    for _ in 0..<3 { #expect(try await bench.call("GET", "/v1/models", key: other).status == 200) }
    #expect(!guest.isClosed)
    let first = try #require(told.withLock { $0.first })
    #expect(first.rule == .connections && first.caller.agent == AgentName("tester") && first.count == 1)
    for client in held + [guest] { await client.close() }
    await bench.stop()
    // What came behind is one count.
    #expect(told.withLock { $0.count } <= 2)
    #expect(told.withLock { $0.allSatisfy { $0.caller.agent == AgentName("tester") } })
  }

  @Test func `an agent with requests under way on all places may have no more, and keeps no other out`() async throws {
    var limits = GatewayLimits()
    limits.connections = 4
    let gate = Signal()
    let upstream = ScriptedUpstream { _, _ in .after(gate, GatewayBench.answer("ok")) }
    let bench = try await GatewayBench.start(limits: limits, upstream: upstream)
    let (key, other) = (try await bench.open().key, try await Self.other(bench))
    var held: [AgentClient] = []
    for number in 0..<3 {
      held.append(try await AgentClient.connect(bench.gateway.boundPort))
      try await held[number].send(GatewayBench.request(key: key.secret, body: GatewayBench.chat("\(number)")))
      await upstream.received(number + 1)
    }
    let refused = try await bench.call("GET", "/v1/models", key: key)
    #expect(refused.status == 503 && refused.fields["x-naos-code"] == "NX-GWY-019")
    #expect(try await bench.call("GET", "/v1/models", key: other).status == 200)
    gate.set()
    for client in held {
      await client.wait { text, _ in Reply(text) != nil }
      #expect(Reply(client.received)?.status == 200)
      await client.close()
    }
    await bench.stop()
  }

  @Test func `who has shown a key may be silent longer than a stranger, but not in the middle of a head`() async throws
  {
    var limits = GatewayLimits()
    limits.headerTimeout = .seconds(4)
    limits.idleTimeout = .seconds(600)
    let bench = try await GatewayBench.start(
      limits: limits, upstream: ScriptedUpstream { _, _ in GatewayBench.answer("ok") })
    let key = try await bench.open().key
    let agent = try await AgentClient.connect(bench.gateway.boundPort)
    try await agent.send(GatewayBench.request(key: key.secret, body: GatewayBench.chat("first")))
    await agent.wait { text, _ in Reply(text) != nil }
    let stranger = try await AgentClient.connect(bench.gateway.boundPort)
    #expect(await stranger.untilClosed().isEmpty)
    #expect(!agent.isClosed)
    try await agent.send("POST /v1/messages HTTP/1.1\r\nHost: loc")
    let after = Reply.first(in: await agent.untilClosed()).flatMap { Reply($0.rest) }
    #expect(after?.status == 408)
    #expect(after?.json?["type"] == "error", "in Anthropic's form, as the path says")
    #expect(after?.fields["x-naos-code"] == "NX-GWY-044")
    await bench.stop()
  }

  @Test func `a client that says it will send no more still gets its answers`() async throws {
    let gate = Signal()
    let upstream = ScriptedUpstream { number, _ in
      number == 0 ? .after(gate, GatewayBench.answer("first")) : GatewayBench.answer("second")
    }
    let bench = try await GatewayBench.start(upstream: upstream)
    let key = try await bench.open().key.secret
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    try await client.send(
      GatewayBench.request(key: key, body: GatewayBench.chat("a"))
        + GatewayBench.request(key: key, body: GatewayBench.chat("b")))
    try await client.closeOutput()
    await upstream.received(1)
    gate.set()
    let text = await client.untilClosed()
    #expect(text.contains("first") && text.contains("second"))
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis) == [.usage, .usage])
    await bench.stop()
  }

  @Test func `a client that is gone altogether is noticed although it looks the same at first`() async throws {
    let never = Signal()
    let upstream = ScriptedUpstream { _, _ in .after(never, GatewayBench.answer("late")) }
    let bench = try await GatewayBench.start(upstream: upstream)
    let key = try await bench.open().key.secret
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    try await client.send(GatewayBench.request(key: key, body: GatewayBench.chat("a")))
    await upstream.received(1)
    await client.close()
    while bench.gateway.abandonedCalls == 0 { await Task.yield() }
    never.set()
    while try await bench.store.charges(ChargeQuery()).isEmpty { await Task.yield() }
    await bench.stop()
  }

  @Test func `a body that is cut off by its sender is refused and not made`() async throws {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok") }
    let bench = try await GatewayBench.start(upstream: upstream)
    let key = try await bench.open().key.secret
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    let request = GatewayBench.request(key: key, body: GatewayBench.chat("a"))
    try await client.send(String(request.dropLast(5)))
    try await client.closeOutput()
    let reply = Reply(await client.untilClosed())
    #expect(reply?.status == 400)
    #expect(reply?.fields["x-naos-code"] == "NX-GWY-040")
    #expect(upstream.requests.isEmpty)
    await bench.stop()
  }

  @Test func `the limit of connections leaves files for the rest of the node`() {
    for (files, expected) in [(1024, 192), (256, 48), (20_000, 4096), (16, 3), (1, 1)] {
      var limits = GatewayLimits()
      limits.fit(openFiles: files)
      #expect(limits.connections == expected)
      #expect(limits.connections * 2 <= max(2, files))
    }
  }
}
