// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusAPI
import NexusCLI
import NexusCore
import Testing

/// The commands about supervisors, as far as they need no node.
@Suite struct SupervisorTests {
  private let plain = Style(isOn: false)

  private static let config = """
    # Ours.
    agents:
      fetcher: { command: [/bin/true], mode: service }
      indexer: { command: [/bin/true], mode: service }
      scout: { command: [/bin/true] }
    supervisors:
      desk: { children: [scout] } # one

    """

  /// Runs the body in a project of its own.
  private func project(_ config: String = Self.config, _ body: (_ folder: String) async throws -> Void) async throws {
    let folder = "/tmp/naos-cli-" + IdentifierSource(clock: SystemClock(), random: SystemRandom()).secret(prefix: "t")
    try Files.makeDirectory(folder)
    try Files.write(Array(config.utf8), to: folder + "/nexus.config.yaml")
    let failure: (any Error)?
    do {
      try await body(folder)
      failure = nil
    } catch { failure = error }
    try Files.remove(folder + "/nexus.config.yaml")
    unsafe rmdir(folder)
    if let failure { throw failure }
  }

  private func text(_ folder: String) throws -> String {
    String(decoding: try Files.read(folder + "/nexus.config.yaml", limit: 1 << 20), as: UTF8.self)
  }

  @Test func `a supervisor is created, created again, and not created otherwise`() async throws {
    try await project { folder async throws -> Void in
      let first = await CommandRun(
        "supervisor", "create", "ingest", "--strategy", "rest-for-one", "--max-restarts", "5", "--within", "2m",
        "--children", "fetcher,indexer", "--on-max-restarts", "park", "--project", folder)
      #expect(first.status == 0, "\(first.words)")
      #expect(first.words.contains("next: naos up -d"))
      let body = """
          ingest:
            strategy: rest-for-one
            maxRestarts: 5
            withinSeconds: 120
            onMaxRestarts: park
            children: [fetcher, indexer]

        """
      #expect(try text(folder) == Self.config + body)
      let again = await CommandRun(
        "supervisor", "create", "ingest", "--strategy", "rest-for-one", "--max-restarts", "5", "--within", "120",
        "--children", "fetcher, indexer", "--on-max-restarts", "park", "-o", "json", "--project", folder)
      #expect(again.status == 0)
      #expect(try JSONValue(parsing: again.output)["withinSeconds"] == 120)
      let other = await CommandRun("supervisor", "create", "ingest", "--project", folder)
      #expect(other.status == 6)
      #expect(other.words.contains("NX-API-022"))
      #expect(try text(folder) == Self.config + body)
    }
  }

  @Test func `a child that does not exist, or that has a supervisor, stops everything`() async throws {
    try await project { folder async throws -> Void in
      let unknown = await CommandRun("supervisor", "create", "x", "--children", "fetchr", "--project", folder)
      #expect(unknown.status == 5)
      #expect(unknown.words.contains("Did you mean `fetcher`?"))
      let taken = await CommandRun("supervisor", "create", "x", "--children", "fetcher,scout", "--project", folder)
      #expect(taken.status == 6)
      #expect(taken.words.contains("already has a supervisor, `desk`"))
      #expect(taken.words.contains("nexus.config.yaml:7:"))
      for arguments in [["x", "fetcher"], ["dsek", "fetcher"], ["scout", "fetcher"]] {
        let run = await CommandRun("supervisor", "add", arguments[0], arguments[1], "--project", folder)
        #expect(run.status == 5)
      }
      #expect(try text(folder) == Self.config)
    }
  }

  @Test func `what would be wrong is said and not written`() async throws {
    try await project { folder async throws -> Void in
      for (arguments, code) in [
        (["create", "Ingest"], "NX-CFG-103"), (["create", "root"], "NX-CFG-201"), (["create", "scout"], "NX-CFG-201"),
        (["create", "x", "--within", "10ms"], "NX-CFG-106"), (["add", "desk", "desk"], "NX-CFG-218"),
      ] {
        let run = await CommandRun(["supervisor"] + arguments + ["--project", folder])
        #expect(run.status == 3, "\(arguments) \(run.words)")
        #expect(run.words.contains(code), "\(arguments) \(run.words)")
      }
      #expect(try text(folder) == Self.config)
    }
  }

  @Test func `children are added once, and a supervisor can be one`() async throws {
    try await project { folder async throws -> Void in
      #expect(await CommandRun("supervisor", "create", "ingest", "--project", folder).status == 0)
      let added = await CommandRun("supervisor", "add", "desk", "ingest", "scout", "fetcher", "--project", folder)
      #expect(added.status == 0, "\(added.words)")
      #expect(added.words.contains("`ingest`, `fetcher` below `desk`"))
      #expect(try text(folder).contains("desk: { children: [scout, ingest, fetcher] } # one"))
      let again = await CommandRun("supervisor", "add", "desk", "fetcher", "--project", folder)
      #expect(again.status == 0)
      #expect(again.words.contains("has them already"))
      let dry = await CommandRun("supervisor", "add", "ingest", "indexer", "--dry-run", "--project", folder)
      #expect(dry.words.contains("would add `indexer`"))
      #expect(!(try text(folder)).contains("indexer]"))
    }
  }

  @Test func `the tree is shown without a node, and what needs one says so`() async throws {
    try await project { folder async throws -> Void in
      let tree = await CommandRun("supervisor", "tree", "--project", folder)
      #expect(tree.status == 0)
      #expect(
        tree.output == """
          NAME         STATE      STRATEGY     RESTARTS        PID  WHY
          root         ○ stopped  one-for-one
          ├─ fetcher   ○ stopped
          ├─ indexer   ○ stopped
          └─ desk      ○ stopped  one-for-one  0 of 3 in 60 s
             └─ scout  ○ idle

          """)
      #expect(tree.words.contains("no node is running"))
      let json = await CommandRun("supervisor", "tree", "-o", "json", "--project", folder)
      #expect(try JSONValue(parsing: json.output)["supervisors"]?.arrayValue?.count == 2)
      for arguments in [
        ["supervisor", "start", "desk"], ["supervisor", "stop", "desk"], ["reload"], ["stop", "scout"],
        ["stop", "--all"],
      ] {
        #expect(await CommandRun(arguments + ["--project", folder]).status == 9)
      }
      let top = await CommandRun("top", "--project", folder)
      #expect(top.status == 0)
      #expect(top.output.contains("naos top · "))
      #expect(!top.output.contains("\u{1B}"))
      let status = await CommandRun("supervisor", "status", "dsek", "--project", folder)
      #expect(status.status == 5)
      #expect(status.words.contains("Did you mean `desk`?"))
    }
  }

  @Test func `words that mean nothing are refused with what was probably meant`() async {
    #expect(await CommandRun("supervisr", "tree").words.contains("Did you mean `supervisor`?"))
    #expect(await CommandRun("supervisor", "tre").words.contains("Did you mean `tree`?"))
    #expect(await CommandRun("relaod").words.contains("Did you mean `reload`?"))
    let strategy = await CommandRun("supervisor", "create", "x", "--strategy", "one-for-al")
    #expect(strategy.status == 2)
    #expect(strategy.words.contains("one-for-all"))
    for arguments in [["stop"], ["stop", "a", "--all"], ["supervisor", "create", "x", "--max-restarts", "-1"]] {
      #expect(await CommandRun(arguments).status == 2)
    }
  }

  @Test func `a tree shows strokes, states, restarts, pids and reasons; a circle ends`() {
    func supervisor(_ name: String, _ children: [SupervisedChild], note: String? = nil) -> SupervisorStatus {
      SupervisorStatus(
        name: SupervisorName(name), parent: nil, strategy: "one-for-all", state: note == nil ? "running" : "failed",
        note: note, restarts: RestartStatus(count: 3, max: 5, withinSeconds: 60), onMaxRestarts: "escalate",
        autoShutdown: "never", children: children)
    }
    let report = SupervisionReport(supervisors: [
      supervisor("root", [SupervisedChild(kind: "supervisor", name: "a", state: "running")]),
      supervisor(
        "a",
        [
          SupervisedChild(kind: "agent", name: "x", state: "running", pid: 4711),
          SupervisedChild(kind: "attempt", name: "x", run: RunID("run_1"), state: "running"),
          SupervisedChild(kind: "supervisor", name: "b", state: "failed"),
        ]),
      supervisor("b", [SupervisedChild(kind: "supervisor", name: "a", state: "running")], note: "gave up: \u{1B}[2J"),
    ])
    #expect(
      SupervisorTable.tree(report, now: WallTime(microseconds: 0), style: plain) == """
        NAME            STATE      STRATEGY     RESTARTS         PID  WHY
        root            ● running  one-for-all
        └─ a            ● running  one-for-all  3 of 5 in 60 s
           ├─ x         ● running                               4711
           │  └─ run_1  ● running
           └─ b         ✗ failed   one-for-all  3 of 5 in 60 s        gave up: \u{FFFD}[2J
              └─ a      ● running
        """)
  }

  @Test func `a supervisor says which child was restarted when and why`() {
    let now = WallTime(microseconds: 100_000_000)
    let restarts = [("x", "exit 1", 40), ("y", "liveness: status 500", 95)].map { name, reason, second in
      RestartNote(child: name, at: WallTime(microseconds: Int64(second) * 1_000_000), reason: reason)
    }
    let team = SupervisorStatus(
      name: SupervisorName("team"), parent: .root, strategy: "one-for-one", state: "running",
      restarts: RestartStatus(count: 2, max: 5, withinSeconds: 60, recent: restarts), onMaxRestarts: "escalate",
      autoShutdown: "never", children: [])
    let card = SupervisorTable.card(team, now: now, style: plain)
    #expect(card.contains("2 of 5 in 60 s\n"))
    #expect(card.contains("x restarted 1m ago: exit 1\n"))
    #expect(card.contains("y restarted 5s ago: liveness: status 500\n"))
    let report = SupervisionReport(supervisors: [team])
    for table in [
      SupervisorTable.list(report, now: now, style: plain), SupervisorTable.tree(report, now: now, style: plain),
    ] {
      #expect(table.hasSuffix("y restarted 5s ago: liveness: status 500"))
    }
  }

  @Test func `changes of a configuration are a table`() {
    let report = ReloadReport(
      changes: [
        .init(kind: "added", subject: "supervisor", name: "ingest", detail: "rest-for-one", applies: "now"),
        .init(kind: "moved", subject: "agent", name: "x\u{1B}", detail: "root → ingest", applies: "now"),
      ], isApplied: false)
    #expect(
      ReloadTable.render(report, style: plain) == """
        CHANGE  WHAT        NAME    DETAIL         APPLIES
        added   supervisor  ingest  rest-for-one   now
        moved   agent       x\u{FFFD}      root → ingest  now
        """)
  }

  @Test(arguments: [("y\n", true), ("YES", true), (" y ", true), ("n", false), ("", false), ("yy", false)])
  func `only a yes is a yes`(typed: String, isYes: Bool) {
    let captured = CapturedConsole()
    var console = captured.console()
    #expect(!console.confirms("sure?"))
    #expect(captured.words.text.isEmpty)
    console.answer = { typed }
    #expect(console.confirms("sure?") == isYes)
    #expect(captured.words.text == "sure? [y/N] ")
  }
}
