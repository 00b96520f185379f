// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Validators between steps, with the real binary.
@Suite(.seated)
struct ValidatorTests {
  private static let config = """
    name: validators
    server: { port: 0 }
    agents:
      # Says a total that is too large until it is told so.
      learner:
        command: ["sh", "-c", "echo try >> tries; printf '%s' \\"$NAOS_FEEDBACK\\" > feedback; if [ -n \\"$NAOS_FEEDBACK\\" ]; then echo '{\\"total\\": 3}'; else echo '{\\"total\\": 300}'; fi"]
      # Never learns.
      mule: { command: ["sh", "-c", "echo try >> tries; echo '{\\"total\\": 300}'"] }
      # Is not sure.
      doubter: { command: ["sh", "-c", "echo try >> tries; echo '{\\"total\\": 3, \\"confidence\\": 0.7}'"] }
      reader: { command: ["sh", "-c", "cat > read; cat read"] }
      undo: { command: ["sh", "-c", "cat > undone"] }
    workflows:
      learns: { steps: [ { name: learn, agent: learner }, { name: read, agent: reader } ] }
      fails: { steps: [ { name: fail, agent: mule }, { name: read, agent: reader } ] }
      asks: { steps: [ { name: doubt, agent: doubter }, { name: read, agent: reader } ] }
      watches: { steps: [ { name: watch, agent: mule, validate: watching }, { name: read, agent: reader } ] }
    sagas:
      books: { steps: [ { name: book, agent: mule, compensation: undo }, { name: read, agent: reader } ] }
    validators:
      small:
        target: [workflows.learns.steps.learn.output, workflows.fails.steps.fail.output, steps.book.output]
        schema: { type: object, required: [total], properties: { total: { type: integer } } }
        rules:
          - { id: cap, expr: "output.total <= 100", messageExpr: "'total ' + string(output.total) + ' exceeds 100'", path: /total, onFail: retry }
      sure:
        target: steps.doubt.output
        confidence: { value: output.confidence, proceed: 0.85, escalate: 0.6 }
      watching:
        mode: observe
        rules: [ { id: cap, expr: "output.total <= 100.0" } ]

    """

  @Test func `a retry is told what was wrong, and only what is right reaches the next step`() async throws {
    try await Project.with(Self.config) { project in
      let outcome = try await project.naos("run", "learns", "-o", "json")
      #expect(outcome.status == 0, "\(outcome.err)")
      #expect(try outcome.json["output"]?["total"] == 3)
      #expect(try project.read("tries").split(separator: "\n").count == 2)
      #expect(try JSONValue(parsing: project.read("read"))["total"] == 3)
      let feedback = try JSONValue(parsing: project.read("feedback"))
      #expect(feedback["validator"] == "small")
      #expect(feedback["attempt"] == 1)
      #expect(feedback["of"] == 3)
      #expect(feedback["errors"]?.arrayValue?.first?["path"] == "/total")
      #expect(feedback["errors"]?.arrayValue?.first?["message"] == "total 300 exceeds 100")
      let run = try #require(try outcome.json["id"]?.stringValue)
      let journal = try await project.naos("runs", "journal", run, "-o", "jsonl")
      let judged = try journal.out.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        .filter { $0["kind"] == "judged" }
      #expect(judged.compactMap { $0["entry"]?["consequence"] } == ["retry", "pass"])
      // The rejected output is kept, with its errors.
      #expect(judged.first?["entry"]?["rejected"]?["total"] == 300)
    }
  }

  @Test func `an output that gets no better stops the run, and nobody reads it`() async throws {
    try await Project.with(Self.config) { project in
      let outcome = try await project.naos("run", "fails", "-o", "json")
      #expect(outcome.status == 10, "\(outcome.err)")
      #expect(try outcome.json["status"] == "stopped")
      #expect(try outcome.json["error"]?["code"] == "NX-GAT-070")
      #expect(try outcome.json["output"] == .null)
      // The same output again is no progress, so the third try is not made.
      #expect(try project.read("tries").split(separator: "\n").count == 2)
      #expect(!project.exists("read"))
      let run = try #require(try outcome.json["id"]?.stringValue)
      let step = try await project.naos("runs", "show", run, "-o", "json").json["steps"]?.arrayValue?.first
      #expect(step?["verdict"] == "stop")
      #expect(step?["judgement"]?["reason"] == "noProgress")
      #expect(step?["output"] == .null)
      let table = try await project.naos("runs", "show", run)
      #expect(table.out.contains("total 300 exceeds 100"), "\(table.out)")
    }
  }

  @Test func `a stop has a saga undo what it did`() async throws {
    try await Project.with(Self.config) { project in
      let outcome = try await project.naos("run", "books", "-o", "json")
      #expect(outcome.status == 10, "\(outcome.err)")
      #expect(try outcome.json["status"] == "stopped")
      #expect(!project.exists("read"))
      let undone = try JSONValue(parsing: project.read("undone"))
      #expect(undone["output"] == .null)
      #expect(undone["rejected"]?["total"] == 300)
      #expect(undone["error"]?["code"] == "NX-GAT-070")
    }
  }

  @Test func `what only observes lets pass, and tells`() async throws {
    try await Project.with(Self.config) { project in
      let outcome = try await project.naos("run", "watches", "-o", "json")
      #expect(outcome.status == 0, "\(outcome.err)")
      #expect(outcome.err.contains("watching would say stop"), "\(outcome.err)")
      let run = try #require(try outcome.json["id"]?.stringValue)
      let step = try await project.naos("runs", "show", run, "-o", "json").json["steps"]?.arrayValue?.first
      #expect(step?["verdict"] == "pass")
      #expect(step?["judgement"]?["findings"]?.arrayValue?.first?["observed"] == true)
      #expect(step?["judgement"]?["findings"]?.arrayValue?.first?["verdict"] == "stop")
    }
  }

  @Test func `an unsure output waits for a person, also after the node was killed`() async throws {
    try await Project.with(Self.config) { project in
      var node = try await project.up()
      let run = try await Self.escalated(project)
      node.signal(SIGKILL)
      _ = try await node.end()
      node = try await project.up()
      #expect(try await project.naos("runs", "show", run, "-o", "json").json["status"] == "suspended")
      let shown = try await project.naos("runs", "show", run)
      #expect(shown.err.contains("naos runs decide \(run) doubt --accept"), "\(shown.err)")
      #expect(!project.exists("read"))
      #expect(try project.read("tries").split(separator: "\n").count == 1)
      let wrong = try await project.naos("runs", "decide", run, "read", "--accept")
      #expect(wrong.status == 6, "\(wrong.err)")
      #expect(wrong.err.contains("NX-GAT-073"))
      let decided = try await project.naos("runs", "decide", run, "doubt", "--accept", "--note", "looks right")
      #expect(decided.status == 0, "\(decided.err)")
      #expect(try JSONValue(parsing: project.read("read"))["confidence"]?.text() == "0.7")
      #expect(try project.read("tries").split(separator: "\n").count == 1)
      let late = try await project.naos("runs", "decide", run, "doubt", "--stop")
      #expect(late.status == 6, "\(late.err)")
      node.signal(SIGTERM)
      _ = try await node.end()
    }
  }

  @Test func `a person's stop ends the run`() async throws {
    try await Project.with(Self.config) { project in
      let node = try await project.up()
      let run = try await Self.escalated(project)
      let decided = try await project.naos("runs", "decide", run, "doubt", "--stop", "--note", "no", "-o", "json")
      #expect(decided.status == 10, "\(decided.err)")
      #expect(try decided.json["status"] == "stopped")
      #expect(try decided.json["error"]?["code"] == "NX-GAT-071")
      node.signal(SIGTERM)
      _ = try await node.end()
    }
  }

  /// A run on the node that is up, whose output waits for a person.
  private static func escalated(_ project: Project) async throws -> String {
    let asking = try project.startNaos("run", "asks")
    try await asking.wait(for: "the escalation") { $0.errText.contains("escalate") ? true : nil }
    return try await project.newestRun()
  }

  @Test func `a validator is asked by hand`() async throws {
    try await Project.with(Self.config) { project in
      let good = try await project.naos("gate", "test", "small", #"{"total": 100}"#)
      #expect(good.status == 0, "\(good.err)")
      #expect(try good.json["verdict"] == "pass")
      let bad = try await project.naos("gate", "test", "small", #"{"total": 101}"#)
      #expect(bad.status == 10)
      #expect(try bad.json["verdict"] == "retry")
      let none = try await project.naos("gate", "test", "smal", "{}")
      #expect(none.status == 3 && none.err.contains("small"), "\(none.err)")
    }
  }
}
