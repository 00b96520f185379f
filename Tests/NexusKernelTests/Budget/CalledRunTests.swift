// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

/// Budgets of each run, and the runs that a run has called.
@Suite struct `A called run` {
  private static let caller = RunID("run_1")
  private static let called = RunID("run_2")

  /// A call of bob's, in a run that alice's has called.
  private func below(
    _ id: String, _ bound: RequestBound, run: RunID = called, payers: [(AgentName, RunID)] = [(alice, caller)]
  ) -> BudgetRequest {
    var request = call(id, bound, agent: bob, run: run)
    request.subject.payers = payers.map { BudgetPayer(agent: $0.0, supervisors: [.root], run: $0.1) }
    return request
  }

  @Test func `counts in the budget of its caller's run, and never takes it above its limit`() {
    var machine = BudgetMachine(rules: [rule(.agent(alice), .run, cost: 100)])
    #expect(machine.admit(call("own", flat(60), run: Self.caller), at: reading()).grant != nil)
    _ = machine.finish("own", cost(60))
    let block = machine.admit(below("big", flat(41)), at: reading()).refusal
    #expect(block?.scope == .agent(alice) && block?.window == .run)
    #expect(block?.key.scope == "run:run_1/agent:alice")
    #expect(machine.admit(below("fits", flat(40)), at: reading()).grant != nil)
    _ = machine.finish("fits", cost(40))
    #expect(machine.admit(call("more", flat(1), run: Self.caller), at: reading()).refusal?.reason == .exhausted)
    #expect(machine.view("run:run_1/agent:alice", .run)?.spent.cost == NanoUSD(100))
    // It is bob's by himself, and another run of alice's has its own.
    #expect(machine.view("agent:bob")?.spent.cost == NanoUSD(40))
    #expect(machine.view("agent:alice")?.spent.cost == NanoUSD(60))
    #expect(machine.admit(call("other", flat(100), run: RunID("run_9")), at: reading()).grant != nil)
  }

  @Test func `has the budgets of its own run beside those of all runs above it`() {
    let rules = [rule(.global, .run, cost: 100), rule(.agent(bob), .run, cost: 30)]
    var machine = BudgetMachine(rules: rules)
    #expect(machine.admit(below("a", flat(31)), at: reading()).refusal?.scope == .agent(bob))
    let deep = [(bob, Self.called), (alice, Self.caller)]
    #expect(machine.admit(below("b", flat(30), run: RunID("run_3"), payers: deep), at: reading()).grant != nil)
    for run in ["run_1", "run_2", "run_3"] {
      #expect(machine.view("run:\(run)/global", .run)?.held.cost == NanoUSD(30), "\(run)")
    }
    for run in ["run_2", "run_3"] { #expect(machine.view("run:\(run)/agent:bob", .run)?.held.cost == NanoUSD(30)) }
    // What the run above it has called before leaves it nothing.
    #expect(machine.admit(below("c", flat(1)), at: reading()).refusal == nil, "the hold may come back: it waits")
    _ = machine.abandon(EffectID("c"))
    _ = machine.finish("b", cost(30))
    #expect(machine.admit(below("d", flat(1)), at: reading()).refusal?.key.scope == "run:run_2/agent:bob")
  }

  @Test func `is as bounded as its caller, so that what has no bound is refused`() {
    var machine = BudgetMachine(rules: [rule(.agent(alice), .run, cost: 100)])
    #expect(machine.hardLimit(of: below("a", flat(1)).subject).cost == NanoUSD(100))
    #expect(machine.hardLimit(of: below("a", flat(1), payers: []).subject).isNone)
  }

  @Test func `counts in no other budget of its caller`() {
    var machine = BudgetMachine(rules: [rule(.agent(alice), .day, cost: 10), rule(.global, .day, cost: 100)])
    #expect(machine.admit(below("a", flat(50)), at: reading()).grant != nil)
    #expect(machine.view("agent:alice", .day) == nil)
    #expect(machine.view("global", .day)?.held.cost == NanoUSD(50))
  }
}
