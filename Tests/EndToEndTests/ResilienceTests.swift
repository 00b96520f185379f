// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Providers that fail and agents that go round in circles, with the real binary.
@Suite(.seated)
struct ResilienceTests {
  /// An agent with an unmodified client, which itself would ask three times.
  private func agent(
    _ environment: [String: String], model: String = "fake/fixed", more: String = "",
    _ body: (Project, Upstream) async throws -> Void
  ) async throws {
    let python = try Checkout.pythonSDK()
    try await Project.with { project in
      let upstream = try await Upstream(for: project, environment)
      try project.copy(Checkout.support("agents/spender.py"), to: "agent.py")
      try project.write(
        upstream.config + """
          name: trouble
          agents:
            asker:
              command: [\(python), agent.py]
              env: { MODEL: \(model), CLIENTS: "1" }
              retry: 1
          \(more)

          """, to: "nexus.config.yaml")
      try await body(project, upstream)
    }
  }

  @Test func `faults that cost nothing are got over, and the agent hears nothing of them`() async throws {
    try await agent(["FAULTS": "503,529,0,429"]) { project, upstream in
      let run = try await project.naos("run", "asker", "-o", "json")
      #expect(run.status == 0, "\(run.err)")
      #expect(try run.json["output"] == "10 answers")
      // Ten answers and three faults.
      #expect(upstream.calls.count == 13)
      #expect(try run.json["cost"]?["costNanoUSD"] == 20_000_000)
    }
  }

  @Test func `a provider that stays down is asked three times, and not nine`() async throws {
    try await agent(["FAULTS": "503*"]) { project, upstream in
      let run = try await project.naos("run", "asker", "-o", "json")
      #expect(run.status == 1, "\(run.err)")
      #expect(upstream.calls.count == 3)
      #expect(try await project.naos("logs", "asker").out.contains("refused 503"))
    }
  }

  @Test func `another model takes over, and the run is charged for the one that answered`() async throws {
    let more = """
      models:
        smart: { use: other/broken, fallback: [fake/fixed], retries: 0 }
      """
    try await agent(["FAULTS": "500*", "FAULTY": "broken"], model: "smart", more: more) { project, upstream in
      let config = try project.read("nexus.config.yaml")
      let price = "fake/fixed: { inputPer1M: 0, outputPer1M: 0, perRequest: 0.002 }"
      let other = "providers:\n  other: { dialect: openai, baseURL: \"http://127.0.0.1:\(upstream.port)/v1\" }"
      try project.write(
        config.replacing("providers:", with: other)
          .replacing(price, with: price + "\n    other/broken: { inputPer1M: 0, outputPer1M: 0, perRequest: 0.001 }"),
        to: "nexus.config.yaml")
      let run = try await project.naos("run", "asker", "-o", "json")
      #expect(run.status == 0, "\(run.err)")
      #expect(upstream.calls.count == 20)
      #expect(try run.json["cost"]?["costNanoUSD"] == 20_000_000)
    }
  }

  @Test func `an agent in a loop is paused, and comes no further when it is resumed`() async throws {
    let python = try Checkout.python()
    try await Project.with { project in
      let upstream = try await Upstream(for: project)
      try project.copy(Checkout.support("agents/looper.py"), to: "agent.py")
      try project.write(
        upstream.config + """
          name: circles
          agents:
            looper: { command: [\(python), agent.py], env: { MODEL: fake/fixed } }

          """, to: "nexus.config.yaml")
      let run = try await project.naos("run", "looper", "-o", "json")
      // It is no budget that stopped it.
      #expect(run.status == 1, "\(run.err)")
      #expect(try run.json["status"] == "paused" && run.json["pauseReason"] == "loop")
      #expect(run.err.contains("loop: the agent goes round in circles"), "\(run.err)")
      #expect(run.err.contains("3 times 'search' with the same arguments and the same result"), "\(run.err)")
      #expect(upstream.calls.count == 5)
      // It replays what it had, comes to the same place, and not one call further.
      let id = try await project.newestRun()
      _ = try await project.naos("runs", "resume", id)
      let again = try await project.naos("runs", "show", id, "-o", "json").json
      #expect(again["status"] == "paused" || again["status"] == "running" || again["status"] == "queued")
      #expect(upstream.calls.count == 5)
    }
  }
}
