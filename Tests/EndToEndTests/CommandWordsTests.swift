// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// What commands refuse, and what they say at their end.
@Suite(.seated)
struct CommandWordsTests {
  private static let config = """
    name: words
    server: { port: 0 }
    agents:
      echo:
        command: [cat]
    workflows:
      twice:
        steps:
          - { name: again, workflow: once }
      once:
        steps:
          - { name: say, agent: echo }

    """

  private func shell(_ project: Project, _ script: String) async throws -> Outcome {
    let running = try project.start(["sh", "-c", script], environment: ["NAOS": Checkout.naos])
    running.closeInput()
    let transcript = try await running.end()
    guard case .code(let status) = transcript.exit else { throw GaveUp(description: "\(script) was ended") }
    return Outcome(status: status, out: transcript.outText, err: transcript.errText)
  }

  @Test func `output that arrives nowhere is an error`() async throws {
    try await Project.with(Self.config) { project in
      try await project.naos("run", "echo", "--input", "first")
      for command in [
        "run echo --input data", "runs list", "runs list -o json", "config show", "--version", "version", "--help",
        "help exit-codes",
      ] {
        let outcome = try await shell(project, "\"$NAOS\" \(command) > /dev/full")
        #expect(outcome.status == 1, "\(command): \(outcome.err)")
        #expect(outcome.err.contains("NX-API-035"), "\(command): \(outcome.err)")
        #expect(outcome.err.contains("No space left on device"))
      }
      try project.write("{}", to: "any.json")
      let gate = try await shell(project, "echo 1 | \"$NAOS\" gate check --schema any.json - > /dev/full")
      #expect(gate.status == 1, "\(gate.err)")
      // A reader that has seen enough is none.
      let enough = try await shell(project, "\"$NAOS\" help exit-codes | head -1")
      #expect(enough.status == 0)
      #expect(enough.err.isEmpty, "\(enough.err)")
    }
  }

  @Test func `a token whose secret nobody could read does not stay`() async throws {
    try await Project.with(Self.config) { project in
      let lost = try await shell(project, "\"$NAOS\" token create eve --role ops > /dev/full")
      #expect(lost.status == 1)
      #expect(lost.err.contains("was revoked"), "\(lost.err)")
      #expect(try await project.naos("token", "list").err.contains("only the owner"))
      #expect(try await project.naos("token", "create", "eve", "--role", "ops").status == 0)
    }
  }

  @Test func `an empty idempotency key is a mistake`() async throws {
    try await Project.with(Self.config + "pools:\n  crew: { agent: echo, size: 1 }\n") { project in
      try project.write("a\nb\n", to: "tasks")
      for command in [
        ["run", "echo"], ["run", "echo", "--detach"], ["pool", "submit", "crew"], ["pool", "batch", "crew", "tasks"],
      ] {
        let outcome = try await project.naos(command + ["--idempotency-key", ""])
        #expect(outcome.status == 2, "\(command): \(outcome.err)")
        #expect(outcome.err.contains("--idempotency-key is empty"))
      }
      #expect(try await project.naos("runs", "list").err.contains("no runs"))
    }
  }

  @Test func `the names of those who are no people are no names of tokens`() async throws {
    try await Project.with(Self.config) { project in
      for name in ["owner", "node", "operator", "agent", "unknown"] {
        let outcome = try await project.naos("token", "create", name, "--role", "ops")
        #expect(outcome.status == 2, "\(name): \(outcome.err)")
        #expect(outcome.err.contains("NX-API-033"))
      }
    }
  }

  @Test func `a schema outside the project is not read`() async throws {
    let config = Self.config.replacingOccurrences(
      of: "command: [cat]", with: "command: [cat]\n    output: ../../../../../etc/passwd")
    try await Project.with(config) { project in
      let outcome = try await project.naos("config", "validate")
      #expect(outcome.status == 3)
      #expect(outcome.err.contains("NX-CFG-015"), "\(outcome.err)")
      #expect(!outcome.err.contains("root:"))
    }
  }
}
