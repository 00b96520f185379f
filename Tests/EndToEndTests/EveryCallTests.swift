// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Every kind of model call there is, whole and streamed: what comes back after a kill -9 is what came before it.
@Suite(.seated)
struct EveryCallTests {
  /// The names of the kinds of calls, as cassettes have them.
  static let kinds: Set<String> = [
    "openai.chat", "openai.responses", "openai.count", "openai.embeddings", "anthropic.messages", "anthropic.count",
    "gemini.generate", "gemini.count",
  ]

  private func with(model: String, waits: Bool, _ body: (Project, Lifeline) async throws -> Void) async throws {
    let python = try Checkout.python()
    try await Project.with { project in
      let lifeline = try Lifeline(in: project)
      try project.copy(Checkout.support("agents/every_call.py"), to: "agent.py")
      try project.write("- { answer: 'One letter, é 😀, of two.' }\n", to: "script.yaml")
      try project.write(
        """
        providers: { local: { script: script.yaml } }
        agents:
          asker:
            command: [\(python), agent.py]
            env: { MODEL: \(model), ANNOUNCE: \(lifeline.path), WAITS: "\(waits ? 1 : 0)" }
        server: { port: 0 }

        """, to: "nexus.config.yaml")
      try await body(project, lifeline)
    }
  }

  private func answers(_ project: Project, _ attempt: Int) throws -> [JSONValue] {
    try JSONValue(parsing: project.read("answers-\(attempt).json")).arrayValue ?? []
  }

  @Test(arguments: ["local/extractive", "local/scripted"])
  func `after a kill of the node every answer comes back byte for byte`(model: String) async throws {
    try await with(model: model, waits: true) { project, lifeline in
      let first = try project.startNaos("run", "asker")
      try await lifeline.announcement("waits")
      first.signal(SIGKILL)
      try await first.end()
      let node = try await project.up()
      let run = try await project.newestRun()
      let waited = try await project.naos("runs", "wait", run)
      #expect(waited.status == 0, "\(waited.err)")
      let (before, after) = (try answers(project, 1), try answers(project, 2))
      #expect(Set(before.compactMap { $0["api"]?.stringValue }) == Self.kinds)
      #expect(before.count == after.count)
      for (old, new) in zip(before, after) {
        for key in ["status", "type", "body"] { #expect(old[key] == new[key], "\(old["path"] ?? .null): \(key)") }
        #expect(old["replayed"] == "")
        #expect(new["replayed"] == "true", "\(old["path"] ?? .null)")
      }
      node.signal(SIGTERM)
      try await node.end()
    }
  }

  @Test func `every answer plays back from a cassette, byte for byte`() async throws {
    try await with(model: "local/scripted", waits: false) { project, _ in
      #expect(try await project.naos("run", "asker").status == 0)
      let before = try answers(project, 1)
      let run = try await project.newestRun()
      #expect(try await project.naos("runs", "export", run, "--cassette", "calls.yaml").status == 0)
      let played = try await project.naos("run", "asker", "--cassette", "calls.yaml")
      #expect(played.status == 0, "\(played.err)")
      let after = try answers(project, 1)
      for (old, new) in zip(before, after) {
        for key in ["status", "type", "body"] { #expect(old[key] == new[key], "\(old["path"] ?? .null): \(key)") }
        #expect(new["replayed"] == "true")
      }
      // As a script it answers the very same.
      try project.write(try project.read("calls.yaml"), to: "script.yaml")
      let scripted = try await project.naos("run", "asker")
      #expect(scripted.status == 0, "\(scripted.err)")
      for (old, new) in zip(before, try answers(project, 1)) {
        for key in ["status", "body"] { #expect(old[key] == new[key], "\(old["path"] ?? .null): \(key)") }
        #expect(new["replayed"] == "")
      }
    }
  }

  @Test func `every answer is kept by a fork from the last call`() async throws {
    try await with(model: "local/extractive", waits: false) { project, _ in
      #expect(try await project.naos("run", "asker").status == 0)
      let before = try answers(project, 1)
      let run = try await project.newestRun()
      let fork = try await project.naos("runs", "fork", run, "--from", "call:\(before.count)")
      #expect(fork.status == 0, "\(fork.err)")
      let after = try answers(project, 1)
      #expect(after.count(where: { $0["replayed"] == "true" }) == before.count - 1)
      for (old, new) in zip(before, after) { #expect(old["body"] == new["body"], "\(old["path"] ?? .null)") }
    }
  }
}
