// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

@Suite struct RestoreTests {
  static let lifetime = CounterKey(scope: "agent:alice", window: "lifetime", index: 0)

  @Test func `after kill -9 counters are exact and open holds count in full`() {
    var machine = BudgetMachine(rules: [rule(cost: 100)])
    let burned = machine.restore(
      counters: [StoredCounter(key: Self.lifetime, spent: cost(30), mark: cost(80))],
      openHolds: [StoredHold(id: EffectID("old"), bound: cost(20), counters: [Self.lifetime])], sameKernelBoot: true)
    #expect(burned.isEmpty)
    #expect(machine.view("agent:alice")?.spent.cost == NanoUSD(50))
    #expect(machine.view("agent:alice")?.held == .zero)
    #expect(machine.admit(call("1", flat(51)), at: reading()).refusal?.reason == .tooBig)
    #expect(machine.admit(call("2", flat(50)), at: reading()).grant != nil)
  }

  @Test func `after a power loss a counter goes on from its mark`() {
    var machine = BudgetMachine(rules: [rule(cost: 100)])
    let burned = machine.restore(
      counters: [StoredCounter(key: Self.lifetime, spent: cost(30, tokens: 7), mark: Spend(cost: NanoUSD(80)))],
      openHolds: [StoredHold(id: EffectID("old"), bound: cost(20), counters: [Self.lifetime])], sameKernelBoot: false)
    #expect(burned.map(\.key) == [Self.lifetime])
    #expect(burned.map(\.amount) == [Spend(cost: NanoUSD(30))])
    #expect(machine.view("agent:alice")?.spent.cost == NanoUSD(80))
    #expect(machine.view("agent:alice")?.spent.tokens == TokenCount(8))
  }

  @Test func `a hold whose counter was never written is counted all the same`() {
    var machine = BudgetMachine(rules: [rule(cost: 100)])
    _ = machine.restore(
      counters: [],
      openHolds: [
        StoredHold(id: EffectID("a"), bound: cost(20), counters: [Self.lifetime]),
        StoredHold(id: EffectID("b"), bound: cost(3), counters: [Self.lifetime]),
      ], sameKernelBoot: true)
    #expect(machine.view("agent:alice")?.spent.cost == NanoUSD(23))
  }

  @Test func `windows do not go back over a restart, and old ones burn nothing`() {
    let old = CounterKey(scope: "agent:alice", window: "day", index: 20_779)
    let ahead = CounterKey(scope: "agent:alice", window: "day", index: 20_790)
    let held = CounterKey(scope: "agent:alice", window: "hour", index: 600_000)
    var machine = BudgetMachine(rules: [rule(.agent(alice), .day, cost: 100), rule(.agent(alice), .hour, cost: 100)])
    let burned = machine.restore(
      counters: [
        StoredCounter(key: old, spent: cost(1), mark: cost(90)),
        StoredCounter(key: ahead, spent: cost(60), mark: cost(60)),
      ],
      openHolds: [StoredHold(id: EffectID("x"), bound: cost(70), counters: [held])], sameKernelBoot: false)
    #expect(burned.isEmpty)
    #expect(machine.views().map(\.key) == [ahead, held])
    #expect(machine.admit(call("1", flat(41)), at: reading()).refusal?.key == ahead)
    #expect(machine.admit(call("2", flat(31)), at: reading()).refusal?.key == held)
  }

  @Test func `a counter of one run is found again, and one of an unknown window is left alone`() {
    let run = CounterKey(scope: "run:run_a/agent:alice", window: "run", index: 0)
    let odd = CounterKey(scope: "agent:alice", window: "fortnight", index: 3)
    var machine = BudgetMachine(rules: [rule(.agent(alice), .run, cost: 10)])
    _ = machine.restore(
      counters: [
        StoredCounter(key: run, spent: cost(4), mark: .zero), StoredCounter(key: odd, spent: cost(4), mark: cost(9)),
      ],
      openHolds: [StoredHold(id: EffectID("x"), bound: cost(5), counters: [odd, run])], sameKernelBoot: true)
    #expect(machine.views().map(\.key) == [run])
    let request = call("1", flat(2), run: RunID("run_a"))
    #expect(machine.admit(request, at: reading()).refusal?.spent.cost == NanoUSD(9))
  }

  @Test func `a threshold passed before the restart is not reported again`() {
    var machine = BudgetMachine(rules: [rule(cost: 100, alertAt: [50, 80])])
    _ = machine.restore(
      counters: [StoredCounter(key: Self.lifetime, spent: cost(60), mark: .zero)], openHolds: [], sameKernelBoot: true)
    _ = machine.admit(call("1", flat(30)), at: reading())
    #expect(machine.settle(EffectID("1"), actual: cost(30))?.alerts.map(\.percent) == [80])
  }

  @Test func `what was marked durable needs no new mark`() {
    var machine = BudgetMachine(rules: [rule(cost: 1000)])
    _ = machine.restore(
      counters: [StoredCounter(key: Self.lifetime, spent: cost(30), mark: cost(80))], openHolds: [],
      sameKernelBoot: true)
    #expect(machine.admit(call("1", flat(50)), at: reading()).grant?.marks == [])
    #expect(machine.admit(call("2", flat(1)), at: reading()).grant?.marks.map(\.mark.cost) == [NanoUSD(100)])
  }
}

@Suite struct EscrowTests {
  private func marks(_ decision: BudgetDecision) -> [Int64] { decision.grant?.marks.map(\.mark.cost.value) ?? [-1] }

  @Test func `a mark is raised by a fiftieth of the limit, never beyond the limit, and once for many calls`() {
    var machine = BudgetMachine(rules: [rule(cost: 1000)])
    let first = machine.admit(call("1", flat(1)), at: reading())
    #expect(marks(first) == [20])
    machine.resolve(first.grant?.marks ?? [], committed: true)
    #expect(marks(machine.admit(call("2", flat(19)), at: reading())) == [])
    #expect(marks(machine.admit(call("3", flat(973)), at: reading())) == [1000])
  }

  @Test func `until a mark is known to be durable, everyone who needs it commits it too`() {
    var machine = BudgetMachine(rules: [rule(cost: 1000)])
    let first = machine.admit(call("1", flat(1)), at: reading())
    let second = machine.admit(call("2", flat(1)), at: reading())
    #expect(marks(second) == [20])
    machine.resolve(first.grant?.marks ?? [], committed: true)
    // The second commit may still land, but it says the same.
    #expect(marks(machine.admit(call("3", flat(1)), at: reading())) == [])
  }

  @Test func `when two marks land in any order only the lower counts`() {
    var machine = BudgetMachine(rules: [rule(cost: 1000)])
    let low = machine.admit(call("1", flat(1)), at: reading())
    let high = machine.admit(call("2", flat(100)), at: reading())
    #expect(marks(low) == [20] && marks(high) == [120])
    machine.resolve(high.grant?.marks ?? [], committed: true)
    let third = machine.admit(call("3", flat(1)), at: reading())
    #expect(marks(third) == [120])
    machine.resolve(third.grant?.marks ?? [], committed: true)
    machine.resolve(low.grant?.marks ?? [], committed: true)
    // The low one may have been the last to land.
    #expect(marks(machine.admit(call("4", flat(1)), at: reading())) == [120])
  }

  @Test func `a mark whose commit failed covers nothing`() {
    var machine = BudgetMachine(rules: [rule(cost: 1000)])
    let first = machine.admit(call("1", flat(1)), at: reading())
    machine.resolve(first.grant?.marks ?? [], committed: false)
    _ = machine.finish("1", .zero)
    #expect(marks(machine.admit(call("2", flat(1)), at: reading())) == [20])
  }

  @Test func `a mark comes down after two chunks, with the charge, and is no longer relied on from then`() {
    var machine = BudgetMachine(rules: [rule(cost: 1000)])
    let first = machine.admit(call("1", flat(100)), at: reading())
    machine.resolve(first.grant?.marks ?? [], committed: true)
    let ended = machine.settle(EffectID("1"), actual: cost(50))
    #expect(ended?.marks.map(\.mark.cost) == [NanoUSD(60)])
    #expect(marks(machine.admit(call("2", flat(20)), at: reading())) == [80])
    var other = BudgetMachine(rules: [rule(cost: 1000)])
    let same = other.admit(call("1", flat(100)), at: reading())
    other.resolve(same.grant?.marks ?? [], committed: true)
    #expect(other.settle(EffectID("1"), actual: cost(60))?.marks == [])
  }

  @Test func `a call beyond its hold raises the mark with its charge`() {
    var machine = BudgetMachine(rules: [rule(cost: 1000)])
    let first = machine.admit(call("1", flat(20)), at: reading())
    machine.resolve(first.grant?.marks ?? [], committed: true)
    #expect(machine.settle(EffectID("1"), actual: cost(2000))?.marks.map(\.mark.cost) == [NanoUSD(2000)])
  }

  @Test(arguments: [rule(tokens: 100), rule(requests: 100)])
  func `tokens and requests have their marks too, up and down`(rule: BudgetRule) {
    var machine = BudgetMachine(rules: [rule])
    var seen: [Int64] = []
    func note(_ marks: [BudgetMark]) {
      machine.resolve(marks, committed: true)
      seen += marks.map { max($0.mark.tokens.value, $0.mark.requests) }
    }
    for number in 1...6 { note(machine.admit(call("\(number)", flat(5)), at: reading()).grant?.marks ?? []) }
    for number in 1...6 { note(machine.settle(EffectID("\(number)"), actual: .zero)?.marks ?? []) }
    #expect(seen == [2, 4, 6, 2])
  }

  @Test func `only limited axes carry marks`() {
    var machine = BudgetMachine(rules: [rule(tokens: 100), rule(.global, .day, cost: 5, .alert)])
    let grant = machine.admit(call("1", flat(7, tokens: 3)), at: reading()).grant
    #expect(grant?.marks.map(\.mark) == [Spend(tokens: TokenCount(4))])
  }

  @Test func `durable holds raise no marks, and a power loss burns nothing beside open calls`() {
    var machine = BudgetMachine(rules: [rule(cost: 1000)], durability: .durable)
    let grants = (1...3).map { machine.admit(call("\($0)", flat(300)), at: reading()).grant }
    #expect(grants.allSatisfy { $0?.marks == [] })
    #expect(machine.settle(EffectID("1"), actual: cost(900))?.marks == [])
    let key = CounterKey(scope: "agent:alice", window: "lifetime", index: 0)
    var second = BudgetMachine(rules: [rule(cost: 1000)], durability: .durable)
    let burned = second.restore(
      counters: [StoredCounter(key: key, spent: cost(50), mark: .zero)],
      openHolds: [StoredHold(id: EffectID("2"), bound: cost(300), counters: [key])], sameKernelBoot: false)
    #expect(burned.isEmpty)
    #expect(second.view("agent:alice")?.spent.cost == NanoUSD(350))
    // Back to escrow: what was admitted before is covered by the mark of the next call.
    second.durability = .escrow
    #expect(second.admit(call("4", flat(10)), at: reading()).grant?.marks.first?.mark.cost == NanoUSD(360))
  }
}
