// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// A budget of one cent, at $0.002 a call.
@Suite(.seated)
struct BudgetTests {
  private func spender(
    agent: String = "spender.py", clients: Int = 1, onLimit: String = "refuse", model: String = "fake/fixed",
    api: String = "chat",
    _ body: (Project, Upstream, (String) throws -> Void) async throws -> Void
  ) async throws {
    let python = try Checkout.pythonSDK()
    try await Project.with { project in
      let upstream = try await Upstream(for: project)
      try project.copy(Checkout.support("agents/\(agent)"), to: "agent.py")
      let configure = { (budget: String) in
        try project.write(
          upstream.config + """
            name: budget
            agents:
              spender:
                command: [\(python), agent.py]
                env: { MODEL: \(model), CLIENTS: "\(clients)", API: \(api) }
                cost: { budget: { maxDollars: \(budget) }, onLimit: \(onLimit) }

            """, to: "nexus.config.yaml")
      }
      try configure("0.01")
      try await body(project, upstream, configure)
    }
  }

  private func state(_ project: Project) async throws -> String? {
    try await project.naos("status", "-o", "json").json["agents"]?.arrayValue?.first?["state"]?.stringValue
  }

  @Test(arguments: [
    ("fake/fixed", "chat"), ("fake/fixed", "responses"), ("fakeanthropic/fixed", "messages"),
    ("fakegemini/fixed", "contents"),
  ])
  func `one client gets five calls, and the sixth is refused in its dialect`(model: String, api: String) async throws {
    try await spender(model: model, api: api) { project, upstream, _ in
      let run = try await project.naos("run", "spender", "-o", "json")
      #expect(run.status == 7, "\(run.err)")
      #expect(upstream.calls.count == 5)
      let logs = try await project.naos("logs", "spender").out
      let refusal =
        switch api {
        case "messages": "refused 402 billing_error"
        case "contents": "refused 429 RESOURCE_EXHAUSTED"
        default: "refused 429 insufficient_quota naos_budget_exceeded"
        }
      // Once: no client asks again after a refusal.
      #expect(logs.split(separator: "\n").count { $0.contains(refusal) } == 1, "\(logs)")
      #expect(try run.json["status"] == "failed")
      #expect(try run.json["error"]?["code"]?.stringValue?.hasPrefix("NX-BUD-") == true)
      #expect(try run.json["cost"]?["costNanoUSD"] == 10_000_000)
      #expect(try await state(project) == "exhausted")
      // Nothing is retried after a budget stop.
      let shown = try await project.naos("runs", "show", #require(run.json["id"]?.stringValue), "-o", "json").json
      #expect(shown["attempts"] == 1)
    }
  }

  @Test func `fifty clients at once get five calls between them`() async throws {
    try await spender(clients: 50) { project, upstream, _ in
      let run = try await project.naos("run", "spender")
      #expect(run.status == 7, "\(run.err)")
      #expect(upstream.calls.count == 5)
      let logs = try await project.naos("logs", "spender", "-n", "1000").out
      #expect(logs.components(separatedBy: "refused 429").count - 1 == 45)
      #expect(try await state(project) == "exhausted")
    }
  }

  @Test func `with onLimit pause the run stands still and goes on by replay when there is more`() async throws {
    try await spender(onLimit: "pause") { project, upstream, configure in
      let run = try await project.naos("run", "spender", "-o", "json")
      #expect(run.status == 7, "\(run.err)")
      #expect(try run.json["status"] == "paused")
      #expect(try run.json["pauseReason"] == "budget")
      #expect(upstream.calls.count == 5)
      let id = try #require(try run.json["id"]?.stringValue)
      try configure("1.00")
      let resumed = try await project.naos("runs", "resume", id)
      #expect(resumed.status == 0, "\(resumed.err)")
      #expect(upstream.calls.count == 10, "five are replayed")
      #expect(resumed.out == "10 answers\n")
    }
  }

  @Test func `with onLimit kill the agent is killed at the first refusal, and not asked first`() async throws {
    try await spender(agent: "stubborn.py", onLimit: "kill") { project, upstream, _ in
      let lifeline = try Lifeline(in: project, endsWithWriters: true)
      let run = try await project.naos("run", "spender", "-o", "json")
      #expect(run.status == 7, "\(run.err)")
      #expect(upstream.calls.count == 5)
      #expect(try run.json["status"] == "failed")
      #expect(try run.json["error"]?["code"] == "NX-BUD-001")
      #expect(try run.json["cost"]?["costNanoUSD"] == 10_000_000)
      #expect(try await state(project) == "exhausted")
      // The signal may come before the answer does.
      try await lifeline.end()
      #expect(!lifeline.lines.contains("asked to go"))
      let shown = try await project.naos("runs", "show", #require(run.json["id"]?.stringValue), "-o", "json").json
      #expect(shown["attempts"] == 1)
    }
  }

  /// A saga whose second step spends all that there is, with an undo that costs two calls.
  private func trip(
    hold: String = "0", _ body: (Project, Upstream) async throws -> Void
  ) async throws {
    let python = try Checkout.pythonSDK()
    try await Project.with { project in
      let upstream = try await Upstream(for: project, ["HOLD_AT": hold])
      try project.copy(Checkout.support("agents/spender.py"), to: "agent.py")
      try project.write(
        upstream.config + """
          name: trip
          agents:
            book: { command: [sh, -c, 'echo booked >>effects'] }
            spend: { command: [\(python), agent.py], retry: 1, env: { MODEL: fake/fixed, CLIENTS: "1" } }
            undo: { command: [\(python), agent.py], retry: 1, env: { MODEL: fake/fixed, CLIENTS: "1", QUESTIONS: "2" } }
          sagas:
            trip:
              steps:
                - { name: book, agent: book, compensation: { agent: undo, reserve: $0.004 } }
                - { name: spend, agent: spend }
          ---
          cost: { budgets: { global: { maxDollars: 0.01 } } }

          """, to: "nexus.config.yaml")
      try await body(project, upstream)
    }
  }

  @Test func `a saga keeps the money for its undo, which ordinary steps cannot spend`() async throws {
    try await trip { project, upstream in
      let run = try await project.naos("run", "trip", "-o", "json")
      #expect(try run.json["status"] == "compensated", "\(run.err)")
      #expect(try run.json["error"]?["code"] == "NX-BUD-001")
      #expect(upstream.calls.count == 5, "three of the step, two of its undo: \(upstream.calls)")
      let logs = try await project.naos("logs", "spend").out
      #expect(logs.contains("refused 429 insufficient_quota naos_budget_exceeded"), "\(logs)")
      // Nothing is left for the next one, and it does not begin what could not be undone.
      let next = try await project.naos("run", "trip", "-o", "json")
      // A saga that has gone back, if only over nothing, ends with 1, whatever it went back for.
      #expect(next.status == 1, "\(next.status) \(next.err)")
      #expect(try next.json["status"] == "compensated")
      #expect(try next.json["error"]?["code"] == "NX-BUD-020")
      #expect(try project.read("effects") == "booked\n")
    }
  }

  @Test func `what is kept for the undo is kept over kill -9`() async throws {
    try await trip(hold: "2") { project, upstream in
      var node = try await project.up()
      let started = try await project.naos("run", "trip", "--detach", "-o", "json")
      let run = try #require(try started.json["id"]?.stringValue)
      try await upstream.waitForCall(2)
      node.signal(SIGKILL)
      _ = try await node.end()
      await upstream.release()
      node = try await project.up()
      let wait = try await project.naos("runs", "wait", run, "-o", "json")
      #expect(try wait.json["status"] == "compensated", "\(wait.err)")
      // The call that was cut off stays charged, and its question is asked again: two of the step remain.
      #expect(upstream.calls.count <= 5)
      let shown = try await project.naos("runs", "show", run, "-o", "json").json
      let undo = shown["steps"]?.arrayValue?.first { $0["path"] == "book.compensation" }
      #expect(undo?["status"] == "completed", "\(shown)")
      #expect(undo?["costNanoUSD"] == 4_000_000)
      node.signal(SIGTERM)
      _ = try await node.end()
    }
  }
}
