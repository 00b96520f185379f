// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Budgets of flows and of their steps, at $0.002 a call.
@Suite(.seated)
struct FlowBudgetTests {
  /// A workflow of two steps, each of three calls; the second one is itself a workflow.
  private func flows(
    _ body: (Project, Upstream, (_ flow: String, _ step: String, _ inner: String) throws -> Void) async throws -> Void
  ) async throws {
    let python = try Checkout.pythonSDK()
    try await Project.with { project in
      let provider = try await Upstream(for: project)
      try project.copy(Checkout.support("agents/spender.py"), to: "agent.py")
      let configure = { (flow: String, step: String, inner: String) in
        func cost(_ text: String) -> String { text.isEmpty ? "" : ", cost: { \(text) }" }
        try project.write(
          provider.config + """
            name: flows
            agents:
              spender:
                command: [\(python), agent.py]
                env: { MODEL: fake/fixed, CLIENTS: "1", QUESTIONS: "3" }
            workflows:
              publish: { steps: [{ name: draft, agent: spender\(cost(step)) }, { name: check, workflow: review }]\(cost(flow)) }
              review: { steps: [{ name: read, agent: spender }]\(cost(inner)) }

            """, to: "nexus.config.yaml")
      }
      try await body(project, provider, configure)
    }
  }

  private func used(_ project: Project, _ scope: String) async throws -> Int64? {
    let report = try await project.naos("cost", "status", "-o", "json").json
    return report["budgets"]?.arrayValue?.first { $0["scope"]?.stringValue == scope }?["usedNanoUSD"]?.intValue
  }

  @Test func `the budget of a flow binds its steps and the flows in it`() async throws {
    try await flows { project, upstream, configure in
      try configure("maxDollars: 0.01", "", "")
      let run = try await project.naos("run", "publish", "-o", "json")
      #expect(run.status == 7, "\(run.err)")
      #expect(upstream.calls.count == 5)
      #expect(try await used(project, "workflow:publish") == 10_000_000)
      // The same flow by itself is not bound by it.
      #expect(try await project.naos("run", "review").status == 0)
      #expect(upstream.calls.count == 8)
    }
  }

  @Test func `the budget of a step binds that step, anew in each run`() async throws {
    try await flows { project, upstream, configure in
      try configure("", "maxDollars: 0.004, per: run", "")
      for calls in [2, 4] {
        #expect(try await project.naos("run", "publish").status == 7)
        #expect(upstream.calls.count == calls)
      }
      try configure("", "maxDollars: 0.006, per: run", "maxDollars: 0.004")
      #expect(try await project.naos("run", "publish").status == 7)
      #expect(upstream.calls.count == 9, "three for the step, two for the flow that is the next one")
    }
  }

  @Test func `what was charged for a flow before it had a budget counts`() async throws {
    try await flows { project, upstream, configure in
      try configure("", "", "")
      let node = try await project.up()
      #expect(try await project.naos("run", "publish").status == 0)
      #expect(upstream.calls.count == 6)
      let set = try await project.naos("cost", "set", "workflow:publish", "--max-dollars", "0.016", "-o", "json")
      #expect(set.status == 0, "\(set.err)")
      #expect(try await used(project, "workflow:publish") == 12_000_000)
      try configure("", "maxDollars: 0.008", "maxDollars: 1")
      #expect(try await project.naos("reload").status == 0)
      #expect(try await used(project, "step:publish/draft") == 6_000_000)
      #expect(try await used(project, "workflow:review") == 6_000_000)
      #expect(try await project.naos("run", "publish").status == 7)
      #expect(upstream.calls.count == 7, "one more fits into the step")
      node.signal(SIGKILL)
      _ = try await node.end()
      let next = try await project.up()
      #expect(try await used(project, "workflow:publish") == 14_000_000)
      next.signal(SIGTERM)
      _ = try await next.end()
    }
  }
}
