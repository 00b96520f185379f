// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusServer
import Testing

/// Requests that a foreign page sends through the browser are refused everywhere.
@Suite struct OriginTests {
  @Test(
    arguments: [
      "evil.example", "evil.example:4200", "localhost.evil.example", "127.0.0.1.evil.example", "localhost:4200.evil",
      "127.0.0.2", "0.0.0.0:4200", "[::2]:4200", "localhost:", "localhost:123456", "localhost:80:80", "user@localhost",
      "", "[::1", "[::1]x", "2130706433",
    ])
  func `a forged Host is refused on every route, with and without a credential`(host: String) async {
    let fixture = PlaneFixture()
    for route in fixture.table.routes {
      let reply = await fixture.ask(route.method, route.path, host: host)
      #expect(reply.status == 403)
      #expect(reply.code == "NX-API-003")
    }
  }

  @Test func `a request without a Host is refused`() async {
    #expect(await PlaneFixture().ask("GET", "/healthz", host: nil).status == 403)
  }

  @Test(arguments: ["localhost", "localhost:4200", "127.0.0.1:9999", "[::1]:4200", "[::1]", "LOCALHOST:80"])
  func `our own names are taken on any port`(host: String) async {
    #expect(await PlaneFixture().ask("GET", "/api/v1/status", host: host).status == 200)
  }

  @Test(
    arguments: [
      "http://evil.example/", "http://evil.example/healthz", "HTTP://evil.example:4200/",
      "http://localhost@evil.example/",
      "http://localhost.evil.example?x", "http://evil.example#@localhost/", "https://localhost/healthz", "localhost:80",
      "http://", "http:///healthz", "evil",
    ])
  func `an address of another machine counts as its name`(target: String) async throws {
    let machine = try #require(RequestOrigin.foreignMachine(in: target))
    #expect(await PlaneFixture().ask("GET", "/healthz", host: machine).status == 403)
  }

  @Test(
    arguments: [
      "http://localhost/", "http://127.0.0.1:4200/healthz", "HTTP://[::1]:9?x=http://evil.example/", "/http://evil/",
      "*",
    ])
  func `a path and an address of our own name no other machine`(target: String) {
    #expect(RequestOrigin.foreignMachine(in: target) == nil)
  }

  @Test(
    arguments: [
      "https://evil.example", "http://evil.example", "null", "http://localhost.evil.example", "https://localhost:4200",
      "file://", "http://127.0.0.1@evil.example", "",
    ])
  func `a forged Origin is refused even with the token`(origin: String) async {
    let reply = await PlaneFixture().ask("GET", "/api/v1/status", headers: ["origin": origin])
    #expect(reply.status == 403)
  }

  @Test(arguments: ["http://localhost:4200", "http://127.0.0.1:5000", "http://[::1]:4200"])
  func `our own Origin is taken`(origin: String) async {
    #expect(await PlaneFixture().ask("GET", "/api/v1/status", headers: ["origin": origin]).status == 200)
  }
}
