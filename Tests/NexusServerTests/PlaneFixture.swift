// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Logging
import NexusAPI
import NexusCore
import NexusServer
import Synchronization
import Testing

/// An operator plane without sockets, over a fake node and a clock that the test moves.
struct PlaneFixture {
  static let token = "naos_0123456789abcdef0123456789abcdef"
  static let named = "naos_ann_0123456789abcdef0123456789"
  static let ann = OperatorIdentity(name: "ann", role: "ops")
  static let scoped = "naos_sam_0123456789abcdef0123456789"
  /// Sees `alpha` alone.
  static let sam = OperatorIdentity(name: "sam", role: "viewer", scope: ["alpha"])
  /// SHA-256 of `scoped`.
  private static let scopedDigest = "7029378e466006b4594540423f55c0e82f98e5d9ba90f76a446720b7078ae95c"
  /// SHA-256 of `named`.
  private static let digest = "25551a8a03a6b08b0f01dcc0bd229307d6c79d7e05162e317ee59a58a1087820"

  /// Whether the named token was revoked.
  final class Revoked: Sendable {
    private let isRevoked = Mutex(false)
    func withLock(_ body: (inout Bool) -> Void) { isRevoked.withLock { body(&$0) } }
    var value: Bool { isRevoked.withLock { $0 } }
  }

  let revoked = Revoked()
  let meter = NodeMeter()
  let node: FakeNode
  let clock: FakeClock
  let sessions: LoginSessions
  let hub: StreamHub
  let plane: OperatorPlane
  let table: RouteTable

  init(
    agents: [AgentStatus] = [], sessionFile: String? = nil, clock: FakeClock = FakeClock(),
    audit: (any AuditTrail)? = nil
  ) {
    self.clock = clock
    node = FakeNode(agents: agents)
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    sessions = LoginSessions(
      clock: clock, random: FakeRandom(), file: sessionFile.map { SessionFile(path: $0, logger: logger) })
    hub = StreamHub(operations: node, clock: clock, boot: BootID("boot_1"), logger: logger)
    plane = OperatorPlane(
      operations: node, audit: audit, meter: meter, clock: clock, version: "0.1.0",
      credentials: Credentials(token: Self.token, sessions: sessions) { [revoked] in
        guard !revoked.value else { return nil }
        return $0 == Self.digest ? Self.ann : $0 == Self.scopedDigest ? Self.sam : nil
      }, hub: hub, assets: DashboardAssets(), logger: logger)
    table = plane.table
  }

  func ask(
    _ method: String = "GET", _ path: String, query: [String: String] = [:], headers: [String: String] = [:],
    host: String? = "localhost:4200", token: String? = PlaneFixture.token, body: String = ""
  ) async -> OperatorReply {
    var all = headers
    if let host { all["host"] = host }
    if let token { all["authorization"] = "Bearer \(token)" }
    let request = OperatorRequest(method: method, path: path, query: query, headers: all)
    return await plane.answer(request, table: table) { limit throws(OperationError) in
      guard body.utf8.count <= limit else { throw .tooLarge("At most \(limit) bytes.") }
      return Array(body.utf8)
    }
  }

  /// Logs in like the page does; gives the headers of both secrets.
  func login() async throws -> (cookie: [String: String], both: [String: String]) {
    try await login(with: sessions.issueCode())
  }

  func login(with code: String) async throws -> (cookie: [String: String], both: [String: String]) {
    let reply = await ask("POST", "/login", token: nil, body: "{\"code\":\"\(code)\"}")
    let secret = try #require(reply.json["session"]?.stringValue)
    let set = try #require(reply.headers.first { $0.name == "set-cookie" }?.value)
    let cookie = ["cookie": String(set.prefix { $0 != ";" })]
    return (cookie, cookie.merging(["x-naos-session": secret]) { $1 })
  }
}

extension OperatorReply {
  var bytes: [UInt8] {
    if case .bytes(let bytes) = body { return bytes }
    return []
  }
  var text: String { String(decoding: bytes, as: UTF8.self) }

  var json: JSONValue { (try? JSONValue(parsing: text)) ?? .null }
  var code: String? { json["code"]?.stringValue }
}
