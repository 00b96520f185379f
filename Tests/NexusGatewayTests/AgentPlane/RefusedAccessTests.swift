// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusGateway
import Synchronization
import Testing

/// Requests that nobody lets in are told of.
@Suite(.timeLimit(.minutes(1)))
struct RefusedAccessTests {
  private final class Told: Sendable {
    let all = Mutex([RefusedAccess]())
    func take(_ refused: RefusedAccess) { all.withLock { $0.append(refused) } }
  }

  /// A socket that listens at a free port of the loopback.
  private static func listening() throws -> (socket: Int32, port: Int) {
    let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = unsafe withUnsafeMutablePointer(to: &place) { place in
      unsafe place.withMemoryRebound(to: sockaddr.self, capacity: 1) { place in
        unsafe bind(number, place, size) == 0 && listen(number, 8) == 0 && getsockname(number, place, &size) == 0
      }
    }
    try #require(bound)
    return (number, Int(in_port_t(bigEndian: place.sin_port)))
  }

  private static func ask(_ port: Int, _ path: String, key: String, host: String = "127.0.0.1") async throws -> Int? {
    let client = try await AgentClient.connect(port)
    try await client.send("GET \(path) HTTP/1.1\r\nHost: \(host)\r\nAuthorization: Bearer \(key)\r\n\r\n")
    await client.wait { text, _ in Reply(text) != nil }
    await client.close()
    return Reply(client.received)?.status
  }

  @Test func `a wrong key is told of, with the sandbox that it comes from`() async throws {
    let told = Told()
    let bench = try await GatewayBench.start(
      refusals: { told.take($0) }, upstream: ScriptedUpstream { _, _ in GatewayBench.answer("ok") })
    let key = try await bench.open().key
    let caller = Caller(agent: AgentName("guesser"), run: GatewayBench.run, step: .main, attempt: AttemptNumber(1))
    let door = try Self.listening()
    let doors = await bench.gateway.open(
      Enclosure(doors: [Enclosure.Door(place: "127.0.0.1:\(door.port)", destination: .plane)], holder: caller),
      sockets: [door.socket])
    #expect(try await Self.ask(door.port, "/v1/models", key: key.secret) == 200)
    #expect(told.all.withLock { $0.isEmpty })
    #expect(try await Self.ask(door.port, "/v1/models?key=guess", key: "naos_guess") == 401)
    #expect(try await Self.ask(bench.gateway.boundPort, "/agent/v1/log", key: "naos_guess") == 401)
    #expect(try await Self.ask(door.port, "/v1/models", key: key.secret, host: "elsewhere.test") == 403)
    let all = told.all.withLock { $0 }
    #expect(all.map(\.subject) == ["GET /v1/models", "GET /agent/v1/log", "GET /v1/models"])
    #expect(all.map { $0.sandbox?.agent.text } == ["guesser", nil, "guesser"])
    #expect(all.map(\.code) == ["NX-GWY-002", "NX-GWY-002", "NX-GWY-014"])
    doors.close()
    await bench.stop()
  }
}
