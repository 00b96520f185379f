// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// The commands about supervisors, with agents that are a line of shell.
@Suite(.seated)
struct SupervisorCommandTests {
  /// Each agent says its process and its name when it begins, and then stays.
  private static func config(_ lifeline: Lifeline, agents: [String] = ["first", "second"], more: String = "") -> String
  {
    let program = "echo \"$$ began $NAME\" >\"$ANNOUNCE\"; exec sleep 1000"
    let blocks = agents.map { name in
      """
        \(name):
          command: [sh, -c, '\(program)']
          mode: service
          env: { ANNOUNCE: \(lifeline.path), NAME: \(name) }
      """
    }
    return "name: trees\nserver: { port: 0 }\nagents:\n" + blocks.joined(separator: "\n") + "\n" + more
  }

  private func children(of supervisor: String, in project: Project) async throws -> [String: JSONValue] {
    let tree = try await project.naos("supervisor", "tree", "-o", "json").json
    let found = tree["supervisors"]?.arrayValue?.first { $0["name"]?.stringValue == supervisor }
    let children = try #require(found?["children"]?.arrayValue)
    return Dictionary(uniqueKeysWithValues: children.map { ($0["name"]?.stringValue ?? "", $0) })
  }

  @Test func `a supervisor is made, taken by the node, and restarts its children together`() async throws {
    try await Project.with { project in
      let lifeline = try Lifeline(in: project)
      try project.write(Self.config(lifeline), to: "nexus.config.yaml")
      let node = try await project.up()
      try await lifeline.announcements(2)

      let made = try await project.naos(
        "supervisor", "create", "team", "--strategy", "one-for-all", "--children", "first")
      #expect(made.status == 0, "\(made.err)")
      #expect(made.err.contains("next: naos reload"))
      let added = try await project.naos("supervisor", "add", "team", "second")
      #expect(added.status == 0, "\(added.err)")

      let planned = try await project.naos("reload", "--dry-run", "-o", "json")
      let changes = try #require(try planned.json["changes"]?.arrayValue)
      #expect(changes.compactMap { $0["kind"]?.stringValue }.sorted() == ["added", "moved", "moved"])
      #expect(try await project.naos("supervisor", "list", "-o", "jsonl").out.split(separator: "\n").count == 1)

      let taken = try await project.naos("reload")
      #expect(taken.status == 0, "\(taken.err)")
      #expect(taken.out.contains("added   supervisor  team"))
      #expect(taken.err.contains("3 changes taken"))
      #expect(try await project.naos("reload").err.contains("nothing has changed"))

      // Whoever is moved is stopped by the old supervisor and started by the new one.
      #expect(taken.out.contains("root → team, restarts it"))
      try await lifeline.announcements(4)
      #expect(Set(try await children(of: "team", in: project).keys) == ["first", "second"])
      let victim = try #require(lifeline.lines.last { $0.hasSuffix("began first") }?.split(separator: " ").first)
      #expect(kill(try #require(pid_t(victim)), SIGKILL) == 0)
      try await lifeline.announcements(6)
      #expect(Set(lifeline.lines.suffix(2).compactMap { $0.split(separator: " ").last }) == ["first", "second"])
      let status = try await project.naos("status")
      #expect(status.out.contains("1 of 3 in 60 s"))
      #expect(status.out.contains(": signal 9"))
      let card = try await project.naos("inspect", "second")
      #expect(card.out.contains("first restarted"))
      let found = try await project.naos("supervisor", "status", "team", "-o", "json").json["restarts"]
      #expect(found?["count"] == 1)
      #expect(found?["recent"]?.arrayValue?.compactMap { $0["reason"]?.stringValue } == ["signal 9"])
      #expect(found?["recent"]?.arrayValue?.first?["child"] == "first")
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
      // Nothing of it is forgotten when the node has gone.
      let later = try await project.naos("supervisor", "status", "team", "-o", "json").json["restarts"]
      #expect(later?["recent"]?.arrayValue?.compactMap { $0["reason"]?.stringValue } == ["signal 9"])
    }
  }

  @Test func `an agent that has not had its turn says whom it waits for, and a temporary one stays in the tree`()
    async throws
  {
    try await Project.with { project in
      let lifeline = try Lifeline(in: project)
      let more = """
          slow:
            command: [sleep, '1000']
            mode: service
            health: { startup: { exec: [test, -e, up], interval: 1s, failureThreshold: 1000 } }
          once:
            command: [sh, -c, 'exit 3']
            mode: service
            restart: temporary
            autoStart: false
        supervisors:
          team: { children: [once, slow, inner] }
          inner: { children: [first] }
        """
      try project.write(Self.config(lifeline, agents: ["first"], more: more), to: "nexus.config.yaml")
      let node = try await project.up()
      #expect(try await project.naos("supervisor", "start", "once").status == 0)
      let inner = try #require(try await children(of: "team", in: project)["inner"])
      #expect(inner["state"] == "waiting")
      #expect(inner["note"] == "waits for slow to start")
      #expect(try await children(of: "inner", in: project)["first"]?["note"] == "waits for slow to start")
      #expect(try await project.naos("status").out.contains("└ waits for slow to start"))
      try project.write("", to: "up")
      try await lifeline.announcements(1)
      let children = try await children(of: "team", in: project)
      #expect(children["inner"]?["state"] == "running")
      #expect(children["once"]?["state"] == "stopped")
      #expect(children["once"]?["note"] == "exit 3")
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }

  @Test func `supervisors and agents are stopped and started by hand`() async throws {
    try await Project.with { project in
      let lifeline = try Lifeline(in: project)
      let team = "supervisors:\n  team: { children: [first, second] }\n"
      try project.write(
        Self.config(lifeline, agents: ["first", "second", "free"], more: team), to: "nexus.config.yaml")
      let node = try await project.up()
      try await lifeline.announcements(3)

      let stopped = try await project.naos("supervisor", "stop", "team")
      #expect(stopped.status == 0, "\(stopped.err)")
      #expect(stopped.err.contains("team is stopped"))
      #expect(try await children(of: "team", in: project).values.allSatisfy { $0["pid"]?.isNull == true })
      let below = try await project.naos("supervisor", "start", "first")
      #expect(below.status == 6)
      #expect(below.err.contains("NX-SUP-003"))
      #expect(try await project.naos("supervisor", "start", "team").status == 0)
      try await lifeline.announcements(5)

      let reset = try await project.naos("supervisor", "reset", "team", "-o", "json")
      #expect(try reset.json["restarts"]?["count"] == 0, "\(reset.err)")
      #expect(reset.err.contains("team is running"))
      let unknown = try await project.naos("supervisor", "reset", "first")
      #expect(unknown.status == 5 && unknown.err.contains("NX-SUP-004"), "\(unknown.err)")

      let wrong = try await project.naos("stop", "team")
      #expect(wrong.status == 5)
      #expect(wrong.err.contains("naos supervisor stop team"))
      let other = try await project.naos("supervisor", "stop", "first")
      #expect(other.status == 5)
      #expect(other.err.contains("naos stop first"))
      // A typing error stops nothing.
      #expect(try await project.naos("stop", "first", "secnd").err.contains("Did you mean `second`?"))
      #expect(try await children(of: "team", in: project)["first"]?["pid"]?.isNull == false)

      #expect(try await project.naos("stop", "first", "--no-restart").status == 0)
      #expect(try await children(of: "team", in: project)["first"]?["state"] == "stopped")
      #expect(try await project.naos("supervisor", "start", "first").status == 0)
      try await lifeline.announcements(6)

      let all = try await project.naos("stop", "--all", "-o", "json")
      #expect(try all.json["agents"]?.arrayValue?.count == 3)
      #expect(try await project.naos("stop", "--all").err.contains("no agent has a process or a run"))
      #expect(try await project.naos("status", "-o", "json").json["node"]?["running"] == true)
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }

  @Test func `all that are stopped are named, and those that worked for a run that is over are left alone`()
    async throws
  {
    try await Project.with { project in
      let config = """
        name: stops
        server: { port: 0 }
        agents: { one: { command: [cat] }, two: { command: [cat] }, three: { command: [cat] } }
        workflows: { both: { steps: [{ name: first, agent: one }, { name: second, agent: two }] } }
        """
      try project.write(config, to: "nexus.config.yaml")
      let node = try await project.up()
      #expect(try await project.naos("run", "both", "--input", "x").status == 0)
      #expect(try await project.naos("run", "both", "--input", "y").status == 0)
      #expect(try await project.naos("stop", "--all").err.contains("no agent has a process or a run"))

      let named = try await project.naos("stop", "one", "two", "three", "-o", "json").json["agents"]?.arrayValue
      #expect(named?.compactMap { $0["name"]?.stringValue } == ["one", "two", "three"])

      // What follows a page is the same list.
      let page = try await project.naos("runs", "list", "both", "--kind", "workflow", "-n", "1")
      #expect(page.err.contains("next: naos runs list both --kind workflow -n 1 --cursor run_"), "\(page.err)")
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }

  @Test func `a reload refuses a broken file, and stops what is gone only when it is told to`() async throws {
    try await Project.with { project in
      let lifeline = try Lifeline(in: project)
      try project.write(Self.config(lifeline), to: "nexus.config.yaml")
      let node = try await project.up()
      try await lifeline.announcements(2)

      try project.write("agents: { first: { comand: x } }\n", to: "nexus.config.yaml")
      let broken = try await project.naos("reload")
      #expect(broken.status == 3)
      #expect(broken.err.contains("comand"))
      #expect(broken.err.contains("goes on with the one of before"))

      try project.write(Self.config(lifeline, agents: ["first"]), to: "nexus.config.yaml")
      let kept = try await project.naos("reload")
      #expect(kept.status == 0, "\(kept.err)")
      #expect(kept.out.contains("only with --prune"))
      #expect(kept.err.contains("next: naos reload --prune"))
      #expect(try await children(of: "root", in: project)["second"]?["pid"]?.isNull == false)
      #expect(try await project.naos("reload", "--prune", "--yes").status == 0)
      #expect(try await children(of: "root", in: project)["second"] == nil)

      // Without a terminal SIGHUP is a reload without a question.
      try project.write(Self.config(lifeline, agents: ["first", "third"]), to: "nexus.config.yaml")
      node.signal(SIGHUP)
      try await lifeline.announcement("began third")

      let second = try await project.naos("up")
      #expect(second.status == 6)
      #expect(second.err.contains("naos reload"))
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }

  @Test(arguments: [("q", 0), ("\u{3}", 130), ("signal:15", 130), ("signal:1", 130)])
  func `top takes the terminal and gives it back, however it ends`(ending: String, status: Int64) async throws {
    let python = try Checkout.python()
    try await Project.with { project in
      let lifeline = try Lifeline(in: project)
      try project.write(Self.config(lifeline), to: "nexus.config.yaml")
      let run = try project.start([python, Checkout.support("terminal.py"), ending, Checkout.naos, "top"])
      let transcript = try await run.end()
      #expect(transcript.exit == .code(0), "\(transcript.errText)")
      let report = try JSONValue(parsing: transcript.outText)
      #expect(report["wasTaken"] == true)
      #expect(report["isBack"] == true)
      #expect(report["status"] == .int(status))
      #expect((report["rows"]?.intValue ?? 0) > 0)
    }
  }

  @Test func `the commands of the guide about a first agent work as they stand there`() async throws {
    let guide = try String(contentsOfFile: Checkout.root + "/docs/guides/first-agent.md", encoding: .utf8)
    let commands = guide.split(separator: "\n").filter { $0.hasPrefix("$ naos ") }.map {
      $0.dropFirst("$ naos ".count).split(separator: " ").map(String.init)
    }
    let making = commands.filter { ["create", "supervisor", "reload"].contains($0[0]) }
    #expect(making.count >= 4)
    try await Project.with { project in
      #expect(try await project.naos("init", ".").status == 0)
      let node = try await project.up()
      for command in making {
        let outcome = try await project.naos(command)
        #expect(outcome.status == 0, "\(command): \(outcome.err)")
      }
      #expect(try await project.naos("supervisor", "tree").out.contains("desk"))
      let taken = try await project.naos(
        "supervisor", "create", "other", "--children", "researcher")
      #expect(taken.status == 6)
      #expect(taken.err.contains("take `researcher` out of the `children` of `research-team` in nexus.config.yaml"))
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }
}
