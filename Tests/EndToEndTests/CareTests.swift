// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Hostile agents below a real node.
@Suite(.seated)
struct CareTests {
  private static func field(_ key: String, of pid: Int32) throws -> Int {
    let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix(key) }
    return try #require(line.flatMap { Int($0.filter(\.isNumber)) })
  }

  @Test func `an agent over its memory limit is killed, and its run says so`() async throws {
    let python = try Checkout.python()
    try await Project.with(
      """
      name: care
      server: { port: 0 }
      agents:
        hog:
          command: [\(python), "-c", "x = bytearray(512 << 20)"]
          sandbox: { engine: none, limits: { memory: 64MiB } }
          retry: 1

      """
    ) { project in
      let doctor = try await project.naos("doctor").out
      #expect(doctor.contains("memory: "), "\(doctor)")
      guard doctor.contains("memory: cgroup") else { try Test.cancel("no control groups can be made here") }
      let run = try await project.naos("run", "hog", "-o", "json")
      #expect(run.status == 1, "\(run.err)")
      let message = try run.json["error"]?["message"]?.stringValue
      #expect(message?.contains("killed: over its memory ceiling of 64 MiB") == true, "\(message ?? run.out)")
    }
  }

  @Test func `killing node and guard at once leaves no process of an agent`() async throws {
    try await Project.with { project in
      let lifeline = try Lifeline(in: project, endsWithWriters: true)
      try await project.start(["/usr/bin/mkfifo", project.path("never")]).end()
      // The last one has left session, group and environment behind.
      try project.write(
        """
        exec 9>"$LINE"
        (setsid sh -c '(setsid env -i /bin/sh -c "echo \\$\\$ double >&9; read never <\\"\\$0\\"" "$NEVER" &)' &)
        echo "$$ main" >&9
        read never <"$NEVER"
        """, to: "agent.sh")
      try project.write(
        """
        name: care
        server: { port: 0 }
        agents:
          one:
            mode: service
            command: [sh, agent.sh]
            env: { LINE: \(lifeline.path), NEVER: \(project.path("never")) }

        """, to: "nexus.config.yaml")
      let node = try await project.up()
      try await lifeline.announcements(2)
      let main = try await lifeline.announcement("main")
      let guardPID = try Int32(Self.field("PPid:", of: main))
      kill(guardPID, SIGKILL)
      node.signal(SIGKILL)
      try await node.end()
      try await lifeline.end()
    }
  }

  @Test func `a gigabyte on standard error leaves the node small, and its log says what was dropped`() async throws {
    let python = try Checkout.python()
    try await Project.with { project in
      try project.write(
        """
        import os
        block = (b'x' * 1023 + b'\\n') * 1024
        for _ in range(1024): os.write(2, block)
        """, to: "agent.py")
      try project.write(
        "name: care\nserver: { port: 0 }\nagents:\n  loud: { command: [\(python), agent.py] }\n",
        to: "nexus.config.yaml")
      let node = try await project.up()
      let before = try Self.field("VmHWM:", of: node.pid)
      let run = try await project.naos("run", "loud")
      #expect(run.status == 0, "\(run.err)")
      let grown = try Self.field("VmHWM:", of: node.pid) - before
      #expect(grown < 96 * 1024, "\(grown) KiB")
      let last = try await project.naos("logs", "loud").out.split(separator: "\n").last ?? ""
      #expect(last.contains("dropped"), "\(last)")
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }
}
