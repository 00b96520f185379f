// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

/// Budgets of flows that are new to their window: what was charged for the flow before counts too.
@Suite struct `A limit that is new to a flow` {
  private let store = InMemoryStore()
  private let clock = StillClock()
  private let publish = RunID("run_publish")

  private func begin(
    _ run: RunID, _ kind: RunKind, _ name: String, below parent: RunID? = nil, key: String? = nil,
    _ status: RunStatus = .completed
  ) async throws {
    let record = RunRecord(
      id: run, kind: kind, name: name, definition: DefinitionHash("d"), input: nil, idempotencyKey: key,
      createdAt: WallTime(microseconds: 0), fence: FencingToken(1), head: .none,
      summary: RunSummary(status: status, updatedAt: WallTime(microseconds: 0)), parent: parent)
    try await store.commit(StoreTransaction(.synced, [.insertRun(record)]))
  }

  /// A call of a step, with its charge: a thousandth of a cent for each number.
  private func charge(_ number: Int64, _ run: RunID, at step: String, _ agent: String = "writer") async throws {
    let id = EffectID("eff_\(number)")
    let record = EffectRecord(
      id: id, kind: .model, digest: RequestDigest("\(number)"), occurrence: 0, ordinal: number,
      attempt: AttemptNumber(1), state: .intent)
    let effect = EffectRow(
      record: record, run: run, step: StepPath(step), agent: AgentName(agent), name: "m", detail: "",
      startedAt: clock.wallNow(), request: nil)
    let charge = ChargeRow(
      id: id, agent: AgentName(agent), run: run, model: "m", basis: .usage, inputTokens: .zero, outputTokens: .zero,
      cachedTokens: .zero, spend: Spend(cost: NanoUSD(1 << number), requests: 1),
      counters: [CounterKey(scope: "agent:\(agent)", window: "lifetime", index: 0)], at: clock.wallNow())
    try await store.commit(StoreTransaction(.synced, [.insertEffect(effect), .settleHold(charge)]))
  }

  /// A run of the flow with everything that can belong to it, and some that does not.
  private func history() async throws {
    try await begin(publish, .workflow, "publish", .running)
    try await begin(RunID("run_sub"), .saga, "review", below: publish, key: "run_publish/check")
    try await begin(RunID("run_called"), .agent, "helper", below: publish, key: "run_publish/draft/.call/helper/1")
    try await begin(RunID("run_below"), .agent, "helper", below: RunID("run_called"), key: "run_called/.call/helper/1")
    try await begin(RunID("run_other"), .workflow, "other")
    try await charge(0, publish, at: "draft")
    try await charge(1, publish, at: "draft[2]")
    try await charge(2, publish, at: "draft.undo")
    try await charge(3, publish, at: "send")
    try await charge(4, RunID("run_sub"), at: "one")
    try await charge(5, RunID("run_called"), at: "main", "helper")
    try await charge(6, RunID("run_below"), at: "main", "helper")
    try await charge(7, RunID("run_other"), at: "draft")
  }

  private func filled(_ scope: BudgetScope, _ window: BudgetWindow) async throws -> Int64? {
    let place = BudgetPlace(scope, window)
    let ledger = Ledger(plan(prices: [flatPrice]), clock: clock)
    let fresh = ledger.uncounted([place])
    ledger.watch(fresh)
    try await ledger.fill(fresh, from: store)
    return try await store.counters().first { $0.key.window == window.rawValue && $0.key.scope.hasSuffix(scope.text) }?
      .spent.cost.value
  }

  @Test(arguments: [BudgetWindow.day, .lifetime, .run])
  func `counts all runs below it, with those that agents have called`(window: BudgetWindow) async throws {
    try await history()
    #expect(try await filled(.workflow("publish"), window) == 0b111_1111)
    #expect(try await filled(.saga("review"), .day) == 0b001_0000)
    #expect(try await filled(.workflow("review"), .day) == nil, "another kind of the same name")
  }

  @Test(arguments: [BudgetWindow.day, .run])
  func `of a step counts what does the step, and not what undoes it`(window: BudgetWindow) async throws {
    try await history()
    #expect(try await filled(.step(flow: "publish", step: "draft"), window) == 0b110_0011)
    #expect(try await filled(.step(flow: "publish", step: "check"), window) == 0b001_0000)
    #expect(try await filled(.step(flow: "publish", step: "send"), window) == 0b000_1000)
  }

  @Test func `counts only its window, and nothing twice`() async throws {
    try await history()
    clock.go(86_400)
    #expect(try await filled(.workflow("publish"), .day) == nil)
    try await charge(8, publish, at: "draft")
    #expect(try await filled(.workflow("publish"), .day) == 256)
    #expect(try await filled(.workflow("publish"), .day) == 256)
    #expect(try await filled(.workflow("publish"), .week) == 256 + 127)
  }

  @Test func `counts of single runs only those that are not over`() async throws {
    try await history()
    #expect(try await filled(.workflow("other"), .run) == nil)
    #expect(try await filled(.workflow("other"), .lifetime) == 128)
  }
}
