// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct `What a person may do with a run of several steps` {
  private static let chain = Flows.flow(
    "chain", .workflow, Flows.step("first") { $0.retry.policy = RetryPolicy(maxAttempts: 1) },
    Flows.step("second", of: Flows.helper, needs: [0]) { $0.retry.policy = RetryPolicy(maxAttempts: 1) })
  private static let waiting = Flows.flow(
    "waiting", .workflow, FlowStep(name: "answer", action: .event("answer")), Flows.step("after", needs: [0]))

  /// A run of `chain` that failed in its second step.
  private static func failed(
    _ fixture: RuntimeFixture, _ processes: inout AsyncStream<FakeProcess>.Iterator
  ) async throws -> RunID {
    let run = try await fixture.runtime.executor.start("chain", input: ["n": 1]).id
    try #require(await processes.next(isolation: #isolation)).succeed("1")
    try #require(await processes.next(isolation: #isolation)).end(.exited(code: 9))
    await fixture.runtime.executor.wait(for: run)
    #expect(try await fixture.record(run).summary.status == .failed)
    return run
  }

  private static func refusal(_ body: () async throws -> Void) async -> String? {
    await #expect(throws: RuntimeRefusal.self) { try await body() }?.code
  }

  @Test func `a failed step is tried again, with new keys if a person wants that`() async throws {
    try await RuntimeFixture.with(Flows.plan(Self.chain)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await Self.failed(fixture, &processes)
      try await fixture.runtime.executor.retry(run, by: "test", newKeys: true)
      let second = try #require(await processes.next())
      #expect(second.environment("NAOS_STEP") == "second")
      #expect(second.environment("NAOS_IDEMPOTENCY_KEY") == "\(run)/e1/second")
      second.succeed("2")
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.output == 2)
    }
  }

  @Test func `the run of an agent gets new keys, too`() async throws {
    try await RuntimeFixture.with(RuntimeFixture.plan { $0.retry.maxAttempts = 1 }) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null).id
      let first = try #require(await processes.next())
      #expect(first.environment("NAOS_IDEMPOTENCY_KEY") == "\(run)/main")
      first.end(.exited(code: 1))
      await fixture.runtime.executor.wait(for: run)
      try await fixture.runtime.executor.retry(run, by: "test", newKeys: true)
      let second = try #require(await processes.next())
      #expect(second.environment("NAOS_IDEMPOTENCY_KEY") == "\(run)/e1/main")
      second.succeed("1")
      await fixture.runtime.executor.wait(for: run)
    }
  }

  @Test func `a failed step is done without, or marked done`() async throws {
    for isSkipped in [true, false] {
      try await RuntimeFixture.with(Flows.plan(Self.chain)) { fixture in
        var processes = fixture.launcher.processes.makeAsyncIterator()
        let executor = fixture.runtime.executor
        let run = try await Self.failed(fixture, &processes)
        #expect(
          await Self.refusal { try await executor.skip(run, step: StepPath("first"), by: "t", reason: "") }
            == "NX-RUN-044")
        #expect(
          await Self.refusal { try await executor.skip(run, step: StepPath("nobody"), by: "t", reason: "") }
            == "NX-RUN-044")
        if isSkipped {
          try await executor.skip(run, step: StepPath("second"), by: "test", reason: "not needed today")
        } else {
          try await executor.markDone(run, step: StepPath("second"), by: "test", output: "by hand")
        }
        await executor.wait(for: run)
        let summary = try await fixture.record(run).summary
        #expect(summary.status == .completed)
        #expect(summary.output == (isSkipped ? .null : "by hand"))
      }
    }
  }

  @Test func `an event goes to the step that waits for it, once for each id`() async throws {
    try await RuntimeFixture.with(Flows.plan(Self.waiting)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let executor = fixture.runtime.executor
      let run = try await executor.start("waiting", input: .null).id
      #expect(await Self.refusal { try await executor.signal(run, name: "other", id: "1", payload: 0) } == "NX-RUN-051")
      try await executor.signal(run, name: "answer", id: "2", payload: 42)
      let after = try #require(await processes.next())
      #expect(after.request.standardInput == Array("42".utf8))
      try await executor.signal(run, name: "answer", id: "2", payload: 43)
      let received = try await fixture.journal(run).count { if case .eventReceived = $0 { true } else { false } }
      #expect(received == 1)
      after.succeed("1")
      await executor.wait(for: run)
      #expect(
        await Self.refusal { try await executor.signal(run, name: "answer", id: nil, payload: 1) } == "NX-RUN-046")
    }
  }

  @Test func `whoever watches is told what the run waits for, and not what came before it`() async throws {
    let flow = Flows.flow(
      "waiting", .workflow, Flows.step("first"), FlowStep(name: "answer", action: .event("answer"), needs: [0]))
    try await RuntimeFixture.with(Flows.plan(flow)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let told = try #require(
        fixture.events.watch { event -> String? in
          if case .run(let run) = event { "\(run.status) \(run.note)" } else { nil }
        })
      let run = try await fixture.runtime.executor.start("waiting", input: .null).id
      try #require(await processes.next()).succeed("1")
      var heard: [String] = []
      for await word in told {
        heard.append(word)
        if word.hasPrefix("suspended") { break }
      }
      #expect(heard.last == "suspended answer: waits for the event answer")
      #expect(heard.contains("running first: completed"))
      try await fixture.runtime.executor.signal(run, name: "answer", id: "1", payload: 1)
      await fixture.runtime.executor.wait(for: run)
    }
  }

  @Test func `an event reaches a run that is paused, and waits in it`() async throws {
    try await RuntimeFixture.with(Flows.plan(Self.waiting)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let executor = fixture.runtime.executor
      let run = try await executor.start("waiting", input: .null).id
      try await executor.pause(run, by: "test")
      await executor.wait(for: run)
      try await executor.signal(run, name: "answer", id: nil, payload: "early")
      await executor.wait(for: run)
      #expect(try await fixture.record(run).summary.status == .paused)
      #expect(
        await Self.refusal { try await executor.signal(run, name: "anwser", id: nil, payload: 1) } == "NX-RUN-051")
      try await executor.resume(run, by: "test")
      let after = try #require(await processes.next())
      #expect(after.request.standardInput == Array("early".utf8))
      after.succeed("1")
      await executor.wait(for: run)
    }
  }

  @Test func `what is sent to a run is bounded`() async throws {
    try await RuntimeFixture.with(Flows.plan(Self.waiting)) { fixture in
      let executor = fixture.runtime.executor
      let run = try await executor.start("waiting", input: .null).id
      let long = JSONValue.string(String(repeating: "x", count: RunExecutor.maxPayloadBytes))
      #expect(
        await Self.refusal { try await executor.signal(run, name: "answer", id: nil, payload: long) } == "NX-RUN-045")
      let name = String(repeating: "n", count: RunExecutor.maxWordBytes + 1)
      #expect(await Self.refusal { try await executor.signal(run, name: name, id: nil, payload: 1) } == "NX-RUN-045")
      // The first is taken by the step that waits.
      for number in 0...FlowState.maxBufferedEvents {
        try await executor.signal(run, name: "answer", id: nil, payload: .int(Int64(number)))
      }
      #expect(
        await Self.refusal { try await executor.signal(run, name: "answer", id: nil, payload: 1) } == "NX-RUN-047")
    }
  }

  @Test func `the run of an agent has no steps and takes no events`() async throws {
    try await RuntimeFixture.with { fixture in
      let executor = fixture.runtime.executor
      let run = try await executor.start("worker", input: .null).id
      #expect(await Self.refusal { try await executor.signal(run, name: "a", id: nil, payload: 1) } == "NX-RUN-043")
      #expect(await Self.refusal { try await executor.skip(run, step: .main, by: "t", reason: "") } == "NX-RUN-043")
      #expect(await Self.refusal { _ = try await executor.fork(run, from: "main") } == "NX-RUN-043")
      #expect(
        await Self.refusal { try await executor.signal(RunID("run_no"), name: "a", id: nil, payload: 1) }
          == "NX-RUN-001")
    }
  }

  @Test func `a run is begun anew from its own definition, not from that of today`() async throws {
    let plan = Flows.plan(Self.chain)
    try await RuntimeFixture.with(plan) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await Self.failed(fixture, &processes)
      var changed = plan
      changed.flows = [Flows.flow("chain", .workflow, Flows.step("other"))]
      _ = await fixture.runtime.executor.reload(changed, prune: false)
      let again = try await fixture.runtime.executor.restart(run)
      #expect(again.id != run)
      #expect(again.input == ["n": 1])
      let first = try #require(await processes.next())
      #expect(first.environment("NAOS_STEP") == "first")
      first.succeed("1")
      try #require(await processes.next()).succeed("2")
      await fixture.runtime.executor.wait(for: again.id)
      #expect(try await fixture.record(again.id).summary.status == .completed)
    }
  }

  @Test func `a fork does a step anew and keeps what came before it`() async throws {
    try await RuntimeFixture.with(Flows.plan(Self.chain)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let executor = fixture.runtime.executor
      let run = try await Self.failed(fixture, &processes)
      let fork = try await executor.fork(run, from: "second")
      let second = try #require(await processes.next())
      #expect(second.environment("NAOS_STEP") == "second")
      #expect(second.environment("NAOS_RUN_ID") == fork.id.text)
      #expect(second.request.standardInput == Array("1".utf8))
      second.succeed("2")
      await executor.wait(for: fork.id)
      #expect(try await fixture.record(fork.id).summary.output == 2)
      #expect(try await fixture.record(run).summary.status == .failed)
      #expect(await Self.refusal { _ = try await executor.fork(run, from: "third") } == "NX-RUN-048")
    }
  }
}
