// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAPI
import NexusCore
import Testing

/// What is written is read back as the same.
@Suite struct WireTests {
  private func roundTrip<T: WireValue & Equatable>(_ value: T) throws {
    let text = value.json.text()
    #expect(try T(json: JSONValue(parsing: text)) == value)
  }

  private let budget = BudgetStatus(
    scope: "agent:a", maxTokens: TokenCount(10), usedTokens: TokenCount(3), maxNanoUSD: NanoUSD(7), isHard: false)

  @Test func `a question to people survives the wire`() throws {
    let at = WallTime(microseconds: 1_795_412_220_123_000)
    let event = NodeEvent.approval(
      ApprovalEvent(
        id: ApprovalID("apr_1"), run: RunID("run_1"), agent: AgentName("a"), tool: "agents.b", status: "requested",
        expiresAt: at, note: "asks"))
    let back = try NodeEvent(json: JSONValue(parsing: event.json.text()))
    #expect(back.json == event.json)
    #expect(back.run == RunID("run_1") && back.agent == AgentName("a"))
    #expect(event.json["expiresAt"]?.stringValue == at.iso8601)
  }

  @Test func `status, run, journal and cost survive the wire`() throws {
    let at = WallTime(microseconds: 1_795_412_220_123_000)
    let agent = AgentStatus(
      name: AgentName("a"), kind: "llm", state: .exhausted, note: "n", step: "s", lastActivity: at,
      restarts: RestartStatus(count: 2, recent: [RestartNote(child: "b", at: at, reason: "exit 1")]),
      tokens: TokenCount(3), cost: NanoUSD(4), budget: budget, run: RunID("run_1"))
    let node = NodeStatus(
      isRunning: true, version: "1", project: "p", directory: "/d", pid: 1, boot: BootID("b"), startedAt: at,
      dashboard: "http://localhost:4200", agentPlane: "http://127.0.0.1:4201", isForOneRun: true)
    try roundTrip(
      StatusReport(node: node, agents: [agent], runs: RunCounts([.init(status: "failed", count: 2)]), approvals: 1))
    let report = RunReport(
      id: RunID("run_1"), kind: "agent", name: "a", status: "paused", output: ["x": [1, .double(2.5)]],
      error: RunFailure(code: "NX-BUD-001", message: "m"), cost: RunCost(tokens: TokenCount(9), budget: budget),
      pauseReason: "budget", startedAt: at, endedAt: at)
    try roundTrip(report)
    try roundTrip(
      RunDetail(
        report: report, input: "in", steps: [StepReport(path: .main, status: "paused", startedAt: at)],
        effects: [EffectReport(id: EffectID("e"), kind: "model", name: "m", status: "rewound", attempt: 1, at: at)],
        journalEntries: 4, journalHead: JournalSequence(4), attempts: 1))
    var limited = budget
    limited.resetsAt = at
    limited.override = BudgetOverrideNote(at: at, reason: "r", configuredNanoUSD: NanoUSD(3))
    limited.forecast = ForecastNote(state: "exhausts", at: at)
    try roundTrip(
      CostReport(
        agents: [CostRow(name: "a", calls: 1, budgets: [limited])], mode: "soft",
        unresolved: UnresolvedNote(calls: 2, cost: NanoUSD(5))))
    var entry = CostEntry(id: EffectID("e"), at: at, agent: "a", model: "m", basis: "resolution", cost: NanoUSD(-4))
    entry.run = RunID("run_1")
    entry.counters = ["agent:a lifetime 0"]
    (entry.reason, entry.resolves, entry.resolvedBy) = ("why", EffectID("x"), EffectID("y"))
    try roundTrip(CostHistory(charges: [entry]))
    try roundTrip(CostChangeReport(budgets: [limited], entry: entry))
    var detail = AgentDetail(
      status: agent, mode: "task", workingDirectory: "/", supervisor: "root", restart: "transient")
    detail.readPaths = ["docs"]
    detail.refusals = [RunFailure(code: "c", message: "m")]
    try roundTrip(detail)
  }

  @Test func `approvals and tokens survive the wire`() throws {
    let at = WallTime(microseconds: 1_795_412_220_123_000)
    var approval = ApprovalReport(
      id: ApprovalID("apr_1"), status: "edited", run: RunID("run_1"), step: "main", agent: "a", requestedAt: at)
    (approval.tool, approval.arguments, approval.effect) = ("t", ["x": 1], "readOnly")
    (approval.requester, approval.reason, approval.evidence) = ("agent:a", "r", ["y"])
    (approval.policy, approval.approvers, approval.quorum, approval.approvedBy) = ("p", ["ops"], 2, ["ann"])
    (approval.digest, approval.policyHash, approval.usedFor) = ("d", "h", "eff_1")
    (approval.expiresAt, approval.settledAt, approval.decidedBy, approval.decisionReason) = (at, at, "ann", "less")
    (approval.next, approval.replaces) = (ApprovalID("apr_2"), ApprovalID("apr_0"))
    approval.record = [ApprovalNote(at: at, event: "edited", by: "ann", detail: "less")]
    try roundTrip(ApprovalList(approvals: [approval], cursor: "apr_1"))
    #expect(approval.json["argumentsText"] == "{\n  \"x\": 1\n}")
    let token = TokenReport(name: "ann", role: "ops", createdAt: at)
    try roundTrip(TokenList(tokens: [token]))
    try roundTrip(CreatedToken(token: token, secret: "s"))
    for verb in ApprovalDecision.Verb.allCases {
      let decision = ApprovalDecision(verb, arguments: ["x": 2], digest: "d", reason: "r")
      #expect(try ApprovalDecision(verb: verb, body: decision.body) == decision)
    }
    #expect(throws: WireError.self) { try ApprovalDecision(verb: .edit, body: [:]) }
  }

  @Test func `times survive the wire, and nonsense is no time`() {
    for microseconds: Int64 in [0, 1_795_412_220_123_000, 951_782_400_000_000, 4_102_444_799_999_000] {
      let time = WallTime(microseconds: microseconds)
      #expect(WallTime(iso8601: time.iso8601) == time)
    }
    for text in ["", "2026-13-01T00:00:00Z", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z"] {
      #expect(WallTime(iso8601: text) == nil)
    }
  }

  @Test func `an unknown member is ignored, a missing one is named`() throws {
    #expect(try RunFailure(json: ["code": "c", "message": "m", "later": 1]) == RunFailure(code: "c", message: "m"))
    #expect(throws: WireError(path: "error.message", message: "expected a text")) {
      try RunFailure(json: ["code": "c"])
    }
  }

  @Test(
    arguments: [
      ("completed", nil, nil, CommandExit.ok), ("failed", nil, nil, .failed), ("failed", "NX-BUD-001", nil, .budget),
      ("failed", "NX-RUN-003", nil, .timeout), ("failed", "NX-GAT-001", nil, .refused),
      ("cancelled", nil, nil, .interrupted),
      ("stopped", nil, nil, .refused), ("halted", nil, nil, .halted), ("paused", nil, "budget", .budget),
      ("paused", nil, "person", .failed), ("compensated", nil, nil, .failed),
    ] as [(String, String?, String?, CommandExit)])
  func `a run's end decides the exit code`(status: String, code: String?, reason: String?, exit: CommandExit) {
    #expect(CommandExit(runStatus: status, errorCode: code, pauseReason: reason) == exit)
  }

  @Test func `a change of costs survives the wire, and half of one is none`() throws {
    let changes: [CostChange] = [
      .set(
        scope: "global", window: "day", maxNanoUSD: NanoUSD(5), maxTokens: TokenCount(7), maxRequests: 9,
        onLimit: "pause", reason: "r"),
      .set(
        scope: "agent:a", window: "run", maxNanoUSD: nil, maxTokens: nil, maxRequests: nil, onLimit: nil,
        reason: nil),
      .clear(scope: "agent:a", window: "day"),
      .adjust(scope: "agent:a", window: nil, cost: NanoUSD(-5), tokens: TokenCount(-1), reason: "r"),
      .resolve(EffectID("e"), cost: NanoUSD(5), tokens: TokenCount(2), reason: nil),
    ]
    for change in changes {
      #expect(try CostChange(verb: change.verb, body: JSONValue(parsing: change.body.text())) == change)
    }
    #expect(try CostChange(verb: "burn", body: [:]) == nil)
    for (verb, body) in [
      ("adjust", #"{"scope":"global","costNanoUSD":5}"#),
      ("adjust", #"{"scope":"global","costNanoUSD":5,"reason":""}"#),
      ("resolve", #"{"id":"e"}"#), ("set", "{}"), ("clear", #"{"scope":7}"#),
      ("adjust", #"{"scope":"global","reason":"\#(String(repeating: "x", count: 1001))"}"#),
    ] {
      #expect(throws: WireError.self) { try CostChange(verb: verb, body: JSONValue(parsing: body)) }
    }
  }

  @Test(arguments: [
    #"{"olderThan": "0s", "dryRun": "true"}"#, #"{"olderThan": "0s", "dryrun": true}"#, #"{"olderThan": 0}"#, "{}",
    #"{"olderThan": "0s", "ended": "all"}"#,
  ])
  func `a wish to remove runs that is not understood removes none`(body: String) throws {
    #expect(throws: WireError.self) { try PruneRuns(json: JSONValue(parsing: body)) }
  }
}
