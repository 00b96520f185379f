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

  @Test func `what is suggested can be typed`() async throws {
    try await Project.with(Self.config) { project in
      let made = try await project.naos("init", "Bad Name's")
      #expect(made.status == 0)
      #expect(made.err.contains(#"cd 'Bad Name'\''s' && naos run"#), "\(made.err)")
      for name in ["", "../echo"] {
        let outcome = try await project.naos("run", name)
        #expect(outcome.status == 5)
        #expect(!outcome.err.contains("naos create"), "\(outcome.err)")
        #expect(outcome.err.contains("naos list"), "\(outcome.err)")
      }
      let negative = try await project.naos("run", "echo", "--timeout", "-1s")
      #expect(negative.status == 2)
      #expect(negative.err.contains("-1s"), "\(negative.err)")
      #expect(negative.err.contains("A duration is written like"), "\(negative.err)")
    }
  }

  @Test func `runs that others started and entries of a run are found`() async throws {
    try await Project.with(Self.config) { project in
      let run = try await project.naos("run", "twice", "-o", "json").json["id"]?.stringValue ?? ""
      let hidden = try await project.naos("runs", "list", "once")
      #expect(hidden.status == 0)
      #expect(hidden.err.contains("next: naos runs list once --all"), "\(hidden.err)")
      #expect(try await !project.naos("runs", "list", "once", "--all").out.isEmpty)
      let entries = try await project.naos("audit", "search", "--run", run)
      #expect(entries.status == 0, "\(entries.err)")
      let nothing = try await project.naos("audit", "search")
      #expect(nothing.status == 2)
    }
  }

  @Test func `a taken port of the agents is a conflict in plain words`() async throws {
    try await Project.with(Self.config) { project in
      let node = try await project.up()
      let url = try await project.naos("status", "-o", "json").json["node"]?["agentPlane"]?.stringValue ?? ""
      let port = try #require(Int(url.split(separator: ":").last.map(String.init) ?? ""), "\(url)")
      try await Project.with(
        Self.config.replacingOccurrences(of: "{ port: 0 }", with: "{ port: 0, agentPort: \(port) }")
      ) { other in
        let outcome = try await other.naos("up")
        #expect(outcome.status == 6, "\(outcome.err)")
        #expect(outcome.err.contains("Something else listens on port \(port)."))
        #expect(!outcome.err.contains("errno"))
      }
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
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

  @Test(arguments: ["command: [cat]\n    output: inside/real.json", "prompt: { file: inside/real.json }"])
  func `a link that leads out of the project is not read, and one within it is`(agent: String) async throws {
    let config = Self.config.replacingOccurrences(of: "command: [cat]", with: agent)
    try await Project.with(config) { other in
      try other.write("true", to: "secret")
      try await Project.with(config) { project in
        try project.write("true", to: "files/real.json")
        let links = [("inside", "files"), ("files/out.json", other.path("secret")), ("out", other.folder)]
        for (link, target) in links {
          try FileManager.default.createSymbolicLink(atPath: project.path(link), withDestinationPath: target)
        }
        let inside = try await project.naos("config", "validate")
        #expect(inside.status == 0, "\(inside.err)")
        for path in ["files/out.json", "inside/out.json", "out/secret", other.path("secret")] {
          try project.write(config.replacingOccurrences(of: "inside/real.json", with: path), to: "nexus.config.yaml")
          let outcome = try await project.naos("config", "validate")
          #expect(outcome.status == 3, "\(path)")
          #expect(outcome.err.contains("NX-CFG-015"), "\(path): \(outcome.err)")
        }
      }
    }
  }
}
