// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// What people get wrong with workflows, sagas and pools, and what changes under a run.
@Suite(.seated)
struct FlowTroubleTests {
  @Test func `mistakes in flows are shown all at once, each with its place, and nothing of them runs`() async throws {
    try await Project.with(
      """
      name: wrong
      server: { port: 0 }
      agents:
        a: { command: [cat] }
      workflows:
        circle:
          steps:
            - { name: one, agent: a, needs: [two] }
            - { name: two, agent: a, needs: [one] }
        stranger:
          steps:
            - { name: one, agent: a, input: "{{ steps.ghost.output }}" }
        twins:
          steps:
            - { name: one, agent: a }
            - { name: one, agent: a }
      sagas:
        trip:
          steps:
            - { name: book, action: a, compensation: 7 }
      schedules:
        never: { cron: "61 * * * *", run: circle }

      """
    ) { project in
      let outcome = try await project.naos("config", "validate")
      #expect(outcome.status == 3)
      for place in ["8:", "12:", "16:", "20:", "22:"] {
        #expect(outcome.err.contains("--> nexus.config.yaml:\(place)"), "\(place) \(outcome.err)")
      }
      for name in ["circle", "trip"] {
        let run = try await project.naos("run", name)
        #expect(run.status == 3, "\(run.err)")
      }
      #expect(!project.exists(".naos/nexus.db"))
    }
  }

  @Test func `an output over the limit fails its step, and the run goes on from there`() async throws {
    try await Project.with(
      """
      name: large
      server: { port: 0 }
      agents:
        small: { command: [sh, -c, 'echo \\"ready\\"'] }
        large: { command: [sh, -c, 'test -e mended && echo 1 || head -c 5000000 /dev/zero | tr "\\\\0" a'] }
      workflows:
        flow: { steps: [{ name: first, agent: small }, { name: second, agent: large }] }

      """
    ) { project in
      let outcome = try await project.naos("run", "flow", "-o", "json")
      #expect(outcome.status == 1, "\(outcome.err)")
      #expect(try outcome.json["status"] == "failed")
      #expect(try outcome.json["error"]?["code"] == "NX-AGT-005")
      let run = try #require(try outcome.json["id"]?.stringValue)
      let shown = try await project.naos("runs", "show", run, "-o", "json")
      #expect(shown.out.utf8.count < 100_000)
      #expect(try shown.json["steps"]?.arrayValue?.map { $0["status"] } == ["completed", "failed"])
      try project.write("", to: "mended")
      let node = try await project.up()
      #expect(try await project.naos("runs", "retry", run).status == 0)
      #expect(try await project.naos("runs", "wait", run).status == 0)
      let steps = try await project.naos("runs", "show", run, "-o", "json").json["steps"]?.arrayValue
      #expect(steps?.map { $0["status"] } == ["completed", "completed"])
      #expect(steps?.first?["attempts"] == 1)
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }

  @Test func `a flow that needs an agent which nobody defined is refused as a fault of the configuration`() async throws
  {
    try await Project.with(
      """
      name: missing
      server: { port: 0 }
      workflows:
        flow: { steps: [{ name: one, agent: ghost }] }

      """
    ) { project in
      let outcome = try await project.naos("run", "flow")
      #expect(outcome.status == 3 && outcome.err.contains("NX-CFG-203"), "\(outcome.status) \(outcome.err)")
      let page = try await project.naos("runs", "list", "--cursor", "nonsense")
      #expect(page.status == 2 && page.err.contains("cursor"), "\(page.status) \(page.err)")
    }
  }

  private static func config(_ word: String, _ steps: String) -> String {
    """
    name: changing
    server: { port: 0 }
    agents:
      say: { command: [sh, -c, 'echo \\"\(word)\\"'] }
    workflows:
      flow: { steps: [{ name: gate, waitFor: go }, \(steps)] }

    """
  }

  @Test func `a run keeps the definition that it began with, over a reload and over kill -9`() async throws {
    let before = Self.config("before", "{ name: one, agent: say }, { name: two, agent: say }")
    let after = Self.config("after", "{ name: other, agent: say }")
    try await Project.with(before) { project in
      var node = try await project.up()
      var runs: [String] = []
      for _ in 0..<2 {
        let started = try await project.naos("run", "flow", "--detach", "-o", "json")
        runs.append(try #require(try started.json["id"]?.stringValue))
      }
      let unknown = try await project.naos("runs", "signal", runs[0], "gone")
      #expect(unknown.status == 2 && unknown.err.contains("NX-RUN-051"), "\(unknown.status) \(unknown.err)")

      try project.write(after, to: "nexus.config.yaml")
      #expect(try await project.naos("reload").status == 0)
      #expect(try await project.naos("runs", "signal", runs[0], "go").status == 0)
      #expect(try await project.naos("runs", "wait", runs[0]).status == 0)
      node.signal(SIGKILL)
      _ = try await node.end()
      node = try await project.up()
      #expect(try await project.naos("runs", "signal", runs[1], "go").status == 0)
      #expect(try await project.naos("runs", "wait", runs[1]).status == 0)
      for run in runs {
        let shown = try await project.naos("runs", "show", run, "-o", "json").json
        #expect(shown["output"] == "before")
        #expect(shown["steps"]?.arrayValue?.map { $0["path"] } == ["gate", "one", "two"])
      }
      let fresh = try await project.naos("run", "flow", "--detach", "-o", "json")
      let newer = try #require(try fresh.json["id"]?.stringValue)
      #expect(try await project.naos("runs", "signal", newer, "go").status == 0)
      #expect(try await project.naos("runs", "wait", newer).status == 0)
      #expect(try await project.naos("runs", "show", newer, "-o", "json").json["output"] == "after")
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }
}
