// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusHTTP
import Testing

@Suite(.timeLimit(.minutes(1))) struct HTTPProbeTests {
  private func ask(_ server: RawServer, _ path: String = "/live", timeout: Duration = .seconds(20)) async throws -> Int
  {
    try await HTTPProbeClient().get(ProbeTarget(port: server.port, path: path), timeout: timeout)
  }

  private func failure(_ body: () async throws(ProbeError) -> Int) async -> String? {
    do {
      _ = try await body()
      return nil
    } catch {
      return error.message
    }
  }

  @Test func `a probe is one GET, and its answer the status`() async throws {
    try await RawServer.serving { request in
      request.method == "GET" && request.target == "/live?x=1" ? .body([1, 2, 3], status: 204) : .body([], status: 500)
    } _: { server in
      let status = try await ask(server, "/live?x=1")
      #expect(status == 204)
      #expect(server.requests.count == 1)
    }
  }

  @Test func `a redirect is an answer, and nobody follows it`() async throws {
    try await RawServer.serving { _ in
      .body([], status: 302, headers: [("location", "/elsewhere")])
    } _: { server in
      let status = try await ask(server)
      #expect(status == 302)
      #expect(server.requests.map(\.target) == ["/live"])
    }
  }

  @Test func `of a long body the beginning is enough`() async throws {
    let part = String(repeating: "x", count: 64 << 10)
    try await RawServer.serving { _ in
      // It promises a gigabyte, sends a little of it and stays silent.
      .bytes("HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n" + part)
    } _: { server in
      let status = try await ask(server)
      #expect(status == 200)
    }
  }

  @Test func `an answer that breaks off is none`() async throws {
    try await RawServer.serving { _ in
      .bytes("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", closes: true)
    } _: { server in
      let message = await failure { () async throws(ProbeError) in
        try await HTTPProbeClient().get(ProbeTarget(port: server.port), timeout: .seconds(20))
      }
      #expect(message?.contains("ended") == true)
    }
  }

  @Test func `silence ends with the timeout`() async throws {
    try await RawServer.serving { _ in
      .silence
    } _: { server in
      let message = await failure { () async throws(ProbeError) in
        try await HTTPProbeClient().get(ProbeTarget(port: server.port), timeout: .milliseconds(100))
      }
      #expect(message != nil)
    }
  }

  @Test func `nobody there is an error`() async {
    let message = await failure { () async throws(ProbeError) in
      try await HTTPProbeClient().get(ProbeTarget(port: 1), timeout: .seconds(20))
    }
    #expect(message != nil)
  }
}
