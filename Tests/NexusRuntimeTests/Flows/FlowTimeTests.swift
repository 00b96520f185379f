// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct `The times of a step` {
  @Test func `are slept through, and the run says that it waits`() async throws {
    let sleep = FlowStep(name: "nap", action: .sleep(try ValueTemplate(parsing: "1h")))
    let flow = Flows.flow("sleepy", .workflow, sleep, Flows.step("after", needs: [0]))
    try await RuntimeFixture.with(Flows.plan(flow)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("sleepy", input: .null)
      await fixture.clock.waitForSleepers(1)
      #expect(try await fixture.record(run.id).summary.status == .suspended)
      fixture.clock.advance(by: .seconds(3600))
      try #require(await processes.next()).succeed("awake")
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.output == "awake")
    }
  }

  @Test func `are counted through a restart of the node`() async throws {
    let sleep = FlowStep(name: "nap", action: .sleep(try ValueTemplate(parsing: "1h")))
    let flow = Flows.flow("sleepy", .workflow, sleep)
    let store = InMemoryStore()
    let clock = ManualClock()
    try await RuntimeFixture.with(Flows.plan(flow), store: store, clock: clock) { fixture in
      _ = try await fixture.runtime.executor.start("sleepy", input: .null, idempotencyKey: "k")
      await clock.waitForSleepers(1)
    }
    clock.advance(by: .seconds(3000))
    try await RuntimeFixture.with(Flows.plan(flow), store: store, clock: clock) { fixture in
      _ = try await fixture.runtime.executor.recover()
      await clock.waitForSleepers(1)
      let run = try #require(try await store.run(named: "sleepy", idempotencyKey: "k")).id
      clock.advance(by: .seconds(600))
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.status == .completed)
    }
  }

  @Test func `end an attempt that takes too long, which counts as a failure`() async throws {
    let flow = Flows.flow(
      "slow", .workflow,
      Flows.step("only") {
        $0.limits.attempt = .seconds(30)
        $0.retry.policy = RetryPolicy(maxAttempts: 2)
      })
    try await RuntimeFixture.with(Flows.plan(flow)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("slow", input: .null)
      for _ in 0..<2 {
        let process = try #require(await processes.next())
        await fixture.clock.waitForSleepers(1)
        fixture.clock.advance(by: .seconds(30))
        await process.waitForSignal()
        #expect(process.signals == [.terminate])
      }
      await fixture.runtime.executor.wait(for: run.id)
      let summary = try await fixture.record(run.id).summary
      #expect(summary.status == .failed)
      #expect(summary.error?.code == "NX-RUN-030")
      let ends = try await fixture.journal(run.id).compactMap { entry -> AttemptOutcome? in
        if case .attemptEnded(_, _, let end) = entry { end.outcome } else { nil }
      }
      #expect(ends == [.timedOut, .timedOut])
      #expect(fixture.clock.sleeping == 0)
    }
  }

  @Test func `begin anew for a run that a person has retried after its timeout`() async throws {
    var flow = Flows.flow("slow", .workflow, Flows.step("only"))
    flow.timeout = .seconds(30)
    try await RuntimeFixture.with(Flows.plan(flow)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("slow", input: .null)
      let first = try #require(await processes.next())
      await fixture.clock.waitForSleepers(1)
      fixture.clock.advance(by: .seconds(30))
      await first.waitForSignal()
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.error?.code == "NX-RUN-003")
      try await fixture.runtime.executor.retry(run.id, by: "ann")
      let second = try #require(await processes.next())
      await fixture.clock.waitForSleepers(1)
      fixture.clock.advance(by: .seconds(29))
      second.succeed("done")
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.status == .completed)
    }
  }

  @Test func `leave no timer behind when the attempt ends in time`() async throws {
    let flow = Flows.flow(
      "quick", .workflow, Flows.step("a") { $0.limits = StepLimits(attempt: .seconds(30), queue: .seconds(60)) },
      Flows.step("b", needs: [0]))
    try await RuntimeFixture.with(Flows.plan(flow)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      _ = try await fixture.runtime.executor.start("quick", input: .null)
      let first = try #require(await processes.next())
      await fixture.clock.waitForSleepers(2)
      first.succeed("1")
      let second = try #require(await processes.next())
      #expect(fixture.clock.sleeping == 0)
      second.succeed("2")
    }
  }

  @Test func `end the wait for a supervisor that does not let the attempt begin`() async throws {
    let flow = Flows.flow(
      "queued", .workflow,
      Flows.step("only") {
        $0.limits.queue = .seconds(5)
        $0.retry.policy = RetryPolicy(maxAttempts: 1)
      })
    try await RuntimeFixture.with(Flows.plan(flow), starts: false) { fixture in
      let run = try await fixture.runtime.executor.start("queued", input: .null)
      await fixture.clock.waitForSleepers(1)
      fixture.clock.advance(by: .seconds(5))
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.error?.code == "NX-RUN-036")
    }
  }

  @Test func `end an attempt that gives no sign of life, whatever sign it is`() async throws {
    let flow = Flows.flow(
      "silent", .workflow,
      Flows.step("only") {
        $0.limits.heartbeat = .seconds(10)
        $0.retry.policy = RetryPolicy(maxAttempts: 1)
      })
    try await RuntimeFixture.with(Flows.plan(flow)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("silent", input: .null)
      let process = try #require(await processes.next())
      await fixture.clock.waitForSleepers(1)
      fixture.clock.advance(by: .seconds(9))
      process.write("still here", to: .standardError)
      fixture.clock.advance(by: .seconds(1))
      await fixture.clock.waitForSleepers(1)
      #expect(process.signals.isEmpty)
      fixture.clock.advance(by: .seconds(9))
      await process.waitForSignal()
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.error?.code == "NX-AGT-015")
    }
  }
}
