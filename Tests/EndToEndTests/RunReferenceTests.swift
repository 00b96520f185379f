// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// What commands take in place of a whole id of a run, with and without a node.
@Suite(.seated)
struct RunReferenceTests {
  private static let config = """
    name: references
    server: { port: 0 }
    agents:
      echo: { command: [cat] }
      other: { command: [cat] }

    """

  @Test func `a run is named by the beginning or the end of its id, or as the last one`() async throws {
    try await Project.with(Self.config) { project in
      let none = try await project.naos("runs", "show", "last")
      #expect(none.status == 5 && none.err.contains("NX-API-010"), "\(none.err)")
      for agent in ["echo", "other"] { try await project.naos("run", agent, "--input", agent) }
      let list = try await project.naos("runs", "list", "-o", "json").json
      let ids = try #require(list["runs"]?.arrayValue).compactMap { $0["id"]?.stringValue }
      try #require(ids.count == 2)
      try await expectNames(ids, project)
      let node = try await project.up()
      try await expectNames(ids, project)
      // What acts on a run takes them, too; the answer has the whole id.
      let again = try await project.naos("runs", "restart", "last", "--detach", "-o", "json")
      #expect(again.status == 0, "\(again.err)")
      let fresh = try #require(try again.json["id"]?.stringValue)
      #expect(!ids.contains(fresh) && fresh.utf8.count == 30)
      let waited = try await project.naos("runs", "wait", String(fresh.suffix(12)))
      #expect(waited.out == "other\n", "\(waited.err)")
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }

  /// `ids` has the run of `other` first.
  private func expectNames(_ ids: [String], _ project: Project) async throws {
    for id in ids {
      let digits = id.dropFirst("run_".count)
      for word in [id, String(id.dropLast(2)), String(digits.dropLast(2)), String(id.suffix(10))] {
        let shown = try await project.naos("runs", "show", word, "-o", "json")
        #expect(shown.status == 0, "\(word): \(shown.err)")
        #expect(try shown.json["id"]?.stringValue == id, "\(word)")
      }
    }
    for command in [["runs", "show", "last"], ["runs", "journal", "last"], ["runs", "export", "last"]] {
      let outcome = try await project.naos(command)
      #expect((outcome.out + outcome.err).contains(ids[0]), "\(command): \(outcome.err)")
    }
    #expect(try await project.naos("runs", "wait", "last").out == "other\n")
    // Of an agent it is the newest of that agent's.
    let logs = try await project.naos("logs", "echo", "--run", "last")
    #expect(logs.status == 0, "\(logs.err)")
    for command in [
      ["cost", "history", "--run", "last"], ["approvals", "list", "--run", "last"], ["audit", "tail", "--run", "last"],
      ["runs", "list", "--parent", "last"], ["sandbox", "explain", "last"],
    ] {
      let outcome = try await project.naos(command)
      #expect(outcome.status == 0, "\(command): \(outcome.err)")
    }
    // Both began within the same minutes.
    let both = String(ids[0].prefix(8))
    try #require(ids[1].hasPrefix(both))
    for command in [["runs", "show", both], ["runs", "pause", String(both.dropFirst(4))], ["logs", "--run", both]] {
      let outcome = try await project.naos(command)
      #expect(outcome.status == 2, "\(command): \(outcome.err)")
      #expect(outcome.err.contains("NX-API-037") && ids.allSatisfy(outcome.err.contains), "\(command): \(outcome.err)")
    }
    let unknown = try await project.naos("runs", "show", "zzzzzz")
    #expect(unknown.status == 5 && unknown.err.contains("NX-API-010"), "\(unknown.err)")
  }

  @Test func `the name of a group alone lists what is there`() async throws {
    try await Project.with(Self.config) { project in
      try await project.naos("run", "echo", "--input", "x")
      for (group, command) in [("runs", "list"), ("cost", "status"), ("approvals", "list"), ("token", "list")] {
        let short = try await project.naos(group, "-o", "json")
        #expect(short.status == 0, "\(group): \(short.err)")
        let long = try await project.naos(group, command, "-o", "json")
        #expect(try short.json.objectValue?.map(\.key) == long.json.objectValue?.map(\.key), "\(group)")
      }
      #expect(try await project.naos("runs", "--status", "failed").err.contains("no runs"))
      #expect(try await project.naos("runs", "--help").out.contains("journal"))
      let typo = try await project.naos("runs", "lst")
      #expect(typo.status == 2 && typo.err.contains("Did you mean `list`?"), "\(typo.err)")
    }
  }

  @Test func `a token that is to show what there is not is told of`() async throws {
    try await Project.with(Self.config) { project in
      let token = try await project.naos(
        "token", "create", "ann", "--role", "viewer", "--only", "ecoh,other", "-o", "json")
      #expect(token.status == 0, "\(token.err)")
      #expect(token.err.contains("`ecoh`: did you mean `echo`?") && !token.err.contains("`other`"), "\(token.err)")
    }
  }

  @Test func `the node of a command says what it is, and what to do about it`() async throws {
    try await Project.with(
      """
      name: passing
      server: { port: 0 }
      agents:
        slow: { command: [sh, -c, 'echo up > lifeline; exec sleep 600'] }

      """
    ) { project in
      let lifeline = try Lifeline(in: project)
      let run = try project.startNaos("run", "slow")
      try await lifeline.announcements(1)
      let status = try await project.naos("status")
      #expect(status.err.contains("node of a command"), "\(status.err)")
      #expect(status.err.contains("next: naos runs list  ·  naos up -d"), "\(status.err)")
      run.signal(SIGINT)
      try await run.end()
    }
  }
}
