// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// A budget of one cent, at $0.002 a call.
@Suite(.seated)
struct BudgetTests {
  private func spender(
    clients: Int = 1, onLimit: String = "refuse", model: String = "fake/fixed", api: String = "chat",
    _ body: (Project, Upstream, (String) throws -> Void) async throws -> Void
  ) async throws {
    let python = try Checkout.pythonSDK()
    try await Project.with { project in
      let upstream = try await Upstream(for: project)
      try project.copy(Checkout.support("agents/spender.py"), to: "agent.py")
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
}
