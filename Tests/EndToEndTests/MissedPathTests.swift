// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// What agents look for and do not find in their sandboxes, and what is proposed for it.
@Suite(.seated)
struct MissedPathTests {
  private static func config(_ outside: String) -> String {
    """
    name: box
    server: { port: 0 }
    agents:
      curious:
        command:
          - sh
          - -c
          - |
            cat \(outside)/data.csv \(outside)/nowhere.csv \(outside)/.ssh/id_own
            cat nowhere.txt .env
            ln -s \(outside)/other.csv out/link; cat out/link; ln -s \(outside) out/folder; cat out/folder/other.csv
            echo x > made.txt; mkdir made; echo x >> \(outside)/data.csv; echo x > out/fine
            echo x > /tmp/fine && mkdir /tmp/too && cat /tmp/fine
        sandbox: { learn: true, fs: [{ path: out, mode: rw }] }
        retry: 1
      plain:
        command: [sh, -c, "cat \(outside)/data.csv; echo x > made.txt; echo fine"]
        sandbox: {}
        retry: 1

    """
  }

  @Test func `a path that was missed is proposed, what is nowhere is not, and no secret ever`() async throws {
    try await Project.with { other in
      try other.write("1,2\n", to: "data.csv")
      try other.write("key\n", to: ".ssh/id_own")
      // Looked for by links of the agent's own, which nobody follows for it.
      try other.write("3,4\n", to: "other.csv")
      let outside = try #require(Self.real(other.folder))
      try await Project.with(Self.config(outside)) { project in
        try project.write("SECRET=1\n", to: ".env")
        try FileManager.default.createDirectory(atPath: project.path("out"), withIntermediateDirectories: true)
        try await SandboxTests.needSandbox(project)
        let own = try #require(Self.real(project.folder))
        let run = try await project.naos("run", "curious", "-o", "json")
        #expect(try run.json["output"]?.stringValue?.hasSuffix("x") == true, "\(run.out)\(run.err)")
        let id = try #require(run.json["id"]?.stringValue)
        let explained = try await project.naos("sandbox", "explain", id, "-o", "json")
        let agent = try #require(explained.json["agents"]?.arrayValue?.first)
        let denied = (agent["denials"]?.arrayValue ?? []).compactMap { $0["target"]?.stringValue }
        #expect(
          Set(denied) == [
            "\(outside)/data.csv (ro)", "\(outside)/.ssh/id_own (ro)", "\(own) (rw)", "\(outside)/data.csv (rw)",
          ], "\(denied)")
        let folders = (agent["folders"]?.arrayValue ?? []).compactMap(\.stringValue)
        #expect(
          Set(folders) == ["{ path: \(outside)/data.csv, mode: rw }", "{ path: \(own), mode: rw }"], "\(folders)")
        let text = try await project.naos("sandbox", "explain", id, "--learn").out
        #expect(text.contains("       fs:\n+        - { path: "), "\(text)")
        #expect(try await project.naos("sandbox", "needs", "curious").out.contains("data.csv"))
        let logs = try await project.naos("logs", "curious", "-n", "100").out
        #expect(logs.contains("naos: denied: \(outside)/data.csv (ro) is not granted"), "\(logs)")
      }
    }
  }

  @Test func `without learn only what was to be written is told`() async throws {
    try await Project.with { other in
      try other.write("1,2\n", to: "data.csv")
      let outside = try #require(Self.real(other.folder))
      try await Project.with(Self.config(outside)) { project in
        try FileManager.default.createDirectory(atPath: project.path("out"), withIntermediateDirectories: true)
        try await SandboxTests.needSandbox(project)
        let own = try #require(Self.real(project.folder))
        let run = try await project.naos("run", "plain", "-o", "json")
        let id = try #require(run.json["id"]?.stringValue)
        let explained = try await project.naos("sandbox", "explain", id, "-o", "json")
        let denials = try explained.json["agents"]?.arrayValue?.first?["denials"]?.arrayValue ?? []
        #expect(denials.compactMap { $0["target"]?.stringValue } == ["\(own) (rw)"], "\(explained.out)")
      }
    }
  }

  static func real(_ path: String) -> String? {
    guard let found = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(found) }
    return unsafe String(cString: found)
  }
}
