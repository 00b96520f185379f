// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAPI
import NexusCLI
import NexusCore
import Testing

/// What `naos top` shows, without a terminal.
@Suite struct TopTests {
  private static let now = WallTime(microseconds: 1_000_000_000_000)
  private let plain = Style(isOn: false)

  private static func agent(
    _ name: String, _ state: AgentState, note: String? = nil, step: String? = nil, restarts: Int = 0,
    tokens: Int64 = 0, cost: Int64 = 0
  ) -> AgentStatus {
    AgentStatus(
      name: AgentName(name), kind: "process", state: state, note: note, step: step,
      lastActivity: WallTime(microseconds: now.microseconds - 2_000_000), restarts: RestartStatus(count: restarts),
      tokens: TokenCount(tokens), cost: NanoUSD(cost))
  }

  private static func supervisor(
    _ name: String, below parent: String?, _ children: [SupervisedChild], strategy: String = "one-for-one"
  ) -> SupervisorStatus {
    SupervisorStatus(
      name: SupervisorName(name), parent: parent.map { SupervisorName($0) }, strategy: strategy, state: "running",
      restarts: RestartStatus(count: 1), onMaxRestarts: "escalate", autoShutdown: "never", children: children)
  }

  private static let agents = [
    agent("scout", .idle, tokens: 900, cost: 830_000_000), agent("fetcher", .running, step: "web.fetch"),
    agent("indexer", .backoff, note: "exited (signal 9); next start in 4 s", restarts: 2),
  ]

  private static func snapshot(_ agents: [AgentStatus] = Self.agents, isRunning: Bool = true) -> TopSnapshot {
    let node = NodeStatus(
      isRunning: isRunning, version: "0.1.0", project: "demo", directory: "/demo", pid: 77,
      startedAt: WallTime(microseconds: now.microseconds - 65_000_000))
    let report = SupervisionReport(supervisors: [
      supervisor(
        "root", below: nil,
        [
          SupervisedChild(kind: "agent", name: "scout", state: "idle"),
          SupervisedChild(kind: "attempt", name: "scout", run: RunID("run_01m8ar09efabcd"), state: "running"),
          SupervisedChild(kind: "supervisor", name: "ingest", state: "running"),
        ]),
      supervisor(
        "ingest", below: "root",
        [
          SupervisedChild(kind: "agent", name: "fetcher", state: "running", pid: 4711),
          SupervisedChild(kind: "agent", name: "indexer", state: "backoff", note: "exited"),
        ], strategy: "rest-for-one"),
    ])
    return TopSnapshot(status: StatusReport(node: node, agents: agents), supervision: report)
  }

  private func model(_ keys: TopKey..., snapshot: TopSnapshot = Self.snapshot()) -> TopModel {
    var model = TopModel()
    model.take(snapshot)
    for key in keys { _ = model.take(key) }
    return model
  }

  private func frame(_ model: TopModel, rows: Int = 12, columns: Int = 110) -> [String] {
    TopLayout.frame(model, size: ScreenSize(rows: rows, columns: columns), now: Self.now, style: plain)
  }

  @Test func `a screen shows node, sums, tree and keys`() {
    let lines = frame(model(.down)).map { line in String(line.reversed().drop { $0 == " " }.reversed()) }
    #expect(
      lines == [
        "naos top · demo · node pid 77 · up 1m",
        "3 agents · 1 running · 1 backoff · 900 tokens, $0.83",
        "",
        "  NAME               STATE           PID  RESTARTS        TOKENS    COST  ACTIVE   STEP",
        "  root               ● running                                                     one-for-one",
        "> ├─ scout           ○ idle               0 of 3 in 60 s     900   $0.83  2s ago",
        "  │  └─ run …efabcd  ● running                                                     run_01m8ar09efabcd",
        "  └─ ingest          ● running            1 of 3 in 60 s                           rest-for-one",
        "     ├─ fetcher      ● running      4711  0 of 3 in 60 s       0   $0.00  2s ago   web.fetch",
        "     └─ indexer      ▲ backoff            2 of 3 in 60 s       0   $0.00  2s ago   exited (signal 9); next st…",
        "",
        "q quit  ↑↓ select  x stop  s sort: tree  / filter  space pause",
      ])
  }

  @Test(arguments: [(24, 80), (12, 40), (6, 20), (5, 20), (3, 10), (1, 1), (50, 300)])
  func `whatever the size, no line is too wide and there are not too many`(rows: Int, columns: Int) {
    let hostile = Self.agent(
      "scout", .failed, note: "\u{1B}[2J\r\n\u{202E}漢字漢字 👩‍👩‍👧" + String(repeating: "x", count: 500), restarts: 9)
    for model in [
      model(snapshot: Self.snapshot([hostile])), model(.character("/"), .character("i")), model(.down, .character("x")),
    ] {
      let lines = frame(model, rows: rows, columns: columns)
      #expect(lines.count <= rows)
      for line in lines {
        #expect(line.unicodeScalars.allSatisfy { !TerminalText.isHostile($0) })
        #expect(line.count <= columns)
      }
    }
  }

  @Test func `the selected row stays in view, and the selection follows its row`() {
    let many = (0..<100).map { Self.agent("agent-\($0)", .running) }
    let children = many.map { SupervisedChild(kind: "agent", name: $0.name.text, state: "running") }
    var snapshot = Self.snapshot(many)
    snapshot.supervision = SupervisionReport(supervisors: [Self.supervisor("root", below: nil, children)])
    var model = model(snapshot: snapshot)
    for _ in 0..<60 { _ = model.take(.down) }
    #expect(frame(model).contains { $0.hasPrefix("> ├─ agent-59 ") })
    // What stands above goes away.
    snapshot.supervision.supervisors[0].children.removeFirst(10)
    model.take(snapshot)
    #expect(frame(model).contains { $0.hasPrefix("> ├─ agent-59 ") })
    _ = model.take(.end)
    #expect(frame(model).contains { $0.hasPrefix("> └─ agent-99 ") })
    _ = model.take(.home)
    #expect(frame(model)[4].hasPrefix("> root"))
  }

  @Test func `a filter is typed, kept and cleared`() {
    var model = model(.character("/"), .character("E"), .character("r"))
    #expect(model.rows.map(\.name) == ["fetcher", "indexer"])
    #expect(frame(model).last?.hasPrefix("filter: Er▏") == true)
    // Keys with a meaning elsewhere are letters here.
    #expect(model.take(.character("q")) == nil)
    #expect(model.rows.isEmpty)
    _ = model.take(.backspace)
    _ = model.take(.enter)
    #expect(model.rows.count == 2)
    #expect(frame(model).last?.contains("/ filter: Er (esc clears)") == true)
    _ = model.take(.escape)
    #expect(model.rows.count == 6)
  }

  @Test func `rows are sorted with the largest first, and those without a value last`() {
    var model = model()
    var orders: [TopModel.Sort: [String]] = [:]
    for _ in TopModel.Sort.allCases {
      orders[model.sort] = model.rows.map(\.name)
      _ = model.take(.character("s"))
    }
    #expect(model.sort == .tree)
    #expect(orders[.tree] == ["root", "scout", "run …efabcd", "ingest", "fetcher", "indexer"])
    #expect(orders[.name] == ["fetcher", "indexer", "ingest", "root", "run …efabcd", "scout"])
    #expect(orders[.restarts]?.prefix(2) == ["indexer", "ingest"])
    #expect(orders[.tokens]?.first == "scout")
    #expect(orders[.cost]?.suffix(3) == ["root", "run …efabcd", "ingest"])
  }

  @Test func `a paused screen stays as it is until it goes on`() {
    var model = model(.character(" "))
    model.take(Self.snapshot([]))
    #expect(model.snapshot?.status.agents.count == 3)
    #expect(frame(model).last?.hasPrefix("PAUSED") == true)
    _ = model.take(.character(" "))
    model.take(Self.snapshot([]))
    #expect(model.snapshot?.status.agents.isEmpty == true)
  }

  @Test func `stopping asks first, and only a yes stops`() {
    var model = model(.end)
    #expect(model.take(.character("x")) == nil)
    #expect(frame(model).last?.hasPrefix("stop the agent indexer? [y/N]") == true)
    #expect(model.take(.enter) == nil)
    _ = model.take(.character("x"))
    #expect(model.take(.character("n")) == nil)
    _ = model.take(.character("x"))
    guard case .stop(let row) = model.take(.character("y")) else {
      Issue.record("it is not stopped")
      return
    }
    #expect(row.subject == .agent(AgentName("indexer")))
    #expect(model.mode == .browsing)
    // The question is about the row that was selected, whatever moves meanwhile.
    _ = model.take(.character("x"))
    model.take(Self.snapshot([]))
    if case .stop(let again) = model.take(.character("y")) {
      #expect(again.subject == row.subject)
    } else {
      Issue.record("it is not stopped")
    }
  }

  @Test func `the root, and anything without a node, is not stopped`() {
    var first = model(.home)
    #expect(first.take(.character("x")) == nil)
    #expect(first.mode == .browsing)
    #expect(first.message?.contains("naos down") == true)
    var second = model(.end, snapshot: Self.snapshot(isRunning: false))
    #expect(second.take(.character("x")) == nil)
    #expect(second.message == "no node is running")
    #expect(frame(second)[0].contains("no node is running"))
  }

  @Test func `q quits, Ctrl-Z suspends, Ctrl-L draws anew`() {
    var model = model()
    #expect(model.take(.character("q")) == .quit)
    #expect(model.take(.suspend) == .suspend)
    #expect(model.take(.redraw) == .redraw)
  }

  @Test(
    arguments: [
      ("\u{1B}[A\u{1B}OBjk", [.up, .down, .character("j"), .character("k")]), ("\u{1B}", [.escape]),
      ("\u{1B}[5~\u{1B}[6~\u{1B}[H\u{1B}[F", [.pageUp, .pageDown, .home, .end]),
      ("\u{1B}[1;5C\u{1B}[200~x", [.character("x")]),
      ("é漢\r\u{7F}\u{0C}\u{1A}\u{1}", [.character("é"), .character("漢"), .enter, .backspace, .redraw, .suspend]),
    ] as [(String, [TopKey])])
  func `bytes are read as keys`(text: String, keys: [TopKey]) {
    #expect(TopKey.keys(in: Array(text.utf8)) == keys)
    // The same keys come out, wherever what is sent is cut; the last piece may have to wait for nothing more to come.
    for cut in 0...text.utf8.count {
      var keyboard = TopKeyboard()
      let bytes = Array(text.utf8)
      let pieces = [Array(bytes[..<cut]), Array(bytes[cut...]), []]
      #expect(
        pieces.filter { !$0.isEmpty || $0 == pieces[2] }.flatMap { keyboard.keys(typing: $0) }.count == keys.count)
    }
  }

  @Test func `only lines that changed are written`() {
    var screen = TopScreen()
    func draw(_ lines: [String]) -> String { String(decoding: screen.drawing(lines), as: UTF8.self) }
    #expect(draw(["a", "b"]) == "\u{1B}[2J\u{1B}[1;1H\u{1B}[Ka\u{1B}[2;1H\u{1B}[Kb")
    #expect(draw(["a", "b"]) == "")
    #expect(draw(["a", "c"]) == "\u{1B}[2;1H\u{1B}[Kc")
    #expect(draw(["a"]) == "\u{1B}[2;1H\u{1B}[J")
    screen.forget()
    #expect(draw(["a"]) == "\u{1B}[2J\u{1B}[1;1H\u{1B}[Ka")
  }

  @Test func `a page for a file has every row and no blanks at the ends`() {
    let page = TopLayout.page(model(), width: 120, now: Self.now, style: plain)
    #expect(page.split(separator: "\n").count == 9)
    #expect(!page.contains(" \n"))
  }
}
