// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

@Suite struct `A reserve for compensations` {
  private let run = RunID("run_1")

  private func subject(_ agent: AgentName = alice, run: RunID = RunID("run_1")) -> BudgetSubject {
    BudgetSubject(agent: agent, supervisors: [.root], run: run, isCompensating: true)
  }

  private func undo(_ id: String, _ bound: RequestBound, run: RunID = RunID("run_1")) -> BudgetRequest {
    BudgetRequest(id: EffectID(id), subject: subject(run: run), bound: bound)
  }

  private func reserve(_ cost: Int64, headroom: Bool = false) -> CompensationReserve {
    CompensationReserve(agent: alice, amount: Spend(cost: NanoUSD(cost)), usesHeadroom: headroom)
  }

  private func keep(
    _ machine: inout BudgetMachine, _ cost: Int64, headroom: Bool = false, isForced: Bool = false, at seconds: Int64 = 0
  ) -> BudgetBlock? {
    machine.keep(reserve(cost, headroom: headroom), of: subject(), isForced: isForced, at: reading(seconds))
  }

  @Test func `is there for the compensation when everything else is spent, and ordinary calls cannot have it`() {
    var machine = BudgetMachine(rules: [rule(cost: 100)])
    #expect(keep(&machine, 30) == nil)
    #expect(machine.admit(call("big", flat(71)), at: reading()).refusal?.reason == .tooBig)
    #expect(machine.admit(call("fits", flat(70)), at: reading()).grant != nil)
    _ = machine.finish("fits", cost(70))
    let block = machine.admit(call("more", flat(1)), at: reading()).refusal
    #expect(block?.reason == .exhausted)
    #expect(block?.kept.cost == NanoUSD(30))
    #expect(machine.admit(undo("undo", flat(30)), at: reading()).grant != nil)
    _ = machine.finish("undo", cost(30))
    // The limit itself binds compensations, too.
    #expect(machine.admit(undo("again", flat(1)), at: reading()).refusal?.reason == .exhausted)
    #expect(machine.view("agent:alice")?.spent.cost == NanoUSD(100))
  }

  @Test func `gets back what its calls did not use, and nothing after it is released`() {
    var machine = BudgetMachine(rules: [rule(cost: 100)])
    #expect(keep(&machine, 40) == nil)
    #expect(machine.admit(undo("undo", flat(40)), at: reading()).grant != nil)
    #expect(machine.view("agent:alice")?.kept == .zero)
    #expect(machine.admit(call("other", flat(61)), at: reading()).refusal == nil, "it may come free: the call waits")
    _ = machine.abandon(EffectID("other"))
    _ = machine.finish("undo", cost(10))
    #expect(machine.view("agent:alice")?.kept.cost == NanoUSD(30))
    machine.releaseReserve(of: run)
    #expect(machine.view("agent:alice")?.kept == .zero)
    #expect(machine.admit(call("all", flat(90)), at: reading()).grant != nil)
  }

  @Test func `is on the next node what compensations have not drawn before`() {
    var machine = BudgetMachine(rules: [rule(cost: 100)])
    var again = reserve(64)
    again.drawn = Spend(cost: NanoUSD(36))
    #expect(machine.keep(again, of: subject(), isForced: true, at: reading()) == nil)
    #expect(machine.reserveLeft(of: subject())?.cost == NanoUSD(28))
    #expect(machine.admit(call("other", flat(72)), at: reading()).grant != nil)
    _ = machine.finish("other", cost(72))
    #expect(machine.admit(undo("undo", flat(28)), at: reading()).grant != nil)
    // Asked for again with more, it grows by the difference.
    var more = reserve(70)
    more.drawn = again.drawn
    _ = machine.keep(more, of: subject(), isForced: true, at: reading())
    #expect(machine.reserveLeft(of: subject())?.cost == NanoUSD(6))
  }

  @Test func `takes more than was kept from what is left, and never more than the limit`() {
    var machine = BudgetMachine(rules: [rule(cost: 100)])
    #expect(keep(&machine, 20) == nil)
    #expect(machine.admit(undo("a", flat(50)), at: reading()).grant != nil)
    #expect(machine.admit(undo("b", flat(51)), at: reading()).grant == nil)
    #expect(machine.view("agent:alice")?.kept == .zero)
  }

  @Test func `is refused where there is no room for it, as busy while calls are under way`() {
    var machine = BudgetMachine(rules: [rule(cost: 100)])
    #expect(machine.admit(call("a", flat(80)), at: reading()).grant != nil)
    #expect(keep(&machine, 30)?.reason == .busy)
    _ = machine.finish("a", cost(80))
    #expect(keep(&machine, 30)?.reason == .exhausted)
    #expect(keep(&machine, 20) == nil)
    #expect(keep(&machine, 20) == nil, "asked again it changes nothing")
    #expect(keep(&machine, 21)?.reason == .exhausted)
    #expect(machine.view("agent:alice")?.kept.cost == NanoUSD(20))
    #expect(keep(&machine, 50, isForced: true) == nil, "what was kept before the restart is kept again")
    #expect(machine.admit(undo("undo", flat(21)), at: reading()).grant == nil, "and still nothing beyond the limit")
  }

  @Test func `is no room for a call that asks whether it fits`() {
    var machine = BudgetMachine(rules: [rule(cost: 100)])
    #expect(keep(&machine, 30) == nil)
    #expect(machine.fits(call("fits", flat(70)), at: reading()) == true)
    #expect(machine.fits(call("big", flat(71)), at: reading()) == false)
    #expect(machine.fits(undo("undo", flat(100)), at: reading()) == true)
    machine.releaseReserve(of: run)
    #expect(machine.fits(call("big", flat(100)), at: reading()) == true)
  }

  @Test func `of one run is nothing for another one`() {
    var machine = BudgetMachine(rules: [rule(cost: 100)])
    #expect(keep(&machine, 60) == nil)
    #expect(machine.admit(undo("other", flat(41), run: RunID("run_2")), at: reading()).refusal != nil)
    #expect(machine.admit(undo("other2", flat(40), run: RunID("run_2")), at: reading()).grant != nil)
    #expect(machine.admit(undo("own", flat(60)), at: reading()).grant != nil)
  }

  @Test func `follows into the next window`() {
    var machine = BudgetMachine(rules: [rule(.global, .day, cost: 100)])
    #expect(keep(&machine, 30) == nil)
    let tomorrow = reading(86_400)
    #expect(machine.admit(call("a", flat(71), agent: bob), at: tomorrow).refusal != nil)
    #expect(machine.admit(call("b", flat(70), agent: bob), at: tomorrow).grant != nil)
    #expect(machine.admit(undo("undo", flat(30)), at: tomorrow).grant != nil)
  }

  @Test func `passes those who wait, whom it takes nothing from`() {
    var machine = BudgetMachine(rules: [rule(cost: 100)])
    #expect(keep(&machine, 30) == nil)
    #expect(machine.admit(call("a", flat(70)), at: reading()).grant != nil)
    #expect(machine.admit(call("waits", flat(10)), at: reading()) == .queued)
    #expect(machine.admit(undo("undo", flat(30)), at: reading()).grant != nil)
  }

  @Test func `that nobody stated is a tenth of each limit, for compensations alone`() {
    var machine = BudgetMachine(rules: [rule(cost: 100)])
    #expect(keep(&machine, 0, headroom: true) == nil)
    #expect(machine.admit(call("a", flat(91)), at: reading()).refusal != nil)
    #expect(machine.admit(call("b", flat(90)), at: reading()).grant != nil)
    #expect(machine.admit(undo("undo", flat(10)), at: reading()).grant != nil)
    _ = machine.finish("b", cost(0))
    machine.releaseReserve(of: run)
    #expect(machine.admit(call("c", flat(90)), at: reading()).grant != nil)
  }

  @Test func `moves with the limits when they change`() {
    var machine = BudgetMachine(rules: [rule(cost: 100)])
    #expect(machine.admit(call("first", flat(0)), at: reading()).grant != nil)
    #expect(keep(&machine, 30) == nil)
    machine.setRules([rule(.global, .hour, cost: 50)])
    #expect(machine.view("agent:alice")?.kept.cost == NanoUSD(30))
    #expect(machine.admit(call("a", flat(21), agent: bob), at: reading()).refusal != nil)
    #expect(machine.admit(undo("undo", flat(30)), at: reading()).grant != nil)
  }

  @Test func `is never what a power loss may burn`() throws {
    var machine = BudgetMachine(rules: [rule(cost: 1_000)])
    #expect(keep(&machine, 30) == nil)
    let grant = try #require(machine.admit(call("a", flat(965)), at: reading()).grant)
    let mark = try #require(grant.marks.first)
    #expect(mark.mark.cost <= NanoUSD(970))
  }

  @Test func `is told of each limit, used or not, with the part that is kept for those that do not say`() {
    let rules = [rule(cost: 100), rule(.global, .day, cost: 1_000, tokens: 500), rule(.agent(bob), cost: 7)]
    var machine = BudgetMachine(rules: rules)
    #expect(rules.map { machine.kept(of: $0) } == [.zero, .zero, .zero])
    #expect(keep(&machine, 30) == nil)
    #expect(rules.map { machine.kept(of: $0).cost.value } == [30, 30, 0])
    #expect(keep(&machine, 30, headroom: true) == nil)
    #expect(rules.map { machine.kept(of: $0).cost.value } == [30 + 10, 30 + 100, 0])
    #expect(machine.kept(of: rules[1]).tokens.value == 50)
    // Nothing stands aside in what refuses nobody.
    #expect(machine.kept(of: rule(cost: 100, .alert)) == .zero)
    machine.releaseReserve(of: run)
    #expect(rules.map { machine.kept(of: $0) } == [.zero, .zero, .zero])
  }
}
