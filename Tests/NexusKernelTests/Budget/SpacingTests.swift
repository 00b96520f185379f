// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

@Suite struct SpacingTests {
  private let hourly = rule(.agent(alice), .hour, cost: 100, .throttle)

  @Test func `the next call goes when as much of the window has passed as of the limit is used`() {
    var machine = BudgetMachine(rules: [hourly])
    #expect(machine.admit(call("1", flat(30)), at: reading()).grant != nil)
    _ = machine.finish("1", cost(30))
    // 30 % of an hour.
    let refusal = machine.admit(call("2", flat(30)), at: reading(60)).refusal
    #expect(refusal?.reason == .busy)
    #expect(refusal?.action == .throttle)
    #expect(refusal?.turn == monday + .seconds(1080))
    #expect(refusal?.wait == .seconds(1020))
    #expect(machine.admit(call("3", flat(30)), at: reading(1080)).grant != nil)
  }

  @Test func `a turn that is near is waited for, and comes by itself`() {
    var machine = BudgetMachine(rules: [hourly])
    _ = machine.admit(call("1", flat(30)), at: reading())
    _ = machine.finish("1", cost(30))
    #expect(machine.admit(call("2", flat(30)), at: reading(1049)).refusal?.wait == .seconds(31))
    #expect(machine.admit(call("3", flat(30)), at: reading(1050)) == .queued)
    #expect(machine.admit(call("4", flat(30)), at: reading(1051)) == .queued)
    var turn = machine.timeToTurn(of: EffectID("3"), at: reading(1060))
    #expect(turn == .seconds(20))
    var woken = machine.wake(at: reading(1079))
    #expect(woken.isEmpty)
    woken = machine.wake(at: reading(1080))
    #expect(woken.first?.request.id == EffectID("3"))
    #expect(woken.first?.decision.grant != nil)
    // The one behind it learns its own time.
    #expect(woken.last?.request.id == EffectID("4"))
    #expect(woken.last?.decision == .queued)
    turn = machine.timeToTurn(of: EffectID("4"), at: reading(1080))
    #expect(turn == .seconds(1080))
  }

  @Test func `what a call under way gives back brings the next one forward`() {
    var machine = BudgetMachine(rules: [rule(.agent(alice), .hour, cost: 1000, .throttle)])
    _ = machine.admit(call("1", flat(900)), at: reading())
    // If the call under way comes to nothing, it may go at once: it is not refused.
    #expect(machine.admit(call("2", flat(10)), at: reading(1)) == .queued)
    var turn = machine.timeToTurn(of: EffectID("2"), at: reading(1))
    #expect(turn == .seconds(3239))
    let woken = machine.finish("1", cost(5), at: reading(2))
    #expect(woken.map(\.decision) == [.queued])
    turn = machine.timeToTurn(of: EffectID("2"), at: reading(2))
    #expect(turn == .seconds(16))
    let last = machine.wake(at: reading(18))
    #expect(last.first?.decision.grant != nil)
  }

  @Test func `what is used up is refused, and a new window begins at once`() {
    var machine = BudgetMachine(rules: [hourly])
    _ = machine.admit(call("1", flat(100)), at: reading())
    _ = machine.finish("1", cost(100))
    #expect(machine.admit(call("2", flat(1)), at: reading(3599)).refusal?.reason == .exhausted)
    #expect(machine.admit(call("3", flat(100)), at: reading(3600)).grant != nil)
  }

  @Test func `a window without an end spaces nothing`() {
    for window in [BudgetWindow.lifetime, .run] {
      var machine = BudgetMachine(rules: [rule(.agent(alice), window, cost: 100, .throttle)])
      _ = machine.admit(call("1", flat(99)), at: reading())
      _ = machine.finish("1", cost(99))
      #expect(machine.admit(call("2", flat(1)), at: reading()).grant != nil)
      _ = machine.finish("2", cost(1))
      #expect(machine.admit(call("3", flat(1)), at: reading()).refusal?.reason == .exhausted)
    }
  }

  @Test func `a greedy agent gets the whole limit, evenly`() {
    var machine = BudgetMachine(rules: [rule(.agent(alice), .hour, requests: 120, .throttle)])
    var admitted: [Int64] = []
    for second in Int64(0)..<3600 {
      let id = "call\(second)"
      let decision = machine.admit(call(id, flat(1)), at: reading(second))
      if decision.grant != nil {
        admitted.append(second)
        _ = machine.settle(EffectID(id), actual: cost(1))
      } else {
        _ = machine.abandon(EffectID(id))
      }
    }
    #expect(admitted == (0..<120).map { $0 * 30 })
  }

  @Test func `another budget of the same calls is not slowed down`() {
    var machine = BudgetMachine(rules: [hourly, rule(.agent(bob), .hour, cost: 100)])
    for agent in [alice, bob] {
      _ = machine.admit(call("\(agent)1", flat(50), agent: agent), at: reading())
      _ = machine.finish("\(agent)1", cost(50))
    }
    #expect(machine.admit(call("2", flat(1)), at: reading()).refusal?.reason == .busy)
    #expect(machine.admit(call("3", flat(1), agent: bob), at: reading()).grant != nil)
  }

  @Test func `what undoes a step does not wait`() {
    var machine = BudgetMachine(rules: [hourly])
    _ = machine.admit(call("1", flat(50)), at: reading())
    _ = machine.finish("1", cost(50))
    let subject = BudgetSubject(agent: alice, supervisors: [.root], run: RunID("run_1"), isCompensating: true)
    let undo = BudgetRequest(id: EffectID("2"), subject: subject, bound: flat(1))
    #expect(machine.admit(undo, at: reading(1)).grant != nil)
  }

  @Test func `who would give up waiting is told when its turn comes`() {
    var machine = BudgetMachine(rules: [hourly])
    _ = machine.admit(call("1", flat(30)), at: reading())
    _ = machine.finish("1", cost(30))
    _ = machine.admit(call("2", flat(30)), at: reading(1060))
    let block = machine.whyWaiting(EffectID("2"), at: reading(1070))
    #expect(block?.turn == monday + .seconds(1080))
    #expect(block?.wait == .seconds(10))
  }

  @Test func `numbers as large as they come give a time`() {
    let limit = SpendLimit(cost: NanoUSD(.max), tokens: TokenCount(1), requests: .max)
    let end = WallTime(microseconds: .max)
    let used = Spend(cost: NanoUSD(.max), tokens: TokenCount(.max), requests: .max)
    #expect(limit.turn(after: used, for: used, from: WallTime(microseconds: 0), to: end) == end)
    #expect(limit.turn(after: .zero, for: used, from: monday, to: end) == monday)
  }
}
