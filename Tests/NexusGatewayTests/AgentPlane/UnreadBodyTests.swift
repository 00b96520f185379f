// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import Testing

@Suite(.timeLimit(.minutes(1)))
struct UnreadBodyTests {
  /// A request whose body is announced and never sent.
  private static func head(_ fields: String..., target: String = "/v1/chat/completions") -> String {
    (["POST \(target) HTTP/1.1", "Content-Length: 1000000"] + fields + ["", ""]).joined(separator: "\r\n")
  }

  @Test func `who has no key or comes by a foreign name is sent away before the body is read`() async throws {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok") }
    let bench = try await GatewayBench.start(upstream: upstream)
    let key = try await bench.open().key.secret
    let cases = [
      (Self.head("Host: localhost"), 401), (Self.head("Host: localhost", "x-api-key: nk_guess"), 401),
      (Self.head("Host: localhost", "Expect: 100-continue"), 401),
      (Self.head("Host: evil.example", "x-api-key: \(key)"), 403),
      (Self.head("Host: localhost", "Origin: https://evil.example", "x-api-key: \(key)"), 403),
      (Self.head("Host: localhost", "x-api-key: \(key)", target: "http://evil.example/v1/chat/completions"), 403),
      (Self.head("Host: localhost", "x-api-key: \(key)", target: "https://localhost/v1/chat/completions"), 403),
      (Self.head("Host: localhost", target: "http://localhost/v1/chat/completions"), 401),
    ]
    for (request, status) in cases {
      let client = try await AgentClient.connect(bench.gateway.boundPort)
      try await client.send(request)
      let reply = Reply(await client.untilClosed())
      #expect(reply?.status == status)
      #expect(reply?.fields["connection"] == "close")
    }
    await bench.stop()
  }

  @Test func `bodies together beyond the limit are refused until there is room again`() async throws {
    var limits = GatewayLimits()
    limits.bufferedBodyBytes = 100_000
    let gate = Signal()
    let upstream = ScriptedUpstream { number, _ in
      number == 0 ? .after(gate, GatewayBench.answer("ok")) : GatewayBench.answer("ok")
    }
    let bench = try await GatewayBench.start(limits: limits, upstream: upstream)
    let access = try await bench.open()
    let long = String(repeating: "a", count: 70_000)
    async let first = bench.call(key: access.key, body: GatewayBench.chat("1" + long))
    await upstream.received(1)
    let second = try await bench.call(key: access.key, body: GatewayBench.chat("2" + long))
    #expect(second.status == 503)
    #expect(second.fields["x-naos-code"] == "NX-GWY-019")
    #expect(try await bench.call(key: access.key, body: GatewayBench.chat("small")).status == 200)
    gate.set()
    #expect(try await first.status == 200)
    // Room comes back with the end of a call, whoever ended it, and each on its own.
    for round in 0..<4 {
      var status = 503
      while status == 503 {
        status = try await bench.call(key: access.key, body: GatewayBench.chat("\(round)again" + long)).status
      }
      #expect(status == 200)
    }
    await bench.stop()
  }
}
