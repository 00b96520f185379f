// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// What a node forgets.
@Suite(.seated)
struct RetentionTests {
  private static func config(_ store: String) -> String {
    """
    name: forgetful
    server: { port: 0 }
    agents:
      good: { command: [sh, -c, 'echo 1'] }
      bad: { command: [sh, -c, 'exit 64'], retry: 1 }
    \(store)

    """
  }

  private func count(_ project: Project) async throws -> Int {
    try await project.naos("runs", "list", "-o", "json").json["runs"]?.arrayValue?.count ?? -1
  }

  @Test func `runs prune removes what is over long enough, with or without a node, and says how much`() async throws {
    try await Project.with(Self.config("")) { project in
      let good = try #require(try await project.naos("run", "good", "-o", "json").json["id"]?.stringValue)
      _ = try await project.naos("run", "bad")
      _ = try await project.naos("run", "good")
      let none = try await project.naos("runs", "prune", "--older-than", "1h", "-o", "json")
      #expect(try none.status == 0 && none.json["runs"] == 0, "\(none.err)")
      let dry = try await project.naos("runs", "prune", "--older-than", "0", "--dry-run")
      #expect(dry.status == 0 && dry.err.contains("3 runs would be removed"), "\(dry.err)")
      #expect(try await count(project) == 3)
      let some = try await project.naos("runs", "prune", "--older-than", "0", "--ended", "completed", "-o", "json")
      #expect(try some.json["runs"] == 2, "\(some.err)")
      #expect(try await count(project) == 1)
      #expect(try await project.naos("runs", "show", good).status == 5)
      let node = try await project.up()
      #expect(try await project.naos("runs", "prune", "--older-than", "0").err.contains("1 run removed"))
      #expect(try await count(project) == 0)
      #expect(try await project.naos("run", "good").status == 0)
      #expect(try await project.naos("runs", "prune", "--older-than", "soon").status == 2)
      node.signal(SIGTERM)
      _ = try await node.end()
    }
  }

  @Test func `store.retention removes by itself`() async throws {
    try await Project.with(Self.config("store: { retention: { completed: 0s } }")) { project in
      _ = try await project.naos("run", "good")
      _ = try await project.naos("run", "bad")
      #expect(try await count(project) == 2)
      let node = try await project.up()
      var looks = 0
      while try await count(project) != 1, looks < 200 { looks += 1 }
      #expect(try await count(project) == 1)
      node.signal(SIGTERM)
      _ = try await node.end()
    }
  }
}
