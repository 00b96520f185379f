// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct `A saga's reserve` {
  private static let amount = Spend(cost: NanoUSD(5))
  private static let reserves = [CompensationReserve(agent: Flows.helper, amount: amount)]

  private static func undoable(_ name: String, needs: [Int] = []) -> FlowStep {
    Flows.step(name, needs: needs) {
      $0.retry.policy = RetryPolicy(maxAttempts: 1)
      $0.compensation = CompensationStep(agent: Flows.helper)
      $0.compensation?.reserve = amount
    }
  }

  @Test func `is kept before the first step that can be undone begins, and released at the end`() async throws {
    let saga = Flows.flow("trip", .saga, Flows.step("look"), Self.undoable("book", needs: [0]))
    try await RuntimeFixture.with(Flows.plan(saga)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("trip", input: .null)
      let look = try #require(await processes.next())
      #expect(fixture.boundary.kept.isEmpty)
      look.succeed("1")
      let book = try #require(await processes.next())
      #expect(fixture.boundary.kept == [run.id: Self.reserves])
      // In the budgets of the saga, too.
      #expect(fixture.boundary.keptFlows == [run.id: [Caller.FlowPart(scope: "saga:trip", run: run.id)]])
      #expect(fixture.boundary.openKeys.values.first?.isCompensating == false)
      book.end(.exited(code: 1))
      let undo = try #require(await processes.next())
      #expect(undo.environment("NAOS_STEP") == "book.compensation")
      let undoing = try #require(fixture.boundary.openKeys.values.first)
      #expect(undoing.isCompensating)
      // What undoes a step is not the step's own.
      #expect(undoing.flows == [Caller.FlowPart(scope: "saga:trip", run: run.id)])
      #expect(fixture.boundary.kept == [run.id: Self.reserves])
      undo.succeed("1")
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.status == .compensated)
      #expect(fixture.boundary.kept.isEmpty)
    }
  }

  @Test func `is released behind the pivot`() async throws {
    let pivot = Flows.step("pay", needs: [0]) { $0.commitment = .pivot }
    let last = Flows.step("ship", needs: [1]) { $0.commitment = .retriable }
    let saga = Flows.flow("trip", .saga, Self.undoable("book"), pivot, last)
    try await RuntimeFixture.with(Flows.plan(saga)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("trip", input: .null)
      try #require(await processes.next()).succeed("1")
      let pay = try #require(await processes.next())
      #expect(fixture.boundary.kept == [run.id: Self.reserves])
      pay.succeed("1")
      let ship = try #require(await processes.next())
      #expect(fixture.boundary.kept.isEmpty)
      ship.succeed("1")
      await fixture.runtime.executor.wait(for: run.id)
    }
  }

  @Test(arguments: [(BudgetRefusal.Reason.reserve, "NX-BUD-020"), (.busy, "NX-BUD-021")])
  func `that no budget has room for keeps the step from beginning`(
    reason: BudgetRefusal.Reason, code: String
  ) async throws {
    let saga = Flows.flow("trip", .saga, Self.undoable("book"))
    try await RuntimeFixture.with(Flows.plan(saga)) { fixture in
      fixture.boundary.refuseReserves(
        BudgetRefusal(reason: reason, scope: "global", action: .refuse, message: "no room"))
      let run = try await fixture.runtime.executor.start("trip", input: .null)
      await fixture.runtime.executor.wait(for: run.id)
      let summary = try await fixture.record(run.id).summary
      #expect(summary.status == .compensated)
      #expect(summary.error?.code == code)
      #expect(fixture.boundary.rewinds.isEmpty, "no attempt was opened")
      #expect(fixture.runtime.board.status(of: Flows.worker)?.state == .idle)
    }
  }

  @Test func `waits with the run where the budget's owner wants that`() async throws {
    let saga = Flows.flow("trip", .saga, Self.undoable("book"))
    try await RuntimeFixture.with(Flows.plan(saga)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      fixture.boundary.refuseReserves(
        BudgetRefusal(reason: .reserve, scope: "global", action: .pause, message: "no room"))
      let run = try await fixture.runtime.executor.start("trip", input: .null)
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.pauseReason == .budget)
      fixture.boundary.refuseReserves(nil)
      try await fixture.runtime.executor.resume(run.id, by: "ann")
      try #require(await processes.next()).succeed("1")
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.status == .completed)
    }
  }
}
