// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import Testing

/// A project with a program that makes ten model calls with an official client, and a provider that counts them.
struct Interview: Sendable {
  let project: Project
  let upstream: Upstream
  let lifeline: Lifeline
  private let python: String

  /// The answers that an unkilled run of it prints.
  static let answers = (2...11).map { "answer to question \($0)" }

  /// The programs of all dialects, streamed and not; nil is the example's, with OpenAI's chat completions.
  static let agents: [String?] = [
    nil, "openai_stream.py", "openai_responses.py", "anthropic_calls.py", "anthropic_stream.py", "gemini_stream.py",
  ]

  static func with(
    agent: String? = nil, _ upstream: [String: String] = [:], _ body: (Interview) async throws -> Void
  ) async throws {
    let python = try Checkout.pythonSDK()
    try await Project.with { project in
      let provider = try await Upstream(for: project, upstream)
      let interview = Interview(
        project: project, upstream: provider, lifeline: try Lifeline(in: project), python: python)
      let program =
        agent.map { Checkout.support("agents/\($0)") } ?? Checkout.example("unmodified-agent/agent.py")
      try project.copy(program, to: "agent.py")
      try project.copy(Checkout.example("unmodified-agent/island.txt"), to: "island.txt")
      try interview.configure(model: model(agent))
      try await body(interview)
    }
  }

  /// The provider of the fake that speaks as the program does.
  static func model(_ agent: String?) -> String {
    let dialect = agent?.prefix { $0 != "_" } ?? "openai"
    return dialect == "openai" ? "fake/fixed" : "fake\(dialect)/fixed"
  }

  /// Writes the configuration; the program stops for ever after a pause of its first attempt, unless that is 0.
  func configure(model: String, stopAfter: Int = 0, providers: String? = nil, more: String = "") throws {
    try project.write(
      (providers ?? upstream.config) + """
        name: interview
        agents:
          reader:
            command: [\(python), agent.py]
            env:
              MODEL: \(model)
              PYTHONPATH: \(Checkout.support("hooks"))
              ANNOUNCE: \(lifeline.path)
              STOP_AFTER: "\(stopAfter)"

        """ + more, to: "nexus.config.yaml")
  }

  /// Runs the program once, and gives the run's id and what it printed.
  func record() async throws -> (run: String, output: String) {
    let ended = try await project.naos("run", "reader")
    #expect(ended.status == 0, "\(ended.err)")
    #expect(upstream.calls.count == 10)
    return (try await project.newestRun(), ended.out)
  }

  /// Replaces a text in the program.
  func change(_ old: String, to new: String) throws {
    let program = try project.read("agent.py")
    #expect(program.contains(old))
    try project.write(program.replacing(old, with: new), to: "agent.py")
  }
}
