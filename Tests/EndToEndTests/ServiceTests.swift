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
}
