// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Programs that know nothing of crashes, killed at known places.
@Suite(.seated)
struct ResumeTests {
  /// An interview under a budget; by default with the example's program.
  private func interview(
    _ upstream: [String: String] = [:], agent: String? = nil, model: String? = nil, stopAfter: Int = 0,
    _ body: (Project, Upstream, Lifeline) async throws -> Void
  ) async throws {
    try await Interview.with(agent: agent, upstream) { interview in
      try interview.configure(
        model: model ?? Interview.model(agent), stopAfter: stopAfter,
        more: "    cost: { budget: { maxDollars: 1.00 } }\n")
      try await body(interview.project, interview.upstream, interview.lifeline)
    }
  }

  private func expectAnswers(_ output: String) {
    #expect(output.split(separator: "\n").count == 20)
    for answer in Interview.answers { #expect(output.contains("\n  \(answer)")) }
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
      // What the interrupted attempt came to is not lost from lists.
      let listed = try await project.naos("runs", "list", "-o", "json").json["runs"]?.arrayValue?.first
      #expect(listed?["tokens"] == shown["cost"]?["tokens"])
      #expect(listed?["costNanoUSD"] == shown["cost"]?["costNanoUSD"])
      #expect((shown["cost"]?["tokens"]?.intValue ?? 0) > 0)
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }

  @Test func `an agent killed in the middle of call 6 joins the call that is under way`() async throws {
    try await interview(["HOLD_AT": "6"]) { project, upstream, lifeline in
      let run = try project.startNaos("run", "reader")
      try await upstream.waitForCall(6)
      let agent = try await lifeline.announcement("pause 5")
      #expect(kill(agent, SIGKILL) == 0)
      // The next attempt asks for call 6 again once it has replayed five.
      try await lifeline.announcements(10)
      await upstream.release()
      let ended = try await run.end()
      #expect(ended.exit == .code(0), "\(ended.errText)")
      expectAnswers(ended.outText)
      #expect(upstream.calls.count == 10)
    }
  }

  @Test func `a node killed in the middle of call 6 asks that one call again`() async throws {
    try await interview(["HOLD_AT": "6"]) { project, upstream, lifeline in
      let first = try project.startNaos("run", "reader")
      try await upstream.waitForCall(6)
      first.signal(SIGKILL)
      try await first.end()
      let node = try await project.up()
      let run = try await project.newestRun()
      #expect(try await project.naos("runs", "wait", run).status == 0)
      let shown = try await project.naos("runs", "show", run, "-o", "json").json
      expectAnswers(shown["output"]?.stringValue ?? "")
      #expect(upstream.calls.count == 11)
      node.signal(SIGTERM)
      try await node.end()
    }
  }

  @Test func `a bad answer that ends the program at call 7 is rewound and asked again`() async throws {
    try await interview(["BAD_AT": "8"]) { project, upstream, _ in
      let run = try await project.naos("run", "reader")
      #expect(run.status == 0, "\(run.err)")
      expectAnswers(run.out)
      #expect(upstream.calls.count == 11)
      #expect(upstream.calls.filter { $0.hasSuffix("asked 8") }.count == 2)
    }
  }

  @Test(arguments: [
    "openai_stream.py", "openai_responses.py", "anthropic_calls.py", "anthropic_stream.py", "gemini_stream.py",
  ])
  func `streams and the other dialects resume just so`(agent: String) async throws {
    try await interview(agent: agent, stopAfter: 6) { project, upstream, lifeline in
      let run = try project.startNaos("run", "reader")
      let agent = try await lifeline.announcement("pause 6")
      #expect(kill(agent, SIGKILL) == 0)
      let ended = try await run.end()
      #expect(ended.exit == .code(0), "\(ended.errText)")
      expectAnswers(ended.outText)
      #expect(upstream.calls.count == 10)
    }
  }

  @Test(arguments: ["openai_stream.py", "openai_responses.py", "anthropic_stream.py", "gemini_stream.py"])
  func `an agent killed in the middle of a stream gets it whole the second time`(agent: String) async throws {
    try await interview(["HOLD_AT": "6"], agent: agent) { project, upstream, lifeline in
      let run = try project.startNaos("run", "reader")
      try await upstream.waitUntilHeld()
      let agent = try await lifeline.announcement("pause 5")
      #expect(kill(agent, SIGKILL) == 0)
      try await lifeline.announcements(10)
      await upstream.release()
      let ended = try await run.end()
      #expect(ended.exit == .code(0), "\(ended.errText)")
      expectAnswers(ended.outText)
      #expect(upstream.calls.count == 10)
    }
  }

  @Test func `the agent with Anthropic's SDK and a tool of its own goes on where it was killed`() async throws {
    let agent = try String(contentsOfFile: Checkout.example("anthropic-agent/agent.py"), encoding: .utf8)
    try await interview(["TOOL": "1", "HOLD_AT": "2"], model: "fakeanthropic/fixed") { project, upstream, _ in
      try project.write(agent, to: "agent.py")
      let run = try project.startNaos("run", "reader", "--input", "How long is green tea steeped?")
      try await upstream.waitUntilHeld()
      let inspected = try await project.naos("inspect", "reader", "-o", "json").json
      let pid = try #require(inspected["pid"]?.intValue)
      #expect(kill(pid_t(pid), SIGKILL) == 0)
      await upstream.release()
      let ended = try await run.end()
      #expect(ended.exit == .code(0), "\(ended.errText)")
      #expect(ended.outText.contains("answer to question 2"))
      #expect(upstream.calls.count == 2)
    }
  }
}
