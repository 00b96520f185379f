// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

@Suite struct AdmissionTests {
  @Test func `a budget of one cent lets exactly five calls of a fifth of a cent through, one after another`() {
    var machine = BudgetMachine(rules: [rule(cost: 10_000_000)])
    for number in 1...5 {
      #expect(machine.admit(call("\(number)", flat(2_000_000)), at: reading()).grant != nil)
      #expect(machine.finish("\(number)", cost(2_000_000)).isEmpty)
    }
    let sixth = machine.admit(call("6", flat(2_000_000)), at: reading()).refusal
    #expect(sixth?.reason == .exhausted)
    #expect(sixth?.key.scope == "agent:alice")
    #expect(sixth?.spent.cost == NanoUSD(10_000_000))
    #expect(machine.view("agent:alice")?.spent == Spend(cost: NanoUSD(10_000_000), tokens: TokenCount(5), requests: 5))
  }

  @Test func `an agent that moves to another supervisor is bound by that one's budget`() {
    let (near, far) = (SupervisorName("near"), SupervisorName("far"))
    var machine = BudgetMachine(rules: [
      rule(.supervisor(near), cost: 5), rule(.supervisor(far), cost: 2), rule(.agent(alice), .run, cost: 9),
    ])
    #expect(machine.admit(call("1", flat(3), supervisors: [near]), at: reading()).grant != nil)
    #expect(machine.admit(call("2", flat(3), supervisors: [far]), at: reading()).refusal?.key.scope == "supervisor:far")
    #expect(machine.hardLimit(of: call("", flat(0), supervisors: [far]).subject).cost == NanoUSD(2))
    let run = machine.admit(call("3", flat(2), supervisors: [far], run: RunID("r")), at: reading()).grant
    #expect(run?.counters.map(\.scope) == ["agent:alice", "run:r/agent:alice", "supervisor:far"])
    machine.setRules([rule(.supervisor(far), cost: 9)])
    #expect(machine.hardLimit(of: call("", flat(0), supervisors: [far]).subject).cost == NanoUSD(9))
  }

  @Test func `fifty clients at once get exactly five calls through and every other one a final answer`() {
    var machine = BudgetMachine(rules: [rule(cost: 10_000_000)])
    var running: [String] = []
    var queued = 0
    for number in 1...50 {
      switch machine.admit(call("\(number)", flat(2_000_000)), at: reading()) {
      case .admitted: running.append("\(number)")
      case .queued: queued += 1
      case .refused(let block): Issue.record("refused early: \(block)")
      }
    }
    #expect(running == ["1", "2", "3", "4", "5"])
    #expect(queued == 45)
    var refused = 0
    for id in running {
      for woken in machine.finish(id, cost(2_000_000)) {
        #expect(woken.decision.refusal?.reason == .exhausted)
        refused += 1
      }
    }
    #expect(refused == 45)
    #expect(machine.waitingCount == 0 && machine.openHolds == 0)
  }

  @Test func `holds larger than what calls come to cost no utilisation, only time`() {
    // Each call may come to 0.3 cents and comes to 0.2; clamping lets the last one fit what is left.
    var machine = BudgetMachine(rules: [rule(cost: 10_000_000)])
    let bound = RequestBound(
      input: .zero, output: TokenCount(600), outputPrice: PicoUSDPerToken(5_000_000), minimumOutput: TokenCount(256))
    var running: [String] = []
    for number in 1...50 {
      if machine.admit(call("\(number)", bound), at: reading()).grant != nil { running.append("\(number)") }
    }
    #expect(running.count == 3)
    var done = 0
    while let id = running.first {
      running.removeFirst()
      done += 1
      for woken in machine.finish(id, cost(2_000_000)) {
        if let grant = woken.decision.grant { running.append(grant.id.text) }
      }
    }
    #expect(done == 5)
    #expect(machine.view("agent:alice")?.spent.cost == NanoUSD(10_000_000))
    #expect(machine.waitingCount == 0)
  }

  @Test func `a request larger than what is left is told so at once, though others are under way`() {
    var machine = BudgetMachine(rules: [rule(cost: 100)])
    _ = machine.admit(call("1", flat(60)), at: reading())
    #expect(machine.admit(call("2", flat(101)), at: reading()).refusal?.reason == .tooBig)
    #expect(machine.admit(call("3", flat(100)), at: reading()) == .queued)
    _ = machine.finish("1", cost(1))
    #expect(machine.admit(call("4", flat(100)), at: reading()).refusal?.reason == .tooBig)
  }

  @Test func `every counter of a call is charged or none`() {
    var machine = BudgetMachine(rules: [
      rule(cost: 100), rule(.supervisor(.root), .day, tokens: 1000), rule(.global, .hour, requests: 1),
    ])
    let grant = machine.admit(call("1", flat(10, tokens: 20)), at: reading()).grant
    #expect(grant?.counters.map(\.scope) == ["agent:alice", "supervisor:root", "global"])
    #expect(machine.admit(call("2", flat(10, tokens: 20)), at: reading()) == .queued)
    for view in machine.views() { #expect(view.held == cost(10, tokens: 20)) }
    let woken = machine.finish("1", cost(7, tokens: 9))
    #expect(woken.first?.decision.refusal?.key.scope == "global")
    for view in machine.views() {
      #expect(view.held == .zero)
      #expect(view.spent == cost(7, tokens: 9))
    }
  }

  @Test(arguments: [
    (rule(cost: 10), flat(4, tokens: 1_000_000)), (rule(tokens: 10), flat(1_000_000, tokens: 4)),
    (rule(requests: 2), flat(1_000_000, tokens: 1_000_000)),
  ])
  func `each axis binds by itself`(rule: BudgetRule, bound: RequestBound) {
    var machine = BudgetMachine(rules: [rule])
    #expect(machine.admit(call("1", bound), at: reading()).grant != nil)
    #expect(machine.admit(call("2", bound), at: reading()).grant != nil)
    #expect(machine.admit(call("3", bound), at: reading()) == .queued)
    _ = machine.settle(EffectID("1"), actual: cost(5, tokens: 5))
    #expect(machine.finish("2", cost(5, tokens: 5)).first?.decision.refusal?.reason == .exhausted)
  }

  @Test func `a call that costs nothing passes a budget of dollars that is used up`() {
    var machine = BudgetMachine(rules: [rule(cost: 10)])
    _ = machine.admit(call("1", flat(10)), at: reading())
    _ = machine.finish("1", cost(25))
    #expect(machine.admit(call("2", flat(0)), at: reading()).grant != nil)
    #expect(machine.admit(call("3", flat(1)), at: reading()).refusal?.reason == .exhausted)
  }

  @Test func `two budgets of one agent and window both bind, each with its own action`() {
    var machine = BudgetMachine(rules: [rule(cost: 100, .pause), rule(cost: 50, .kill)])
    #expect(machine.admit(call("1", flat(60)), at: reading()).refusal?.action == .kill)
    #expect(machine.admit(call("2", flat(160)), at: reading()).refusal?.action == .pause)
    _ = machine.admit(call("3", flat(40)), at: reading())
    _ = machine.finish("3", cost(50))
    #expect(machine.admit(call("4", flat(1)), at: reading()).refusal?.limit.cost == NanoUSD(50))
  }

  @Test func `a soft budget admits everything and still counts`() {
    var machine = BudgetMachine(rules: [rule(cost: 10, .alert)])
    for number in 1...3 { #expect(machine.admit(call("\(number)", flat(100)), at: reading()).grant != nil) }
    #expect(machine.view("agent:alice")?.held.cost == NanoUSD(300))
  }

  @Test func `without any budget an agent's tokens and cost are counted`() {
    var machine = BudgetMachine(rules: [])
    #expect(machine.admit(call("1", flat(5, tokens: 9)), at: reading()).grant?.marks == [])
    _ = machine.finish("1", cost(4, tokens: 8))
    #expect(machine.view("agent:alice")?.spent == cost(4, tokens: 8))
  }

  @Test func `a run's budget is its own, and calls outside all runs share one`() {
    var machine = BudgetMachine(rules: [rule(.agent(alice), .run, cost: 10)])
    let grant = machine.admit(call("1", flat(10), run: RunID("run_a")), at: reading()).grant
    #expect(grant?.counters.contains { $0.scope == "run:run_a/agent:alice" && $0.window == "run" } == true)
    #expect(machine.admit(call("2", flat(10), run: RunID("run_b")), at: reading()).grant != nil)
    #expect(machine.admit(call("3", flat(10), run: RunID("run_a")), at: reading()) == .queued)
    #expect(machine.admit(call("4", flat(10)), at: reading()).grant != nil)
    #expect(machine.admit(call("5", flat(10)), at: reading()) == .queued)
    #expect(machine.admit(call("6", flat(99), agent: bob, run: RunID("run_a")), at: reading()).grant != nil)
  }

  @Test func `a call ends once`() {
    var machine = BudgetMachine(rules: [rule(cost: 10)])
    _ = machine.admit(call("1", flat(5)), at: reading())
    #expect(machine.settle(EffectID("1"), actual: cost(3))?.held == cost(5))
    #expect(machine.settle(EffectID("1"), actual: cost(3)) == nil)
    #expect(machine.settle(EffectID("2"), actual: cost(3)) == nil)
    #expect(machine.view("agent:alice")?.spent == cost(3))
  }

  @Test func `a call that comes to more than its hold is booked in full, reported and blocks what follows`() {
    var machine = BudgetMachine(rules: [rule(cost: 10)])
    _ = machine.admit(call("1", flat(5)), at: reading())
    #expect(machine.settle(EffectID("1"), actual: cost(12))?.isViolation == true)
    #expect(machine.admit(call("2", flat(1)), at: reading()).refusal?.spent.cost == NanoUSD(12))
    _ = machine.admit(call("3", flat(0)), at: reading())
    #expect(machine.settle(EffectID("3"), actual: cost(0, tokens: 2))?.isViolation == true)
    _ = machine.admit(call("4", flat(0)), at: reading())
    #expect(machine.settle(EffectID("4"), actual: cost(0))?.isViolation == false)
  }

  @Test func `no amount below zero can give room back`() {
    var machine = BudgetMachine(rules: [rule(cost: 10)])
    _ = machine.admit(call("1", flat(5)), at: reading())
    let ended = machine.settle(
      EffectID("1"), actual: Spend(cost: NanoUSD(-5), tokens: TokenCount(-5), requests: -5))
    #expect(ended?.actual == .zero)
    #expect(machine.view("agent:alice")?.spent == .zero)
  }

  @Test func `an alert fires once for each threshold, and again after the limit was raised`() {
    var machine = BudgetMachine(rules: [rule(cost: 100, alertAt: [50, 80])])
    var percents: [Int] = []
    for (number, amount) in [49, 1, 20, 15, 10].enumerated() {
      _ = machine.admit(call("\(number)", flat(Int64(amount))), at: reading())
      percents += machine.settle(EffectID("\(number)"), actual: cost(Int64(amount)))?.alerts.compactMap(\.percent) ?? []
    }
    #expect(percents == [50, 80])
    machine.setRules([rule(cost: 150, alertAt: [50, 80])])
    _ = machine.admit(call("z", flat(25)), at: reading())
    #expect(machine.settle(EffectID("z"), actual: cost(25))?.alerts.compactMap(\.percent) == [80])
  }

  @Test func `a soft budget of the plan alerts when it is used up`() {
    let spec = BudgetSpec(scope: .global, maxCost: NanoUSD(10), onLimit: .alert, alertAt: [50])
    #expect(BudgetRule(spec).alertAt == [50, 100])
    #expect(BudgetRule(BudgetSpec(scope: .global, maxTokens: TokenCount(7))).limit == SpendLimit(tokens: TokenCount(7)))
  }
}
