// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

/// A gate under which a value fits if it is the `const` of the schema.
private struct ConstantGate: SchemaGate {
  func complaint(about value: JSONValue, under schema: JSONValue) -> String? {
    value == schema["const"] ? nil : "it is \(value.text())"
  }
}

@Suite(.timeLimit(.minutes(1))) struct `An agent with schemas` {
  private static let worker = RuntimeFixture.worker

  private static func plan(
    input: JSONValue? = nil, output: JSONValue? = nil, mode: AgentMode = .task
  ) -> ProjectPlan {
    RuntimeFixture.plan {
      $0 = AgentSpec(name: $0.name, kind: $0.kind, mode: mode, workingDirectory: "/")
      $0.health = HealthSpec(stuckAfter: nil)
      $0.retry.maxAttempts = 2
      $0.inputSchema = input
      $0.outputSchema = output
    }
  }

  @Test func `is tried again when its output does not fit, and what does not fit goes nowhere`() async throws {
    try await RuntimeFixture.with(Self.plan(output: ["const": "good"]), gate: ConstantGate()) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start(Self.worker.text, input: .null).id
      try #require(await processes.next()).succeed("bad")
      try #require(await processes.next()).succeed("good")
      await fixture.runtime.executor.wait(for: run)
      let summary = try await fixture.record(run).summary
      #expect(summary.status == .completed)
      #expect(summary.output == "good")
    }
  }

  @Test func `has failed when no output fits, and nothing of them is its output`() async throws {
    try await RuntimeFixture.with(Self.plan(output: ["const": "good"]), gate: ConstantGate()) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start(Self.worker.text, input: .null).id
      for _ in 0..<2 { try #require(await processes.next()).succeed("bad") }
      await fixture.runtime.executor.wait(for: run)
      let summary = try await fixture.record(run).summary
      #expect(summary.status == .failed)
      #expect(summary.output == nil)
      #expect(summary.error?.code == "NX-GAT-060")
      #expect(summary.error?.message.contains(#"it is "bad""#) == true)
    }
  }

  @Test func `does not begin with an input that does not fit`() async throws {
    try await RuntimeFixture.with(Self.plan(input: ["const": "good"]), gate: ConstantGate()) { fixture in
      let run = try await fixture.runtime.executor.start(Self.worker.text, input: "bad").id
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.error?.code == "NX-GAT-061")
      var processes = fixture.launcher.processes.makeAsyncIterator()
      _ = try await fixture.runtime.executor.start(Self.worker.text, input: "good")
      // The first process that was ever started is that of the second run.
      #expect(await processes.next()?.request.standardInput == Array("good".utf8))
    }
  }

  @Test func `is held to them as a service, too`() async throws {
    let plan = Self.plan(input: ["const": "in"], output: ["const": "out"], mode: .service)
    try await RuntimeFixture.with(plan, gate: ConstantGate()) { fixture in
      let caller = Caller(agent: Self.worker, run: nil, step: .main, attempt: AttemptNumber(1))
      let refused = try await fixture.runtime.executor.start(Self.worker.text, input: "bad").id
      await fixture.runtime.executor.wait(for: refused)
      #expect(try await fixture.record(refused).summary.error?.code == "NX-GAT-061")
      let run = try await fixture.runtime.executor.start(Self.worker.text, input: "in").id
      for answer in ["bad", "out"] {
        let call = AgentCall(
          method: "GET", path: ["next"], query: ["wait": "30"], body: [], caller: caller, key: VirtualKey("k"))
        let task = try #require(await fixture.runtime.agentCalls.handle(call).body)
        let result: JSONValue = ["output": .string(answer)]
        let given = AgentCall(
          method: "POST", path: ["tasks", task["task"]?.stringValue ?? "", "result"], query: [:],
          body: result.encoded(), caller: caller, key: VirtualKey("k"))
        #expect(await fixture.runtime.agentCalls.handle(given).status == 200)
      }
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.output == "out")
    }
  }

  @Test func `does nothing where nobody can check it`() async throws {
    try await RuntimeFixture.with(Self.plan(output: ["const": "good"])) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start(Self.worker.text, input: .null).id
      for _ in 0..<2 { try #require(await processes.next()).succeed("good") }
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.error?.code == "NX-GAT-060")
    }
  }
}
