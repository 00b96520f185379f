// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// What a user types in the first minute, in an empty folder, offline.
@Suite(.seated)
struct FirstMinuteTests {
  private func research(_ body: (Project) async throws -> Void) async throws {
    try await Project.with { project in
      #expect(try await project.naos("init", ".").status == 0)
      try await body(project)
    }
  }

  @Test func `init makes a project that runs, and never makes it twice`() async throws {
    try await Project.with { project in
      let made = try await project.naos("init", "my-project")
      #expect(made.status == 0)
      #expect(made.out.isEmpty)
      #expect(made.err.contains("next: "))
      for file in ["nexus.config.yaml", "docs/sagas.md", ".gitignore"] { #expect(project.exists("my-project/" + file)) }
      let config = try project.read("my-project/nexus.config.yaml")
      let again = try await project.naos("init", "my-project")
      #expect(again.status == 6)
      #expect(again.err.contains("NX-API-020"))
      #expect(try project.read("my-project/nexus.config.yaml") == config)
    }
  }

  @Test func `create is idempotent, and refuses what was changed`() async throws {
    try await research { project in
      let config = try project.read("nexus.config.yaml")
      let same = try await project.naos("create", "researcher", "--template", "research")
      #expect(same.status == 0)
      #expect(same.err.contains("exists already"))
      #expect(try project.read("nexus.config.yaml") == config)
      try project.write(config.replacing("maxDollars: 5.00", with: "maxDollars: 6.00"), to: "nexus.config.yaml")
      let changed = try await project.naos("create", "researcher", "--template", "research")
      #expect(changed.status == 6)
      #expect(try project.read("nexus.config.yaml").contains("maxDollars: 6.00"))
      #expect(try await project.naos("create", "second", "--template", "research").status == 0)
      #expect(try await project.naos("config", "validate").status == 0)
    }
  }

  @Test func `run answers with quotes and sources on stdout, and tells its progress on stderr`() async throws {
    try await research { project in
      let run = try await project.naos("run", "researcher", "--input", "What happens when step five of a saga fails?")
      #expect(run.status == 0)
      #expect(run.out.contains("If step five fails"))
      #expect(run.out.contains("[docs/sagas.md:12]"))
      #expect(!run.out.contains("run_"))
      for part in [
        "researcher · attempt 1", "files.search", "local/extractive", "tokens", "of 100,000 tokens left", "next: ",
      ] {
        #expect(run.err.contains(part))
      }
      #expect(!(run.out + run.err).contains("\u{1b}"))
      let plain = try await project.naos("run", "researcher")
      #expect(plain.status == 0, "a run without input works too: \(plain.err)")
    }
  }

  @Test func `runs, status, logs and inspect read the store when no node runs`() async throws {
    try await research { project in
      let run = try await project.naos("run", "researcher", "--input", "What is a saga?", "-o", "json")
      let made = try run.json
      #expect(made["status"] == "completed")
      #expect(made["kind"] == "agent")
      #expect(made["name"] == "researcher")
      #expect(made["error"] == .null)
      let id = try #require(made["id"]?.stringValue)

      let status = try await project.naos("status", "-o", "json").json
      #expect(status["node"]?["running"] == false)
      #expect(status["agents"]?.arrayValue?.first?["state"] == "idle")
      #expect(status["runs"]?["completed"] == 1)

      let list = try await project.naos("runs", "list", "-o", "json").json
      #expect(list["runs"]?.arrayValue?.map { $0["id"] } == [.string(id)])
      let lines = try await project.naos("runs", "list", "-o", "jsonl")
      #expect(try JSONValue(parsing: lines.out.split(separator: "\n").map(String.init)[0])["id"]?.stringValue == id)

      let shown = try await project.naos("runs", "show", id, "-o", "json").json
      #expect(shown["output"] == made["output"])
      #expect(shown["input"] == "What is a saga?")
      #expect(shown["steps"]?.arrayValue?.first?["status"] == "completed")
      #expect((shown["journal"]?["entries"]?.intValue ?? 0) >= 4)

      let journal = try await project.naos("runs", "journal", id)
      #expect(journal.out.contains("completed"))
      #expect(try await project.naos("runs", "wait", id).status == 0)
      #expect(try await project.naos("logs", "researcher").out.contains("turn 1"))
      let inspected = try await project.naos("inspect", "researcher", "-o", "json").json
      #expect(inspected["name"] == "researcher")
      for format in ["table", "json", "jsonl", "yaml"] {
        for command in [
          ["status"], ["runs", "list"], ["runs", "show", id], ["inspect", "researcher"], ["doctor"], ["list"],
        ] {
          let outcome = try await project.naos(command + ["-o", format])
          #expect(outcome.status == 0 && !outcome.out.isEmpty, "\(command) -o \(format): \(outcome.err)")
        }
      }
    }
  }

  @Test func `delete takes an agent out and leaves its runs`() async throws {
    try await research { project in
      #expect(try await project.naos("create", "echo", "--template", "echo").status == 0)
      #expect(try await project.naos("run", "echo", "--input", "hello").out == "hello\n")
      #expect(try await project.naos("delete", "echo", "--dry-run").status == 0)
      #expect(try await project.naos("run", "echo", "--input", "hello").status == 0)
      #expect(try await project.naos("delete", "echo").status == 0)
      let gone = try await project.naos("run", "echo", "--input", "hello")
      #expect(gone.status == 5)
      #expect(try await project.naos("config", "validate").status == 0)
      let list = try await project.naos("runs", "list", "-o", "json").json
      #expect(list["runs"]?.arrayValue?.count == 2)
    }
  }

  @Test func `config, doctor and explain say what there is`() async throws {
    try await research { project in
      #expect(try await project.naos("config", "validate").status == 0)
      let shown = try await project.naos("config", "show")
      #expect(shown.status == 0)
      try project.write(shown.out, to: "canonical/nexus.config.yaml")
      let again = try await project.naos("config", "show", "--project", project.path("canonical"))
      #expect(again.out == shown.out, "the canonical form is its own canonical form")
      let schema = try await project.naos("config", "schema").json
      #expect(schema["$schema"] == "https://json-schema.org/draft/2020-12/schema")
      #expect(try await project.naos("doctor").status == 0)
      #expect(try await project.naos("explain", "NX-BUD-001").out.contains("# NX-BUD-001"))
      #expect(try await project.naos("templates").out.contains("research"))
      #expect(try await project.naos("version").status == 0)
      #expect(try await project.naos("--version").status == 0)
    }
  }

  @Test(arguments: [
    "chat", "coding", "cron", "custom", "data", "echo", "http", "node", "pipeline", "python", "research",
  ])
  func `every template runs offline as it is created`(template: String) async throws {
    if template == "node", Checkout.onPath("node") == nil { try Test.cancel("no Node on this machine") }
    try await research { project in
      let created = try await project.naos("create", "made", "--template", template)
      #expect(created.status == 0, "\(created.err)")
      #expect(try await project.naos("config", "validate").status == 0)
      // The data template's input is a path.
      let input = template == "data" ? [] : ["--input", "What is a saga?"]
      let run = try await project.naos(["run", "made"] + input)
      #expect(run.status == 0, "\(run.err)")
      #expect(!run.out.isEmpty)
      let again = try await project.naos("create", "made", "--template", template)
      #expect(again.status == 0, "\(again.err)")
    }
  }

  @Test func `the templates that were tried are all there are`() async throws {
    try await Project.with { project in
      let rows = try await project.naos("templates", "-o", "jsonl").out.split(separator: "\n")
      let names = try rows.map { try JSONValue(parsing: String($0))["name"]?.stringValue }
      #expect(
        names == [
          "chat", "coding", "cron", "custom", "data", "echo", "http", "node", "pipeline", "python", "research",
        ])
    }
  }
}
