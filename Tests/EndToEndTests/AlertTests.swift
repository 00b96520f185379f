// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// What is told of budgets before they are used up, at $0.002 a call.
@Suite(.seated)
struct AlertTests {
  private func spender(
    _ upstream: [String: String] = [:], _ body: (Project, Upstream, (String) throws -> Void) async throws -> Void
  ) async throws {
    let python = try Checkout.pythonSDK()
    try await Project.with { project in
      let provider = try await Upstream(for: project, upstream)
      try project.copy(Checkout.support("agents/spender.py"), to: "agent.py")
      let configure = { (alerts: String) in
        try project.write(
          provider.config + """
            name: alerts
            agents:
              spender:
                command: [\(python), agent.py]
                env: { MODEL: fake/fixed, CLIENTS: "1" }
                cost: { budget: { maxDollars: 0.04 } }
            ---
            cost: { alerts: \(alerts) }

            """, to: "nexus.config.yaml")
      }
      try await body(project, provider, configure)
    }
  }

  /// The alerts in `naos cost status`, the oldest first.
  private func told(_ project: Project) async throws -> [Int64] {
    let report = try await project.naos("cost", "status", "-o", "json").json
    return (report["alerts"]?.arrayValue ?? []).reversed().compactMap { $0["percent"]?.intValue }
  }

  private func said(_ percent: Int, _ logs: String...) -> Int {
    logs.reduce(0) { $0 + $1.components(separatedBy: "agent:spender has passed \(percent) %").count - 1 }
  }

  private func wait(_ node: Running, toSay percent: Int) async throws {
    try await node.wait(for: "\(percent) %") { $0.errText.contains("has passed \(percent) %") ? true : nil }
  }

  @Test func `each threshold is told once, also through a kill -9`() async throws {
    try await spender(["HOLD_AT": "6"]) { project, upstream, configure in
      try configure("[25, 50, 95]")
      let first = try await project.up()
      let started = try await project.naos("run", "spender", "--detach", "-o", "json")
      let run = try #require(try started.json["id"]?.stringValue)
      // Five of twenty calls are a quarter of the budget.
      try await upstream.waitForCall(6)
      try await wait(first, toSay: 25)
      #expect(try await told(project) == [25])
      first.signal(SIGKILL)
      let before = try await first.end().errText
      #expect(try await told(project) == [25], "also without a node")

      let second = try await project.up()
      #expect(try await project.naos("runs", "wait", run).status == 0)
      try await wait(second, toSay: 50)
      second.signal(SIGTERM)
      let after = try await second.end().errText
      #expect(said(25, before, after) == 1 && said(50, before, after) == 1, "\(before)\n---\n\(after)")
      #expect(try await told(project) == [25, 50])

      let third = try await project.up()
      let table = try await project.naos("cost", "status").out
      #expect(table.contains("50 % passed") && table.contains("25 % passed"), "\(table)")
      third.signal(SIGTERM)
      let last = try await third.end().errText
      #expect(said(25, last) == 0 && said(50, last) == 0, "\(last)")
    }
  }

  @Test func `what was passed while nobody told it is told when the node comes up, or takes the configuration`()
    async throws
  {
    try await spender { project, _, configure in
      try configure("{}")
      let first = try await project.up()
      #expect(try await project.naos("run", "spender").status == 0)
      #expect(try await told(project).isEmpty)
      try configure("20")
      #expect(try await project.naos("reload").status == 0)
      try await wait(first, toSay: 20)
      first.signal(SIGTERM)
      _ = try await first.end()
      try configure("{ at: [20, 45] }")
      let second = try await project.up()
      try await wait(second, toSay: 45)
      #expect(said(20, second.transcript.errText) == 0)
      #expect(try await told(project) == [20, 45])
      // Another limit is another alert; whoever watches the run sees it.
      #expect(try await project.naos("cost", "set", "spender", "--max-dollars", "0.08").status == 0)
      let watched = try await project.naos("run", "spender")
      #expect(watched.err.contains("has passed 45 %"), "\(watched.err)")
      second.signal(SIGTERM)
      _ = try await second.end()
    }
  }
}
