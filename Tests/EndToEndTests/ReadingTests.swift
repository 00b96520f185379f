// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Commands that only read, where something is not as it should be.
@Suite(.seated)
struct ReadingTests {
  private static let config = """
    name: reading
    server: { port: 0 }
    agents:
      echo:
        command: [sh, -c, 'echo "a line" >&2; cat']

    """

  @Test(arguments: [
    "agents: { echo: { comand: [cat] } }", "agents: [", "agents: { other: { command: [cat] } }\nsagas: 5",
  ])
  func `show what was done although the configuration has errors`(broken: String) async throws {
    try await Project.with(Self.config) { project in
      let run = try await project.naos("run", "echo", "--input", "hello", "-o", "json").json
      let id = try #require(run["id"]?.stringValue)
      try project.write(broken, to: "nexus.config.yaml")
      let commands: [(arguments: [String], shows: String)] = [
        (["status"], "echo"), (["runs", "list"], id), (["runs", "show", id], "completed"),
        (["runs", "journal", id], "completed"), (["logs", "echo"], "a line"), (["logs", "--run", id], "a line"),
        (["cost", "status", "-o", "json"], "echo"), (["cost", "history", "-o", "json"], "charges"),
        (["inspect", "echo"], "echo"),
      ]
      for (arguments, shows) in commands {
        let outcome = try await project.naos(arguments)
        #expect(outcome.status == 0, "\(arguments): \(outcome.err)")
        #expect(outcome.out.contains(shows), "\(arguments): \(outcome.out)")
        #expect(outcome.err.contains("error[NX-CFG-"), "\(arguments): \(outcome.err)")
      }
      // Whatever needs to know what is configured is refused as before.
      for arguments in [["run", "echo"], ["supervisor", "tree"], ["config", "validate"], ["up"]] {
        #expect(try await project.naos(arguments).status == 3, "\(arguments)")
      }
    }
  }

  /// The socket of a killed node closes before anybody can know that it is dead.
  @Test func `show what the store has when the node goes while they ask it`() async throws {
    let python = try Checkout.python()
    try await Project.with(Self.config) { project in
      #expect(try await project.naos("run", "echo", "--input", "hello").status == 0)
      let id = try await project.newestRun()
      let node = try project.start([python, Checkout.support("holder.py"), project.folder, "--leaves"])
      try await node.wait(for: "the node") { $0.outText.contains("holds") ? true : nil }
      let shown = try await project.naos("runs", "show", id)
      #expect(shown.status == 0 && shown.out.contains("completed"), "\(shown.out)\(shown.err)")
      #expect(try await node.end().exit == .code(0))
    }
  }

  @Test(arguments: [false, true])
  func `say which agent or run there is not, rather than show no lines of it`(isUp: Bool) async throws {
    try await Project.with(Self.config) { project in
      #expect(try await project.naos("run", "echo", "--input", "x").status == 0)
      let node = isUp ? try await project.up() : nil
      let typo = try await project.naos("logs", "ecko")
      #expect(typo.status == 5, "\(typo.err)")
      #expect(typo.err.contains("NX-API-011") && typo.err.contains("Did you mean `echo`?"), "\(typo.err)")
      #expect(try await project.naos("logs", "nosuch").status == 5)
      let run = try await project.naos("logs", "--run", "run_nosuch")
      #expect(run.status == 5 && run.err.contains("NX-API-010"), "\(run.err)")
      if isUp { #expect(try await project.naos("logs", "-f", "ecko").status == 5) }
      #expect(try await project.naos("logs", "echo").out.contains("a line"))
      node?.signal(SIGTERM)
      _ = try await node?.end()
      // What an agent has written is there when the agent is no more.
      try project.write(Self.config.replacing("echo:", with: "other:"), to: "nexus.config.yaml")
      #expect(try await project.naos("logs", "echo").out.contains("a line"))
    }
  }
}
