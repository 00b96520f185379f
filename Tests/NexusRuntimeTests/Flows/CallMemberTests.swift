// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

/// What agents write into the bodies and paths of their calls.
@Suite(.timeLimit(.minutes(1))) struct `A call of an agent` {
  private struct Body: Sendable {
    let path: [String]
    let body: JSONValue
    /// What the refusal names; nil where the call is understood.
    let names: [String]?
    init(_ path: String..., body: JSONValue, names: String...) {
      (self.path, self.body) = (path, body)
      self.names = names.isEmpty ? nil : names
    }
  }

  private static let bodies: [Body] = [
    Body("sleep", body: ["until": 5, "nmae": "a"], names: "`nmae`", "`name`"),
    Body("sleep", body: ["untill": 5], names: "`untill`", "`until`"),
    Body("sleep", body: ["until": 5, "name": 3], names: "`name`", "a text"),
    Body("sleep", body: ["until": 5, "x": 1], names: "`x`", "`until`, `name`"),
    Body("sleep", body: [5], names: "an object"),
    Body("call", "helper", body: ["inptu": 1], names: "`inptu`", "`input`"),
    Body("call", "helper", body: ["parentClose": "abandonn"], names: "`parentClose`", "`abandon`?"),
    Body("call", "helper", body: ["parentClose": true], names: "`parentClose`", "`cancel` or `abandon`"),
    Body("heartbeat", body: ["notee": "a"], names: "`notee`", "`note`"),
    Body("heartbeat", body: ["note": 7], names: "`note`", "a text"),
    Body("heartbeat", body: ["progress": "half"], names: "`progress`", "a number"),
    Body("log", body: ["mesage": "a"], names: "`mesage`", "`message`"),
    Body("tasks", "t", "failure", body: ["retriable": false], names: "`retriable`", "`retryable`"),
    Body("tasks", "t", "failure", body: ["retryable": "no"], names: "`retryable`", "true or false"),
    Body("tasks", "t", "failure", body: ["retryAfter": "soon"], names: "`retryAfter`", "1m30s"),
    Body("tasks", "t", "failure", body: "too hard", names: "an object"),
    Body("tasks", "t", "result", body: ["output": 1, "tokens": 5], names: "`tokens`", "`output`"),
    Body("sleep", body: ["until": 5, "name": .null]), Body("call", "helper", body: ["input": .null]),
    Body("heartbeat", body: ["note": "a", "progress": .double(0.5)]), Body("heartbeat", body: [:]),
    Body("log", body: ["message": "a"]), Body("log", body: "a line"), Body("log", body: ["a", 1]),
  ]

  private static func ask(
    _ fixture: RuntimeFixture, _ method: String, _ path: [String], _ body: JSONValue, of run: RunID?
  ) async -> AgentReply {
    await fixture.runtime.agentCalls.handle(
      AgentCall(
        method: method, path: path, query: ["wait": "0"], body: body.encoded(),
        caller: Caller(agent: RuntimeFixture.worker, run: run, step: .main, attempt: AttemptNumber(1)),
        key: VirtualKey("k")))
  }

  @Test func `is refused if it says what nobody would hear, with the member and what was probably meant`() async throws
  {
    try await RuntimeFixture.with(Flows.plan()) { fixture in
      let run = try await fixture.runtime.executor.start("worker", input: .null).id
      for each in Self.bodies {
        let reply = await Self.ask(fixture, "POST", each.path, each.body, of: run)
        guard let names = each.names else {
          #expect(reply.status < 300, "\(each): \(reply)")
          continue
        }
        #expect(reply.status == 400 && reply.body?["code"] == "NX-API-001", "\(each): \(reply)")
        for name in names { #expect(reply.body?["detail"]?.stringValue?.contains(name) == true, "\(each): \(reply)") }
      }
      #expect(try await fixture.runs(named: "helper").count == 1, "what is refused begins nothing")
    }
  }

  @Test func `repeats no more of what it does not know than fits`() async throws {
    try await RuntimeFixture.with(Flows.plan()) { fixture in
      let run = try await fixture.runtime.executor.start("worker", input: .null).id
      let name = String(repeating: "x", count: 100_000)
      let reply = await Self.ask(fixture, "POST", ["sleep"], .object([name: 1]), of: run)
      #expect(reply.status == 400)
      #expect(reply.body?["detail"]?.stringValue?.utf8.count ?? .max < 300)
    }
  }

  @Test(arguments: [[".call", "helper"], [".calls", "a"], ["a", ".sleep", "b"], ["a/.calls/b"]])
  func `records nothing where the node itself does`(path: [String]) async throws {
    try await RuntimeFixture.with(Flows.plan()) { fixture in
      let run = try await fixture.runtime.executor.start("worker", input: .null).id
      for method in ["PUT", "GET"] {
        let reply = await Self.ask(fixture, method, ["steps"] + path, 1, of: run)
        #expect(reply.status == 400 && reply.body?["code"] == "NX-RUN-055", "\(reply)")
      }
      #expect(await Self.ask(fixture, "PUT", ["steps", ".callsign"], 1, of: run).status == 200)
      let recorded = try await fixture.journal(run).contains { if case .stepRecorded = $0 { true } else { false } }
      #expect(recorded)
    }
  }
}
