// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusEgress
import Testing

/// Connections that are still being made.
@Suite(.timeLimit(.minutes(2)))
struct ConnectingTests {
  /// How many sockets of the machine wait for an answer from this port of the loopback.
  private static func waiting(for port: Int) -> Int {
    let digits = String(port, radix: 16, uppercase: true)
    let place = " 0100007F:" + String(repeating: "0", count: 4 - digits.count) + digits + " 02 "
    guard let file = unsafe fopen("/proc/self/net/tcp", "r") else { return -1 }
    defer { unsafe fclose(file) }
    var count = 0
    var line = [CChar](repeating: 0, count: 512)
    while unsafe fgets(&line, 512, file) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if text.contains(place) { count += 1 }
    }
    return count
  }

  /// Looks until it is so; false after ten seconds.
  private static func becomes(_ isSo: () -> Bool) -> Bool {
    for _ in 0..<1000 {
      if isSo() { return true }
      poll(nil, 0, 10)
    }
    return false
  }

  @Test func `a connection that is still being made ends with the agent's side of it`() async throws {
    // With more callers than it takes, a host answers nobody.
    let host = try Plug.listening(queue: 0)
    var callers = [Plug.calling(host.port)]
    while callers.last?.isAnswered(within: 500) == true, callers.count < 16 { callers.append(Plug.calling(host.port)) }
    let before = Self.waiting(for: host.port)
    try #require(before > 0)
    try await GateFixture.with(.tcp, upstream: host) { gate in
      for _ in 0..<5 {
        let agent = try gate.agent()
        #expect(Self.becomes { Self.waiting(for: host.port) == before + 1 })
        agent.reset()
        // Its place is another's from here on, and so is its file.
        #expect(try await gate.told.nextFlow().end == "closed")
        #expect(Self.waiting(for: host.port) == before)
      }
    }
    #expect(!callers.isEmpty)
  }
}
