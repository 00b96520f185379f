// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusEgress
import Testing

/// Connections that are told of before they end.
@Suite(.timeLimit(.minutes(2)))
struct LongFlowTests {
  private static func upload(_ count: Int, in gate: GateFixture, _ body: (Plug, Plug) async throws -> Void) async throws
  {
    let agent = try gate.agent()
    agent.send(
      "POST / HTTP/1.1\r\nHost: example.test:\(gate.upstream.port)\r\nContent-Length: \(count)\r\n\r\n")
    let host = try gate.upstream.accepted()
    let piece = [UInt8](repeating: 0x78, count: 1 << 16)
    var (sent, got) = (0, 0)
    while sent < count {
      agent.send(Array(piece.prefix(count - sent)))
      sent += min(piece.count, count - sent)
      while got < sent, let some = host.receive(), !some.isEmpty { got += some.count }
    }
    try await body(agent, host)
  }

  @Test func `a large upload is told of while it lasts, and once more at its end`() async throws {
    try await GateFixture.with { gate in
      try await Self.upload(3 << 20, in: gate) { agent, host in
        // The connection is open, and stays so.
        let open = try await gate.told.nextFlow()
        #expect(open.end == EgressFlow.open && open.hasReached && open.requests == 1)
        #expect(((1 << 20)..<(1 << 21)).contains(open.sent))
        host.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(agent.receive()?.isEmpty == false)
        agent.endOutput()
        host.endOutput()
        let whole = try await gate.told.nextFlow()
        #expect(whole.end == "closed" && whole.sent > 3 << 20)
      }
    }
  }

  @Test func `a small one is told of once, and says whether it reached the host`() async throws {
    try await GateFixture.with { gate in
      let agent = try gate.agent()
      agent.send("GET / HTTP/1.1\r\nHost: elsewhere.test\r\n\r\n")
      _ = agent.receiveAll()
      let refused = try await gate.told.nextFlow()
      #expect(refused.end == "denied" && !refused.hasReached)
      let second = try gate.agent()
      second.send(gate.request)
      let host = try gate.upstream.accepted()
      #expect(host.receive(gate.request))
      // Behind a request that went to the host, a refused one is no less an upload.
      second.send("GET / HTTP/1.1\r\nHost: elsewhere.test\r\n\r\n")
      host.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
      _ = second.receiveAll()
      let passed = try await gate.told.nextFlow()
      #expect(passed.end == "denied" && passed.hasReached)
    }
  }
}
