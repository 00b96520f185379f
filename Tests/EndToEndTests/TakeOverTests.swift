// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// `naos up` in a project in which a command has a node of its own.
@Suite(.seated)
struct TakeOverTests {
  /// A project with an agent that says that it has begun, and ends when it is let.
  private static func withSlow(_ body: (Project, Lifeline) async throws -> Void) async throws {
    try await Project.with { project in
      let lifeline = try Lifeline(in: project)
      try project.write(
        """
        name: takeover
        server: { port: 0 }
        agents:
          slow:
            command: [sh, -c, 'echo "$$ started" >"$LINE"; read go <"$GO"; echo done']
            env: { LINE: \(lifeline.path), GO: \(project.path("go")) }

        """, to: "nexus.config.yaml")
      try await project.start(["/usr/bin/mkfifo", project.path("go")]).end()
      try await body(project, lifeline)
    }
  }

  private static func release(_ project: Project) async throws {
    try await project.start(["/bin/sh", "-c", "echo go >go"]).end()
  }

  @Test func `takes its runs over, and the command goes on with them`() async throws {
    try await Self.withSlow { project, lifeline in
      let run = try project.startNaos("run", "slow")
      try await lifeline.announcements(1)
      let node = try await project.up()
      // The attempt was interrupted, and begins again where it now belongs.
      try await lifeline.announcements(2)
      let status = try await project.naos("status", "-o", "json").json
      #expect(status["node"]?["pid"]?.intValue == Int64(node.pid) && status["node"]?["forOneRun"] == false)
      try await Self.release(project)
      let ended = try await run.end()
      #expect(ended.exit == .code(0), "\(ended.errText)")
      #expect(ended.outText == "done\n")
      node.signal(SIGTERM)
      let words = try await node.end()
      #expect(words.exit == .code(0))
      #expect(words.errText.contains("asking process \(run.pid) to hand its runs over"), "\(words.errText)")
    }
  }

  @Test func `is told by whoever takes over, although the answer was lost with the node that left`() async throws {
    let python = try Checkout.python()
    try await Self.withSlow { project, _ in
      let holder = try project.start([python, Checkout.support("holder.py"), project.folder])
      try await holder.wait(for: "the holder") { $0.outText.contains("holds") ? true : nil }
      let node = try await project.up()
      #expect(try await holder.end().exit == .code(0))
      node.signal(SIGTERM)
      let words = try await node.end()
      #expect(words.errText.contains("asking process \(holder.pid) to hand its runs over"), "\(words.errText)")
    }
  }

  @Test func `is followed by a command that only waits for a run`() async throws {
    try await Self.withSlow { project, lifeline in
      let run = try project.startNaos("run", "slow")
      try await lifeline.announcements(1)
      let id = try await project.newestRun()
      let waiting = try project.startNaos("runs", "wait", id, "--verbose")
      try await waiting.wait(for: "the wait") { $0.errText.contains("waiting for \(id)") ? true : nil }
      let node = try await project.up()
      try await lifeline.announcements(2)
      try await Self.release(project)
      for command in [run, waiting] {
        let ended = try await command.end()
        #expect(ended.exit == .code(0), "\(ended.errText)")
        #expect(ended.outText == "done\n")
      }
      node.signal(SIGTERM)
      try await node.end()
    }
  }

  @Test func `comes back after a crash, although a command that waited had made a node of its own`() async throws {
    try await Self.withSlow { project, lifeline in
      let first = try await project.up()
      let run = try project.startNaos("run", "slow")
      try await lifeline.announcements(1)
      first.signal(SIGKILL)
      _ = try await first.end()
      // Nobody else being there, the command sees to its run itself.
      try await lifeline.announcements(2)
      let again = try await project.naos("up", "-d")
      #expect(again.status == 0, "\(again.err)")
      try await lifeline.announcements(3)
      try await Self.release(project)
      let ended = try await run.end()
      #expect(ended.exit == .code(0), "\(ended.errText)")
      #expect(ended.outText == "done\n")
      // What it went on with is its own, and none of before.
      #expect(!ended.errText.contains("of before"), "\(ended.errText)")
      #expect(try await project.naos("down").status == 0)
    }
  }

  @Test func `is left by Ctrl-C only when the runs of others have ended`() async throws {
    try await Self.withSlow { project, lifeline in
      let first = try project.startNaos("run", "slow")
      try await lifeline.announcements(1)
      let second = try project.startNaos("run", "slow")
      try await lifeline.announcements(2)
      first.signal(SIGINT)
      try await first.wait(for: "the end of its own run") { transcript in
        transcript.errText.contains("waiting for 1 run of other commands; Ctrl-C again") ? true : nil
      }
      try await Self.release(project)
      let ended = try await second.end()
      #expect(ended.exit == .code(0), "\(ended.errText)")
      #expect(ended.outText == "done\n")
      #expect(try await first.end().exit == .code(130))
      let runs = try await project.naos("runs", "list", "-o", "json").json["runs"]?.arrayValue ?? []
      #expect(runs.map { $0["status"]?.stringValue } == ["completed", "cancelled"])
      #expect(runs.first?["attempts"] == 1)
    }
  }

  @Test func `is missed by the runs of a node that is gone, and they say so`() async throws {
    try await Self.withSlow { project, lifeline in
      let node = try await project.up()
      let left = try await project.naos("run", "slow", "--detach").out.trimmingCharacters(in: .newlines)
      try await lifeline.announcements(1)
      #expect(try await project.naos("runs", "show", left, "-o", "json").json["waitsForNode"] == false)
      node.signal(SIGKILL)
      try await node.end()
      let list = try await project.naos("runs", "list")
      #expect(list.out.contains("running (no node)"), "\(list.out)")
      #expect(list.err.contains("1 of them is on no node: it goes on at the next `naos up`"), "\(list.err)")
      let shown = try await project.naos("runs", "show", left)
      #expect(shown.out.contains("no node has it") && shown.err.contains("naos up -d"), "\(shown.out)\(shown.err)")
      // The node of a command has the run of that command and no other.
      let other = try project.startNaos("run", "slow")
      try await lifeline.announcements(2)
      let rows = try await project.naos("runs", "list", "-o", "json").json["runs"]?.arrayValue ?? []
      #expect(rows.map { $0["status"]?.stringValue } == ["running", "running"])
      #expect(rows.map { $0["waitsForNode"]?.boolValue } == [false, true])
      try await Self.release(project)
      #expect(try await other.end().exit == .code(0))
    }
  }
}
