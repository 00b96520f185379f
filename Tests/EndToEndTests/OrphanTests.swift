// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Whatever ends the node, nothing of its agents is left.
@Suite(.seated)
struct OrphanTests {
  /// Agents that try to survive: a grandchild in a session of its own, a child that ignores SIGTERM, a double fork.
  private static let stubborn = """
    trap '' TERM HUP INT
    exec 9>"$LINE"
    setsid sh -c 'trap "" TERM HUP INT; echo "$$ session" >&9; while :; do read never <"$NEVER"; done' &
    (sh -c 'trap "" TERM HUP; echo "$$ child" >&9; while :; do read never <"$NEVER"; done' &)
    (setsid sh -c '(sh -c "echo \\$\\$ double >&9; while :; do read never <\\"\\$NEVER\\"; done" &)' &)
    echo "$$ main" >&9
    while :; do read never <"$NEVER"; done
    """

  @Test(arguments: [SIGKILL, SIGTERM, SIGINT, SIGQUIT, SIGSEGV, SIGABRT])
  func `no process of an agent outlives its node`(signal: Int32) async throws {
    try await Project.with { project in
      let lifeline = try Lifeline(in: project, endsWithWriters: true)
      let tag = "ORPHANS_OF=\(UUID().uuidString)"
      try await project.start(["/usr/bin/mkfifo", project.path("never")]).end()
      try project.write(Self.stubborn, to: "agent.sh")
      let agent = """
            command: [sh, agent.sh]
            shutdown: 1s
            env: { LINE: \(lifeline.path), NEVER: \(project.path("never")), \(tag.replacing("=", with: ": ")) }

        """
      try project.write(
        "name: orphans\nserver: { port: 0 }\nagents:\n  one:\n    mode: service\n\(agent)  two:\n    mode: service\n\(agent)",
        to: "nexus.config.yaml")
      let node = try await project.up()
      try await lifeline.announcements(8)
      #expect(try processes(withEnvironment: tag).count >= 8)
      node.signal(signal)
      try await node.end()
      try await lifeline.end()
      #expect(try processes(withEnvironment: tag).isEmpty)
    }
  }

  @Test func `a node whose terminal is taken away goes down in good order`() async throws {
    let python = try Checkout.python()
    try await Project.with { project in
      let lifeline = try Lifeline(in: project, endsWithWriters: true)
      try project.write(
        """
        name: hangup
        server: { port: 0 }
        agents:
          one:
            command: [sh, -c, 'exec 9>"$LINE"; echo "$$ main" >&9; echo now >"$NOW"; exec sleep 1000']
            mode: service
            env: { LINE: \(lifeline.path), NOW: \(project.path("now")) }

        """, to: "nexus.config.yaml")
      try await project.start(["/usr/bin/mkfifo", project.path("now")]).end()
      let node = try project.start([python, Checkout.support("hangup.py"), project.path("now"), Checkout.naos, "up"])
      try await lifeline.announcements(1)
      #expect(try await node.end().exit == .code(0))
      try await lifeline.end()
      #expect(try await project.naos("status", "-o", "json").json["node"]?["running"] == false)
    }
  }

  @Test func `down and stop leave nothing either`() async throws {
    try await Project.with { project in
      let lifeline = try Lifeline(in: project, endsWithWriters: true)
      try await project.start(["/usr/bin/mkfifo", project.path("never")]).end()
      try project.write(Self.stubborn, to: "agent.sh")
      try project.write(
        """
        name: orphans
        server: { port: 0 }
        agents:
          one:
            command: [sh, agent.sh]
            mode: service
            shutdown: 1s
            env: { LINE: \(lifeline.path), NEVER: \(project.path("never")) }

        """, to: "nexus.config.yaml")
      let node = try await project.up()
      try await lifeline.announcements(4)
      #expect(try await project.naos("stop", "one", "--no-restart").status == 0)
      try await lifeline.end()
      #expect(try await project.naos("down").status == 0)
      #expect(try await node.end().exit == .code(0))
    }
  }
}
