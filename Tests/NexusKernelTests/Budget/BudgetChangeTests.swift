// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

/// What people do about budgets while a node runs.
@Suite struct BudgetChangeTests {
  private let ofAlice = BudgetScope.agent(alice)

  private func override(
    _ window: BudgetWindow = .lifetime, cost: Int64? = nil, tokens: Int64? = nil, onLimit: OnLimit? = nil
  ) -> BudgetOverride {
    BudgetOverride(
      place: BudgetPlace(ofAlice, window), maxCost: cost.map { NanoUSD($0) }, maxTokens: tokens.map { TokenCount($0) },
      onLimit: onLimit, at: monday)
  }

  // MARK: Limits

  @Test func `an override replaces the limits of its place on its axes, and nothing else`() {
    let configured = [
      BudgetSpec(scope: ofAlice, maxTokens: TokenCount(7), maxCost: NanoUSD(5), onLimit: .pause, alertAt: [80]),
      BudgetSpec(scope: ofAlice, maxCost: NanoUSD(3)),
      BudgetSpec(scope: ofAlice, window: .day, maxCost: NanoUSD(2)),
      BudgetSpec(scope: .global, maxCost: NanoUSD(9)),
    ]
    let applied = BudgetOverrides([override(cost: 50)]).applied(to: configured)
    #expect(applied.map(\.maxCost) == [NanoUSD(50), NanoUSD(50), NanoUSD(2), NanoUSD(9)])
    #expect(applied[0].maxTokens == TokenCount(7) && applied[0].onLimit == .pause && applied[0].alertAt == [80])
    #expect(BudgetOverrides([]).applied(to: configured) == configured)
  }

  @Test func `an axis without a limit gets one that does what those beside it do`() {
    let configured = [BudgetSpec(scope: ofAlice, maxCost: NanoUSD(5), onLimit: .kill, alertAt: [50])]
    let applied = BudgetOverrides([override(tokens: 10)]).applied(to: configured)
    #expect(applied.count == 2)
    #expect(applied[0] == configured[0])
    #expect(applied[1] == BudgetSpec(scope: ofAlice, maxTokens: TokenCount(10), onLimit: .kill, alertAt: [50]))
    let alone = BudgetOverrides([override(.hour, cost: 1)]).applied(to: [])
    #expect(alone == [BudgetSpec(scope: ofAlice, window: .hour, maxCost: NanoUSD(1))])
  }

  @Test func `requests are an axis like the others`() {
    let place = BudgetPlace(ofAlice, .lifetime)
    let configured = [BudgetSpec(scope: ofAlice, maxCost: NanoUSD(5)), BudgetSpec(scope: ofAlice, maxRequests: 3)]
    let set = BudgetOverride(place: place, maxRequests: 9, at: monday)
    #expect(BudgetOverrides([set]).applied(to: configured).map(\.maxRequests) == [nil, 9])
    #expect(
      BudgetOverrides([set]).applied(to: [configured[0]])
        == [configured[0], BudgetSpec(scope: ofAlice, maxRequests: 9)])
    #expect(override(cost: 1).over(set).maxRequests == 9)
    #expect(!set.isEmpty)
    var machine = BudgetMachine(rules: [BudgetRule(BudgetSpec(scope: ofAlice, maxRequests: 2, alertAt: [50]))])
    #expect(machine.admit(call("1", flat(7)), at: reading()).grant != nil)
    let settled = machine.settle(EffectID("1"), actual: cost(7))
    #expect(settled?.alerts.map(\.percent) == [50])
    #expect(machine.admit(call("2", flat(7)), at: reading()).grant != nil)
    // Both are made: what the one under way comes to gives no call back.
    #expect(machine.admit(call("3", flat(7)), at: reading()) == .queued)
    let woken = machine.finish("2", cost(0))
    #expect(woken.first?.decision.refusal?.reason == .exhausted)
  }

  @Test func `a later override keeps what an earlier one set beside it`() {
    let both = override(cost: 5).over(override(cost: 1, tokens: 2, onLimit: .kill))
    #expect(both.maxCost == NanoUSD(5) && both.maxTokens == TokenCount(2) && both.onLimit == .kill)
    #expect(override(cost: 5).over(override(.day, tokens: 2)).maxTokens == nil)
  }

  @Test func `a scope is read as it is written`() {
    for scope in [BudgetScope.global, ofAlice, .supervisor(SupervisorName("team"))] {
      #expect(BudgetScope(text: scope.text) == scope)
    }
    for text in ["", "agent:", "supervisor:", "alice", "run:1"] { #expect(BudgetScope(text: text) == nil) }
  }

  // MARK: Corrections

  private func machine() -> BudgetMachine {
    var machine = BudgetMachine(rules: [
      rule(cost: 100), rule(ofAlice, .day, cost: 50), rule(ofAlice, .run, cost: 60), rule(.global, .month, cost: 500),
      rule(.supervisor(SupervisorName("team")), cost: 200),
    ])
    let asked = call("1", flat(30), supervisors: [SupervisorName("team")], run: RunID("r"))
    _ = machine.admit(asked, at: reading())
    _ = machine.finish("1", cost(30))
    return machine
  }

  private func keys(_ machine: inout BudgetMachine, _ scope: BudgetScope, _ window: BudgetWindow? = nil) -> [CounterKey]
  {
    machine.counters(
      of: CorrectionTarget(scope: scope, window: window, supervisors: [SupervisorName("team")]), at: reading())
  }

  @Test func `a correction of an agent is booked wherever its calls count, but for single runs`() {
    var machine = machine()
    let all = keys(&machine, ofAlice)
    #expect(
      Set(all.map { "\($0.scope) \($0.window)" }) == [
        "agent:alice lifetime", "agent:alice day", "supervisor:team lifetime", "global month",
      ])
    #expect(keys(&machine, ofAlice, .day).map(\.window) == ["day"])
    #expect(keys(&machine, .global).map(\.window) == ["month"])
    #expect(keys(&machine, .global, .day).isEmpty)
    #expect(keys(&machine, ofAlice, .week).isEmpty)
    _ = machine.correct(all, by: Spend(cost: NanoUSD(5)))
    #expect(machine.view("agent:alice")?.spent.cost == NanoUSD(35))
    #expect(machine.view("global", .month)?.spent.cost == NanoUSD(35))
    #expect(machine.view("run:r/agent:alice", .run)?.spent.cost == NanoUSD(30))
  }

  @Test func `what is booked binds the next call, and what is taken off frees it and wakes who waits`() {
    var machine = machine()
    let lifetime = keys(&machine, ofAlice, .lifetime)
    _ = machine.correct(lifetime, by: Spend(cost: NanoUSD(60)))
    #expect(machine.admit(call("2", flat(11)), at: reading()).refusal?.reason == .tooBig)
    #expect(machine.admit(call("3", flat(10)), at: reading()).grant != nil)
    #expect(machine.admit(call("4", flat(10)), at: reading()) == .queued)
    _ = machine.correct(lifetime, by: Spend(cost: NanoUSD(-50)))
    #expect(machine.wake(at: reading()).map(\.request.id) == [EffectID("4")])
  }

  @Test func `no correction takes a counter below zero, which would make its budget larger`() {
    var machine = machine()
    let all = keys(&machine, ofAlice)
    #expect(machine.shortage(of: Spend(cost: NanoUSD(-30)), on: all) == nil)
    #expect(machine.shortage(of: Spend(cost: NanoUSD(-31)), on: all)?.spent.cost == NanoUSD(30))
    #expect(machine.shortage(of: Spend(cost: NanoUSD(31)), on: all) == nil)
    // The next day has spent nothing yet.
    let tomorrow = machine.counters(
      of: CorrectionTarget(scope: ofAlice, window: .day), at: reading(86_400))
    #expect(machine.shortage(of: Spend(cost: NanoUSD(-1)), on: tomorrow) != nil)
    // A day that is over is the store's alone: nothing is admitted in it any more.
    #expect(machine.shortage(of: Spend(cost: NanoUSD(-99)), on: keys(ofMonday: .day)) == nil)
    _ = machine.correct(keys(ofMonday: .day), by: Spend(cost: NanoUSD(-99)))
    #expect(machine.shortage(of: Spend(cost: NanoUSD(-1)), on: tomorrow) != nil)
  }

  private func keys(ofMonday window: BudgetWindow) -> [CounterKey] {
    [CounterKey(scope: "agent:alice", window: window.rawValue, index: BudgetCalendar.index(of: window, at: monday))]
  }

  @Test func `a correction that passes a threshold alerts, and a lower use lowers the mark`() {
    var machine = BudgetMachine(rules: [rule(cost: 1000, alertAt: [50])])
    let grant = machine.admit(call("1", flat(400)), at: reading()).grant
    machine.resolve(grant?.marks ?? [], committed: true)
    let settled = machine.settle(EffectID("1"), actual: cost(400))
    machine.resolve(settled?.marks ?? [], committed: true)
    let lifetime = keys(&machine, ofAlice, .lifetime)
    #expect(machine.correct(lifetime, by: Spend(cost: NanoUSD(200))).alerts.map(\.percent) == [50])
    let lowered = machine.correct(lifetime, by: Spend(cost: NanoUSD(-500))).marks
    #expect(lowered.map(\.mark.cost) == [NanoUSD(100)])
  }
}
