// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// What agents look for and do not find in their sandboxes, and what is proposed for it.
@Suite(.seated)
struct MissedPathTests {
  /// Not in /tmp, which every sandbox has for itself.
  private static let elsewhere = "/var/tmp/"

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
            cat \(outside)/data.csv \(outside)/nowhere.csv \(outside)/.ssh/id_own \(outside)/.ssh/nothing
            cat \(outside)/../\(outside)/other.csv //\(outside)/./data.csv
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
    try await Project.with(in: Self.elsewhere) { other in
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
            "\(outside)/data.csv (ro)", "\(outside)/.ssh/id_own (ro)", "\(outside)/.ssh/nothing (ro)", "\(own) (rw)",
            "\(outside)/data.csv (rw)",
          ], "\(denied)")
        let folders = (agent["folders"]?.arrayValue ?? []).compactMap(\.stringValue)
        #expect(
          Set(folders) == ["{ path: \(outside)/data.csv, mode: rw }", "{ path: \(own), mode: rw }"], "\(folders)")
        let text = try await project.naos("sandbox", "explain", id, "--learn").out
        #expect(text.contains("       fs:\n+        - { path: "), "\(text)")
        #expect(try await project.naos("sandbox", "needs", "curious").out.contains("data.csv"))
        let logs = try await project.naos("logs", "curious", "-n", "100").out
        #expect(logs.contains("naos: denied: the path \(outside)/data.csv (ro) is not granted"), "\(logs)")
      }
    }
  }

  @Test func `without learn only what was to be written is told`() async throws {
    try await Project.with(in: Self.elsewhere) { other in
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

  @Test func `a flood of what is nowhere hides nothing that was to be written, and is told itself`() async throws {
    try await Project.with(in: Self.elsewhere) { other in
      let outside = try #require(Self.real(other.folder))
      let config = """
        name: box
        server: { port: 0 }
        agents:
          seeker:
            command:
              - sh
              - -c
              - |
                i=0; while [ $i -lt 150 ]; do true < /nowhere/$i; i=$((i + 1)); done 2> /dev/null
                echo x > \(outside)/made; echo x >> /tmp/none; true < /tmp/nothing; echo fine
            sandbox: { learn: true }
            retry: 1

        """
      try await Project.with(config) { project in
        try await SandboxTests.needSandbox(project)
        let run = try await project.naos("run", "seeker", "-o", "json")
        let id = try #require(run.json["id"]?.stringValue)
        let explained = try await project.naos("sandbox", "explain", id, "-o", "json")
        let denials = try explained.json["agents"]?.arrayValue?.first?["denials"]?.arrayValue ?? []
        let targets = Set(denials.compactMap { $0["target"]?.stringValue })
        #expect(targets == ["\(outside) (rw)", "(others)"], "\(explained.out)\(run.out)\(run.err)")
      }
    }
  }

  static func real(_ path: String) -> String? {
    guard let found = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(found) }
    return unsafe String(cString: found)
  }
}
