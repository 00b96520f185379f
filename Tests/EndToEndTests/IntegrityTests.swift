// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Runs whose state is in doubt, and their way back, with the real binary.
@Suite(.seated)
struct IntegrityTests {
  /// The agents leave a line for everything that they do.
  private static func config(_ governance: String, _ flows: String, more: String = "") -> String {
    """
    name: integrity
    server: { port: 0 }
    agents:
      research: { command: ["sh", "-c", "echo research >> done; echo '{\\"topic\\": \\"bees\\"}'"] }
      write: { command: ["sh", "-c", "echo write >> done; echo '{\\"words\\": 100}'"] }
      # Fails until there is a file.
      publish: { command: ["sh", "-c", "echo publish >> done; test -e ready && echo '{\\"words\\": 90}'"] }
      # Works until it is told to end, and at its second try at once.
      slow: { command: ["sh", "-c", "echo slow >> done; test -e ready || sleep 600; echo '{}'"] }
      undo: { command: ["sh", "-c", "echo undo $NAOS_STEP >> done"] }
    governance:
      default: permit
    \(governance)
    \(flows)
    \(more)

    """
  }

  private static func done(_ project: Project) -> [String] {
    ((try? project.read("done")) ?? "").split(separator: "\n").map(String.init)
  }

  private static func show(_ run: String, _ project: Project) async throws -> JSONValue {
    try await project.naos("runs", "show", run, "-o", "json").json
  }

  /// Looks at the run again and again, until it is so.
  static func eventually(
    _ what: String, _ run: String, _ project: Project, _ isSo: (JSONValue) throws -> Bool
  ) async throws {
    let end = ContinuousClock.now + patience
    while ContinuousClock.now < end { if try isSo(try await show(run, project)) { return } }
    throw GaveUp(description: "there was never \(what)")
  }

  // MARK: Halted

  private static let unasked = config(
    "  stopWhen: [evaluatorError]",
    """
    sagas:
      article:
        steps:
          - { name: research, agent: research, compensation: undo }
          - { name: write, agent: write, compensation: undo, validate: priced }
    validators:
      # There is no price: the rule has no value.
      priced: { rules: [ { id: cap, expr: "output.price <= 100.0" } ] }
    """)

  @Test func `a rule that cannot be asked halts the run, and nothing is undone until a person decides`() async throws {
    try await Project.with(Self.unasked) { project in
      let outcome = try await project.naos("run", "article", "-o", "json")
      #expect(outcome.status == 11, "\(outcome.err)")
      #expect(try outcome.json["status"] == "halted")
      #expect(try outcome.json["error"]?["code"] == "NX-GAT-100")
      #expect(Self.done(project) == ["research", "write"])
      let run = try #require(try outcome.json["id"]?.stringValue)
      #expect(outcome.err.contains("naos runs resume \(run) --accept"), "\(outcome.err)")
      let list = try await project.naos("runs", "list", "--status", "halted")
      #expect(list.out.contains("halted NX-GAT-100"), "\(list.out)")
      let stuck = try await project.naos("runs", "list", "--stuck", "-o", "json").json
      #expect(stuck["runs"]?.arrayValue?.first?["id"]?.stringValue == run)
      let audit = try await project.naos("audit", "tail", "--run", run, "-o", "jsonl")
      #expect(audit.out.contains(#""run.halted""#) && audit.out.contains(#""evaluatorError""#), "\(audit.out)")
      let node = try await project.up()
      // Neither a restart of the node nor anybody who does not say why has it go on.
      for command in [["cancel"], ["kill"], ["pause"], ["resume"], ["retry"]] {
        let refused = try await project.naos(["runs"] + command + [run])
        #expect(refused.status == 6, "\(command): \(refused.err)")
      }
      #expect(Self.done(project) == ["research", "write"])
      let unsaid = try await project.naos("runs", "resume", run, "--accept", "")
      #expect(unsaid.status != 0 && unsaid.err.contains("NX-GAT-101"), "\(unsaid.err)")
      let accepted = try await project.naos("runs", "resume", run, "--accept", "the price is missing", "-o", "json")
      #expect(accepted.status == 10, "\(accepted.err)")
      #expect(try accepted.json["status"] == "stopped")
      #expect(Self.done(project).suffix(2) == ["undo write.compensation", "undo research.compensation"])
      let journal = try await project.naos("runs", "journal", run)
      #expect(journal.out.contains("the price is missing"), "\(journal.out)")
      node.signal(SIGTERM)
      _ = try await node.end()
    }
  }

  @Test func `a halt survives the death of its node, and so does what led to it`() async throws {
    let config = Self.config(
      "  stopWhen: [outcomeUnknown]",
      """
      sagas:
        article: { steps: [ { name: research, agent: research, compensation: undo }, { name: slow, agent: slow, onUnknown: ask } ] }
      """)
    try await Project.with(config) { project in
      var node = try await project.up()
      let started = try await project.naos("run", "article", "--detach", "-o", "json")
      let run = try #require(try started.json["id"]?.stringValue)
      try await Self.eventually("the second step", run, project) { _ in Self.done(project).contains("slow") }
      node.signal(SIGKILL)
      _ = try await node.end()
      node = try await project.up()
      let waited = try await project.naos("runs", "wait", run, "-o", "json")
      #expect(waited.status == 11, "\(waited.err)")
      #expect(try waited.json["error"]?["message"]?.stringValue?.contains("outcomeUnknown") == true)
      node.signal(SIGKILL)
      _ = try await node.end()
      node = try await project.up()
      #expect(try await Self.show(run, project)["status"] == "halted")
      #expect(Self.done(project) == ["research", "slow"])
      // Then a person is asked what the step did, as its definition says.
      let accepted = try await project.naos("runs", "resume", run, "--accept", "seen", "-o", "json")
      #expect(try accepted.json["status"] == "paused", "\(accepted.err)")
      #expect(try await project.naos("runs", "mark-done", run, "slow").status == 0)
      #expect(Self.done(project) == ["research", "slow"])
      node.signal(SIGTERM)
      _ = try await node.end()
    }
  }

  @Test func `an audit log that was broken halts what was not over, once it is begun anew`() async throws {
    let config = Self.config(
      "  stopWhen: [auditBroken]",
      "workflows: { article: { steps: [ { name: research, agent: research }, { name: slow, agent: slow } ] } }")
    try await Project.with(config) { project in
      var node = try await project.up()
      let started = try await project.naos("run", "article", "--detach", "-o", "json")
      let run = try #require(try started.json["id"]?.stringValue)
      try await Self.eventually("the second step", run, project) { _ in Self.done(project).contains("slow") }
      node.signal(SIGKILL)
      _ = try await node.end()
      let program = """
        import sqlite3
        db = sqlite3.connect('.naos/nexus.db')
        db.executescript('DELETE FROM audit_entry WHERE seq = (SELECT max(seq) FROM audit_entry)')
        """
      let running = try project.start([try Checkout.python(), "-c", program])
      running.closeInput()
      try #require(try await running.end().exit == .code(0))
      let refused = try await project.naos("up")
      #expect(refused.status == 11 && refused.err.contains("NX-STO-03"), "\(refused.err)")
      #expect(try await project.naos("audit", "renew", "--yes").status == 0)
      node = try await project.up()
      let waited = try await project.naos("runs", "wait", run, "-o", "json")
      #expect(waited.status == 11, "\(waited.err)")
      #expect(try waited.json["error"]?["message"]?.stringValue?.contains("auditBroken") == true, "\(waited.out)")
      #expect(Self.done(project) == ["research", "slow"])
      // What begins under the new log is in it.
      try project.write("", to: "ready")
      #expect(try await project.naos("run", "article").status == 0)
      let accepted = try await project.naos(
        "runs", "resume", run, "--accept", "the old log was looked at", "-o", "json")
      #expect(try accepted.json["status"] == "completed", "\(accepted.err)")
      node.signal(SIGTERM)
      _ = try await node.end()
    }
  }

  @Test func `rules that were changed halt a run that began under others`() async throws {
    func config(_ boundary: String) -> String {
      Self.config(
        "  stopWhen: [definitionChanged]\n  boundaries: [ \(boundary) ]",
        """
        workflows:
          waits: { steps: [ { name: go, waitFor: go }, { name: write, agent: write } ] }
        """)
    }
    try await Project.with(config("{ id: all, permit: \"true\" }")) { project in
      var node = try await project.up()
      let started = try await project.naos("run", "waits", "--detach", "-o", "json")
      let run = try #require(try started.json["id"]?.stringValue)
      node.signal(SIGTERM)
      _ = try await node.end()
      node = try await project.up()
      #expect(try await Self.show(run, project)["status"] == "suspended")
      node.signal(SIGTERM)
      _ = try await node.end()
      try project.write(config("{ id: none, forbid: \"true\" }"), to: "nexus.config.yaml")
      node = try await project.up()
      let waited = try await project.naos("runs", "wait", run, "-o", "json")
      #expect(waited.status == 11, "\(waited.err)")
      #expect(try waited.json["error"]?["message"]?.stringValue?.contains("definitionChanged") == true)
      let accepted = try await project.naos("runs", "resume", run, "--accept", "the new rules hold", "--detach")
      #expect(accepted.status == 0, "\(accepted.err)")
      #expect(try await project.naos("runs", "signal", run, "go").status == 0)
      #expect(try await project.naos("runs", "wait", run).status == 0)
      #expect(Self.done(project) == ["write"])
      node.signal(SIGTERM)
      _ = try await node.end()
    }
  }

  // MARK: Back

  private static let sealed = config(
    "  stopWhen: [checkpointMismatch]",
    """
    sagas:
      article:
        onExhausted: pause
        steps:
          - { name: research, agent: research, compensation: undo, validate: topical }
          - { name: write, agent: write, compensation: undo }
          - { name: publish, agent: publish, compensation: undo, retry: { maxAttempts: 1 } }
    validators:
      topical: { rules: [ { id: topic, expr: "output.topic == 'bees'" } ] }
    """)

  @Test func `a run goes back to a checkpoint, undoes what came after it, and does it anew`() async throws {
    try await Project.with(Self.sealed) { project in
      let node = try await project.up()
      let outcome = try await project.naos("run", "article", "-o", "json")
      let run = try #require(try outcome.json["id"]?.stringValue, "\(outcome.err)")
      #expect(try outcome.json["status"] == "paused", "\(outcome.err)")
      let list = try await project.naos("runs", "checkpoints", run, "-o", "json").json["checkpoints"]?.arrayValue ?? []
      #expect(list.map { $0["number"] } == [0, 1, 2])
      #expect(list.map { $0["step"] } == [.null, "research", "write"])
      #expect(list.map { $0["verified"] } == [true, true, false])
      #expect(list.dropFirst().allSatisfy { $0["digest"]?.stringValue?.utf8.count == 64 })
      let table = try await project.naos("runs", "checkpoints", run)
      #expect(table.out.contains("research") && table.err.contains("naos runs rollback \(run) --to"), "\(table.err)")
      let unverified = try await project.naos("runs", "rollback", run, "--to", "2")
      #expect(unverified.status == 6 && unverified.err.contains("NX-GAT-103"), "\(unverified.err)")
      let unknown = try await project.naos("runs", "rollback", run, "--to", "7")
      #expect(unknown.status == 5 && unknown.err.contains("NX-GAT-102"), "\(unknown.err)")
      #expect(Self.done(project) == ["research", "write", "publish"])
      try project.write("", to: "ready")
      let back = try await project.naos(
        "runs", "rollback", run, "--to", "1", "--reason", "the text was wrong", "-o", "json")
      #expect(back.status == 0, "\(back.err)")
      #expect(try back.json["output"]?["words"] == 90)
      #expect(
        Self.done(project).dropFirst(3) == [
          "undo publish.compensation", "undo write.compensation", "write", "publish",
        ])
      let journal = try await project.naos("runs", "journal", run)
      #expect(journal.out.contains("the text was wrong") && journal.out.contains("to checkpoint 1"), "\(journal.out)")
      let audit = try await project.naos("audit", "tail", "--run", run, "-o", "jsonl")
      #expect(audit.out.contains(#""run.rolled-back""#), "\(audit.out)")
      let late = try await project.naos("runs", "rollback", run, "--to", "1")
      #expect(late.status == 6 && late.err.contains("NX-GAT-104"), "\(late.err)")
      node.signal(SIGTERM)
      _ = try await node.end()
    }
  }

  // MARK: Wrong all the same

  @Test func `a saga that completes every step and is still wrong is caught, and undone`() async throws {
    let config = Self.config(
      "  stopWhen: []",
      """
      sagas:
        article:
          steps:
            - { name: research, agent: research, compensation: undo }
            - { name: write, agent: write, compensation: undo }
            - { name: publish, agent: publish, compensation: undo, validate: whole }
      validators:
        # Every step did its work; what was published is not what was written.
        whole:
          rules:
            - id: same
              expr: "output.words == steps.write.output.words"
              messageExpr: "'published ' + string(output.words) + ' of ' + string(steps.write.output.words) + ' words'"
      """)
    try await Project.with(config) { project in
      try project.write("", to: "ready")
      let outcome = try await project.naos("run", "article", "-o", "json")
      #expect(outcome.status == 10, "\(outcome.err)")
      #expect(try outcome.json["status"] == "stopped")
      #expect(try outcome.json["error"]?["message"]?.stringValue?.contains("published 90") == true, "\(outcome.out)")
      #expect(
        Self.done(project) == [
          "research", "write", "publish", "undo publish.compensation", "undo write.compensation",
          "undo research.compensation",
        ])
    }
  }
}
