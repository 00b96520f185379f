// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

/// The retry of a step against the patience of a supervisor, 3 restarts in 60 s where nothing else is said.
@Suite(.timeLimit(.minutes(1))) struct `The retry of a step` {
  private static let often = RetryPolicy(maxAttempts: 8, initial: .zero, factor: 1, max: .zero)

  private static func fail(
    _ count: Int, _ processes: inout AsyncStream<FakeProcess>.Iterator
  ) async throws {
    for _ in 0..<count { try #require(await processes.next(isolation: #isolation)).end(.exited(code: 1)) }
  }

  /// With nobody above the agents, and with a supervisor that allows no restart.
  private static let plans: [@Sendable (inout ProjectPlan) -> Void] = [
    { _ in },
    { plan in
      let team = SupervisorName("team")
      for index in plan.agents.indices { plan.agents[index].supervisor = team }
      plan.supervisors = [
        SupervisorSpec(
          name: team, flags: SupervisorFlags(intensity: RestartIntensity(maxRestarts: 0)),
          children: plan.agents.map { .agent($0.name) })
      ]
    },
  ]

  @Test(arguments: 0..<2) func `is what says how often it is tried`(plan: Int) async throws {
    let flow = Flows.flow("one", .workflow, Flows.step("only") { $0.retry.policy = Self.often })
    try await RuntimeFixture.with(Flows.plan(flow, change: Self.plans[plan])) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("one", input: .null).id
      try await Self.fail(8, &processes)
      await fixture.runtime.executor.wait(for: run)
      let summary = try await fixture.record(run).summary
      #expect(summary.status == .failed && summary.attempts == 8)
      #expect(summary.error?.code == "NX-AGT-001")
      #expect(await fixture.runtime.supervisors.restarts(of: Flows.worker)?.count == 0)
      // Nor does anybody else have to do without the agent.
      let next = try await fixture.runtime.executor.start("worker", input: .null).id
      try #require(await processes.next()).succeed("1")
      await fixture.runtime.executor.wait(for: next)
      #expect(try await fixture.record(next).summary.status == .completed)
    }
  }

  @Test(arguments: 0..<2) func `is that of its compensation when the run goes back`(plan: Int) async throws {
    let book = Flows.step("book") {
      $0.compensation = CompensationStep(agent: Flows.helper)
      $0.compensation?.retry.policy = Self.often
    }
    let last = Flows.step("last", needs: [0]) { $0.retry.policy = RetryPolicy(maxAttempts: 1) }
    let saga = Flows.flow("trip", .saga, book, last)
    try await RuntimeFixture.with(Flows.plan(saga, change: Self.plans[plan])) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("trip", input: .null).id
      try #require(await processes.next()).succeed("1")
      try await Self.fail(1 + 7, &processes)
      let undo = try #require(await processes.next())
      #expect(undo.environment("NAOS_STEP") == "book.compensation")
      undo.succeed("1")
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.status == .compensated)
    }
  }

  @Test func `ends with an error that is not to be retried`() async throws {
    let flow = Flows.flow(
      "one", .workflow,
      Flows.step("only") {
        $0.retry.policy = Self.often
        $0.retry.nonRetryable = [.exit(3)]
      })
    try await RuntimeFixture.with(Flows.plan(flow)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("one", input: .null).id
      try await Self.fail(5, &processes)
      try #require(await processes.next()).end(.exited(code: 3))
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.attempts == 6)
    }
  }

  @Test func `is not that of a run of the agent itself, which its supervisor ends`() async throws {
    try await RuntimeFixture.with(RuntimeFixture.plan { $0.retry = Self.often }) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null).id
      try await Self.fail(4, &processes)
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.error?.code == "NX-SUP-001")
    }
  }
}
