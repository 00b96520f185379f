// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct `A step that a service does` {
  private static let service = Caller(agent: Flows.worker, run: nil, step: .main, attempt: AttemptNumber(1))

  private static func plan(_ change: (inout FlowStep) -> Void = { _ in }) -> ProjectPlan {
    Flows.plan(
      Flows.flow("served", .workflow, Flows.step("left", change), Flows.step("right", change)),
      change: {
        $0.agents[0] = AgentSpec(
          name: Flows.worker, kind: $0.agents[0].kind, mode: .service, workingDirectory: "/")
        $0.agents[0].health = HealthSpec(stuckAfter: nil)
      })
  }

  private static func take(_ fixture: RuntimeFixture) async throws -> JSONValue {
    let reply = await fixture.runtime.agentCalls.handle(
      AgentCall(
        method: "GET", path: ["next"], query: ["wait": "30"], body: [], caller: service, key: VirtualKey("k")))
    try #require(reply.status == 200)
    return reply.body ?? .null
  }

  private static func answer(
    _ fixture: RuntimeFixture, _ task: JSONValue, _ word: String, _ body: JSONValue
  ) async -> Int {
    await fixture.runtime.agentCalls.handle(
      AgentCall(
        method: "POST", path: ["tasks", task["task"]?.stringValue ?? "", word], query: [:], body: body.encoded(),
        caller: service, key: VirtualKey("k"))
    ).status
  }

  @Test func `is a task of its own, with its path, attempt and key`() async throws {
    try await RuntimeFixture.with(Self.plan()) { fixture in
      let run = try await fixture.runtime.executor.start("served", input: .null).id
      var tasks: [String: JSONValue] = [:]
      for _ in 0..<2 {
        let task = try await Self.take(fixture)
        tasks[task["step"]?.stringValue ?? ""] = task
      }
      #expect(Set(tasks.keys) == ["left", "right"])
      #expect(tasks["left"]?["idempotencyKey"] == .string("\(run)/left"))
      #expect(tasks["left"]?["attempt"] == 1)
      #expect(await Self.answer(fixture, tasks["right"] ?? .null, "result", ["output": 2]) == 200)
      #expect(await Self.answer(fixture, tasks["right"] ?? .null, "result", ["output": 3]) == 409)
      #expect(await Self.answer(fixture, tasks["left"] ?? .null, "result", ["output": 1]) == 200)
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.output == 2)
    }
  }

  @Test func `fails with the code that the service gave, and waits as long as it asked`() async throws {
    try await RuntimeFixture.with(Self.plan { $0.retry.policy = RetryPolicy(maxAttempts: 2) }) { fixture in
      let run = try await fixture.runtime.executor.start("served", input: .null).id
      let first = try await Self.take(fixture)
      let second = try await Self.take(fixture)
      #expect(await Self.answer(fixture, second, "result", ["output": 1]) == 200)
      let failure: JSONValue = ["code": "rate-limited", "retryAfter": 90, "applied": false, "message": "later"]
      #expect(await Self.answer(fixture, first, "failure", failure) == 200)
      let due = fixture.clock.now() + .seconds(90)
      await fixture.clock.waitForSleeper(until: due)
      fixture.clock.advance(by: .seconds(89))
      #expect(fixture.clock.isSleeping(until: due))
      fixture.clock.advance(by: .seconds(1))
      let again = try await Self.take(fixture)
      #expect(again["attempt"] == 2)
      #expect(await Self.answer(fixture, again, "failure", ["code": "NX-SUP-001", "retryable": false]) == 200)
      await fixture.runtime.executor.wait(for: run)
      let errors = try await fixture.journal(run).compactMap { entry -> RunError? in
        if case .attemptEnded(_, _, let end) = entry, case .crashed(let error) = end.outcome { error } else { nil }
      }
      #expect(errors.map(\.code) == ["rate-limited", "NX-AGT-008"])
      #expect(errors.first?.wasApplied == false)
      #expect(errors.first?.retryAfter == .seconds(90))
    }
  }

  @Test func `counts its queue time until the service takes it, and its own time from then on`() async throws {
    let plan = Self.plan {
      $0.limits = StepLimits(attempt: .seconds(10), queue: .seconds(60))
      $0.retry.policy = RetryPolicy(maxAttempts: 1)
    }
    try await RuntimeFixture.with(plan) { fixture in
      let run = try await fixture.runtime.executor.start("served", input: .null).id
      await fixture.clock.waitForSleepers(2)
      fixture.clock.advance(by: .seconds(59))
      let taken = try await Self.take(fixture)
      // The time of the one that was taken, beside both queue limits.
      await fixture.clock.waitForSleeper(until: fixture.clock.now() + .seconds(10))
      fixture.clock.advance(by: .seconds(1))
      fixture.clock.advance(by: .seconds(9))
      await fixture.runtime.executor.wait(for: run)
      let ends = try await fixture.journal(run).compactMap { entry -> (String, AttemptOutcome)? in
        if case .attemptEnded(let step, _, let end) = entry { (step.text, end.outcome) } else { nil }
      }
      let outcomes = Dictionary(uniqueKeysWithValues: ends)
      let step = taken["step"]?.stringValue ?? ""
      #expect(outcomes[step] == .timedOut)
      guard case .crashed(let error) = outcomes[step == "left" ? "right" : "left"] else {
        Issue.record("the other step did not fail: \(outcomes)")
        return
      }
      #expect(error.code == "NX-RUN-036")
    }
  }

  @Test func `whose model falls silent in the middle of a stream fails, and one whose stream goes on does not`()
    async throws
  {
    let plan = Self.plan {
      $0.limits.heartbeat = .seconds(30)
      $0.retry.policy = RetryPolicy(maxAttempts: 1)
    }
    try await RuntimeFixture.with(plan) { fixture in
      let run = try await fixture.runtime.executor.start("served", input: .null).id
      let tasks = [try await Self.take(fixture), try await Self.take(fixture)]
      let callers = tasks.map {
        Caller(
          agent: Flows.worker, run: run, step: StepPath($0["step"]?.stringValue ?? ""), attempt: AttemptNumber(1))
      }
      let health = fixture.services.health
      await fixture.clock.waitForSleepers(2)
      for caller in callers {
        fixture.events.publish(.effect(EffectEvent(caller: caller, phase: .started, kind: .model, name: "m")))
        health.streamBegan(for: caller)
      }
      fixture.clock.advance(by: .seconds(20))
      // One piece more comes of one of them.
      health.activity(of: callers[1])
      fixture.clock.advance(by: .seconds(10))
      await fixture.clock.waitForSleeper(until: fixture.clock.now() + .seconds(20))
      health.streamEnded(for: callers[1])
      fixture.events.publish(.effect(EffectEvent(caller: callers[1], phase: .succeeded, kind: .model, name: "m")))
      #expect(await Self.answer(fixture, tasks[1], "result", ["output": 1]) == 200)
      await fixture.runtime.executor.wait(for: run)
      #expect(await Self.answer(fixture, tasks[0], "result", ["output": 1]) == 409, "it was taken back")
      #expect(try await fixture.record(run).summary.error?.code == "NX-RUN-058")
    }
  }

  @Test func `that promises signs of life and gives none fails, and one that gives them goes on`() async throws {
    let plan = Self.plan {
      $0.limits.heartbeat = .seconds(30)
      $0.retry.policy = RetryPolicy(maxAttempts: 1)
    }
    try await RuntimeFixture.with(plan) { fixture in
      let run = try await fixture.runtime.executor.start("served", input: .null).id
      let first = try await Self.take(fixture)
      let second = try await Self.take(fixture)
      await fixture.clock.waitForSleepers(2)
      fixture.clock.advance(by: .seconds(20))
      let lively = StepPath(second["step"]?.stringValue ?? "")
      let beat = await fixture.runtime.agentCalls.handle(
        AgentCall(
          method: "POST", path: ["heartbeat"], query: [:], body: [],
          caller: Caller(agent: Flows.worker, run: run, step: lively, attempt: AttemptNumber(1)),
          key: VirtualKey("k")))
      #expect(beat.status == 200)
      fixture.clock.advance(by: .seconds(10))
      await fixture.clock.waitForSleeper(until: fixture.clock.now() + .seconds(20))
      #expect(await Self.answer(fixture, second, "result", ["output": 1]) == 200)
      await fixture.runtime.executor.wait(for: run)
      #expect(await Self.answer(fixture, first, "result", ["output": 1]) == 409, "it was taken back")
      let summary = try await fixture.record(run).summary
      #expect(summary.status == .failed)
      #expect(summary.error?.code == "NX-RUN-058")
    }
  }

  /// A service that nothing restarts, on the node of one run.
  private static func temporary() -> ProjectPlan {
    var plan = plan { $0.retry.policy = RetryPolicy(maxAttempts: 2) }
    plan.agents[0].restart = .temporary
    return plan
  }

  @Test func `has its service started again for its next try, also one that is never restarted`() async throws {
    try await RuntimeFixture.with(Self.temporary()) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("served", input: .null).id
      let first = try #require(await processes.next())
      for _ in 0..<2 { _ = try await Self.take(fixture) }
      first.end(.exited(code: 1))
      _ = try #require(await processes.next())
      for _ in 0..<2 {
        let task = try await Self.take(fixture)
        #expect(task["attempt"] == 2)
        #expect(await Self.answer(fixture, task, "result", ["output": 1]) == 200)
      }
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.status == .completed)
    }
  }

  @Test func `has its service started again if that ends before it came to it`() async throws {
    try await RuntimeFixture.with(Self.temporary()) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("served", input: .null).id
      for _ in 0..<2 {
        let process = try #require(await processes.next())
        let task = try await Self.take(fixture)
        #expect(await Self.answer(fixture, task, "result", ["output": 1]) == 200)
        process.end(.exited(code: 0))
      }
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.status == .completed)
    }
  }
}
