// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
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

  @Test func `where all have shown a key a new connection is closed at once`() async throws {
    var limits = GatewayLimits()
    limits.connections = 2
    let bench = try await GatewayBench.start(
      limits: limits, upstream: ScriptedUpstream { _, _ in GatewayBench.answer("ok") })
    let key = try await bench.open().key
    var agents: [AgentClient] = []
    for number in 0..<2 {
      let agent = try await AgentClient.connect(bench.gateway.boundPort)
      try await agent.send(GatewayBench.request(key: key.secret, body: GatewayBench.chat("\(number)")))
      await agent.wait { text, _ in Reply(text) != nil }
      agents.append(agent)
    }
    let late = try await AgentClient.connect(bench.gateway.boundPort)
    #expect(await late.untilClosed().isEmpty)
    #expect(!agents[0].isClosed && !agents[1].isClosed)
    await agents[0].close()
    // Its place is free as soon as the node has seen it go.
    var status = 0
    while status != 200 { status = (try? await bench.call(key: key, body: GatewayBench.chat("more")).status) ?? 0 }
    await agents[1].close()
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
