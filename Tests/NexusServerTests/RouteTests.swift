// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAPI
import NexusCore
import NexusServer
import Synchronization
import Testing

@Suite struct RouteTests {
  @Test func `the status is the contract's, in its order`() async throws {
    let agent = AgentStatus(name: AgentName("researcher"), kind: "llm", state: .idle)
    let reply = await PlaneFixture(agents: [agent]).ask("GET", "/api/v1/status")
    #expect(reply.status == 200)
    let object = try #require(reply.json.objectValue)
    #expect(object.keys == ["node", "agents", "runs", "approvals"])
    let row = try #require(object["agents"]?.arrayValue?.first?.objectValue)
    #expect(
      Array(row.keys.prefix(10)) == [
        "name", "kind", "state", "step", "lastActivity", "restarts", "tokens", "costNanoUSD", "budget", "run",
      ])
  }

  @Test(arguments: [("", 409), ("false", 409), ("true", 204), ("perhaps", 400)])
  func `an agent that is needed goes only by force`(force: String, status: Int) async {
    let query = force.isEmpty ? [:] : ["force": force]
    #expect(await PlaneFixture().ask("DELETE", "/api/v1/agents/a", query: query).status == status)
  }

  @Test func `an Idempotency-Key header becomes the key of the run`() async {
    let fixture = PlaneFixture()
    let reply = await fixture.ask(
      "POST", "/api/v1/runs", headers: ["idempotency-key": "k1"],
      body: #"{"name":"researcher","input":{"a":1},"idempotencyKey":"other"}"#)
    #expect(reply.status == 201)
    let started = fixture.node.state.withLock { $0.started }
    #expect(started == [StartRun(name: "researcher", input: ["a": 1], idempotencyKey: "k1")])
  }

  @Test func `an Idempotency-Key that is empty starts nothing`() async {
    let fixture = PlaneFixture()
    let reply = await fixture.ask(
      "POST", "/api/v1/runs", headers: ["idempotency-key": ""], body: #"{"name":"researcher"}"#)
    #expect(reply.status == 400)
    #expect(reply.code == "NX-API-001")
    #expect(fixture.node.state.withLock { $0.started }.isEmpty)
  }

  @Test(arguments: [
    "{", "[]", #"{"name":7}"#, #"{"input":"x"}"#, #"{"name":"a","set":[]}"#,
    #"{"name":"a","idempotencyKey":""}"#,
  ])
  func `a body that is not a request is refused with what is wrong`(body: String) async {
    let fixture = PlaneFixture()
    let reply = await fixture.ask("POST", "/api/v1/runs", body: body)
    #expect(reply.status == 400)
    #expect(reply.code == "NX-API-001")
    #expect(fixture.node.state.withLock { $0.started }.isEmpty)
  }

  @Test(arguments: ["/api/v1/reload", "/api/v1/supervisors/desk/stop", "/api/v1/agents/a/stop"])
  func `a body that is no object does nothing`(target: String) async {
    for body in ["[]", "true", "\"x\"", "null"] {
      let reply = await PlaneFixture().ask("POST", target, body: body)
      #expect(reply.status == 400, "\(body)")
      #expect(reply.code == "NX-API-001")
    }
  }

  @Test func `errors are problem documents with status, code and hint`() async throws {
    let fixture = PlaneFixture()
    let missing = await fixture.ask("GET", "/api/v1/runs/run_none")
    #expect(missing.status == 404)
    #expect(missing.contentType == "application/problem+json")
    let problem = try #require(missing.json.objectValue)
    #expect(problem["status"] == 404)
    #expect(problem["hint"]?.stringValue?.isEmpty == false)
    #expect(await fixture.ask("POST", "/api/v1/runs/run_1/resume").status == 409)
    #expect(try OperationError(json: missing.json) == .unknownRun(RunID("run_none")))
  }

  @Test func `a body over the route's limit is refused`() async {
    let body = String(repeating: " ", count: OperatorLimits.bodyBytes + 1)
    let reply = await PlaneFixture().ask("POST", "/api/v1/agents/a/stop", body: body)
    #expect(reply.status == 413)
  }

  @Test func `parameters outside their range are refused`() async {
    let fixture = PlaneFixture()
    for query in [["limit": "0"], ["limit": "1001"], ["limit": "x"], ["limit": "-1"]] {
      #expect(await fixture.ask("GET", "/api/v1/runs", query: query).status == 400)
    }
  }

  @Test func `waiting for a run that goes on ends after the time with 202`() async {
    let fixture = PlaneFixture()
    fixture.node.state.withLock { $0.waitsForEver = true }
    let reply = await fixture.ask("GET", "/api/v1/runs/run_1/wait", query: ["seconds": "0"])
    #expect(reply.status == 202)
    fixture.node.state.withLock { $0.waitsForEver = false }
    #expect(await fixture.ask("GET", "/api/v1/runs/run_1/wait").json["status"] == "completed")
  }

  @Test func `a method that an address does not have is refused with those that it has`() async throws {
    let fixture = PlaneFixture()
    for (path, methods) in [
      ("/api/v1/agents", "GET, HEAD"), ("/api/v1/runs", "GET, POST, HEAD"), ("/api/v1/reload", "POST"),
      ("/login", "GET, POST, HEAD"),
    ] {
      let reply = await fixture.ask("TRACE", path)
      #expect(reply.status == 405)
      #expect(reply.headers.first { $0.name == "allow" }?.value == methods, "\(path)")
    }
    // The page at the address of a call is in the document of the calls, too.
    let document = await fixture.ask("GET", "/api/v1/openapi.json").json
    #expect(document["paths"]?["/login"]?["get"] != nil)
  }

  @Test func `the OpenAPI document names every call of the API`() async throws {
    let fixture = PlaneFixture()
    let document = await fixture.ask("GET", "/api/v1/openapi.json").json
    #expect(document["openapi"] == "3.1.0")
    let paths = try #require(document["paths"]?.objectValue)
    for route in fixture.table.routes where route.path.hasPrefix("/api/") && !route.path.hasSuffix("openapi.json") {
      #expect(paths[route.path]?[route.method.lowercased()] != nil, "\(route.method) \(route.path)")
    }
    let ids = paths.flatMap { $0.value.objectValue?.compactMap { $0.value["operationId"]?.stringValue } ?? [] }
    #expect(Set(ids).count == ids.count)
    let body = paths["/api/v1/costs/set"]?["post"]?["requestBody"]?["content"]?["application/json"]?["schema"]
    #expect(body?["properties"]?["maxRequests"] != nil)
    for (path, item) in paths.map({ ($0.key, $0.value) }) {
      guard let post = item["post"] else { continue }
      let schema = post["requestBody"]?["content"]?["application/json"]?["schema"]
      #expect(schema?["additionalProperties"] == false, "\(path)")
    }
  }

  @Test(arguments: [
    ("/api/v1/runs", #"{"name":"researcher","inputs":{}}"#, "`inputs`", "`input`"),
    ("/api/v1/runs", #"{"name":"researcher","timeoutMiliseconds":5}"#, "`timeoutMiliseconds`", "`timeoutMilliseconds`"),
    ("/api/v1/reload", #"{"dry-run":true}"#, "`dry-run`", "`dryRun`"),
    ("/api/v1/agents/a/stop", #"{"Force":true}"#, "`Force`", "`force`"),
    ("/api/v1/runs/run_1/kill", #"{"force":true}"#, "`force`", "no members"),
    ("/api/v1/tokens", #"{"name":"eve","role":"viewer","onyl":["a"]}"#, "`onyl`", "`only`"),
    ("/login", #"{"code":"x","kode":"y"}"#, "`kode`", "`code`"),
  ])
  func `a member that a call does not have is refused with the one that was meant`(
    path: String, body: String, unknown: String, meant: String
  ) async {
    let fixture = PlaneFixture()
    let reply = await fixture.ask("POST", path, body: body)
    #expect(reply.status == 400 && reply.code == "NX-API-001", "\(reply.text)")
    #expect(reply.json["detail"]?.stringValue?.contains(unknown) == true, "\(reply.text)")
    #expect(reply.json["hint"]?.stringValue?.contains(meant) == true, "\(reply.text)")
    #expect(fixture.node.state.withLock { $0.started }.isEmpty)
  }

  @Test func `a member of any length is named by its beginning`() async {
    let body = "{\"name\":\"a\",\"\(String(repeating: "x", count: 100_000))\":1}"
    let reply = await PlaneFixture().ask("POST", "/api/v1/runs", body: body)
    #expect(reply.status == 400 && reply.text.utf8.count < 1000)
  }

  @Test func `the bodies that the command line sends have no members but those of the document`() async throws {
    let document = await PlaneFixture().ask("GET", "/api/v1/openapi.json").json
    var sent: [(String, JSONValue)] = [
      ("/api/v1/runs", StartRun(name: "a").json), ("/api/v1/runs/prune", PruneRuns(olderThan: .seconds(1)).json),
      ("/api/v1/tokens", TokenWish("ann", role: "ops", only: ["a"]).json),
      ("/api/v1/audit/erase", EraseAudit(payload: "x").json),
      ("/api/v1/pools/{name}/scale", QueuePoolChange.scale(2).body),
    ]
    let changes: [RunChange] = [
      .pause, .cancel, .kill, .restart, .resume(accept: "x"), .rollback(checkpoint: 1, reason: "x", unverified: true),
      .retry(newKeys: true), .skip(step: .main, reason: "x"), .markDone(step: .main, output: 1),
      .decide(step: .main, decision: "accept", note: ""), .signal(name: "x", id: "y", payload: 1),
    ]
    sent += changes.map { ("/api/v1/runs/{id}/\($0.verb)", $0.body) }
    var fork = try #require(ForkOrder(from: "draft/call:2"))
    fork.answer = "x"
    sent.append(("/api/v1/runs/{id}/fork", fork.json))
    let costs: [CostChange] = [
      .set(
        scope: "global", window: "day", maxNanoUSD: nil, maxTokens: nil, maxRequests: 1, onLimit: nil, reason: nil),
      .clear(scope: "global", window: "day"),
      .adjust(scope: "global", window: nil, cost: .zero, tokens: .zero, reason: "x"),
      .resolve(EffectID("x"), cost: .zero, tokens: nil, reason: nil), .confirmClock,
    ]
    sent += costs.map { ("/api/v1/costs/\($0.verb)", $0.body) }
    for verb in ApprovalDecision.Verb.allCases {
      let decision = ApprovalDecision(
        verb, arguments: verb == .edit ? .object([:]) : Optional<JSONValue>.none, digest: "x", reason: "y")
      sent.append(("/api/v1/approvals/{id}/\(verb.rawValue)", decision.body))
    }
    for (path, body) in sent {
      let schema = document["paths"]?[path]?["post"]?["requestBody"]?["content"]?["application/json"]?["schema"]
      let known = try #require(schema?["properties"]?.objectValue, "\(path)")
      for member in try #require(body.objectValue) { #expect(known[member.key] != nil, "\(path): \(member.key)") }
    }
  }

  @Test func `a key of the state with slashes is asked for percent-encoded`() async {
    let fixture = PlaneFixture()
    let reply = await fixture.ask("GET", "/api/v1/state/orders%2F7%C3%A9")
    #expect(reply.status == 404)
    #expect(reply.code == "NX-GAT-107")
    #expect(reply.text.contains("`orders/7é`"), "\(reply.text)")
    for broken in ["%", "%2", "%zz", "%+1", "%ff"] {
      let refused = await fixture.ask("GET", "/api/v1/state/orders\(broken)")
      #expect(refused.status == 400, "\(broken)")
      #expect(refused.code == "NX-API-001")
    }
  }

  @Test func `metrics have help and type for every family, and hostile names stay inside their quotes`() async {
    let agent = AgentStatus(name: AgentName("a\"} 1\nx{b=\""), kind: "llm", state: .failed)
    let text = await PlaneFixture(agents: [agent]).ask("GET", "/metrics").text
    #expect(text.contains("nexus_agents{state=\"failed\"} 1\n"))
    var helped: Set<Substring> = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("# HELP ") { helped.insert(line.split(separator: " ")[2]) }
      guard !line.hasPrefix("#") else { continue }
      let name = line.prefix { $0 != "{" && $0 != " " }
      let ending = ["_bucket", "_sum", "_count"].first { name.hasSuffix($0) } ?? ""
      #expect(helped.contains(name) || helped.contains(name.dropLast(ending.count)), "\(line)")
    }
  }

  @Test func `the figures of the process are those of the kernel, whatever the program is called`() throws {
    let own =
      "77 (a) R (b)) S 1 77 77 0 -1 4194560 900 0 3 0 150 50 0 0 20 0 9 0 12000 8192000 250 18446744073709551615"
    let figures = try #require(
      ProcessFigures(own: own, machine: "cpu 1 2\nbtime 1700000000\nctxt 5\n", ticksPerSecond: 100, pageBytes: 4096))
    #expect(figures.processorSeconds == 2)
    #expect(figures.virtualBytes == 8_192_000)
    #expect(figures.residentBytes == 1_024_000)
    #expect(figures.startSeconds == 1_700_000_120)
    #expect(ProcessFigures(own: own, machine: "", ticksPerSecond: 100, pageBytes: 1)?.startSeconds == nil)
    for broken in ["", "77 (a", "77 (a) S 1 77", "77 (a) S" + String(repeating: " x", count: 40)] {
      #expect(ProcessFigures(own: broken, machine: "", ticksPerSecond: 100, pageBytes: 1) == nil)
    }
  }

  @Test func `metrics tell of the process and of what gave way`() async throws {
    let fixture = PlaneFixture()
    let stream = try await fixture.hub.open(StreamConnection {})
    _ = await stream.next()
    for _ in 0..<OperatorLimits.backlogEvents + 3 {
      await fixture.hub.take(.run(RunEvent(run: RunID("run_1"), agent: AgentName("a"), status: "running")))
    }
    await fixture.hub.tick()
    let text = await fixture.ask("GET", "/metrics").text
    #expect(text.contains("\nnexus_sse_clients 1\n"))
    #expect(text.contains("\nnexus_sse_dropped_total 3\n"))
    let samples = text.split(separator: "\n").filter { $0.hasPrefix("process_") }
    #expect(samples.count == 4)
    for sample in samples {
      let value = try #require(Double(sample.split(separator: " ")[1]))
      #expect(value > 0, "\(sample)")
    }
  }

  @Test func `an address of the dashboard is the dashboard, and its program reads the rest`() async {
    let fixture = PlaneFixture()
    let page = await fixture.ask("GET", "/").text
    for path in ["/agents", "/agents/researcher", "/runs/run_01", "/supervisors", "/costs", "/logs", "/system"] {
      #expect(await fixture.ask("GET", path).text == page, "\(path)")
    }
    #expect(await fixture.ask("GET", "/nothing").status == 404)
  }
}
