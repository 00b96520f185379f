// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import Logging
import NexusAPI
import NexusCore
import NexusHTTP
import NexusServer
import Testing

/// The listeners themselves, over real sockets.
@Suite struct SocketTests {
  private let node = FakeNode()
  private let client = HTTPClient()

  /// Listens on a free port and on a socket, does `body`, and takes the listeners down again.
  private func serving(
    socket: String? = nil, connections: Int = OperatorLimits.connections,
    _ body: @escaping @Sendable (_ port: Int) async throws -> Void
  ) async throws {
    var configuration = OperatorServer.Configuration(
      port: 0, socketPath: socket, token: PlaneFixture.token, version: "0.1.0", boot: BootID("boot_1"))
    configuration.connections = connections
    let server = OperatorServer(
      configuration: configuration,
      operations: node, clock: SystemClock(), random: SystemRandom(),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let (ports, bound) = AsyncStream.makeStream(of: Int.self, bufferingPolicy: .bufferingNewest(1))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run { port in bound.yield(port ?? 0) } }
      for await port in ports {
        try await body(port)
        break
      }
      group.cancelAll()
    }
  }

  private func get(
    _ target: String, _ endpoint: HTTPEndpoint,
    headers: HeaderFields = ["authorization": "Bearer \(PlaneFixture.token)"]
  ) async throws -> HTTPResponseMessage {
    try await client.execute(
      HTTPRequestMessage(endpoint: endpoint, target: target, headers: headers), timeout: .seconds(10))
  }

  @Test func `every answer carries the security headers`() async throws {
    try await serving { port in
      for target in ["/healthz", "/login", "/api/v1/status", "/nowhere"] {
        let answer = try await get(target, .tcp(host: "127.0.0.1", port: port))
        #expect(answer.headers["x-content-type-options"] == "nosniff")
        #expect(answer.headers["x-frame-options"] == "DENY")
        let policy = try #require(answer.headers["content-security-policy"])
        #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
        #expect(!policy.contains("unsafe"))
        #expect(answer.headers["access-control-allow-origin"] == nil)
      }
    }
  }

  @Test func `a forged Host is refused on the wire, and so are two Hosts`() async throws {
    try await serving { port in
      let endpoint = HTTPEndpoint.tcp(host: "127.0.0.1", port: port)
      let status1 = try await get("/healthz", endpoint, headers: ["host": "evil.example"]).status
      #expect(status1 == 403)
      var twice: HeaderFields = ["host": "localhost"]
      twice.append(name: "host", value: "evil.example")
      let status2 = try await get("/healthz", endpoint, headers: twice).status
      #expect(status2 == 400)
    }
  }

  @Test func `the unix socket needs the token, too, and its path may be long`() async throws {
    let folder = "/tmp/naos-test-\(SystemRandom().next())/" + String(repeating: "d", count: 120)
    try Files.makeDirectory(folder)
    let path = folder + "/node.sock"
    try await serving(socket: path) { _ in
      let status3 = try await get("/api/v1/status", .unix(path: path)).status
      #expect(status3 == 200)
      let status4 = try await get("/api/v1/status", .unix(path: path), headers: [:]).status
      #expect(status4 == 401)
    }
    #expect(!Files.exists(path))
  }

  @Test func `a stream begins with the snapshot and ends with the server`() async throws {
    try await serving { port in
      let request = HTTPRequestMessage(
        endpoint: .tcp(host: "127.0.0.1", port: port), target: "/api/v1/stream",
        headers: ["authorization": "Bearer \(PlaneFixture.token)"])
      let name = try await client.stream(request) { start, body in
        #expect(start.headers["content-type"] == "text/event-stream")
        var first: String?
        try await body.forEachEvent { event in
          first = event.name
          return false
        }
        return first
      }
      #expect(name == "snapshot")
    }
  }

  @Test func `a port that is taken is a coded error`() async throws {
    try await serving { port in
      let second = OperatorServer(
        configuration: OperatorServer.Configuration(
          port: port, token: PlaneFixture.token, version: "0.1.0", boot: BootID("boot_2")),
        operations: node, clock: SystemClock(), random: SystemRandom(),
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      let error = await #expect(throws: OperationError.self) { try await second.run { _ in } }
      #expect(error?.code == "NX-API-015")
    }
  }

  /// So many connections on which nothing is said.
  private func idle(_ count: Int, _ port: Int) throws -> [Int32] {
    try (0..<count).map { _ in
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = UInt16(port).bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      let result = unsafe withUnsafePointer(to: &address) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      try #require(result == 0)
      return descriptor
    }
  }

  @Test func `connections that show no key keep nobody out who has one, and take nobody's place`() async throws {
    try await serving(connections: 16) { port in
      let endpoint = HTTPEndpoint.tcp(host: "127.0.0.1", port: port)
      let before = try idle(16, port)
      defer { for descriptor in before { close(descriptor) } }
      let request = HTTPRequestMessage(
        endpoint: endpoint, target: "/api/v1/stream", headers: ["authorization": "Bearer \(PlaneFixture.token)"])
      try await client.stream(request) { start, body in
        #expect(start.status == 200)
        let after = try idle(40, port)
        defer { for descriptor in after { close(descriptor) } }
        let status = try await get("/api/v1/status", endpoint).status
        #expect(status == 200)
        // The stream is older than all that came later, and goes on.
        node.publish(.agent(AgentEvent(agent: AgentName("a"), state: "running")))
        var names: Set<String> = []
        try await body.forEachEvent { event in
          names.insert(event.name)
          return !names.contains("events")
        }
        #expect(names.contains("events"))
      }
    }
  }

  @Test func `a body over the limit is refused and the node goes on`() async throws {
    try await serving { port in
      let endpoint = HTTPEndpoint.tcp(host: "127.0.0.1", port: port)
      let large = HTTPRequestMessage(
        method: "POST", endpoint: endpoint, target: "/api/v1/agents/a/stop",
        headers: ["authorization": "Bearer \(PlaneFixture.token)"], body: [UInt8](repeating: 0x20, count: 1 << 20))
      let status5 = try await client.execute(large, timeout: .seconds(10)).status
      #expect(status5 == 413)
      let status6 = try await get("/healthz", endpoint).status
      #expect(status6 == 200)
    }
  }
}
