// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusAPI
import NexusCLI
import NexusCore
import Testing

/// What other validators would have said of what is in the journal.
struct GateReplayTests {
  private static let config = """
    agents: { a: { command: run }, b: { command: run } }
    workflows: { w: { steps: [ { name: make, agent: a }, { name: read, agent: b } ] } }
    validators:
      small: { target: steps.make.output, rules: [ { id: cap, expr: "output.total <= 10.0", onFail: retry } ] }
      after: { target: steps.read.output, rules: [ { id: same, expr: "output.total == steps.make.output.total" } ] }
      own: { target: agents.b.output, rules: [ { id: input, expr: "input.ok" } ] }

    """

  private static func replay() throws -> GateReplay {
    let folder = FileManager.default.temporaryDirectory.path + "/naos-replay-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Data(config.utf8).write(to: URL(filePath: folder + "/nexus.config.yaml"))
    return try GateReplay(of: ProjectFolder(path: folder))
  }

  private static func run(_ kind: String, _ name: String) -> RunDetail {
    var read = StepReport(path: StepPath("read"), status: "completed")
    read.input = ["ok": true]
    return RunDetail(
      report: RunReport(
        id: RunID("run_1"), kind: kind, name: name, status: "completed", output: nil, error: nil, cost: RunCost(),
        pauseReason: nil, startedAt: WallTime(microseconds: 0), endedAt: nil),
      input: ["ok": false], steps: [read], journalEntries: 0, journalHead: .none, attempts: 1)
  }

  private static func journal(_ items: (kind: String, entry: JSONValue)...) -> [JournalItem] {
    items.enumerated().map { index, item in
      JournalItem(
        sequence: JournalSequence(Int64(index + 1)), at: WallTime(microseconds: 1), kind: item.kind, summary: "",
        entry: item.entry)
    }
  }

  private func words(_ findings: [GateReplay.Finding]) -> [String] {
    findings.map { "\($0.step) \($0.validator) \($0.was ?? "–")>\($0.now.rawValue)\($0.isChange ? "!" : "")" }
  }

  @Test func `outputs of steps are judged with what stood before them`() throws {
    let findings = try Self.replay().findings(
      of: Self.run("workflow", "w"),
      Self.journal(
        ("step-completed", ["step": "make", "output": ["total": 11]]),
        ("step-completed", ["step": "read", "output": ["total": 11]])))
    #expect(words(findings) == ["make small –>retry!", "read after –>pass", "read own –>pass"])
  }

  @Test func `what was judged then is compared, and what a person accepted is judged once`() throws {
    let rejected: JSONValue = [
      "step": "make", "rejected": ["total": 12],
      "findings": [["validator": "small", "verdict": "retry", "errors": []]],
    ]
    let passed: JSONValue = ["step": "make", "findings": [["validator": "small", "verdict": "retry", "errors": []]]]
    let replay = try Self.replay()
    let accepted = replay.findings(
      of: Self.run("workflow", "w"),
      Self.journal(("judged", rejected), ("step-completed", ["step": "make", "output": ["total": 12]])))
    #expect(words(accepted) == ["make small retry>retry"])
    let milder = replay.findings(
      of: Self.run("workflow", "w"),
      Self.journal(("judged", passed), ("step-completed", ["step": "make", "output": ["total": 3]])))
    #expect(words(milder) == ["make small retry>pass!"])
  }

  @Test func `of the run of an agent its output is judged, with its input`() throws {
    let replay = try Self.replay()
    #expect(replay.guards(kind: "agent", name: "b"))
    #expect(!replay.guards(kind: "agent", name: "a"))
    #expect(replay.guards(kind: "workflow", name: "w"))
    let findings = replay.findings(of: Self.run("agent", "b"), Self.journal(("completed", ["output": "x"])))
    #expect(words(findings) == ["main own –>retry!"])
  }
}
