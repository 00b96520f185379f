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
      #expect(try await project.naos("down").status == 0)
    }
  }
}
