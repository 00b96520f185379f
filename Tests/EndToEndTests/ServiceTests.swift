// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// What a program has to do to serve: the standard library of Python is enough.
@Suite(.seated)
struct ServiceTests {
  @Test func `a service that is killed comes back and is given its task again`() async throws {
    let python = try Checkout.python()
    try await Project.with { project in
      let lifeline = try Lifeline(in: project)
      try project.copy(Checkout.support("agents/service.py"), to: "agent.py")
      try project.write(
        """
        name: service
        server: { port: 0 }
        agents:
          worker:
            command: [\(python), agent.py]
            mode: service
            env: { ANNOUNCE: \(lifeline.path) }

        """, to: "nexus.config.yaml")
      let node = try await project.up()
      let easy = try await project.naos("run", "worker", "--input", "easy")
      #expect(easy.status == 0, "\(easy.err)")
      #expect(easy.out == "did easy in attempt 1\n")

      let hard = try project.startNaos("run", "worker", "--input", "hard")
      let first = try await lifeline.announcement("took hard 1")
      #expect(kill(first, SIGKILL) == 0)
      let ended = try await hard.end()
      #expect(ended.exit == .code(0), "\(ended.errText)")
      #expect(ended.outText == "did hard in attempt 2\n")
      let second = try await lifeline.announcement("took hard 2")
      #expect(second != first)

      let status = try await project.naos("status", "-o", "json").json
      #expect(status["agents"]?.arrayValue?.first?["restarts"]?["count"] == 1)

      let failed = try await project.naos("run", "worker", "--input", "fail", "-o", "json")
      #expect(failed.status == 1)
      #expect(try failed.json["error"]?["message"]?.stringValue?.contains("too hard") == true)
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }

  private static func config(_ lifeline: Lifeline, more: String = "") throws -> String {
    """
    name: service
    server: { port: 0 }
    agents:
      worker:
        command: [\(try Checkout.python()), agent.py]
        mode: service
        env: { ANNOUNCE: \(lifeline.path) }
    \(more)
    """
  }

  @Test func `a run without a node starts the services that it needs, and ends them behind itself`() async throws {
    try await Project.with { project in
      let lifeline = try Lifeline(in: project)
      try project.copy(Checkout.support("agents/service.py"), to: "agent.py")
      let flows = """
        workflows:
          flow: { steps: [{ name: only, agent: worker, input: easy }] }
        pools:
          crew: { agents: [worker], strategy: all }
        """
      try project.write(try Self.config(lifeline, more: flows), to: "nexus.config.yaml")
      for name in ["worker", "flow", "crew"] {
        let run = try await project.naos("run", name, "--input", "easy", "--timeout", "60s")
        #expect(run.status == 0, "\(name): \(run.err)")
        #expect(run.out.contains("did easy in attempt 1"), "\(name): \(run.out)")
      }
      let pids = lifeline.lines.filter { $0.contains("took easy") }.compactMap { Int32($0.split(separator: " ")[0]) }
      #expect(Set(pids).count == 3)
      for pid in pids { #expect(kill(pid, 0) == -1) }
      let seen = try await project.naos("inspect", "worker", "-o", "json").json
      #expect(seen["run"] == .null)
    }
  }

  @Test func `a run of a service that a person stopped says so at once, and goes on when it is started`() async throws {
    try await Project.with { project in
      let lifeline = try Lifeline(in: project)
      try project.copy(Checkout.support("agents/service.py"), to: "agent.py")
      try project.write(try Self.config(lifeline), to: "nexus.config.yaml")
      let advice = "worker is stopped: start it with `naos supervisor start worker`"
      let node = try await project.up()
      #expect(try await project.naos("run", "worker", "--input", "easy").status == 0)
      let idle = try await project.naos("inspect", "worker", "-o", "json").json
      #expect(idle["state"] == "running")
      #expect(idle["run"] == .null, "the run is over: \(idle)")
      #expect(try await project.naos("stop", "worker").status == 0)
      let waiting = try project.startNaos("run", "worker", "--input", "easy")
      try await waiting.wait(for: "the advice") { $0.errText.contains(advice) ? true : nil }
      #expect(!waiting.transcript.errText.contains("worker · attempt 1"))
      #expect(try await project.naos("supervisor", "start", "worker").status == 0)
      #expect(try await waiting.end().exit == .code(0))
      #expect(try await project.naos("stop", "worker", "--no-restart").status == 0)
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
      // The will of a person holds on a node of one run too.
      let alone = try await project.naos("run", "worker", "--input", "easy", "--timeout", "1s")
      #expect(alone.status == 8, "\(alone.err)")
      #expect(alone.err.contains(advice))
    }
  }

  @Test func `stop names the runs that end with the agent, and how they go on`() async throws {
    try await Project.with { project in
      let lifeline = try Lifeline(in: project)
      try project.copy(Checkout.support("agents/service.py"), to: "agent.py")
      try project.write(try Self.config(lifeline), to: "nexus.config.yaml")
      let node = try await project.up()
      let hard = try project.startNaos("run", "worker", "--input", "hard")
      _ = try await lifeline.announcement("took hard 1")
      let run = try await project.newestRun()
      let stopped = try await project.naos("stop", "worker")
      #expect(stopped.err.contains("its run \(run) is cancelled"), "\(stopped.err)")
      #expect(stopped.err.contains("next: naos runs retry \(run)"), "\(stopped.err)")
      #expect(try await hard.end().exit == .code(130))
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }
}
