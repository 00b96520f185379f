// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import Glibc
import NexusCore
import Testing

/// What people are told, and can do, when things do not go well.
@Suite(.seated)
struct TroubleTests {
  private static func config(_ lifeline: Lifeline, _ agents: [String: String], more: String = "") -> String {
    let blocks = agents.sorted { $0.key < $1.key }.map { name, rest in
      """
        \(name):
          mode: service
          env: { ANNOUNCE: \(lifeline.path) }
          \(rest)
      """
    }
    return "name: trouble\nserver: { port: 0 }\nagents:\n" + blocks.joined(separator: "\n") + "\n" + more
  }

  private static let staying = #"command: [sh, -c, 'echo "$$ began" >"$ANNOUNCE"; exec sleep 1000']"#
  private static let deaf = """
    command: [sh, -c, 'trap "" TERM; exec 9>"$ANNOUNCE"; echo "$$ began" >&9; while :; do sleep 1000; done']
        shutdown: infinity
    """

  @Test(arguments: ["rm -rf .naos", "mv .naos gone && cp -a gone .naos"])
  func `a node whose state is taken away ends at once, with its agents`(script: String) async throws {
    let config = """
      server: { port: 0 }
      agents: { pulse: { command: [sh, -c, 'echo $$ > pid; exec sleep 600'], mode: service } }

      """
    try await Project.with(config) { project in
      let node = try await project.up()
      while try !project.exists("pid") || project.read("pid").isEmpty { await Task.yield() }
      let pid = try #require(Int32(try project.read("pid").trimmingCharacters(in: .whitespacesAndNewlines)))
      let taking = try project.start(["sh", "-c", script])
      _ = try await taking.end()
      let ended = try await node.end()
      #expect(ended.exit == .code(1) && ended.errText.contains("NX-STO-036"), "\(ended.errText)")
      while kill(pid, 0) == 0 { await Task.yield() }
    }
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func `a second signal ends a node at once, whatever its agents do, and leaves nothing behind`(
    first: Int32
  ) async throws {
    try await Project.with { project in
      let lifeline = try Lifeline(in: project, endsWithWriters: true)
      try project.write(Self.config(lifeline, ["deaf": Self.deaf]), to: "nexus.config.yaml")
      let node = try await project.up()
      try await lifeline.announcements(1)
      node.signal(first)
      try await node.wait(for: "the first signal to be heard") { $0.errText.contains("going down") ? true : nil }
      node.signal(SIGINT)
      #expect(try await node.end().exit == .code(130))
      try await lifeline.end()
    }
  }

  @Test func `a node that says nothing is not taken for one that does not run`() async throws {
    try await Project.with { project in
      let lifeline = try Lifeline(in: project)
      try project.write(Self.config(lifeline, ["a": Self.staying]), to: "nexus.config.yaml")
      let node = try await project.up()
      try await lifeline.announcements(1)
      node.signal(SIGSTOP)
      let status = try await project.naos("status")
      #expect(status.status == 8, "\(status.out)")
      #expect(status.err.contains("NX-API-018") && status.err.contains("\(node.pid)"), "\(status.err)")
      node.signal(SIGCONT)
      #expect(try await project.naos("status").status == 0)
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }

  @Test func `a supervisor that could not be started says so, and a later start counts as no restart`() async throws {
    try await Project.with { project in
      let lifeline = try Lifeline(in: project)
      let probe = "{ startup: { exec: [test, -f, ready], failureThreshold: 1 } }"
      let hopeless = "command: [sleep, '1000']\n    health: \(probe)"
      let team = "supervisors:\n  team: { children: [hopeless] }\n"
      try project.write(Self.config(lifeline, ["hopeless": hopeless], more: team), to: "nexus.config.yaml")
      let node = try await project.up()
      let row = try await Self.supervisor("team", in: project)
      #expect(row["state"] == "failed")
      #expect(row["note"]?.stringValue?.contains("startup probe") == true, "\(row)")
      try project.write("", to: "ready")
      for _ in 0..<2 {
        #expect(try await project.naos("supervisor", "start", "team").status == 0)
        #expect(try await project.naos("supervisor", "stop", "team").status == 0)
      }
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
      #expect(try await Self.supervisor("team", in: project)["restarts"]?["count"] == 0)
    }
  }

  /// Asks until the start of the supervisor is over.
  private static func supervisor(_ name: String, in project: Project) async throws -> JSONValue {
    while true {
      let tree = try await project.naos("supervisor", "tree", "-o", "json").json
      let found = try #require(
        tree["supervisors"]?.arrayValue?.first { $0["name"]?.stringValue == name })
      if found["state"] != "starting" { return found }
    }
  }
}
