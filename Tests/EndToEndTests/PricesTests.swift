// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

@Suite(.seated)
struct PricesTests {
  private let config = """
    name: prices
    providers:
      openai: { apiKey: sk-test }
    agents:
      idle: { command: ["true"] }
    server: { port: 0 }

    """
  private let catalogue = """
    { "openai": { "models": {
        "gpt-new": { "cost": { "input": 1, "output": 2, "cache_read": 0.1 }, "limit": { "context": 1000, "output": 100 } },
        "gpt-4o": { "cost": { "input": 3, "output": 10 }, "limit": { "context": 128000, "output": 16384 } },
        "gpt-4.1": { "cost": { "input": 1, "output": 4 }, "limit": {} },
        "gpt-5": { "cost": { "input": 1250, "output": 10000 }, "limit": {} } } },
      "nobody": { "models": { "x": { "cost": { "input": 1, "output": 1 } } } } }
    """

  private func changes(_ outcome: Outcome) throws -> [String: String] {
    var found: [String: String] = [:]
    for change in try outcome.json["changes"]?.arrayValue ?? [] {
      found[change["model"]?.stringValue ?? ""] = change["change"]?.stringValue
    }
    return found
  }

  @Test func `a catalogue raises prices at once, lowers them when told, and never takes what cannot be right`()
    async throws
  {
    try await Project.with(config) { project in
      try project.write(catalogue, to: "catalogue.json")
      let dry = try await project.naos("prices", "update", "--from", "catalogue.json", "--dry-run", "-o", "json")
      #expect(dry.status == 0, "\(dry.err)")
      #expect(!project.exists("prices.d/update.prices"))
      let wrong = try await project.naos(
        "prices", "update", "--from", "catalogue.json", "--sha256", String(repeating: "0", count: 64))
      #expect(wrong.status == 10)
      #expect(!project.exists("prices.d/update.prices"))
      let update = try await project.naos("prices", "update", "--from", "catalogue.json", "-o", "json")
      let expected = [
        "openai/gpt-new": "added", "openai/gpt-4o": "raised", "openai/gpt-4.1": "kept", "openai/gpt-5": "implausible",
      ]
      #expect(try changes(update) == expected)
      let rows = try project.read("prices.d/update.prices")
      #expect(rows.contains("\nopenai/gpt-new 1 2 read=0.1 window=1000 max=100\n"))
      #expect(rows.contains("\nopenai/gpt-4o 3 10 read=1.25 window=128000 max=16384\n"))
      #expect(!rows.contains("openai/gpt-4.1 "))
      let digest = try #require(try update.json["sha256"]?.stringValue)
      #expect(rows.contains(digest))
      let accepted = try await project.naos(
        "prices", "update", "--from", "catalogue.json", "--accept", "--sha256", digest, "-o", "json")
      #expect(try changes(accepted) == ["openai/gpt-4.1": "lowered", "openai/gpt-5": "implausible"])
      let after = try project.read("prices.d/update.prices")
      #expect(after.contains("\nopenai/gpt-4.1 1 4 "))
      #expect(after.contains("\nopenai/gpt-new 1 2 "))
      let shown = try await project.naos("prices", "show", "gpt-4.1", "-o", "json").json["prices"]?.arrayValue?.first
      #expect(shown?["inputPer1M"] == "1")
      #expect(shown?["from"] == "prices.d/update.prices")
    }
  }

  @Test func `what is no catalogue changes nothing`() async throws {
    try await Project.with(config) { project in
      try project.write("<html>moved</html>", to: "page.html")
      let outcome = try await project.naos("prices", "update", "--from", "page.html")
      #expect(outcome.status == 2)
      #expect(outcome.err.contains("NX-GWY-022"))
      #expect(try await project.naos("prices", "update", "--from", "nowhere.json").status == 2)
      #expect(!project.exists("prices.d"))
    }
  }

  @Test func `a line that is no row keeps the node from starting, and check names it`() async throws {
    try await Project.with(config) { project in
      try project.write("# mine\nopenai/gpt-mine 1 2\nopenai/gpt-other one 2\n", to: "prices.d/mine.prices")
      let check = try await project.naos("prices", "check")
      #expect(check.status == 3)
      #expect(check.out.contains("prices.d/mine.prices:3"))
      let run = try await project.naos("run", "idle")
      #expect(run.status == 3, "\(run.err)")
      #expect(run.err.contains("NX-GWY-021"))
      try project.write("openai/gpt-mine 1 2\n", to: "prices.d/mine.prices")
      #expect(try await project.naos("run", "idle").status == 0)
    }
  }

  @Test func `a node takes changed prices with a reload, and keeps those that it has where a file is wrong`()
    async throws
  {
    let priced = config + "cost: { budgets: { global: { maxDollars: 1 } } }\n"
    try await Project.with(priced) { project in
      let node = try await project.up()
      try project.write("openai/gpt-mine one 2\n", to: "prices.d/mine.prices")
      let refused = try await project.naos("reload", "--yes")
      #expect(refused.status == 3, "\(refused.err)")
      #expect(refused.err.contains("prices.d/mine.prices:1"))
      try project.write("openai/gpt-mine 1 2\n", to: "prices.d/mine.prices")
      #expect(try await project.naos("reload", "--yes").status == 0)
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }

  @Test func `a price for other units is found`() async throws {
    let slip = config + "cost: { models: { openai/gpt-4o: { inputPer1M: 2500, outputPer1M: 10000 } } }\n"
    try await Project.with(slip) { project in
      let check = try await project.naos("prices", "check", "-o", "json")
      #expect(check.status == 3)
      let finding = try check.json.arrayValue?.first { $0["model"] == "openai/gpt-4o" }
      #expect(finding?["finding"]?.stringValue?.contains("a million, or of one") == true)
    }
  }
}
