// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

@Suite(.timeLimit(.minutes(1)))
struct HostileUpstreamTests {
  private static let stream = GatewayBench.chat("q", more: ",\"stream\":true")

  @Test func `a provider that goes on after the last event of its stream loses the connection`() async throws {
    let gate = Signal()
    let upstream = ScriptedUpstream { _, _ in
      .first(
        type: StreamTests.type, [StreamTests.chunk("a"), StreamTests.usage, StreamTests.done], then: gate,
        [StreamTests.chunk("more")])
    }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: Self.stream)
    #expect(reply.body.hasSuffix(StreamTests.done))
    gate.set()
    await upstream.closed(1)
    await bench.stop()
  }

  @Test func `a provider that never ends the response behind the last event loses the connection`() async throws {
    var limits = GatewayLimits()
    limits.streamEndTimeout = .milliseconds(50)
    let never = Signal()
    let upstream = ScriptedUpstream { _, _ in
      .first(
        type: StreamTests.type, [StreamTests.chunk("a"), StreamTests.usage, StreamTests.done], then: never, [])
    }
    let bench = try await GatewayBench.start(limits: limits, upstream: upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: Self.stream)
    #expect(reply.body.hasSuffix(StreamTests.done))
    await upstream.closed(1)
    never.set()
    await bench.stop()
  }

  @Test(arguments: [
    "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "HTTP/1.1 999 Beyond\r\ncontent-length: 2\r\n\r\n{}", "HTTP/1.1 600 Beyond\r\ncontent-length: 2\r\n\r\n{}",
  ])
  func `a status that is none is a broken answer, and its connection is not used again`(raw: String) async throws {
    let upstream = ScriptedUpstream { number, _ in number == 0 ? .raw(raw) : GatewayBench.answer("ok") }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("a"))
    #expect(reply.status == 502)
    #expect(reply.fields["x-naos-code"] == "NX-GWY-010")
    await upstream.closed(1)
    #expect(try await bench.call(key: access.key, body: GatewayBench.chat("b")).status == 200)
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis).contains(.hold))
    await bench.stop()
  }

  @Test(arguments: [(200, "gzip", ChargeRow.Basis.hold), (429, "br", .released), (200, "identity, gzip", .hold)])
  func `an encoded answer that nobody asked for is a broken answer`(status: Int, coding: String, basis: ChargeRow.Basis)
    async throws
  {
    let upstream = ScriptedUpstream { _, _ in
      .answer(
        status: status, fields: [("content-type", "application/json"), ("content-encoding", coding)],
        body: "\u{1f}\u{8}")
    }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("a"))
    #expect(reply.status == 502)
    #expect(reply.fields["x-naos-code"] == "NX-GWY-010")
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis) == [basis])
    await upstream.closed(1)
    await bench.stop()
  }

  @Test func `a provider cannot speak in the name of the node`() async throws {
    let upstream = ScriptedUpstream { _, _ in
      .answer(status: 400, fields: [("x-naos-code", "NX-BUD-001"), ("X-Naos-Replayed", "true")], body: "{}")
    }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("a"))
    #expect(reply.status == 400)
    let effect = try #require(try await bench.store.effects(of: GatewayBench.run).first)
    let outcome = try #require(try await bench.store.outcome(of: effect.record.id))
    for name in ["x-naos-code", "x-naos-replayed"] {
      #expect(reply.fields[name] == nil)
      #expect(!outcome.headers.contains { $0.name.lowercased() == name })
    }
    await bench.stop()
  }

  @Test func `the word identity for the coding of an answer changes nothing`() async throws {
    let upstream = ScriptedUpstream { _, _ in
      .answer(status: 200, fields: [("content-encoding", "Identity")], body: GatewayBench.completion("ok"))
    }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    #expect(try await bench.call(key: access.key, body: GatewayBench.chat("a")).status == 200)
    await bench.stop()
  }

  @Test func `a call that is given up while its connection opens is never sent and costs nothing`() async throws {
    var limits = GatewayLimits()
    limits.concurrentDrains = 0
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok") }
    try await upstream.start(accepting: false)
    let bench = try await GatewayBench.start(limits: limits, upstream: upstream)
    let access = try await bench.open()
    var fillers: [AgentClient] = []
    for _ in 0..<2 { fillers.append(try await AgentClient.connect(upstream.port)) }
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    try await client.send(GatewayBench.request(key: access.key.secret, body: GatewayBench.chat("a")))
    while !bench.events.phases.contains(.started) { await Task.yield() }
    await client.close()
    while try await bench.store.charges(ChargeQuery()).isEmpty { await Task.yield() }
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis) == [.released])
    try await upstream.accept()
    await upstream.connected(3)
    for filler in fillers { await filler.close() }
    await bench.gateway.shutdown()
    await upstream.closed(3)
    #expect(upstream.requests.isEmpty)
    await upstream.stop()
  }
}
