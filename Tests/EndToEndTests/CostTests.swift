// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// What people set, correct and settle about costs, at $0.002 a call.
@Suite(.seated)
struct CostTests {
  private func spender(
    dollars: String, _ upstream: [String: String] = [:],
    _ body: (Project, Upstream, (String) throws -> Void) async throws -> Void
  ) async throws {
    let python = try Checkout.pythonSDK()
    try await Project.with { project in
      let provider = try await Upstream(for: project, upstream)
      try project.copy(Checkout.support("agents/spender.py"), to: "agent.py")
      let configure = { (dollars: String) in
        try project.write(
          provider.config + """
            name: costs
            agents:
              spender:
                command: [\(python), agent.py]
                env: { MODEL: fake/fixed, CLIENTS: "1" }
                cost: { budget: { maxDollars: \(dollars) } }

            """, to: "nexus.config.yaml")
      }
      try configure(dollars)
      try await body(project, provider, configure)
    }
  }

  /// The only budget of the only agent.
  private func budget(_ project: Project) async throws -> JSONValue {
    let report = try await project.naos("cost", "status", "-o", "json").json
    return try #require(report["agents"]?.arrayValue?.first?["budgets"]?.arrayValue?.first)
  }

  private func stop(_ node: Running) async throws {
    node.signal(SIGTERM)
    #expect(try await node.end().exit == .code(0))
  }

  @Test func `a limit that is set holds over a reload and a restart, until it is cleared`() async throws {
    try await spender(dollars: "0.01") { project, upstream, configure in
      let without = try await project.naos("cost", "set", "spender", "--max-dollars", "0.02")
      #expect(without.status == 9, "only a node can set it: \(without.err)")
      var node = try await project.up()
      #expect(try await project.naos("run", "spender").status == 7)
      #expect(upstream.calls.count == 5)
      let set = try await project.naos(
        "cost", "set", "spender", "--max-dollars", "0.02", "--reason", "the demo", "-o", "json")
      #expect(set.status == 0, "\(set.err)")
      #expect(try set.json["budgets"]?.arrayValue?.first?["usedNanoUSD"] == 10_000_000, "what was spent stays")
      #expect(try await project.naos("run", "spender").status == 7)
      #expect(upstream.calls.count == 10)

      try configure("0.012")
      let reload = try await project.naos("reload")
      #expect(reload.status == 0, "\(reload.err)")
      #expect(try await budget(project)["maxNanoUSD"] == 20_000_000)
      try await stop(node)
      let alone = try await budget(project)
      #expect(alone["maxNanoUSD"] == 20_000_000, "also without a node")
      node = try await project.up()
      let kept = try await budget(project)
      #expect(kept["maxNanoUSD"] == 20_000_000 && kept["exhausted"] == true)
      #expect(kept["override"]?["reason"] == "the demo" && kept["override"]?["configuredNanoUSD"] == 12_000_000)
      let shown = try await project.naos("cost", "status")
      #expect(shown.out.contains("(the demo); the configuration says $0.012"), "\(shown.out)")

      let cleared = try await project.naos("cost", "set", "spender", "--clear", "-o", "json")
      #expect(cleared.status == 0, "\(cleared.err)")
      #expect(try await budget(project)["maxNanoUSD"] == 12_000_000)
      #expect(try await budget(project)["override"] == .null)
      try await stop(node)
      #expect(try await budget(project)["maxNanoUSD"] == 12_000_000)
    }
  }

  @Test func `a daily limit is raised without its window, and where there are two, one has to be named`() async throws {
    try await spender(dollars: "0.01, per: day") { project, _, _ in
      let node = try await project.up()
      #expect(try await project.naos("cost", "set", "spender", "--max-dollars", "0.02").status == 0)
      let raised = try await budget(project)
      #expect(raised["per"] == "day" && raised["maxNanoUSD"] == 20_000_000)
      #expect(try await project.naos("cost", "set", "spender", "--per", "month", "--max-dollars", "1").status == 0)
      let unclear = try await project.naos("cost", "set", "spender", "--max-dollars", "0.03")
      #expect(unclear.status == 2 && unclear.err.contains("per day, month. Say which."), "\(unclear.err)")
      try await stop(node)
    }
  }

  @Test func `a limit for a window that nobody counted in holds for what was spent in it, too`() async throws {
    try await spender(dollars: "0.01") { project, upstream, configure in
      var node = try await project.up()
      #expect(try await project.naos("run", "spender").status == 7)
      let set = try await project.naos(
        "cost", "set", "global", "--per", "lifetime", "--max-dollars", "0.011", "-o", "json")
      #expect(set.status == 0, "\(set.err)")
      #expect(try set.json["budgets"]?.arrayValue?.first?["usedNanoUSD"] == 10_000_000)
      // The agent's own limit would let five more through.
      try configure("0.02")
      #expect(try await project.naos("reload").status == 0)
      #expect(try await project.naos("run", "spender").status == 7)
      #expect(upstream.calls.count == 5)
      // What was cleared for a while has missed what was spent meanwhile.
      #expect(try await project.naos("cost", "set", "global", "--per", "lifetime", "--clear").status == 0)
      #expect(try await project.naos("run", "spender").status == 7)
      #expect(upstream.calls.count == 10)
      let again = try await project.naos(
        "cost", "set", "global", "--per", "lifetime", "--max-dollars", "1", "-o", "json")
      #expect(try again.json["budgets"]?.arrayValue?.first?["usedNanoUSD"] == 20_000_000)
      try await stop(node)
      node = try await project.up()
      let report = try await project.naos("cost", "status", "-o", "json").json
      #expect(report["budgets"]?.arrayValue?.first { $0["scope"] == "global" }?["usedNanoUSD"] == 20_000_000)
      // By which price each call was reckoned is on record.
      let charges = try await history(project)
      #expect(charges.allSatisfy { $0["priceSource"] == "cost.models" && $0["rates"] == "0 0 request=$0.002" })
      try await stop(node)
    }
  }

  @Test func `a call of unknown cost is charged in full until a person says what it came to`() async throws {
    try await spender(dollars: "1.00", ["HOLD_AT": "3"]) { project, upstream, _ in
      let first = try await project.up()
      let started = try await project.naos("run", "spender", "--detach", "-o", "json")
      let run = try #require(try started.json["id"]?.stringValue)
      try await upstream.waitForCall(3)
      first.signal(SIGKILL)
      try await first.end()
      var node = try await project.up()
      #expect(try await project.naos("runs", "wait", run).status == 0)
      #expect(try await budget(project)["usedNanoUSD"] == 22_000_000)
      #expect(try await project.naos("cost", "status", "-o", "json").json["unresolved"]?["calls"] == 1)
      let charges = try await history(project)
      let open = try #require(charges.first { $0["basis"] == "unresolved" }?["id"]?.stringValue)

      let settled = try await project.naos("cost", "resolve", open, "--actual", "$0.0005", "-o", "json")
      #expect(settled.status == 0, "\(settled.err)")
      #expect(try settled.json["entry"]?["costNanoUSD"] == -1_500_000)
      #expect(try await budget(project)["usedNanoUSD"] == 20_500_000)
      #expect(try await project.naos("cost", "status", "-o", "json").json["unresolved"]?["calls"] == 0)
      try await refused(["cost", "resolve", open, "--actual", "1"], project, 6, "NX-BUD-010")
      let paid = try #require(charges.first { $0["basis"] == "usage" }?["id"]?.stringValue)
      try await refused(["cost", "resolve", paid, "--actual", "1"], project, 6, "NX-BUD-010")
      try await refused(["cost", "resolve", "eff_0", "--actual", "1"], project, 5, "NX-BUD-009")

      let adjusted = try await project.naos("cost", "adjust", "spender", "--by", "-0.0005", "--reason", "a credit")
      #expect(adjusted.status == 0, "\(adjusted.err)")
      try await refused(["cost", "adjust", "spender", "--by", "-5", "--reason", "x"], project, 6, "NX-BUD-008")
      try await refused(["cost", "adjust", "global", "--by", "1", "--reason", "x"], project, 5, "NX-BUD-011")
      try await refused(["cost", "adjust", "nobody", "--by", "1", "--reason", "x"], project, 5, "NX-API-011")
      // What goes beyond where counters end could not be taken back.
      for amount in ["1000000.01", "-1000000.01"] {
        let refused = try await project.naos("cost", "adjust", "spender", "--by", amount, "--reason", "x")
        #expect(refused.status != 0 && refused.err.contains("at most $1,000,000"), "\(refused.err)")
      }
      #expect(try await budget(project)["usedNanoUSD"] == 20_000_000)
      #expect(try await history(project).first?["reason"] == "a credit")
      try await stop(node)
      node = try await project.up()
      #expect(try await budget(project)["usedNanoUSD"] == 20_000_000, "a restart forgets nothing")
      #expect(try await history(project).map { $0["costNanoUSD"]?.intValue ?? 0 }.reduce(0, +) == 20_000_000)
      try await stop(node)
    }
  }

  private func history(_ project: Project) async throws -> [JSONValue] {
    try await project.naos("cost", "history", "spender", "-o", "json").json["charges"]?.arrayValue ?? []
  }

  private func refused(_ words: [String], _ project: Project, _ status: Int32, _ code: String) async throws {
    let outcome = try await project.naos(words)
    #expect(outcome.status == status && outcome.err.contains(code), "\(words): \(outcome.status) \(outcome.err)")
  }
}
