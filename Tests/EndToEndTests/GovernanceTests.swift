// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Boundaries before actions, and people who approve them, with the real binary.
@Suite(.seated)
struct GovernanceTests {
  static func config(_ approvals: String = "", _ boundaries: String = "", more: String = "") throws -> String {
    """
    name: governed
    server: { port: 0 }
    agents:
      payer: { command: ["sh", "-c", "cat >> paid; echo >> paid; echo '{}'"] }
      reader: { command: ["sh", "-c", "echo '{}'"] }
      clerk: { command: ["\(try Checkout.python())", "\(Checkout.support("agents/clerk.py"))"], retry: { maxAttempts: 1 } }
    \(more)
    approvals:
      review: { approvers: [role:ops], expiresIn: 1h }
    \(approvals)
    governance:
      tools:
        agents.payer:
          effect: irreversible
          schema:
            type: object
            required: [input]
            additionalProperties: false
            properties:
              input: { type: object, required: [amount], additionalProperties: false, properties: { amount: { type: number } } }
        agents.reader: { effect: readOnly, labels: [confidential], egress: false }
        files.search: { effect: readOnly, egress: false }
        files.read: { effect: readOnly, egress: false }
      boundaries:
    \(boundaries)
        - id: payments
          match: "tool == 'agents.payer'"
          permit: "args.input.amount <= 500.0"
          requireApproval: "args.input.amount > 100.0"
          approval: review
        - { id: readers, match: "tools[tool].effect == 'readOnly'", permit: "true" }
        - { id: no-leak, match: "tools[tool].egress", forbid: "history.exists(h, 'confidential' in h.labels)" }

    """
  }

  static func pay(_ amount: Int) -> String {
    #"{"steps": [{"call": "payer", "input": {"amount": \#(amount)}}]}"#
  }

  /// The question that waits, once there is one.
  private static func waiting(_ project: Project, besides known: String? = nil) async throws -> JSONValue {
    try await eventually("a question to people") {
      let list = try await project.naos("approvals", "list", "-o", "json").json["approvals"]?.arrayValue ?? []
      return list.first { $0["id"]?.stringValue != known }
    }
  }

  /// Asks again and again, one command after the other, until there is an answer.
  private static func eventually<Found>(
    _ what: String, _ look: () async throws -> Found?
  ) async throws -> Found {
    let end = ContinuousClock.now + patience
    while ContinuousClock.now < end {
      if let found = try await look() { return found }
    }
    throw GaveUp(description: "there was never \(what)")
  }

  private static func isAsleep(_ run: String, _ project: Project) async throws -> Bool? {
    try await project.naos("runs", "show", run, "-o", "json").json["status"] == "suspended" ? true : nil
  }

  private static func lines(_ project: Project, _ name: String) -> [Substring] {
    ((try? project.read(name)) ?? "").split(separator: "\n")
  }

  // MARK: Approvals

  @Test func `an approval survives the death of its node, and is good for one action`() async throws {
    try await Project.with(try Self.config()) { project in
      var node = try await project.up()
      let started = try await project.naos("run", "clerk", "--input", Self.pay(420), "--detach", "-o", "json")
      let run = try #require(try started.json["id"]?.stringValue, "\(started.err)")
      let asked = try await Self.waiting(project)
      let id = try #require(asked["id"]?.stringValue)
      #expect(asked["arguments"] == ["input": ["amount": 420]])
      #expect(asked["effect"] == "irreversible" && asked["tool"] == "agents.payer")
      #expect(try await Self.eventually("a run that sleeps") { try await Self.isAsleep(run, project) })
      node.signal(SIGKILL)
      _ = try await node.end()
      // Offline it can be looked at, and not decided.
      #expect(try await project.naos("approvals", "show", id, "-o", "json").json["status"] == "requested")
      #expect(try await project.naos("approvals", "approve", id).status == 9)
      node = try await project.up()
      #expect(!project.exists("paid"))
      let other = try await project.naos("approvals", "approve", id, "--digest", String(repeating: "0", count: 64))
      #expect(other.status == 6 && other.err.contains("NX-APR-013"), "\(other.err)")
      let approved = try await project.naos("approvals", "approve", id, "--reason", "it is owed", "-o", "json")
      #expect(approved.status == 0, "\(approved.err)")
      let ended = try await project.naos("runs", "wait", run, "-o", "json")
      #expect(ended.status == 0, "\(ended.err)")
      #expect(Self.lines(project, "paid") == [#"{"amount":420}"#], "\(Self.lines(project, "calls"))")
      let record = try await project.naos("approvals", "show", id, "-o", "json").json
      #expect(record["status"] == "consumed" && record["decidedBy"] == "owner")
      let late = try await project.naos("approvals", "approve", id)
      #expect(late.status == 0 || late.status == 6, "\(late.err)")
      let denied = try await project.naos("approvals", "deny", id)
      #expect(denied.status == 6 && denied.err.contains("NX-APR-012"), "\(denied.err)")
      // The same again is another question, and nothing was done twice.
      _ = try await project.naos("run", "clerk", "--input", Self.pay(420), "--detach")
      let second = try await Self.waiting(project, besides: id)
      #expect(second["digest"] != asked["digest"])
      #expect(Self.lines(project, "paid").count == 1)
      node.signal(SIGTERM)
      _ = try await node.end()
    }
  }

  @Test func `an approval does not fit arguments that are others by the time of the action`() async throws {
    try await Project.with(try Self.config()) { project in
      let node = try await project.up()
      try project.write(#"{"amount": 420}"#, to: "owed")
      let steps = #"{"steps": [{"call": "payer", "from": "owed"}]}"#
      let started = try await project.naos("run", "clerk", "--input", steps, "--detach", "-o", "json")
      let run = try #require(try started.json["id"]?.stringValue, "\(started.err)")
      let asked = try await Self.waiting(project)
      let id = try #require(asked["id"]?.stringValue)
      #expect(try await Self.eventually("a run that sleeps") { try await Self.isAsleep(run, project) })
      // Between the question and the answer somebody makes the agent want something else.
      try project.write(#"{"amount": 421}"#, to: "owed")
      #expect(try await project.naos("approvals", "approve", id).status == 0)
      let other = try await Self.waiting(project, besides: id)
      #expect(other["arguments"] == ["input": ["amount": 421]])
      #expect(other["digest"] != asked["digest"])
      #expect(!project.exists("paid"))
      let second = try #require(other["id"]?.stringValue)
      #expect(try await project.naos("approvals", "deny", second).status == 0)
      let ended = try await project.naos("runs", "wait", run, "-o", "json")
      #expect(try ended.json["output"]?["answers"]?.arrayValue?.first?["code"] == "NX-APR-003", "\(ended.err)")
      #expect(!project.exists("paid"))
      #expect(try await project.naos("approvals", "show", id, "-o", "json").json["status"] != "consumed")
      node.signal(SIGTERM)
      _ = try await node.end()
    }
  }

  @Test func `a death after the yes loses nothing and does nothing twice`() async throws {
    try await Project.with(try Self.config()) { project in
      var node = try await project.up()
      let run = try #require(
        try await project.naos("run", "clerk", "--input", Self.pay(300), "--detach", "-o", "json").json["id"]?
          .stringValue)
      let id = try #require(try await Self.waiting(project)["id"]?.stringValue)
      #expect(try await project.naos("approvals", "approve", id).status == 0)
      node.signal(SIGKILL)
      _ = try await node.end()
      node = try await project.up()
      #expect(try await project.naos("runs", "wait", run).status == 0)
      // One run was begun. If its program died with the node behind its one line, it was started again: what it does by
      // itself crosses no boundary.
      let begun = try #require(
        try await project.naos("runs", "list", "payer", "--all", "-o", "json").json["runs"]?.arrayValue)
      #expect(begun.count == 1, "\(Self.lines(project, "calls"))")
      let payer = try #require(begun.first?["id"]?.stringValue)
      let steps = try await project.naos("runs", "show", payer, "-o", "json").json["steps"]?.arrayValue
      let attempts = try #require(steps?.first?["attempts"]?.intValue)
      let paid = Self.lines(project, "paid")
      #expect(Set(paid) == [#"{"amount":300}"#] && paid.count <= attempts, "\(paid), attempts: \(attempts)")
      node.signal(SIGTERM)
      _ = try await node.end()
    }
  }

  @Test func `a no is told to the agent, and what was changed is what is done`() async throws {
    try await Project.with(try Self.config()) { project in
      let node = try await project.up()
      let first = try #require(
        try await project.naos("run", "clerk", "--input", Self.pay(200), "--detach", "-o", "json").json["id"]?
          .stringValue)
      let denied = try #require(try await Self.waiting(project)["id"]?.stringValue)
      #expect(try await project.naos("approvals", "deny", denied, "--reason", "too much").status == 0)
      let told = try await project.naos("runs", "wait", first, "-o", "json")
      #expect(told.status == 0, "\(told.err)")
      let answers = try told.json["output"]?["answers"]?.arrayValue
      #expect(answers?.first?["code"] == "NX-APR-003", "\(told.out) \(Self.lines(project, "calls"))")
      let second = try #require(
        try await project.naos("run", "clerk", "--input", Self.pay(201), "--detach", "-o", "json").json["id"]?
          .stringValue)
      let edited = try #require(try await Self.waiting(project)["id"]?.stringValue)
      // What the boundaries forbid, or the tool does not take, no person can write in.
      let tooMuch = try await project.naos("approvals", "edit", edited, "--arguments", #"{"input": {"amount": 900}}"#)
      #expect(tooMuch.status == 10 && tooMuch.err.contains("NX-GAT-091"), "\(tooMuch.err)")
      let wrong = try await project.naos("approvals", "edit", edited, "--arguments", #"{"input": {"sum": 9}}"#)
      #expect(wrong.status == 10 && wrong.err.contains("NX-GAT-093"), "\(wrong.err)")
      let less = try await project.naos(
        "approvals", "edit", edited, "--arguments", #"{"input": {"amount": 120}}"#, "-o", "json")
      #expect(less.status == 0, "\(less.err)")
      #expect(try less.json["replaces"]?.stringValue == edited)
      #expect(try await project.naos("runs", "wait", second).status == 0)
      #expect(Self.lines(project, "paid") == [#"{"amount":120}"#])
      // Who decided stands with the run, and what they wrote can be erased with it.
      let audit = try await project.naos("audit", "tail", "--run", second, "--event", "operator", "-o", "jsonl")
      #expect(audit.out.contains("/api/v1/approvals/{id}"), "\(audit.out)")
      let erased = try await project.naos("audit", "erase", "--run", second, "-o", "json").json["payloads"]?.arrayValue
      #expect((erased?.count ?? 0) >= 3, "\(erased ?? [])")
      node.signal(SIGTERM)
      _ = try await node.end()
    }
  }

  @Test func `silence denies`() async throws {
    let quick = "  quick: { approvers: [role:ops], expiresIn: 1s }"
    let boundary = "    - { id: quick, match: \"tool == 'agents.payer'\", requireApproval: \"true\", approval: quick }"
    try await Project.with(try Self.config(quick, boundary)) { project in
      let run = try await project.naos("run", "clerk", "--input", Self.pay(150), "-o", "json")
      #expect(run.status == 0, "\(run.err)")
      let answers = try run.json["output"]?["answers"]?.arrayValue
      #expect(answers?.first?["code"] == "NX-APR-004", "\(run.out) \(Self.lines(project, "calls"))")
      #expect(!project.exists("paid"))
      let list = try await project.naos("approvals", "list", "--all", "-o", "json").json["approvals"]?.arrayValue
      #expect(list?.map { $0["status"] } == ["expired"])
    }
  }

  @Test func `two different people have to say yes`() async throws {
    let pair = "  pair: { approvers: [role:ops], quorum: 3 }"
    let boundary = "    - { id: pair, match: \"tool == 'agents.payer'\", requireApproval: \"true\", approval: pair }"
    try await Project.with(try Self.config(pair, boundary)) { project in
      let refused = try await project.naos("run", "clerk", "--input", Self.pay(150))
      #expect(refused.status == 3 && refused.err.contains("NX-APR-023"), "\(refused.err)")
      for (name, role) in [("ann", "ops"), ("bob", "ops"), ("eve", "viewer")] {
        let made = try await project.naos("token", "create", name, "--role", role)
        #expect(made.status == 0, "\(made.err)")
        try project.write(made.out, to: name)
      }
      #expect(try await project.naos("token", "create", "ann", "--role", "ops").status == 6)
      let node = try await project.up()
      let run = try #require(
        try await project.naos("run", "clerk", "--input", Self.pay(150), "--detach", "-o", "json").json["id"]?
          .stringValue)
      let id = try #require(try await Self.waiting(project)["id"]?.stringValue)
      func approve(_ name: String) async throws -> Outcome {
        try await project.naos("approvals", "approve", id, "--token-file", name, "-o", "json")
      }
      let eve = try await approve("eve")
      #expect(eve.status == 10 && eve.err.contains("NX-APR-010"), "\(eve.err)")
      #expect(try await approve("ann").json["approvedBy"] == ["ann"])
      #expect(try await approve("ann").json["approvedBy"] == ["ann"])
      #expect(try await approve("bob").json["status"] == "requested")
      let last = try await project.naos("approvals", "approve", id, "-o", "json")
      #expect(try last.json["status"] == "approved", "\(last.err)")
      #expect(try await project.naos("runs", "wait", run).status == 0)
      #expect(Self.lines(project, "paid").count == 1)
      let record = try await project.naos("approvals", "show", id, "-o", "json").json
      #expect(record["approvedBy"] == ["ann", "bob", "owner"])
      #expect(record["record"]?.arrayValue?.contains { $0["event"] == "rejected" } == true)
      #expect(try await project.naos("token", "revoke", "bob").status == 0)
      let gone = try await approve("bob")
      #expect(gone.status == 4, "\(gone.err)")
      node.signal(SIGTERM)
      _ = try await node.end()
    }
  }

  @Test func `an agent asks people by itself`() async throws {
    try await Project.with(try Self.config()) { project in
      let node = try await project.up()
      let input =
        #"{"steps": [{"ask": {"name": "publish", "approval": "review", "arguments": {"page": 7}, "evidence": {"words": 300}}}]}"#
      let run = try #require(
        try await project.naos("run", "clerk", "--input", input, "--detach", "-o", "json").json["id"]?.stringValue)
      let asked = try await Self.waiting(project)
      #expect(asked["evidence"] == ["words": 300])
      let id = try #require(asked["id"]?.stringValue)
      #expect(try await project.naos("approvals", "approve", id).status == 0)
      let ended = try await project.naos("runs", "wait", run, "-o", "json")
      #expect(try ended.json["output"]?["answers"]?.arrayValue?.first?["answer"] == "approved", "\(ended.err)")
      let wrong = #"{"steps": [{"ask": {"approval": "reveiw"}}]}"#
      let other = try await project.naos("run", "clerk", "--input", wrong, "-o", "json")
      #expect(try other.json["output"]?["answers"]?.arrayValue?.first?["code"] == "NX-APR-008", "\(other.err)")
      node.signal(SIGTERM)
      _ = try await node.end()
    }
  }

  // MARK: Boundaries

  @Test func `what is permitted is done, and what was made up never reaches the tool`() async throws {
    try await Project.with(try Self.config()) { project in
      let input =
        #"{"steps": [{"call": "payer", "input": {"amount": "all of it"}}, {"call": "payer", "input": {"amount": 5, "to": "eve"}}, {"call": "payer", "extra": 1, "input": {"amount": 5}}, {"call": "payer", "input": {"amount": 5}}]}"#
      let run = try await project.naos("run", "clerk", "--input", input, "-o", "json")
      #expect(run.status == 0, "\(run.err)")
      let codes = try run.json["output"]?["answers"]?.arrayValue?.map { $0["code"] ?? .null }
      #expect(codes == ["NX-GAT-093", "NX-GAT-093", "NX-GAT-093", .null])
      #expect(Self.lines(project, "paid") == [#"{"amount":5}"#])
    }
  }

  @Test func `what the run did before forbids what would leave, and stops it`() async throws {
    try await Project.with(try Self.config()) { project in
      let input =
        #"{"steps": [{"call": "payer", "input": {"amount": 1}}, {"call": "reader"}, {"call": "payer", "input": {"amount": 2}}, {"call": "payer", "input": {"amount": 3}}]}"#
      let run = try await project.naos("run", "clerk", "--input", input, "-o", "json")
      #expect(run.status == 10, "\(run.err)")
      #expect(try run.json["status"] == "stopped")
      #expect(try run.json["error"]?["code"] == "NX-GAT-092")
      #expect(Self.lines(project, "paid") == [#"{"amount":1}"#])
    }
  }

  @Test(arguments: [("payer", 900, "NX-GAT-091"), ("clerk", 1, "NX-GAT-090")])
  func `what nobody permits stops the run`(agent: String, amount: Int, code: String) async throws {
    try await Project.with(try Self.config()) { project in
      let input = #"{"steps": [{"call": "\#(agent)", "input": {"amount": \#(amount)}}]}"#
      let run = try await project.naos("run", "clerk", "--input", input, "-o", "json")
      #expect(run.status == 10, "\(run.err)")
      #expect(try run.json["status"] == "stopped")
      #expect(try run.json["error"]?["code"]?.stringValue == code)
      #expect(!project.exists("paid"))
    }
  }

  @Test func `a saga undoes what it did before the action that was forbidden`() async throws {
    let saga = """
      \(try Self.config())
      sagas:
        books: { steps: [ { name: book, agent: reader, compensation: undo }, { name: pay, agent: clerk, input: { steps: [ { call: payer, input: { amount: 900 } } ] } } ] }
      """
    let config = saga.replacingOccurrences(
      of: "  reader:", with: "  undo: { command: [\"sh\", \"-c\", \"cat > undone\"] }\n  reader:")
    try await Project.with(config) { project in
      let run = try await project.naos("run", "books", "-o", "json")
      #expect(run.status == 10, "\(run.err)")
      #expect(try run.json["status"] == "stopped")
      #expect(try JSONValue(parsing: project.read("undone"))["error"]?["code"] == "NX-GAT-091")
      #expect(!project.exists("paid"))
    }
  }

  @Test func `told so instead, the agent goes on`() async throws {
    let config = try Self.config().replacingOccurrences(of: "governance:", with: "governance:\n  onForbidden: refuse")
    try await Project.with(config) { project in
      let input =
        #"{"steps": [{"call": "payer", "input": {"amount": 900}}, {"call": "payer", "input": {"amount": 9}}]}"#
      let run = try await project.naos("run", "clerk", "--input", input, "-o", "json")
      #expect(run.status == 0, "\(run.err)")
      #expect(try run.json["output"]?["answers"]?.arrayValue?.first?["code"] == "NX-GAT-091")
      #expect(Self.lines(project, "paid") == [#"{"amount":9}"#])
    }
  }

  // MARK: The loop of naos

  @Test func `the tool of a model waits for a person, and its made-up arguments are told to it`() async throws {
    let more = """
        looker: { prompt: Look., model: local/scripted, tools: [files.search, files.read], sandbox: { fs: [ { path: docs, mode: ro } ] } }
      providers: { local: { script: script.yaml } }
      """
    let boundary = "    - { id: ask, match: \"tool == 'files.read'\", requireApproval: \"true\", approval: review }"
    let config = try Self.config("", boundary, more: more).replacingOccurrences(
      of: "files.read: { effect: readOnly, egress: false }",
      with:
        "files.read: { effect: readOnly, egress: false, schema: { type: object, required: [path], additionalProperties: false, properties: { path: { type: string } } } }"
    )
    try await Project.with(config) { project in
      try project.write("It rains.\n", to: "docs/weather.md")
      try project.write(
        """
        - toolCalls: [ { name: files_read, arguments: { file: docs/weather.md } } ]
          times: 1
        - toolCalls: [ { name: files_read, arguments: { path: docs/weather.md } } ]
          times: 1
        - answer: It rains.

        """, to: "script.yaml")
      let node = try await project.up()
      let run = try #require(
        try await project.naos("run", "looker", "--input", "?", "--detach", "-o", "json").json["id"]?.stringValue)
      let asked = try await Self.waiting(project)
      #expect(asked["tool"] == "files.read")
      #expect(asked["arguments"] == ["path": "docs/weather.md"])
      #expect(try await Self.eventually("a run that sleeps") { try await Self.isAsleep(run, project) })
      let id = try #require(asked["id"]?.stringValue)
      #expect(try await project.naos("approvals", "approve", id).status == 0)
      let ended = try await project.naos("runs", "wait", run, "-o", "json")
      #expect(ended.status == 0, "\(ended.err)")
      #expect(try ended.json["output"] == "It rains.")
      node.signal(SIGTERM)
      _ = try await node.end()
    }
  }
}
