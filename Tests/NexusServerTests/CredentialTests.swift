// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAPI
import NexusCore
import NexusServer
import Synchronization
import Testing

/// Nothing but health checks and the login page opens without a credential, and a cookie alone opens no data.
@Suite struct CredentialTests {
  @Test func `every route but those that are open needs a credential`() async {
    let fixture = PlaneFixture()
    for route in fixture.table.routes where route.access != .open {
      let reply = await fixture.ask(route.method, route.path, token: nil)
      if route.access == .page, !route.path.contains(".") {
        // A page: a browser is led to the login.
        #expect(reply.status == 303, "\(route.path)")
        #expect(reply.text.isEmpty)
        continue
      }
      #expect(reply.status == 401, "\(route.method) \(route.path)")
      #expect(reply.code == "NX-API-002")
    }
    let open = Set(
      fixture.table.routes.filter { $0.access == .open }.map { route in
        // Without the hash that is in the name of a file.
        let end = route.path.lastIndex(of: ".").map { route.path[$0...] } ?? ""
        return "\(route.method) \(route.path.prefix { $0 != "-" && $0 != "." })\(end)"
      })
    let expected: Set = [
      "GET /healthz", "GET /readyz", "GET /login", "POST /login", "GET /login.js", "GET /style.css", "GET /favicon.svg",
    ]
    #expect(open == expected)
  }

  @Test(arguments: ["", "wrong", "naos_0123456789abcdef0123456789abcdee", PlaneFixture.token + "x"])
  func `a wrong token is refused`(token: String) async {
    #expect(await PlaneFixture().ask("GET", "/api/v1/status", token: token).status == 401)
  }

  @Test func `a named token reads and decides, and nothing else`() async {
    let fixture = PlaneFixture()
    for route in fixture.table.routes where route.access == .api || route.access == .token {
      guard route.access == .token || route.method != "GET" else { continue }
      let reply = await fixture.ask(route.method, route.path, token: PlaneFixture.named)
      #expect(reply.status == 403 && reply.code == "NX-API-030", "\(route.method) \(route.path)")
    }
    #expect(await fixture.ask("GET", "/api/v1/status", token: PlaneFixture.named).status == 200)
    let body = #"{"digest": "d", "reason": "fine"}"#
    #expect(
      await fixture.ask("POST", "/api/v1/approvals/apr_1/approve", token: PlaneFixture.named, body: body).status == 200)
    #expect(await fixture.ask("POST", "/api/v1/approvals/apr_1/deny", body: "{}").status == 200)
    #expect(await fixture.ask("POST", "/api/v1/approvals/apr_1/edit", body: "{}").status == 400)
    let decisions = fixture.node.state.withLock { $0.decisions }
    #expect(decisions.map(\.2) == [PlaneFixture.ann, .owner])
    #expect(decisions.first?.1 == ApprovalDecision(.approve, digest: "d", reason: "fine"))
  }

  @Test func `an unknown address says nothing to those without a credential`() async {
    let fixture = PlaneFixture()
    #expect(await fixture.ask("GET", "/api/v1/nothing", token: nil).status == 401)
    #expect(await fixture.ask("GET", "/api/v1/nothing").status == 404)
    #expect(await fixture.ask("PUT", "/api/v1/status").status == 405)
  }

  @Test func `a session opens data only with both of its secrets`() async throws {
    let fixture = PlaneFixture()
    let (cookie, both) = try await fixture.login()
    #expect(await fixture.ask("GET", "/", headers: cookie, token: nil).status == 200)
    #expect(await fixture.ask("GET", "/", headers: cookie, token: nil).status == 200)
    #expect(await fixture.ask("GET", "/api/v1/status", headers: cookie, token: nil).status == 401)
    #expect(await fixture.ask("GET", "/api/v1/stream", headers: cookie, token: nil).status == 401)
    #expect(await fixture.ask("GET", "/metrics", headers: cookie, token: nil).status == 401)
    #expect(await fixture.ask("GET", "/api/v1/status", headers: both, token: nil).status == 200)
    let secretAlone = both.filter { $0.key == "x-naos-session" }
    #expect(await fixture.ask("GET", "/api/v1/status", headers: secretAlone, token: nil).status == 401)
  }

  @Test func `the secrets of two sessions do not mix`() async throws {
    let fixture = PlaneFixture()
    let first = try await fixture.login()
    let second = try await fixture.login()
    let mixed = first.cookie.merging(second.both.filter { $0.key == "x-naos-session" }) { $1 }
    #expect(await fixture.ask("GET", "/api/v1/status", headers: mixed, token: nil).status == 401)
  }

  @Test func `a login code works once`() async {
    let fixture = PlaneFixture()
    let code = fixture.sessions.issueCode()
    #expect(code.utf8.count == 22)
    #expect(await fixture.ask("GET", "/login", token: nil).status == 200)
    let body = "{\"code\":\"\(code)\"}"
    #expect(await fixture.ask("POST", "/login", token: nil, body: body).status == 201)
    let again = await fixture.ask("POST", "/login", token: nil, body: body)
    #expect(again.status == 401)
    #expect(again.code == "NX-API-008")
  }

  @Test func `a login code ends after two minutes`() async {
    let fixture = PlaneFixture()
    let (early, late) = (fixture.sessions.issueCode(), fixture.sessions.issueCode())
    fixture.clock.advance(.seconds(119))
    #expect(await fixture.ask("POST", "/login", token: nil, body: "{\"code\":\"\(early)\"}").status == 201)
    fixture.clock.advance(.seconds(1))
    #expect(await fixture.ask("POST", "/login", token: nil, body: "{\"code\":\"\(late)\"}").status == 401)
  }

  @Test func `a session cannot make login codes, the token can`() async throws {
    let fixture = PlaneFixture()
    let (_, both) = try await fixture.login()
    #expect(await fixture.ask("POST", "/api/v1/login-codes", headers: both, token: nil).status == 401)
    let reply = await fixture.ask("POST", "/api/v1/login-codes")
    #expect(reply.status == 201)
    #expect(reply.json["code"]?.stringValue?.utf8.count == 22)
  }

  @Test func `an idle session ends, and so does one that is logged out`() async throws {
    let fixture = PlaneFixture()
    let (_, first) = try await fixture.login()
    let (_, second) = try await fixture.login()
    #expect(await fixture.ask("POST", "/api/v1/logout", headers: second, token: nil).status == 204)
    #expect(await fixture.ask("GET", "/api/v1/status", headers: second, token: nil).status == 401)
    fixture.clock.advance(.seconds(23 * 3600))
    #expect(await fixture.ask("GET", "/api/v1/status", headers: first, token: nil).status == 200)
    fixture.clock.advance(.seconds(24 * 3600))
    #expect(await fixture.ask("GET", "/api/v1/status", headers: first, token: nil).status == 401)
  }

  @Test func `sessions and codes are bounded`() async throws {
    let fixture = PlaneFixture()
    let first = fixture.sessions.issueCode()
    for _ in 0..<OperatorLimits.loginCodes {
      fixture.clock.advance(.milliseconds(1))
      _ = fixture.sessions.issueCode()
    }
    #expect(await fixture.ask("POST", "/login", token: nil, body: "{\"code\":\"\(first)\"}").status == 401)
    for _ in 0..<(OperatorLimits.sessions + 5) { _ = try await fixture.login() }
    #expect(fixture.sessions.count == OperatorLimits.sessions)
  }

  @Test func `a browser without a session is led to the login page`() async {
    let reply = await PlaneFixture().ask("GET", "/", token: nil)
    #expect(reply.status == 303)
    #expect(reply.headers.contains { $0.name == "location" && $0.value == "/login" })
  }

  @Test func `a browser at an address that there is not is led to the nearest page, and without a session to log in`()
    async throws
  {
    let fixture = PlaneFixture()
    var headers = ["accept": "text/html,application/xhtml+xml"]
    func place(_ path: String) async -> String? {
      let reply = await fixture.ask("GET", path, headers: headers, token: nil)
      return reply.status == 303 ? reply.headers.first { $0.name == "location" }?.value : nil
    }
    #expect(await place("/nowhere") == "/login")
    #expect(await place("/supervisors/desk") == "/login")
    headers.merge(try await fixture.login().cookie) { _, new in new }
    #expect(await place("/nowhere") == "/")
    #expect(await place("/supervisors/desk") == "/supervisors")
    // Programs are told what is wrong.
    #expect(await place("/api/v1/nowhere") == nil)
    headers["accept"] = "*/*"
    #expect(await fixture.ask("GET", "/nowhere", headers: headers, token: nil).status == 401)
  }

  @Test func `a page goes on with the next node, until it is logged out or idle for a day`() async throws {
    let folder = "/tmp/naos-test-\(SystemRandom().next())"
    try Files.makeDirectory(folder)
    let path = folder + "/sessions"
    let first = PlaneFixture(sessionFile: path)
    let (_, kept) = try await first.login()
    let (_, ended) = try await first.login()
    #expect(await first.ask("POST", "/api/v1/logout", headers: ended, token: nil).status == 204)

    let second = PlaneFixture(sessionFile: path)
    #expect(await second.ask("GET", "/api/v1/status", headers: kept, token: nil).status == 200)
    #expect(await second.ask("GET", "/api/v1/status", headers: ended, token: nil).status == 401)
    let written = String(decoding: try Files.read(path, limit: 1 << 16), as: UTF8.self)
    for value in kept.values { #expect(!written.contains(try #require(value.split(separator: "=").last))) }

    // Used after 23 hours, which is written down; 23 hours later it is still no day old, 25 hours later it is.
    second.clock.advance(.seconds(23 * 3600))
    #expect(await second.ask("GET", "/api/v1/status", headers: kept, token: nil).status == 200)
    for (hours, status) in [(46, 200), (71 + 24, 401)] {
      let later = FakeClock()
      later.advance(.seconds(hours * 3600))
      let third = PlaneFixture(sessionFile: path, clock: later)
      #expect(await third.ask("GET", "/api/v1/status", headers: kept, token: nil).status == status, "\(hours) h")
    }
    try Files.write(Array("not ours".utf8), to: path)
    #expect(await PlaneFixture(sessionFile: path).ask("GET", "/api/v1/status", headers: kept, token: nil).status == 401)
  }

  @Test func `whoever has logged out stays so on the next node, although the disk took nothing any more`() async throws
  {
    let folder = "/tmp/naos-full-\(UInt64.random(in: 0 ... .max))"
    try Files.makeDirectory(folder, mode: 0o700)
    defer { try? Files.removeTree(folder) }
    let path = folder + "/sessions"
    let first = PlaneFixture(sessionFile: path)
    let (_, ended) = try await first.login()
    #expect(Files.exists(path))
    // The new file cannot be written; the old one, in which the session is still open, must not outlive it.
    try Files.makeDirectory(path + ".new/full", mode: 0o700)
    #expect(await first.ask("POST", "/api/v1/logout", headers: ended, token: nil).status == 204)
    #expect(!Files.exists(path))
    let second = PlaneFixture(sessionFile: path)
    #expect(await second.ask("GET", "/api/v1/status", headers: ended, token: nil).status == 401)
  }
}
