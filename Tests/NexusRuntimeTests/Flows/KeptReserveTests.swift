// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct `A saga's reserve on the next node` {
  private static let amount = Spend(cost: NanoUSD(5))

  private static func undoable(_ step: FlowStep) -> FlowStep {
    var step = step
    step.compensation = CompensationStep(agent: Flows.helper)
    step.compensation?.reserve = amount
    return step
  }

  private static func reserve(_ cost: Int64) -> [CompensationReserve] {
    [CompensationReserve(agent: Flows.helper, amount: Spend(cost: NanoUSD(cost)))]
  }

  /// What the saga `trip` has kept before anything goes on on a node, after one before it had come so far.
  private static func kept(
    _ plan: ProjectPlan,
    after first: @Sendable (RuntimeFixture, RunID, inout AsyncStream<FakeProcess>.Iterator) async throws -> Void
  ) async throws -> [CompensationReserve]? {
    let store = InMemoryStore()
    try await RuntimeFixture.with(plan, store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("trip", input: ["x", "y"])
      try await first(fixture, run.id, &processes)
    }
    let found = Box()
    let run = try #require(try await store.runs(RunQuery(name: "trip")).first).id
    try await RuntimeFixture.with(plan, store: store) { fixture in found.set(fixture.boundary.kept[run]) }
    return found.reserves
  }

  private final class Box: Sendable {
    private let state = Mutex<[CompensationReserve]?>(nil)
    var reserves: [CompensationReserve]? { state.withLock { $0 } }
    func set(_ reserves: [CompensationReserve]?) { state.withLock { $0 = reserves } }
  }

  @Test func `is that of all elements of a list`() async throws {
    let items = try ValueTemplate(parsing: "{{ run.input }}")
    var book = Self.undoable(Flows.step("book"))
    book.forEach = ForEach(items: items)
    let kept = try await Self.kept(Flows.plan(Flows.flow("trip", .saga, book))) { fixture, run, processes in
      _ = try #require(await processes.next(isolation: #isolation))
      #expect(fixture.boundary.kept[run] == Self.reserve(10))
    }
    #expect(kept == Self.reserve(10))
  }

  @Test func `is there also if all that was begun is a run of its own`() async throws {
    let book = Self.undoable(FlowStep(name: "book", action: .run("inner")))
    let plan = Flows.plan(Flows.flow("trip", .saga, book), Flows.flow("inner", .workflow, Flows.step("only")))
    let kept = try await Self.kept(plan) { fixture, run, processes in
      _ = try #require(await processes.next(isolation: #isolation))
      #expect(fixture.boundary.kept[run] == Self.reserve(5))
    }
    #expect(kept == Self.reserve(5))
  }

  @Test func `is nothing for a saga that stands still behind its pivot`() async throws {
    let pivot = Flows.step("pay", needs: [0]) { $0.commitment = .pivot }
    let last = Flows.step("ship", needs: [1]) {
      $0.commitment = .retriable
      $0.retry.policy = RetryPolicy(maxAttempts: 1)
    }
    let saga = Flows.flow("trip", .saga, Self.undoable(Flows.step("book")), pivot, last)
    let kept = try await Self.kept(Flows.plan(saga)) { fixture, run, processes in
      for _ in 0..<2 { try #require(await processes.next(isolation: #isolation)).succeed("1") }
      try #require(await processes.next(isolation: #isolation)).end(.exited(code: 1))
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.status == .paused)
      #expect(fixture.boundary.kept.isEmpty)
    }
    #expect(kept == nil)
  }

  /// It is spent, and stands aside no second time.
  @Test func `is less what compensations have drawn`() async throws {
    let saga = Flows.flow(
      "trip", .saga, Self.undoable(Flows.step("book")),
      Flows.step("look", needs: [0]) { $0.retry.policy = RetryPolicy(maxAttempts: 1) })
    let kept = try await Self.kept(Flows.plan(saga)) { fixture, run, processes in
      try #require(await processes.next(isolation: #isolation)).succeed("1")
      try #require(await processes.next(isolation: #isolation)).end(.exited(code: 1))
      _ = try #require(await processes.next(isolation: #isolation))
      let back = StepPath("book.compensation")
      var call = StoreSamples.charge("eff_1", run: run.text, agent: Flows.helper, cost: 2)
      call.spend = Spend(cost: NanoUSD(2))
      var other = StoreSamples.charge("eff_2", run: run.text, agent: Flows.helper, cost: 1)
      other.spend = Spend(cost: NanoUSD(1))
      try await fixture.store.commit(
        StoreTransaction(
          .synced,
          [
            .insertEffect(StoreSamples.effect("eff_1", run: run.text, step: back)), .settleHold(call),
            .insertEffect(StoreSamples.effect("eff_2", run: run.text, step: StepPath("book"), digest: "bb")),
            .settleHold(other),
          ]))
    }
    var expected = Self.reserve(5)
    expected[0].drawn = Spend(cost: NanoUSD(2))
    #expect(kept == expected)
  }

  @Test func `is nothing before a step has begun that can be undone`() async throws {
    let saga = Flows.flow("trip", .saga, Flows.step("look"), Self.undoable(Flows.step("book", needs: [0])))
    let kept = try await Self.kept(Flows.plan(saga)) { _, _, processes in
      _ = try #require(await processes.next(isolation: #isolation))
    }
    #expect(kept == nil)
  }

  private static let pivot = Flows.step("pay", needs: [0]) { $0.commitment = .pivot }

  /// The saga `trip` of a step that can be undone and a pivot, killed by a person during the pivot.
  private static func killed(
    _ body: @Sendable (RuntimeFixture, RunID, inout AsyncStream<FakeProcess>.Iterator) async throws -> Void
  ) async throws {
    let saga = Flows.flow("trip", .saga, undoable(Flows.step("book")), pivot)
    try await RuntimeFixture.with(Flows.plan(saga)) { fixture in
      let executor = fixture.runtime.executor
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await executor.start("trip", input: .null).id
      try #require(await processes.next()).succeed("1")
      _ = try #require(await processes.next())
      try await executor.cancel(run, by: "ann", kill: true)
      await executor.wait(for: run)
      try await body(fixture, run, &processes)
    }
  }

  @Test func `is kept again for a run that was killed and is retried`() async throws {
    try await Self.killed { fixture, run, processes in
      #expect(fixture.boundary.kept.isEmpty, "nothing of it goes on")
      // Only the pivot is left, which by itself needs nothing.
      try await fixture.runtime.executor.retry(run, by: "ann")
      let pay = try #require(await processes.next(isolation: #isolation))
      #expect(pay.environment("NAOS_STEP") == "pay")
      #expect(fixture.boundary.kept == [run: Self.reserve(5)])
      pay.succeed("1")
      await fixture.runtime.executor.wait(for: run)
      #expect(fixture.boundary.kept.isEmpty)
    }
  }

  @Test func `is kept again for a run that was killed on its way back`() async throws {
    let look = Flows.step("look", needs: [0]) { $0.retry.policy = RetryPolicy(maxAttempts: 1) }
    let saga = Flows.flow("trip", .saga, Self.undoable(Flows.step("book")), look)
    try await RuntimeFixture.with(Flows.plan(saga)) { fixture in
      let executor = fixture.runtime.executor
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await executor.start("trip", input: .null).id
      try #require(await processes.next()).succeed("1")
      try #require(await processes.next()).end(.exited(code: 1))
      _ = try #require(await processes.next())
      try await executor.cancel(run, by: "ann", kill: true)
      await executor.wait(for: run)
      #expect(fixture.boundary.kept.isEmpty)
      // Whatever is left of the budgets: it has to be undone.
      fixture.boundary.refuseReserves(
        BudgetRefusal(reason: .reserve, scope: "global", action: .refuse, message: "no room"))
      try await executor.retry(run, by: "ann")
      let undo = try #require(await processes.next())
      #expect(undo.environment("NAOS_STEP") == "book.compensation")
      #expect(fixture.boundary.kept == [run: Self.reserve(5)])
      undo.succeed("1")
      await executor.wait(for: run)
      #expect(try await fixture.record(run).summary.status == .compensated)
    }
  }

  @Test func `is kept for a fork that takes over what can be undone, on this node and the next`() async throws {
    let saga = Flows.flow("trip", .saga, Self.undoable(Flows.step("book")), Self.pivot)
    let store = InMemoryStore()
    let plan = Flows.plan(saga)
    try await RuntimeFixture.with(plan, store: store) { fixture in
      let executor = fixture.runtime.executor
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await executor.start("trip", input: .null).id
      try #require(await processes.next()).succeed("1")
      try #require(await processes.next()).succeed("2")
      await executor.wait(for: run)
      let fork = try await executor.fork(run, from: "pay").id
      #expect(try #require(await processes.next()).environment("NAOS_STEP") == "pay")
      #expect(fixture.boundary.kept == [fork: Self.reserve(5)])
    }
    let fork = try #require(try await store.runs(RunQuery(name: "trip", statuses: RunStatus.unfinished)).first).id
    try await RuntimeFixture.with(plan, store: store) { fixture in
      #expect(fixture.boundary.kept == [fork: Self.reserve(5)])
    }
  }

  @Test func `keeps a run from going on that nothing could undo any more`() async throws {
    try await Self.killed { fixture, run, _ in
      fixture.boundary.refuseReserves(
        BudgetRefusal(reason: .reserve, scope: "global", action: .pause, message: "no room"))
      try await fixture.runtime.executor.retry(run, by: "ann")
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.pauseReason == .budget)
    }
  }
}
