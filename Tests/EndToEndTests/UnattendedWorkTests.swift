// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Schedules and queue pools with the real binary, killed in the middle.
@Suite(.seated)
struct UnattendedWorkTests {
  @Test func `no due time is run twice, whenever the node is killed`() async throws {
    try await Project.with { project in
      let lifeline = try Lifeline(in: project)
      try project.write(
        """
        name: clockwork
        server: { port: 0 }
        agents:
          tick: { command: [sh, -c, 'echo "$$ $NAOS_RUN_ID" >\(lifeline.path)'] }
        schedules:
          often: { cron: "* * * * * *", run: tick, overlap: allow, catchUp: all }

        """, to: "nexus.config.yaml")
      for turn in 1...3 {
        let node = try await project.up()
        try await lifeline.announcements(2 * turn)
        node.signal(SIGKILL)
        _ = try await node.end()
      }
      let node = try await project.up()
      try await lifeline.announcements(8)
      #expect(try await project.naos("schedule", "pause", "often").status == 0)
      let paused = try await project.naos("schedule", "show", "often", "-o", "json").json
      #expect(paused["state"] == "paused")
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))

      let page = try await project.naos("runs", "list", "tick", "-n", "1000", "-o", "json").json
      let runs = try #require(page["runs"]?.arrayValue)
      #expect(runs.count >= 4)
      #expect(runs.allSatisfy { $0["status"] == "completed" })
      let events = paused["recent"]?.arrayValue ?? []
      let started = events.filter { $0["outcome"] == "started" }
      #expect(Set(started.compactMap { $0["dueAt"]?.stringValue }).count == started.count)
      #expect(Set(started.compactMap { $0["run"]?.stringValue }).count == started.count)
    }
  }

  @Test func `every task of a batch is done, and is one run, although the node is killed and the batch repeated`()
    async throws
  {
    try await Project.with { project in
      let lifeline = try Lifeline(in: project)
      try project.write(
        """
        name: batch
        server: { port: 0 }
        agents:
          work: { command: [sh, -c, 'read n; echo "$$ did $n" >\(lifeline.path); echo "$n"'] }
        pools:
          crew: { agent: work, size: 2, minSize: 1, maxSize: 3 }

        """, to: "nexus.config.yaml")
      try project.write((1...30).map { "\"task \($0)\"\n" }.joined(), to: "tasks")
      let node = try await project.up()
      #expect(try await project.naos("pool", "batch", "crew", "tasks", "--idempotency-key", "b").status == 0)
      try await lifeline.announcements(5)
      node.signal(SIGKILL)
      _ = try await node.end()
      let waiting = try await project.naos("pool", "show", "crew", "-o", "json").json
      #expect(waiting["queue"]?["size"] == 2)

      let next = try await project.up()
      #expect(try await project.naos("pool", "scale", "crew", "3").status == 0)
      let again = try await project.naos(
        "pool", "batch", "crew", "tasks", "--idempotency-key", "b", "--wait", "-o", "jsonl")
      #expect(again.status == 0, "\(again.err)")
      let reports = try again.out.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
      #expect(reports.map { $0["output"]?.stringValue } == (1...30).map { "task \($0)" })
      let page = try await project.naos("runs", "list", "crew", "-n", "1000", "-o", "json").json
      #expect(page["runs"]?.arrayValue?.count == 30)
      let other = try await project.naos("pool", "submit", "crew", "--input", "else", "--idempotency-key", "b-1")
      #expect(other.status == 6)
      #expect(other.err.contains("NX-RUN-053"))
      #expect(try await project.naos("pool", "drain", "crew").status == 0)
      let refused = try await project.naos("pool", "submit", "crew", "--input", "more")
      #expect(refused.status == 6)
      #expect(refused.err.contains("NX-POL-002"))
      next.signal(SIGTERM)
      #expect(try await next.end().exit == .code(0))
    }
  }

  @Test func `a node with somebody who waits goes down at once`() async throws {
    try await Project.with { project in
      try project.write(
        """
        name: waits
        server: { port: 0 }
        workflows:
          patient: { steps: [ { name: a, waitFor: go } ] }

        """, to: "nexus.config.yaml")
      let node = try await project.up()
      let run = try await project.naos("run", "patient", "--detach", "-o", "json").json
      let id = try #require(run["id"]?.stringValue)
      let waiting = try project.startNaos("runs", "wait", id)
      // The wait has reached the node once it shows among the requests; a signal afterwards proves nothing else.
      #expect(try await project.naos("runs", "show", id).status == 0)
      #expect(try await project.naos("down", "--timeout", "20s").status == 0)
      #expect(try await node.end().exit == .code(0))
      _ = try await waiting.end()
    }
  }
}
