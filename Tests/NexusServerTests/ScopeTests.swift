// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAPI
import NexusCore
import NexusServer
import Synchronization
import Testing

/// Whoever is shown a part of the project learns nothing of the rest.
@Suite struct ScopeTests {
  private static let id = (1...9).map { "run_0000000000000000000000000\($0)" }

  private static func line(_ agent: String, _ text: String) -> LogEvent {
    LogEvent(
      at: WallTime(microseconds: 1), agent: AgentName(agent), run: nil, attempt: nil, stream: .standardError, text: text
    )
  }

  private static func row(_ number: Int, _ name: String) -> RunRow {
    RunRow(
      id: RunID(id[number]), kind: "agent", name: name, status: "completed", createdAt: WallTime(microseconds: 1),
      updatedAt: WallTime(microseconds: 1))
  }

  private static func fixture() -> PlaneFixture {
    let fixture = PlaneFixture(
      agents: ["alpha", "beta"].map { name in
        var agent = AgentStatus(name: AgentName(name), kind: "llm", state: .running)
        agent.restarts.recent = [RestartNote(child: "beta", at: WallTime(microseconds: 1), reason: "beta fell")]
        return agent
      })
    let lines = [line("alpha", "mine"), line("beta", "of beta")]
    let rows = [8, 6, 4, 2].map { row($0, "alpha") } + [7, 5, 3, 1].map { row($0, "beta") }
    let asks = ["alpha", "beta"].map { name in
      ApprovalReport(
        id: ApprovalID("apr_\(name)"), status: "requested", run: RunID(id[1]), step: "main", agent: name,
        requestedAt: WallTime(microseconds: 1))
    }
    fixture.node.state.withLock { state in (state.lines, state.rows, state.asks) = (lines, rows, asks) }
    return fixture
  }

  @Test func `no answer to anything says a word of what is outside`() async throws {
    let fixture = Self.fixture()
    let places = [
      "{name}": "beta", "{id}": Self.id[1], "{call}": "1", "{entry}": "1",
    ]
    for route in fixture.table.routes
    where route.access == .api && route.method == "GET" && !route.path.contains("openapi") {
      var path = route.path
      for (place, value) in places { path = path.replacing(place, with: value) }
      let mine = await fixture.ask("GET", path, token: PlaneFixture.scoped)
      if case .frames = mine.body { continue }
      if route.path.contains("{") {
        #expect(mine.status == 404 || mine.status == 403, "\(path)")
      } else {
        #expect(!mine.text.contains("beta"), "\(path)")
      }
    }
    let runs = await fixture.ask("GET", "/api/v1/runs", query: ["limit": "3"], token: PlaneFixture.scoped).json
    let ids = (runs["runs"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
    #expect(ids == [Self.id[8], Self.id[6], Self.id[4]])
    #expect(runs["next"]?.stringValue == Self.id[4])
    #expect(await fixture.ask("GET", "/api/v1/runs/\(Self.id[8])", token: PlaneFixture.scoped).status == 200)
    #expect(await fixture.ask("GET", "/api/v1/audit", token: PlaneFixture.scoped).code == "NX-API-034")
    let status = await fixture.ask("GET", "/api/v1/status", token: PlaneFixture.scoped).json
    #expect(status["approvals"] == 1 && status["runs"]?["total"] == 4)
    #expect(await fixture.ask("GET", "/api/v1/status").json["agents"]?.arrayValue?.count == 2)
  }

  @Test func `what is outside cannot be decided`() async throws {
    let fixture = Self.fixture()
    for (name, status) in [("beta", 404), ("alpha", 200)] {
      let reply = await fixture.ask(
        "POST", "/api/v1/approvals/apr_\(name)/approve", token: PlaneFixture.scoped, body: #"{"digest": "d"}"#)
      #expect(reply.status == status, "\(name)")
    }
    let decided = fixture.node.state.withLock { $0.decisions.map(\.0) }
    #expect(decided == [ApprovalID("apr_alpha")])
  }
}
