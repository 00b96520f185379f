// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAPI
import NexusCore
import NexusServer
import Synchronization
import Testing

/// A session is as good as the token that opened it, for as long as that is good.
@Suite struct NamedSessionTests {
  private static func login(_ fixture: PlaneFixture) async throws -> (cookie: [String: String], both: [String: String])
  {
    let made = await fixture.ask("POST", "/api/v1/login-codes", token: PlaneFixture.named)
    #expect(made.status == 201)
    return try await fixture.login(with: try #require(made.json["code"]?.stringValue))
  }

  @Test func `a session of a named token reads, decides, logs out, and nothing else`() async throws {
    let fixture = PlaneFixture()
    let (cookie, both) = try await Self.login(fixture)
    #expect(await fixture.ask("GET", "/", headers: cookie, token: nil).status == 200)
    #expect(await fixture.ask("GET", "/api/v1/status", headers: both, token: nil).status == 200)
    let who = await fixture.ask("GET", "/api/v1/session", headers: both, token: nil).json
    #expect(who == ["name": "ann", "role": "ops", "isOwner": false])
    for route in fixture.table.routes where route.access == .api && route.method != "GET" {
      let reply = await fixture.ask(route.method, route.path, headers: both, token: nil)
      #expect(reply.status == 403 && reply.code == "NX-API-030", "\(route.method) \(route.path)")
    }
    // A session makes no sessions and no tokens, whoever's it is.
    for path in ["/api/v1/login-codes", "/api/v1/tokens"] {
      #expect(await fixture.ask("POST", path, headers: both, token: nil, body: "{}").status == 401)
    }
    let body = #"{"digest": "d", "reason": "fine"}"#
    #expect(
      await fixture.ask("POST", "/api/v1/approvals/apr_1/approve", headers: both, token: nil, body: body).status == 200)
    #expect(fixture.node.state.withLock { $0.decisions.map(\.2) } == [PlaneFixture.ann])
    #expect(await fixture.ask("POST", "/api/v1/logout", headers: both, token: nil).status == 204)
    #expect(await fixture.ask("GET", "/api/v1/status", headers: both, token: nil).status == 401)
  }

  @Test func `the owner's session is the owner's`() async throws {
    let fixture = PlaneFixture()
    let (_, both) = try await fixture.login()
    let who = await fixture.ask("GET", "/api/v1/session", headers: both, token: nil).json
    #expect(who == ["name": "owner", "role": "owner", "isOwner": true])
    #expect(await fixture.ask("POST", "/api/v1/agents/a/start", headers: both, token: nil).status != 403)
  }

  @Test func `a revoked token ends its sessions, also with the next node, and theirs alone`() async throws {
    let folder = "/tmp/naos-test-\(SystemRandom().next())"
    try Files.makeDirectory(folder)
    defer { try? Files.removeTree(folder) }
    let fixture = PlaneFixture(sessionFile: folder + "/sessions")
    let (page, named) = try await Self.login(fixture)
    let (_, owner) = try await fixture.login()
    let next = PlaneFixture(sessionFile: folder + "/sessions")
    let who = await next.ask("GET", "/api/v1/session", headers: named, token: nil).json
    #expect(who["name"] == "ann")
    next.revoked.withLock { $0 = true }
    #expect(await next.ask("GET", "/api/v1/status", headers: named, token: nil).status == 401)
    #expect(await next.ask("GET", "/", headers: page, token: nil).status == 303)
    #expect(await next.ask("GET", "/api/v1/status", headers: owner, token: nil).status == 200)
  }

  @Test func `what a file of sessions does not say as it should is no session of the owner`() async throws {
    let folder = "/tmp/naos-test-\(SystemRandom().next())"
    try Files.makeDirectory(folder)
    defer { try? Files.removeTree(folder) }
    let path = folder + "/sessions"
    let fixture = PlaneFixture(sessionFile: path)
    let (_, named) = try await Self.login(fixture)
    let written = String(decoding: try Files.read(path, limit: 1 << 16), as: UTF8.self)
    #expect(written.contains("\"version\":2"))
    let broken = written.replacing("\"token\":\"", with: "\"token\":\"x")
    #expect(broken != written)
    try Files.write(Array(broken.utf8), to: path)
    let next = PlaneFixture(sessionFile: path)
    #expect(await next.ask("GET", "/api/v1/status", headers: named, token: nil).status == 401)
    // A version to come may hold more than is understood.
    try Files.write(Array(written.replacing("\"version\":2", with: "\"version\":3").utf8), to: path)
    let older = PlaneFixture(sessionFile: path)
    #expect(await older.ask("GET", "/api/v1/status", headers: named, token: nil).status == 401)
  }

  @Test func `a session of before there were others is the owner's`() async throws {
    let folder = "/tmp/naos-test-\(SystemRandom().next())"
    try Files.makeDirectory(folder)
    defer { try? Files.removeTree(folder) }
    let path = folder + "/sessions"
    let fixture = PlaneFixture(sessionFile: path)
    let (_, both) = try await fixture.login()
    let written = String(decoding: try Files.read(path, limit: 1 << 16), as: UTF8.self)
    try Files.write(Array(written.replacing("\"version\":2", with: "\"version\":1").utf8), to: path)
    let next = PlaneFixture(sessionFile: path)
    #expect(await next.ask("GET", "/api/v1/session", headers: both, token: nil).json["isOwner"] == true)
  }

  @Test(.timeLimit(.minutes(1))) func `an open stream ends with what opened it`() async throws {
    let fixture = PlaneFixture()
    let (_, named) = try await Self.login(fixture)
    let reply = await fixture.ask("GET", "/api/v1/stream", headers: named, token: nil)
    guard case .frames(let open) = reply.body else { throw FixtureError.noStream }
    let stream = try await open(StreamConnection {})
    #expect(await stream.next() != nil)
    stream.written()
    for _ in 0..<8 { await fixture.hub.tick() }
    #expect(await fixture.hub.count == 1)
    fixture.revoked.withLock { $0 = true }
    for _ in 0..<8 { await fixture.hub.tick() }
    #expect(await fixture.hub.count == 0)
    #expect(await stream.next() == nil)
  }
}

enum FixtureError: Error { case noStream }
