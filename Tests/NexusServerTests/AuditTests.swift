// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAPI
import NexusCore
import NexusServer
import Synchronization
import Testing

/// What the operator plane writes into the audit log, and when.
@Suite struct AuditTests {
  /// A log that keeps what it was told, or takes nothing.
  private final class Trail: AuditTrail {
    private let kept = Mutex<[AuditRecord]>([])
    private let takes: Bool

    init(takes: Bool = true) { self.takes = takes }

    func record(_ record: AuditRecord) async throws(AuditRefusal) {
      guard takes else { throw AuditRefusal(code: "NX-STO-004", message: "the disk is full") }
      kept.withLock { $0.append(record) }
    }
    func note(_ record: AuditRecord) { kept.withLock { $0.append(record) } }
    func payload(_ bytes: [UInt8]) -> AuditPayload? { AuditPayload(bytes, salt: [1]) }
    func reference() -> String { "boot-1" }

    var records: [AuditRecord] { kept.withLock { $0 } }
    var events: [String] { records.map { "\($0.event.rawValue) \($0.outcome ?? "-")" } }
  }

  @Test func `what changes something stands there before and after, and what only looks does not`() async throws {
    let trail = Trail()
    let fixture = PlaneFixture(audit: trail)
    for path in ["/api/v1/status", "/api/v1/runs", "/healthz"] { _ = await fixture.ask("GET", path) }
    #expect(trail.records == [])
    let reply = await fixture.ask("POST", "/api/v1/runs/run_1/kill", body: "{}")
    #expect(reply.status == 200, "\(reply.text)")
    #expect(trail.events == ["operator.request -", "operator.outcome done"])
    let request = try #require(trail.records.first)
    #expect(request.run == RunID("run_1") && request.subject == "POST /api/v1/runs/{id}/kill")
    #expect(request.actor == AuditActor("owner", .operator, .token))
    #expect(request.payload?.bytes == Array("{}".utf8))
    #expect(trail.records.last?.details["request"] == "boot-1" && trail.records.last?.payload == nil)
  }

  @Test func `where the log takes nothing, nothing is done`() async throws {
    let fixture = PlaneFixture(audit: Trail(takes: false))
    let reply = await fixture.ask("POST", "/api/v1/runs", body: "{\"name\":\"writer\"}")
    #expect(reply.status == 500 && reply.code == "NX-STO-004")
    #expect(fixture.node.state.withLock { $0.started.isEmpty })
    #expect(await fixture.ask("GET", "/api/v1/status").status == 200)
    // What makes something stop is done all the same.
    #expect(await fixture.ask("POST", "/api/v1/runs/run_1/kill", body: "{}").status == 200)
  }

  @Test func `a session is known by the name of its token, and a refused request by nobody's`() async throws {
    let trail = Trail()
    let fixture = PlaneFixture(audit: trail)
    let session = try await fixture.login()
    #expect(trail.events == ["operator.request done"])
    #expect(trail.records.allSatisfy { $0.payload == nil })
    _ = await fixture.ask("POST", "/api/v1/logout", headers: session.both, token: nil)
    let logout = try #require(trail.records.dropFirst().first)
    #expect(logout.actor == AuditActor("owner", .operator, .session))
    // Which of several it was stands beside it.
    let first = logout.details["session"]?.stringValue
    let other = try await fixture.login()
    _ = await fixture.ask("POST", "/api/v1/logout", headers: other.both, token: nil)
    let second = trail.records.last { $0.event == .operatorRequest && $0.actor.authn == .session }?.details["session"]
    #expect(first?.count == 8 && second?.stringValue?.count == 8 && second?.stringValue != first)
    let count = trail.records.count
    _ = await fixture.ask("POST", "/api/v1/runs/run_1/kill", token: "naos_wrong")
    _ = await fixture.ask("GET", "/api/v1/status", host: "evil.example")
    _ = await fixture.ask("POST", "/login", token: nil, body: "{\"code\":\"wrong\"}")
    #expect(trail.records.dropFirst(count).map(\.event) == [.accessRefused, .accessRefused, .accessRefused])
    #expect(trail.records.dropFirst(count).map(\.code) == ["NX-API-002", "NX-API-003", "NX-API-008"])
  }

  @Test func `what starts a run is not kept twice`() async {
    let trail = Trail()
    let fixture = PlaneFixture(audit: trail)
    _ = await fixture.ask("POST", "/api/v1/runs", body: "{\"name\":\"writer\",\"input\":\"secret\"}")
    #expect(trail.records.first?.subject == "POST /api/v1/runs")
    #expect(trail.records.allSatisfy { $0.payload == nil })
  }
}
