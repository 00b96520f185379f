// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// A store that is locked, damaged or out of space.
@Suite(.seated)
struct BadStoreTests {
  private static let config = """
    name: store
    server: { port: 0 }
    agents:
      echo:
        command: [cat]

    """

  private func used(_ body: (Project) async throws -> Void) async throws {
    try await Project.with(Self.config) { project in
      #expect(try await project.naos("run", "echo", "--input", "first").status == 0)
      try await body(project)
    }
  }

  @Test(arguments: ["garbage", "truncated", "empty header"])
  func `a damaged database is a coded error, never a trap`(damage: String) async throws {
    try await used { project in
      let path = project.path(".naos/nexus.db")
      for name in ["-wal", "-shm", "-log"] { try? FileManager.default.removeItem(atPath: path + name) }
      var bytes = try #require(FileManager.default.contents(atPath: path))
      switch damage {
      case "garbage": bytes = Data((0..<bytes.count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) })
      case "truncated": bytes = bytes.prefix(bytes.count / 2 - 100)
      default: bytes.replaceSubrange(0..<100, with: Data(count: 100))
      }
      try bytes.write(to: URL(fileURLWithPath: path))
      for command in [
        ["run", "echo", "--input", "x"], ["up"], ["up", "-d"], ["status"], ["runs", "list"], ["doctor"],
      ] {
        let outcome = try await project.naos(command)
        #expect(outcome.status != 0, "\(command) went on: \(outcome.out)")
        #expect((outcome.err + outcome.out).contains("NX-STO-"), "\(command): \(outcome.err)")
        #expect(!outcome.err.contains("Fatal error"))
      }
      #expect(FileManager.default.contents(atPath: path) == bytes, "nothing is written into a damaged file")
    }
  }

  @Test func `a database that another process holds is a coded error`() async throws {
    let python = try Checkout.python()
    try await used { project in
      let holder = try project.start([
        python, "-u", "-c",
        """
        import sqlite3, sys
        db = sqlite3.connect(".naos/nexus.db", isolation_level=None)
        db.execute("pragma locking_mode=exclusive")
        db.execute("begin exclusive")
        db.execute("create table held (x)")
        print("held")
        sys.stdin.read()
        """,
      ])
      try await holder.wait(for: "the lock") { $0.outText.contains("held") ? true : nil }
      let run = try await project.naos("run", "echo", "--input", "x")
      #expect(run.status != 0)
      #expect(run.err.contains("NX-STO-"), "\(run.err)")
      holder.discard()
      try await holder.end()
      let again = try await project.naos("run", "echo", "--input", "again")
      #expect(again.out == "again\n", "\(again.err)")
    }
  }

  @Test func `a full disk loses nothing, and the node goes on when there is room`() async throws {
    try await Project.withSmallDisk(
      "6m",
      atEnd: { disk in
        for process in try processes(withEnvironment: "ON_DISK=\(disk)") { _ = kill(pid_t(process) ?? 0, SIGKILL) }
      }, fill)
  }

  private func fill(_ project: Project, _ disk: String) async throws {
    let slow = """
        slow:
          command: [sh, -c, 'echo up >"$LINE"; read go <"$GO"; echo "$go"']
          env: { LINE: \(project.path("lifeline")), GO: \(project.path("go")) }

      """
    try project.write(Self.config + slow, to: "disk/nexus.config.yaml")
    let tag = ["ON_DISK": disk]
    let node = try project.startNaos("up", "--project", disk, environment: tag)
    try await node.wait(for: "the node") { $0.errText.contains("node up") ? true : nil }
    let before = try await project.naos("run", "echo", "--input", "before", "--project", disk)
    #expect(before.out == "before\n", "\(before.err)")
    let lifeline = try Lifeline(in: project)
    try await project.start(["/usr/bin/mkfifo", project.path("go")]).end()
    let standing = try project.startNaos("run", "slow", "--project", disk)
    try await lifeline.announcements(1)
    try await project.start(["/bin/sh", "-c", "cat /dev/zero > \(disk)/ballast"]).end()
    // The run that is under way ends while nothing can be written: it stands still until something can.
    try await project.start(["/bin/sh", "-c", "echo went > go"]).end()

    // What is new is refused with a code, or waits; it is not lost in silence.
    let during = try await project.naos("run", "echo", "--input", "during", "--project", disk)
    #expect(during.status == 1)
    #expect(during.err.contains("NX-STO-"), "\(during.err)")
    #expect(node.transcript.exit == nil, "the node is still there: \(node.transcript.errText)")
    try FileManager.default.removeItem(atPath: disk + "/ballast")
    let stood = try await standing.end()
    #expect(stood.exit == .code(0), "\(stood.errText)")
    #expect(stood.outText == "went\n")
    let after = try await project.naos("run", "echo", "--input", "after", "--project", disk)
    #expect(after.out == "after\n", "\(after.err)")
    let list = try await project.naos("runs", "list", "-o", "json", "--project", disk).json
    let rows = list["runs"]?.arrayValue ?? []
    #expect(rows.count == 3)
    #expect(rows.allSatisfy { $0["status"] == "completed" }, "\(rows)")
    node.signal(SIGTERM)
    #expect(try await node.end().exit == .code(0))
  }
}
