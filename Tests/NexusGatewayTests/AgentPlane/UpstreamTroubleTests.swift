// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NIOHTTP1
import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

/// Providers that cannot be trusted, or that fall silent: what the agent is told, and what it is charged.
@Suite(.timeLimit(.minutes(1)))
struct UpstreamTroubleTests {
  private static let secret = "sk-real-secret"

  /// One call to a provider under TLS.
  private func call(_ host: String, trusting roots: String?, _ upstream: ScriptedUpstream) async throws -> (
    reply: Reply, bases: [ChargeRow.Basis]
  ) {
    try await upstream.start(tls: SelfSigned.context())
    let provider = ProviderSpec(
      name: "acme", dialect: .openai, baseURL: "https://\(host):\(upstream.port)/v1", apiKey: SecretText(Self.secret))
    let bench = try await GatewayBench.start(providers: [provider], trustRoots: roots, upstream: upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("a"))
    let bases = try await bench.store.charges(ChargeQuery()).map(\.basis)
    await bench.stop()
    return (reply, bases)
  }

  private static func answering() -> ScriptedUpstream { ScriptedUpstream { _, _ in GatewayBench.answer("ok") } }

  @Test func `a provider whose certificate holds is asked, with its key`() async throws {
    let upstream = Self.answering()
    let (reply, bases) = try await SelfSigned.withRoots { try await call("localhost", trusting: $0, upstream) }
    #expect(reply.status == 200, "\(reply)")
    #expect(upstream.requests.map { $0.headers["authorization"] } == [["Bearer \(Self.secret)"]])
    #expect(bases == [.usage])
  }

  @Test func `a certificate that nobody signed is refused, and nothing is sent or charged`() async throws {
    let upstream = Self.answering()
    let (reply, bases) = try await call("localhost", trusting: nil, upstream)
    #expect(reply.status == 502)
    #expect(reply.fields["x-naos-code"] == "NX-GWY-008")
    #expect(reply.body.contains("signed by nobody who is trusted here"), "\(reply.body)")
    #expect(upstream.requests.isEmpty)
    #expect(bases == [.released])
  }

  @Test func `a certificate of another name is refused, and nothing is sent or charged`() async throws {
    let upstream = Self.answering()
    let (reply, bases) = try await SelfSigned.withRoots { try await call("127.0.0.1", trusting: $0, upstream) }
    #expect(reply.status == 502)
    #expect(reply.fields["x-naos-code"] == "NX-GWY-008")
    #expect(reply.body.contains("for another name"), "\(reply.body)")
    #expect(upstream.requests.isEmpty)
    #expect(bases == [.released])
  }

  /// What serves plain HTTP waits for a request line that TLS never sends.
  @Test func `a provider that never gets to TLS is given up in time, and nothing is charged`() async throws {
    var limits = GatewayLimits()
    limits.connectTimeout = .milliseconds(200)
    let upstream = Self.answering()
    try await upstream.start()
    let provider = ProviderSpec(name: "acme", dialect: .openai, baseURL: "https://127.0.0.1:\(upstream.port)/v1")
    let bench = try await GatewayBench.start(limits: limits, providers: [provider], upstream: upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("a", model: "acme/gpt-test"))
    #expect(reply.status == 502)
    #expect(reply.fields["x-naos-code"] == "NX-GWY-008")
    // It may hang up before the time is over.
    #expect(["come to terms about TLS", "within the time limit"].contains { reply.body.contains($0) }, "\(reply.body)")
    #expect(upstream.requests.isEmpty)
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis) == [.released])
    await bench.stop()
  }

  @Test func `a provider that takes no connection is given up in time, and nothing is charged`() async throws {
    var limits = GatewayLimits()
    limits.connectTimeout = .milliseconds(100)
    let upstream = Self.answering()
    try await upstream.start(accepting: false)
    let bench = try await GatewayBench.start(limits: limits, upstream: upstream)
    // What the system takes for a program that does not.
    var fillers: [AgentClient] = []
    for _ in 0..<2 { fillers.append(try await AgentClient.connect(upstream.port)) }
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("a"))
    #expect(reply.status == 502)
    #expect(reply.fields["x-naos-code"] == "NX-GWY-008")
    #expect(reply.body.contains("no connection within the time limit"), "\(reply.body)")
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis) == [.released])
    #expect(upstream.requests.isEmpty)
    for filler in fillers { await filler.close() }
    await bench.stop()
  }

  @Test func `a stream that falls silent in its middle ends in time, and is charged in full`() async throws {
    var limits = GatewayLimits()
    limits.responseIdleTimeout = .milliseconds(100)
    let never = Signal()
    let upstream = ScriptedUpstream { _, _ in
      .first(type: StreamTests.type, [StreamTests.chunk("half")], then: never, [])
    }
    let bench = try await GatewayBench.start(limits: limits, upstream: upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("q", more: ",\"stream\":true"))
    #expect(reply.status == 200)
    #expect(reply.body.contains("half") && !reply.body.contains(StreamTests.done), "\(reply.body)")
    #expect(reply.body.contains("NX-GWY-009") || reply.body.contains("did not answer in time"), "\(reply.body)")
    #expect(bench.signs.all == [.began, .ended])
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis) == [.hold])
    #expect(try await bench.store.effects(of: GatewayBench.run).map(\.record.state) == [.failed])
    await upstream.closed(1)
    never.set()
    await bench.stop()
  }

  @Test func `a stream gives signs of life from its first piece to its end, and a whole answer none`() async throws {
    let gate = Signal()
    let upstream = ScriptedUpstream { number, _ in
      number == 0
        ? .first(
          type: StreamTests.type, [StreamTests.chunk("half")], then: gate,
          [StreamTests.chunk("whole"), StreamTests.usage, StreamTests.done])
        : GatewayBench.answer("ok")
    }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    try await client.send(
      GatewayBench.request(key: access.key.secret, body: GatewayBench.chat("q", more: ",\"stream\":true")))
    await client.wait { text, _ in text.contains("half") }
    #expect(bench.signs.all == [.began])
    gate.set()
    await client.wait { text, _ in text.contains("[DONE]") }
    #expect(bench.signs.all.first == .began && bench.signs.all.last == .ended)
    #expect(bench.signs.all.dropFirst().dropLast().allSatisfy { $0 == .wentOn })
    let streamed = bench.signs.all.count
    #expect(try await bench.call(key: access.key, body: GatewayBench.chat("whole")).status == 200)
    #expect(bench.signs.all.count == streamed)
    await client.close()
    await bench.stop()
  }
}
