// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAPI
import NexusCLI
import NexusCore
import Testing

@Suite struct RenderingTests {
  private let now = WallTime(microseconds: 1_000_000_000_000)
  private let plain = Style(isOn: false)

  @Test func `the table of agents is aligned and hostile names stay in their row`() {
    let report = StatusReport(
      node: NodeStatus(isRunning: true, version: "0.1.0", project: "demo", directory: "/demo"),
      agents: [
        AgentStatus(
          name: AgentName("researcher"), kind: "llm", state: .running, step: "files.search",
          lastActivity: WallTime(microseconds: 999_998_000_000), restarts: RestartStatus(count: 1),
          tokens: TokenCount(41_200), cost: NanoUSD(830_000_000),
          budget: BudgetStatus(
            scope: "agent:researcher", maxNanoUSD: .dollars(5), usedNanoUSD: NanoUSD(300_000_000),
            heldNanoUSD: NanoUSD(100_000_000), per: "day")),
        AgentStatus(
          name: AgentName("x\u{1B}[2J\n\u{202E}y"), kind: "process", state: .backoff,
          note: "exited (signal 9); next start in 4 s",
          tokens: TokenCount(900)),
      ])
    let expected = """
      NAME        STATE      STEP          LAST ACTIVITY  RESTARTS        TOKENS   COST  BUDGET
      researcher  ● running  files.search  2s ago         1 of 3 in 60 s   41.2k  $0.83  $0.20 of $5.00/day
      x\u{FFFD}[2J \u{FFFD}y    ▲ backoff  –             –              0 of 3 in 60 s     900  $0.00  –
        └ exited (signal 9); next start in 4 s
      """
    #expect(StatusTable.render(report, now: now, style: plain) == expected)
    // A terminal gets as many columns as it has room for, and no line goes over its edge.
    #expect(StatusTable.render(report, now: now, style: plain, width: 110) == expected)
    let narrow = """
      NAME        STATE       COST  BUDGET
      researcher  ● running  $0.83  $0.20 of $5.00/day
      x\u{FFFD}[2J \u{FFFD}y    ▲ backoff  $0.00  –
        └ exited (signal 9); next start in 4 s
      """
    #expect(StatusTable.render(report, now: now, style: plain, width: 55) == narrow)
  }

  @Test func `an agent that is well again says why it was restarted last`() {
    let a = RestartNote(child: "a", at: WallTime(microseconds: 999_990_000_000), reason: "exit 3")
    let b = RestartNote(child: "b", at: WallTime(microseconds: 999_995_000_000), reason: "signal 9\u{1B}[2J")
    var status = AgentStatus(
      name: AgentName("a"), kind: "process", state: .running,
      restarts: RestartStatus(count: 2, max: 5, recent: [a, b]))
    func table() -> String {
      let node = NodeStatus(isRunning: true, version: "0.1.0", project: "demo", directory: "/demo")
      return StatusTable.render(StatusReport(node: node, agents: [status]), now: now, style: plain)
    }
    #expect(table().contains("2 of 5 in 60 s"))
    #expect(table().hasSuffix("\n  └ restarted 10s ago: exit 3"))
    status.note = "not ready: status 503"
    #expect(table().hasSuffix("\n  └ not ready: status 503"))
  }

  @Test(arguments: [
    (BudgetStatus(scope: "global", maxNanoUSD: .dollars(10), usedNanoUSD: .dollars(4)), "$4.00 of $10.00 (global)"),
    (
      BudgetStatus(
        scope: "supervisor:team", maxTokens: TokenCount(100_000), usedTokens: TokenCount(41_200), per: "week"),
      "41.2k of 100.0k tokens/week (supervisor:team)"
    ),
    (BudgetStatus(scope: "agent:a", maxNanoUSD: .dollars(1), per: "run"), "$1.00/run"),
    (
      BudgetStatus(
        scope: "agent:a", maxTokens: TokenCount(1000), usedTokens: TokenCount(900), maxNanoUSD: .dollars(1),
        usedNanoUSD: NanoUSD(10_000_000)), "900 of 1.0k tokens"
    ),
  ])
  func `what a budget has spent stands beside its own limit, and never what the agent came to`(
    budget: BudgetStatus, expected: String
  ) {
    let agent = AgentStatus(
      name: AgentName("a"), kind: "llm", state: .idle, cost: NanoUSD(7_770_000_000), budget: budget)
    let node = NodeStatus(isRunning: true, version: "0.1.0", project: "demo", directory: "/demo")
    let table = StatusTable.render(StatusReport(node: node, agents: [agent]), now: now, style: plain)
    #expect(table.hasSuffix("  $7.77  \(expected)"), "\(table)")
  }

  @Test(arguments: [
    ("budget", "budget: the budget is used up"), ("loop", "loop: the agent goes round in circles"),
    ("calls", "calls: the agent has made all the model calls that it may make"), ("newer", "newer"),
  ])
  func `a paused run says what it is paused for`(reason: String, words: String) {
    let report = RunReport(
      id: RunID("run_1"), kind: "agent", name: "a", status: "paused", pauseReason: reason,
      startedAt: WallTime(microseconds: 0), endedAt: WallTime(microseconds: 120_000))
    #expect(RunEnding.lastLine(report, style: plain, now: now).hasSuffix("\n  \(words)"))
  }

  @Test func `the last line of a run says status, time, id, tokens and money`() {
    let report = RunReport(
      id: RunID("run_01kq3v"), kind: "agent", name: "researcher", status: "completed", output: "x",
      cost: RunCost(
        tokens: TokenCount(508),
        budget: BudgetStatus(
          scope: "agent:researcher", maxTokens: TokenCount(100_000), usedTokens: TokenCount(508),
          maxNanoUSD: .dollars(5))
      ),
      startedAt: WallTime(microseconds: 0), endedAt: WallTime(microseconds: 120_000))
    #expect(
      RunEnding.lastLine(report, style: plain, now: now)
        == "✓ completed in 0.1 s · run_01kq3v · 508 tokens · $0.00 · 99,492 of 100,000 tokens left")
  }

  @Test(
    arguments: [
      ("agent:a", "lifetime", 99_000, 0, "1,000 of 100,000 tokens left"),
      ("agent:a", "day", 99_000, 0, "1,000 of 100,000 tokens left today"),
      ("agent:a", "run", 508, 4_990_000_000, "$0.01 of $5.00 left for this run"),
      ("supervisor:team", "month", 200_000, 0, "0 of 100,000 tokens left this month to team"),
      ("global", "hour", 0, 0, "100,000 of 100,000 tokens left this hour to the project"),
    ] as [(String, String, Int64, Int64, String)])
  func `what is left is that of the nearest limit, with its window and whose it is`(
    scope: String, per: String, tokens: Int64, nanoUSD: Int64, left: String
  ) {
    var budget = BudgetStatus(scope: scope, maxTokens: TokenCount(100_000), maxNanoUSD: .dollars(5), per: per)
    (budget.usedTokens, budget.usedNanoUSD) = (TokenCount(tokens), NanoUSD(nanoUSD))
    let report = RunReport(
      id: RunID("run_1"), kind: "agent", name: "a", status: "completed",
      cost: RunCost(tokens: TokenCount(508), budget: budget), startedAt: now, endedAt: now)
    #expect(RunEnding.lastLine(report, style: plain, now: now).hasSuffix(" · 508 tokens · $0.00 · \(left)"))
  }

  @Test func `progress is one line an effect, and replayed ones are told together`() {
    let caller = Caller(agent: AgentName("researcher"), run: RunID("run_1"), step: .main, attempt: AttemptNumber(1))
    var progress = RunProgress(style: plain)
    var lines: [String] = []
    func take(_ event: NodeEvent) { lines += progress.lines(for: event) }
    take(.run(RunEvent(run: RunID("run_1"), agent: AgentName("researcher"), status: "running", note: "attempt 1")))
    take(
      .effect(
        EffectEvent(caller: caller, phase: .started, kind: .tool, name: "files.search", detail: "saga step five")))
    take(
      .effect(
        EffectEvent(
          caller: caller, phase: .succeeded, kind: .tool, name: "files.search", detail: "saga\u{1B}[31m step five",
          duration: .milliseconds(2))))
    for _ in 0..<6 {
      take(.effect(EffectEvent(caller: caller, phase: .replayed, kind: .model, name: "local/extractive")))
    }
    take(.effect(EffectEvent(caller: caller, phase: .replayed, kind: .tool, name: "files.read")))
    take(
      .effect(
        EffectEvent(
          caller: caller, phase: .succeeded, kind: .model, name: "local/extractive", inputTokens: TokenCount(412),
          outputTokens: TokenCount(96), duration: .milliseconds(4))))
    #expect(
      lines == [
        "● researcher · attempt 1",
        "  files.search  saga\u{FFFD}[31m step five                                         2 ms",
        "  replayed      6 model calls, 1 tool call from the journal               $0.00      0 ms",
        "  model         local/extractive                       412 → 96 tokens      4 ms",
      ])
  }

  /// The lines for notes of a run, each with its status, and for what the agent comes to behind them.
  private func lines(_ notes: [(String, String)], agent: [(String, String)] = []) -> [String] {
    var progress = RunProgress(style: plain)
    let name = AgentName("a")
    return notes.flatMap { status, note in
      progress.lines(for: .run(RunEvent(run: RunID("run_1"), agent: name, status: status, note: note)))
    }
      + agent.flatMap { state, note in
        progress.lines(for: .agent(AgentEvent(agent: name, state: state, note: note)))
      }
  }

  @Test func `a reason is said once while a run goes on, and what the last line says is left to it`() {
    let why = "the agent exited with code 1: boom"
    #expect(
      lines(
        [
          ("running", "attempt 1"), ("running", "attempt 1: \(why)"), ("running", "attempt 2"),
          ("failed", "attempt 2: \(why)"), ("failed", "failed: NX-AGT-001 \(why)"),
        ], agent: [("backoff", ""), ("failed", "NX-AGT-001 \(why)"), ("waiting", "waits for its supervisor")])
        == ["● a · attempt 1", "▲ a · attempt 1: \(why)", "● a · attempt 2", "▲ a · attempt 2: \(why)"]
        + ["▲ a waits for its supervisor"])
    let limit = "The budget of agent:a is used up"
    #expect(
      lines(
        [("paused", "attempt 1 stopped by the budget: \(limit)"), ("paused", "paused (budget): \(limit)")],
        agent: [("exhausted", "paused: the budget is used up")])
        == ["‖ a paused · attempt 1 stopped by the budget: \(limit)"])
    // Of a saga each step says that it failed, without its reason once more.
    #expect(
      lines([
        ("running", "charge: attempt 2: \(why)"), ("compensating", "charge: failed: NX-AGT-001 \(why)"),
        ("compensating", "compensates: NX-AGT-001 step charge: \(why)"),
      ]) == ["▲ a · charge: attempt 2: \(why)", "· a · charge: failed", "· a · compensates"])
    // A person who pauses has a reason of their own.
    #expect(lines([("paused", "paused (operator): lunch")]) == ["‖ a paused · paused (operator): lunch"])
  }

  @Test func `a run that asks for an approval says how to give it`() {
    #expect(
      lines(
        [
          ("suspended", "asks for the approval apr_1: agent.action"),
          ("suspended", "attempt 1: waits for the approval apr_1"),
        ], agent: [("waiting", "waits for the approval apr_1"), ("waiting", "2 runs wait")]) == [
          "◌ a waits · asks for the approval apr_1: agent.action",
          "  decide with   naos approvals approve apr_1   or deny, edit, show",
          "◌ a waits · attempt 1: waits for the approval apr_1",
        ])
  }

  @Test func `a run that its budget paused says which limit to raise`() {
    var budget = BudgetStatus(scope: "agent:a", maxTokens: TokenCount(10), maxNanoUSD: .dollars(1), per: "day")
    #expect(RunWords.raise(budget) == "naos cost set a --per day --max-dollars …")
    budget.usedTokens = TokenCount(10)
    #expect(RunWords.raise(budget) == "naos cost set a --per day --max-tokens …")
    (budget.scope, budget.usedTokens, budget.maxRequests, budget.usedRequests) = ("global", .zero, 3, 3)
    #expect(RunWords.raise(budget) == "naos cost set global --per day --max-requests …")
  }

  @Test func `texts are YAML only where they cannot be read as something else`() async {
    let captured = CapturedConsole()
    var console = captured.console()
    console.format = .yaml
    console.emit([
      "name": "researcher", "no": "no", "number": "010", "list": [["a": 1, "b": []], "x: y", []], "empty": [:],
      "text": "two\nlines",
    ]) { "" }
    #expect(
      captured.output.text == """
        name: researcher
        "no": "no"
        number: "010"
        list:
          - a: 1
            b: []
          - "x: y"
          - []
        empty: {}
        text: "two\\nlines"

        """)
  }

  @Test func `no colour off a terminal, colour on one`() {
    let captured = CapturedConsole()
    captured.console().next("naos status")
    #expect(captured.words.text == "next: naos status\n")
    let terminal = CapturedConsole()
    terminal.console(terminal: true).next("naos status")
    #expect(terminal.words.text.contains("\u{1B}["))
  }

  @Test func `quiet silences words but not errors`() {
    let captured = CapturedConsole()
    var console = captured.console()
    console.isQuiet = true
    console.say("hello")
    CommandFailure(.unreachable("Nothing answers.")).report(on: console)
    #expect(!captured.words.text.contains("hello"))
    #expect(captured.words.text.contains("error[NX-API-006]: No node is running"))
    #expect(captured.words.text.contains("help: Start one with `naos up`."))
  }

  @Test func `a moment of a log has its zone, and its day where that is another one`() throws {
    let now = try #require(WallTime(iso8601: "2026-11-28T12:00:00Z"))
    let today = try #require(WallTime(iso8601: "2026-11-28T09:30:05.125Z"))
    let before = try #require(WallTime(iso8601: "2026-11-27T23:59:59.5Z"))
    #expect(Quantities.moment(today, now: now) == String(today.iso8601.dropFirst(11)))
    #expect(Quantities.moment(today, now: now).hasSuffix("Z"))
    #expect(Quantities.moment(before, now: now) == before.iso8601)
  }

  @Test func `what the node says in an agent's log is told from what the agent says like it`() {
    func words(_ stream: LogStream, _ text: String) -> String {
      LogLine.words(
        of: LogEvent(at: now, agent: AgentName("writer"), run: nil, attempt: nil, stream: stream, text: text), plain)
    }
    #expect(words(.node, "naos: denied: ptrace") == "writer/naos: denied: ptrace")
    #expect(words(.standardError, "naos: denied: ptrace") == "writer naos: denied: ptrace")
    #expect(words(.standardError, "/naos: denied: ptrace") == "writer /naos: denied: ptrace")
    #expect(words(.standardOutput, "naos: denied: ptrace") == "writer out naos: denied: ptrace")
  }
}
