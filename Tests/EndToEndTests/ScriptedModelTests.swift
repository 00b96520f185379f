// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import Testing

/// `local/scripted`, as a project names its script.
@Suite(.seated)
struct ScriptedModelTests {
  private func example(_ body: (Project) async throws -> Void) async throws {
    try await Project.with { project in
      for name in ["nexus.config.yaml", "script.yaml", "docs"] {
        try project.copy(Checkout.example("scripted-model/" + name), to: name)
      }
      try await body(project)
    }
  }

  @Test func `the example gets past its fault, calls its tool and ends with the scripted answer`() async throws {
    try await example { project in
      #expect(try await project.naos("config", "validate").status == 0)
      let run = try await project.naos("run", "forecaster", "--input", "Does it rain tomorrow?")
      #expect(run.status == 0, "\(run.err)")
      #expect(run.out == "It rains tomorrow, from noon on.\n")
      #expect(run.err.contains("files.search"))
      #expect(try await project.naos("logs", "forecaster").out.contains("status 429"))
      let shown = try await project.naos("runs", "show", try await project.newestRun(), "-o", "json").json
      #expect(shown["status"] == "completed")
      // A node of its own for the second run: the script begins anew.
      let again = try await project.naos("run", "forecaster", "--input", "Does it rain tomorrow?")
      #expect(again.out == run.out)
    }
  }

  @Test func `an answer that is no JSON is dropped and asked for anew`() async throws {
    try await example { project in
      let script = try project.read("script.yaml")
      try project.write(script.replacing("fault: 429", with: "fault: malformed-json"), to: "script.yaml")
      let run = try await project.naos("run", "forecaster", "--input", "Does it rain tomorrow?")
      #expect(run.status == 0, "\(run.err)")
      #expect(run.out == "It rains tomorrow, from noon on.\n")
      #expect(run.err.contains("attempt 3"))
    }
  }

  @Test func `a mistake in the script is located, and nothing runs`() async throws {
    try await example { project in
      let script = try project.read("script.yaml")
      try project.write(script.replacing("fault: 429", with: "fault: 418"), to: "script.yaml")
      let run = try await project.naos("run", "forecaster", "--input", "Does it rain tomorrow?")
      #expect(run.status == 3)
      #expect(run.err.contains("error[NX-CFG-012]"))
      #expect(run.err.contains("script.yaml:2:10"))
      #expect(!project.exists(".naos/nexus.db"))
    }
  }
}
