// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Programs that know nothing of crashes, killed at known places.
@Suite(.seated)
struct ResumeTests {
  /// A project with the example's program, and what an unkilled run of it prints.
  private func interview(
    _ upstream: [String: String] = [:], agent: String = Checkout.example("unmodified-agent/agent.py"),
    model: String = "fake/fixed", stopAfter: Int = 0,
    _ body: (Project, Upstream, Lifeline) async throws -> Void
  ) async throws {
    let python = try Checkout.pythonSDK()
    try await Project.with { project in
      let provider = try await Upstream(for: project, upstream)
      let lifeline = try Lifeline(in: project)
      try project.copy(agent, to: "agent.py")
      try project.copy(Checkout.example("unmodified-agent/island.txt"), to: "island.txt")
      try project.write(
        provider.config + """
          name: interview
          agents:
            reader:
              command: [\(python), agent.py]
              env:
                MODEL: \(model)
                PYTHONPATH: \(Checkout.support("hooks"))
                ANNOUNCE: \(lifeline.path)
                STOP_AFTER: "\(stopAfter)"
              cost: { budget: { maxDollars: 1.00 } }

          """, to: "nexus.config.yaml")
      try await body(project, provider, lifeline)
    }
  }

  private static let answers = (2...11).map { "answer to question \($0)" }

  private func expectAnswers(_ output: String) {
    #expect(output.split(separator: "\n").count == 20)
    for answer in Self.answers { #expect(output.contains("\n  \(answer)")) }
  }

  @Test func `an unkilled run makes ten calls`() async throws {
    try await interview { project, upstream, _ in
      let run = try await project.naos("run", "reader")
      #expect(run.status == 0, "\(run.err)")
      expectAnswers(run.out)
      #expect(upstream.calls.count == 10)
    }
  }

  @Test func `an agent killed after call 6 goes on with call 7`() async throws {
    try await interview(stopAfter: 6) { project, upstream, lifeline in
      let run = try project.startNaos("run", "reader")
      let agent = try await lifeline.announcement("pause 6")
      #expect(kill(agent, SIGKILL) == 0)
      let ended = try await run.end()
      #expect(ended.exit == .code(0), "\(ended.errText)")
      expectAnswers(ended.outText)
      #expect(upstream.calls.count == 10)
    }
  }

  @Test func `a node killed after call 6 finishes the run when it comes up again`() async throws {
    try await interview(stopAfter: 6) { project, upstream, lifeline in
      let first = try project.startNaos("run", "reader")
      try await lifeline.announcement("pause 6")
      first.signal(SIGKILL)
      try await first.end()
      let node = try await project.up()
      let run = try await project.newestRun()
      let waited = try await project.naos("runs", "wait", run)
      #expect(waited.status == 0, "\(waited.err)")
      let shown = try await project.naos("runs", "show", run, "-o", "json").json
      expectAnswers(shown["output"]?.stringValue ?? "")
      #expect(upstream.calls.count == 10)
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }
}
