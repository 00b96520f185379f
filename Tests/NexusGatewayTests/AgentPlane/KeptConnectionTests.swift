// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

/// Connections to a provider that are kept for the next call, and closed by the other end meanwhile.
@Suite(.timeLimit(.minutes(1)))
struct KeptConnectionTests {
  private static let limits = {
    var limits = GatewayLimits()
    limits.idleUpstreamTimeout = .seconds(50)
    return limits
  }()

  @Test func `a call that meets a connection closed before it is made once, on a new one`() async throws {
    let upstream = ScriptedUpstream { number, _ in GatewayBench.answer("answer \(number)") }
    let store = GatedStore(InMemoryStore())
    let bench = try await GatewayBench.start(store: store, limits: Self.limits, threads: 1, upstream: upstream)
    let access = try await bench.open()
    #expect(try await bench.call(key: access.key, body: GatewayBench.chat("a")).status == 200)
    // The event loop is held here, so that it cannot see the end of the connection before it sends on it.
    store.whenHolding { upstream.hangUp() }
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("b"))
    #expect(reply.status == 200)
    #expect(reply.body == GatewayBench.completion("answer 1"))
    #expect(upstream.connections == 2)
    #expect(upstream.requests.count == 2, "no provider has seen the first copy")
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis) == [.usage, .usage])
    #expect(try await bench.store.openHolds().isEmpty)
    await bench.stop()
  }

  @Test func `a call that the provider took before it closed is not made again, and keeps its hold`() async throws {
    let upstream = ScriptedUpstream { number, _ in number == 1 ? .close : GatewayBench.answer("ok") }
    let bench = try await GatewayBench.start(limits: Self.limits, threads: 1, upstream: upstream)
    let access = try await bench.open()
    #expect(try await bench.call(key: access.key, body: GatewayBench.chat("a")).status == 200)
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("b"))
    #expect(reply.status == 502)
    #expect(reply.fields["x-naos-code"] == "NX-GWY-010")
    #expect(upstream.connections == 1)
    #expect(upstream.requests.count == 2)
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis).contains(.hold))
    await bench.stop()
  }

  @Test func `a connection that is torn down is no proof that its call was not taken`() async throws {
    let upstream = ScriptedUpstream { number, _ in number == 1 ? .reset : GatewayBench.answer("ok") }
    let bench = try await GatewayBench.start(limits: Self.limits, threads: 1, upstream: upstream)
    let access = try await bench.open()
    #expect(try await bench.call(key: access.key, body: GatewayBench.chat("a")).status == 200)
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("b"))
    #expect(reply.status == 502)
    #expect(upstream.requests.count == 2)
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis).contains(.hold))
    await bench.stop()
  }

  @Test func `a provider that moved is an error that names itself, and nobody goes after it`() async throws {
    let upstream = ScriptedUpstream { number, _ in
      number == 0
        ? .answer(status: 302, fields: [("location", "http://127.0.0.1:1/")], body: "moved") : GatewayBench.answer("ok")
    }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("a"))
    #expect(reply.status == 502)
    #expect(reply.fields["x-naos-code"] == "NX-GWY-046")
    #expect(reply.fields["x-should-retry"] == "false")
    #expect(reply.fields["location"] == nil)
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis) == [.released])
    await bench.stop()
  }

  @Test func `an answer in a transfer coding that nobody asked for is a broken one`() async throws {
    let raw =
      "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\n\u{1f}\u{8}\r\n0\r\n\r\n"
    let bench = try await GatewayBench.start(upstream: ScriptedUpstream { _, _ in .raw(raw) })
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("a"))
    #expect(reply.status == 502)
    #expect(reply.fields["x-naos-code"] == "NX-GWY-010")
    #expect(try await bench.store.charges(ChargeQuery()).map(\.basis) == [.hold])
    await bench.stop()
  }

  @Test func `answers together beyond the limit fail and are charged, and room comes back`() async throws {
    var limits = GatewayLimits()
    limits.bufferedResponseBytes = 100_000
    let gate = Signal()
    let half = String(repeating: "a", count: 70_000)
    let upstream = ScriptedUpstream { number, _ in
      number == 0
        ? .first(type: "application/json", ["{\"x\":\"" + half], then: gate, ["\"}"])
        : .answer(status: 200, fields: [("content-type", "application/json")], body: "{\"x\":\"\(half)\"}")
    }
    let bench = try await GatewayBench.start(limits: limits, upstream: upstream)
    let access = try await bench.open()
    let slow = try await AgentClient.connect(bench.gateway.boundPort)
    try await slow.send(GatewayBench.request(key: access.key.secret, body: GatewayBench.chat("1")))
    await upstream.received(1)
    // The second fits only as long as none of the first is there.
    var second = try await bench.call(key: access.key, body: GatewayBench.chat("2"))
    var round = 0
    while second.status == 200 {
      round += 1
      second = try await bench.call(key: access.key, body: GatewayBench.chat("2 \(round)"))
    }
    #expect(second.status == 503)
    #expect(second.fields["x-naos-code"] == "NX-GWY-045")
    #expect(second.fields["x-should-retry"] == "false")
    gate.set()
    await slow.wait { text, _ in Reply(text) != nil }
    #expect(Reply(slow.received)?.status == 200)
    await slow.close()
    for round in 0..<4 {
      var status = 503
      while status == 503 {
        status = try await bench.call(key: access.key, body: GatewayBench.chat("3 \(round)")).status
      }
      #expect(status == 200)
    }
    #expect(try await bench.store.charges(ChargeQuery()).allSatisfy { $0.basis == .hold })
    await bench.stop()
  }
}
