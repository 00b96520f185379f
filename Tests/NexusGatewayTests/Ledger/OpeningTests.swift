// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

/// Limits for windows that nobody has counted in, at $0.002 a call.
@Suite struct `A limit that is new to its window` {
  private let day = BudgetPlace(.agent(writer), .day)
  private let all = BudgetPlace(.global, .week)

  private func settle(_ ledger: Ledger, _ id: String, in store: any Store) async throws {
    let settlement = try #require(ledger.settle(EffectID(id), usage: usage()))
    try await store.commit(StoreTransaction(.logged, [.settleHold(settlement.charge)]))
  }

  private func spent(_ ledger: Ledger, _ place: BudgetPlace) -> Spend? {
    ledger.report().lines.first { $0.scope == place.scope.text && $0.window == place.window }?.spent
  }

  private func open(_ places: [BudgetPlace], _ ledger: Ledger, _ store: any Store) async throws {
    let fresh = ledger.uncounted(places)
    ledger.watch(fresh)
    try await ledger.fill(fresh, from: store)
    for place in places {
      let most = NanoUSD(place == day ? 7_000_000 : 100_000_000)
      ledger.set(BudgetOverride(place: place, maxCost: most, at: WallTime(microseconds: 0)), at: place)
    }
  }

  @Test func `counts what was spent in the window, and what is under way`() async throws {
    let (store, clock) = (InMemoryStore(), StillClock())
    let ledger = Ledger(plan(prices: [flatPrice]), clock: clock)
    // Yesterday.
    #expect(ledger.admit(request("old")).hold != nil)
    try await settle(ledger, "old", in: store)
    clock.go(86_400)
    #expect(ledger.admit(request("early")).hold != nil)
    try await settle(ledger, "early", in: store)
    #expect(ledger.admit(request("open")).hold != nil)
    #expect(ledger.uncounted([day, all, BudgetPlace(.agent(writer), .lifetime)]).count == 2)
    try await open([day, all], ledger, store)
    #expect(spent(ledger, day)?.cost == NanoUSD(2_000_000))
    // The day before is of the same week.
    #expect(spent(ledger, all)?.cost == NanoUSD(4_000_000))
    #expect(ledger.uncounted([day, all]).isEmpty)
    try await settle(ledger, "open", in: store)
    #expect(spent(ledger, day)?.cost == NanoUSD(4_000_000))
    #expect(ledger.admit(request("last")).hold != nil)
    #expect(ledger.admit(request("beyond")).refusal?.code == nil, "it waits for what may come back")
    try await settle(ledger, "last", in: store)
    #expect(ledger.admit(request("no")).refusal?.code == .tooBig)
    let stored = try await store.counters().first { $0.key.window == "day" }
    #expect(stored?.spent.cost == NanoUSD(6_000_000))
  }

  @Test func `counts nothing twice when it is cleared and set again`() async throws {
    let (store, clock) = (InMemoryStore(), StillClock())
    let ledger = Ledger(plan(prices: [flatPrice]), clock: clock)
    #expect(ledger.admit(request("a")).hold != nil)
    try await settle(ledger, "a", in: store)
    for _ in 0..<3 {
      try await open([day], ledger, store)
      #expect(spent(ledger, day)?.cost == NanoUSD(2_000_000))
      ledger.set(nil, at: day)
    }
    #expect(ledger.admit(request("b")).hold != nil)
    try await settle(ledger, "b", in: store)
    try await open([day], ledger, store)
    #expect(spent(ledger, day)?.cost == NanoUSD(4_000_000))
  }

  @Test func `that was written down while no node ran counts when one comes up`() async throws {
    let (store, clock) = (InMemoryStore(), StillClock())
    let ledger = Ledger(plan(prices: [flatPrice]), clock: clock, boot: "boot_a")
    #expect(ledger.admit(request("a")).hold != nil)
    try await settle(ledger, "a", in: store)
    let limit = BudgetSpec(scope: .global, window: .day, maxCost: NanoUSD(3_000_000))
    let next = Ledger(plan([limit], prices: [flatPrice]), clock: clock, boot: "boot_b")
    try await next.restore(
      from: store, kernelBoot: "k", identifiers: IdentifierSource(clock: clock, random: clock))
    #expect(next.admit(request("b")).refusal?.code == .tooBig)
  }

  private func start(_ boot: String, _ budgets: [BudgetSpec], _ store: any Store, _ clock: StillClock) async throws
    -> Ledger
  {
    let ledger = Ledger(plan(budgets, prices: [flatPrice]), clock: clock, boot: boot)
    try await ledger.restore(
      from: store, kernelBoot: "k", identifiers: IdentifierSource(clock: clock, random: clock))
    try await store.commit(
      StoreTransaction(
        .synced,
        [
          .insertBoot(
            BootRow(id: BootID(boot), pid: 1, startedAt: clock.wallNow(), kernelBoot: "k", version: "0"))
        ]))
    return ledger
  }

  @Test func `counts also if the limit was there in an earlier window`() async throws {
    let (store, clock) = (InMemoryStore(), StillClock())
    let limit = BudgetSpec(scope: .global, window: .day, maxCost: NanoUSD(3_000_000))
    let first = try await start("boot_a", [limit], store, clock)
    #expect(first.admit(request("a")).hold != nil)
    try await settle(first, "a", in: store)
    clock.go(86_400)
    let without = try await start("boot_b", [], store, clock)
    #expect(without.admit(request("b")).hold != nil)
    try await settle(without, "b", in: store)
    let again = try await start("boot_c", [limit], store, clock)
    #expect(again.admit(request("c")).refusal?.code == .tooBig)
  }

  @Test func `counts a call in the window of its admission alone`() async throws {
    let (store, clock) = (InMemoryStore(), StillClock())
    let limit = BudgetSpec(scope: .global, window: .day, maxCost: NanoUSD(3_000_000))
    let first = try await start("boot_a", [limit], store, clock)
    clock.go(86_390)
    #expect(first.admit(request("a")).hold != nil)
    clock.go(20)
    try await settle(first, "a", in: store)
    let next = try await start("boot_b", [limit], store, clock)
    #expect(next.admit(request("b")).hold != nil)
  }

  @Test func `of a supervisor that is new counts what its agents have spent, and what they have under way`()
    async throws
  {
    let (store, clock) = (InMemoryStore(), StillClock())
    let ledger = Ledger(plan(prices: [flatPrice]), clock: clock)
    #expect(ledger.admit(request("a")).hold != nil)
    try await settle(ledger, "a", in: store)
    #expect(ledger.admit(request("open")).hold != nil)
    let team = SupervisorName("team")
    let limit = BudgetSpec(scope: .supervisor(team), window: .day, maxCost: NanoUSD(5_000_000))
    var changed = plan([limit], prices: [flatPrice], supervisor: team)
    changed.supervisors = [SupervisorSpec(name: team, children: [.agent(writer)])]
    let fresh = ledger.uncounted([BudgetPlace(limit.scope, limit.window)])
    ledger.watch(fresh, under: changed)
    try await ledger.fill(fresh, from: store)
    ledger.reconfigure(changed)
    #expect(spent(ledger, fresh[0])?.cost == NanoUSD(2_000_000))
    try await settle(ledger, "open", in: store)
    #expect(spent(ledger, fresh[0])?.cost == NanoUSD(4_000_000))
    #expect(ledger.admit(request("b")).refusal?.code == .tooBig)
  }

  @Test func `is filled when it is set again after that failed`() async throws {
    let (store, clock) = (InMemoryStore(), StillClock())
    let ledger = Ledger(plan(prices: [flatPrice]), clock: clock)
    #expect(ledger.admit(request("a")).hold != nil)
    try await settle(ledger, "a", in: store)
    // The store failed behind this.
    ledger.watch(ledger.uncounted([day]))
    try await open([day], ledger, store)
    #expect(spent(ledger, day)?.cost == NanoUSD(2_000_000))
  }

  private let run = RunID("run_1")

  /// Begins a run of an agent, or one that another run has called or begun.
  private func begin(
    _ run: RunID, of agent: String = "writer", below parent: RunID? = nil, key: String? = nil,
    _ status: RunStatus = .running, in store: any Store
  ) async throws {
    let record = RunRecord(
      id: run, kind: .agent, name: agent, definition: DefinitionHash("d"), input: nil, idempotencyKey: key,
      createdAt: WallTime(microseconds: 0), fence: FencingToken(1), head: .none,
      summary: RunSummary(status: status, updatedAt: WallTime(microseconds: 0)), parent: parent)
    try await store.commit(StoreTransaction(.synced, [.insertRun(record)]))
  }

  @Test func `for each run counts what the runs have spent that it has called`() async throws {
    let (store, clock) = (InMemoryStore(), StillClock())
    try await begin(run, in: store)
    let (called, below, step) = (RunID("run_2"), RunID("run_3"), RunID("run_4"))
    try await begin(called, of: "helper", below: run, key: "run_1/.call/helper/1", .completed, in: store)
    try await begin(below, of: "other", below: called, key: "run_2/only", .completed, in: store)
    // Whatever a step began is not its agent's.
    try await begin(step, of: "helper", below: run, key: "run_1/sub", .completed, in: store)
    for (index, (run, agent)) in [(called, "helper"), (below, "other"), (step, "helper")].enumerated() {
      let charge = ChargeRow(
        id: EffectID("eff_\(index)"), agent: AgentName(agent), run: run, model: "m", basis: .usage, inputTokens: .zero,
        outputTokens: .zero, cachedTokens: .zero, spend: Spend(cost: NanoUSD(1_000_000), requests: 1),
        counters: [CounterKey(scope: "agent:\(agent)", window: "lifetime", index: 0)], at: clock.wallNow())
      try await store.commit(StoreTransaction(.synced, [.settleHold(charge)]))
    }
    let limit = BudgetSpec(scope: .agent(writer), window: .run, maxCost: NanoUSD(3_500_000))
    let ledger = try await start("boot_a", [limit], store, clock)
    let counter = try await store.counters().first { $0.key.window == "run" && $0.key.scope.contains("run_1/") }
    #expect(counter?.spent.cost == NanoUSD(2_000_000))
    #expect(ledger.admit(request("b", run: run)).refusal?.code == .tooBig)
  }

  @Test func `for each run counts what runs have spent that were under way while no node ran`() async throws {
    let (store, clock) = (InMemoryStore(), StillClock())
    try await begin(run, in: store)
    let first = try await start("boot_a", [], store, clock)
    #expect(first.admit(request("a", run: run)).hold != nil)
    try await settle(first, "a", in: store)
    let limit = BudgetSpec(scope: .agent(writer), window: .run, maxCost: NanoUSD(3_000_000))
    for boot in ["boot_b", "boot_c"] {
      let next = try await start(boot, [limit], store, clock)
      #expect(next.admit(request("b", run: run)).refusal?.code == .tooBig)
      #expect(next.admit(request("c", run: RunID("run_2"))).hold != nil)
    }
    // Once, however often a node comes up.
    #expect(try await store.counters().first { $0.key.window == "run" }?.spent.cost == NanoUSD(2_000_000))
  }

  @Test func `for each run counts what was spent while the limit was gone`() async throws {
    let (store, clock) = (InMemoryStore(), StillClock())
    try await begin(run, in: store)
    let limit = BudgetSpec(scope: .agent(writer), window: .run, maxCost: NanoUSD(5_000_000))
    for (boot, limits) in [("boot_a", [limit]), ("boot_b", []), ("boot_c", [limit])] {
      let ledger = try await start(boot, limits, store, clock)
      guard boot != "boot_c" else {
        #expect(ledger.admit(request(boot, run: run)).refusal?.code == .tooBig)
        break
      }
      #expect(ledger.admit(request(boot, run: run)).hold != nil)
      try await settle(ledger, boot, in: store)
    }
    #expect(try await store.counters().first { $0.key.window == "run" }?.spent.cost == NanoUSD(4_000_000))
  }

  @Test func `for each run counts what runs under way have spent`() async throws {
    let (store, clock) = (InMemoryStore(), StillClock())
    try await begin(run, in: store)
    let ledger = Ledger(plan(prices: [flatPrice]), clock: clock)
    #expect(ledger.admit(request("a", run: run)).hold != nil)
    try await settle(ledger, "a", in: store)
    let place = BudgetPlace(.agent(writer), .run)
    let fresh = ledger.uncounted([place])
    ledger.watch(fresh)
    try await ledger.fill(fresh, from: store)
    ledger.set(BudgetOverride(place: place, maxCost: NanoUSD(3_000_000), at: WallTime(microseconds: 0)), at: place)
    #expect(ledger.admit(request("b", run: run)).refusal?.code == .tooBig)
    #expect(ledger.admit(request("c", run: RunID("run_2"))).hold != nil)
  }

  @Test func `and what a charge was reckoned by is on record`() throws {
    let table = PriceSpec(
      model: "upstream/scripted", input: PicoUSDPerToken(2_500_000), output: PicoUSDPerToken(10_000_000))
    let ledger = Ledger(plan(prices: [table]), clock: StillClock())
    #expect(ledger.admit(request("own")).hold != nil)
    #expect(ledger.admit(request("listed", provider: "openai", model: "gpt-4o")).hold != nil)
    #expect(ledger.admit(request("lost", provider: "openai", model: "gpt-4o")).hold != nil)
    #expect(ledger.admit(request("free", provider: "local", model: "extractive")).hold != nil)
    let own = try #require(ledger.settle(EffectID("own"), usage: usage())?.charge.price)
    #expect(own == ChargePrice(source: "cost.models", rates: "2.5 10"))
    var used = usage()
    used.options = [ServiceOption(.tier, "priority")]
    used.hosted = [.webSearch: 2]
    let listed = try #require(ledger.settle(EffectID("listed"), usage: used)?.charge.price)
    #expect(listed.source == "built-in \(PriceRows.asOf)")
    #expect(listed.rates == "2.5 10 read=1.25 service=250% webSearch=2x$0.01", "\(listed.rates)")
    #expect(ledger.settleAtHold(EffectID("lost"))?.charge.price?.rates == "2.5 10 read=1.25")
    #expect(ledger.settle(EffectID("free"), usage: usage())?.charge.price?.source == "free")
  }
}
