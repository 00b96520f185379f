// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

@Suite struct ClampAndQueueTests {
  @Test func `an answer too long for what is left is shortened to it`() {
    var machine = BudgetMachine(rules: [rule(cost: 1000)])
    let grant = machine.admit(call("1", written(5000, atLeast: 256)), at: reading()).grant
    #expect(grant?.output == TokenCount(1000))
    #expect(grant?.isClamped == true)
    #expect(grant?.bound.cost == NanoUSD(1000))
    _ = machine.finish("1", cost(744))
    #expect(machine.admit(call("2", written(5000, atLeast: 256)), at: reading()).grant?.output == TokenCount(256))
    _ = machine.finish("2", cost(1))
    #expect(machine.admit(call("3", written(5000, atLeast: 256)), at: reading()).refusal?.reason == .tooBig)
  }

  @Test func `an answer that fits is not shortened`() {
    var machine = BudgetMachine(rules: [rule(cost: 1000)])
    let grant = machine.admit(call("1", written(1000, atLeast: 256)), at: reading()).grant
    #expect(grant?.output == TokenCount(1000))
    #expect(grant?.isClamped == false)
  }

  @Test func `a cap that may not be lowered is not`() {
    var machine = BudgetMachine(rules: [rule(cost: 1000)])
    #expect(machine.admit(call("1", written(1001)), at: reading()).refusal?.reason == .tooBig)
  }

  @Test func `half of what patience could give is enough to go now, less is not`() {
    var machine = BudgetMachine(rules: [rule(cost: 1000)])
    _ = machine.admit(call("1", written(500)), at: reading())
    #expect(machine.admit(call("2", written(2000, atLeast: 10)), at: reading()).grant?.output == TokenCount(500))
    var other = BudgetMachine(rules: [rule(cost: 1000)])
    _ = other.admit(call("1", written(501)), at: reading())
    #expect(other.admit(call("2", written(2000, atLeast: 10)), at: reading()) == .queued)
    #expect(other.finish("1", cost(1)).first?.decision.grant?.output == TokenCount(999))
  }

  @Test(arguments: [1, 3, 7], [0, 1000, 1500, 999_999])
  func `the longest answer that fits is the longest`(choices: Int64, price: Int64) {
    let bound = RequestBound(
      input: TokenCount(37), output: TokenCount(4000), choices: choices, inputPrice: PicoUSDPerToken(777),
      outputPrice: PicoUSDPerToken(price), perRequest: NanoUSD(11), minimumOutput: TokenCount(1))
    for limit: Int64 in [40, 41, 100, 1000, 54_321, 10_000_000_000] {
      for room in [SpendLimit(cost: NanoUSD(limit)), SpendLimit(tokens: TokenCount(limit))] {
        guard let cap = bound.largestOutput(within: room) else {
          #expect(!room.admits(bound.least))
          continue
        }
        #expect(room.admits(bound.spend(output: cap)))
        #expect(cap == bound.output || !room.admits(bound.spend(output: TokenCount(cap.value + 1))))
      }
    }
  }

  @Test func `numbers as large as they come neither trap nor slip through`() {
    let bound = RequestBound(
      input: TokenCount(.max), output: TokenCount(.max), choices: .max, inputPrice: PicoUSDPerToken(.max),
      outputPrice: PicoUSDPerToken(.max), perRequest: NanoUSD(.max), minimumOutput: TokenCount(1))
    var machine = BudgetMachine(rules: [rule(cost: 1000, tokens: 1000)])
    #expect(machine.admit(call("1", bound), at: reading()).refusal != nil)
    var free = BudgetMachine(rules: [])
    #expect(free.admit(call("1", bound), at: reading()).grant != nil)
    _ = free.admit(call("2", bound), at: reading())
    _ = free.finish("1", bound.most)
    #expect(free.admit(call("3", bound), at: reading()).grant != nil)
  }

  @Test func `who came first goes first, and nobody overtakes`() {
    var machine = BudgetMachine(rules: [rule(cost: 100)])
    _ = machine.admit(call("1", flat(60)), at: reading())
    #expect(machine.admit(call("big", flat(90)), at: reading()) == .queued)
    // It would fit beside the first, but then the big one might wait for ever.
    #expect(machine.admit(call("small", flat(10)), at: reading()) == .queued)
    let woken = machine.finish("1", cost(0))
    #expect(woken.map(\.request.id.text) == ["big", "small"])
    #expect(woken.allSatisfy { $0.decision.grant != nil })
  }

  @Test func `only those behind the same counter wait`() {
    var machine = BudgetMachine(rules: [rule(cost: 100), rule(.agent(bob), cost: 100), rule(.global, cost: 1000)])
    _ = machine.admit(call("1", flat(60)), at: reading())
    #expect(machine.admit(call("2", flat(60)), at: reading()) == .queued)
    #expect(machine.admit(call("3", flat(60), agent: bob), at: reading()).grant != nil)
  }

  @Test func `a call that asks nothing of a budget does not wait for it`() {
    var machine = BudgetMachine(rules: [rule(cost: 100)])
    _ = machine.admit(call("1", flat(60)), at: reading())
    #expect(machine.admit(call("2", flat(60)), at: reading()) == .queued)
    #expect(machine.admit(call("3", flat(0)), at: reading()).grant != nil)
  }

  @Test func `waking keeps the order within a counter and passes others by`() {
    var machine = BudgetMachine(rules: [rule(cost: 100), rule(.agent(bob), cost: 100)])
    _ = machine.admit(call("a", flat(100)), at: reading())
    _ = machine.admit(call("b", flat(100), agent: bob), at: reading())
    for number in 1...2 { #expect(machine.admit(call("a\(number)", flat(70)), at: reading()) == .queued) }
    #expect(machine.admit(call("b1", flat(70), agent: bob), at: reading()) == .queued)
    #expect(machine.finish("b", cost(30)).map(\.request.id.text) == ["b1"])
    #expect(machine.finish("a", cost(0)).map(\.request.id.text) == ["a1"])
    #expect(machine.waitingCount == 1)
    #expect(machine.finish("a1", cost(30)).map(\.request.id.text) == ["a2"])
  }

  @Test func `one who leaves the line lets those behind go on`() {
    var machine = BudgetMachine(rules: [rule(cost: 100)])
    _ = machine.admit(call("1", flat(60)), at: reading())
    _ = machine.admit(call("2", flat(90)), at: reading())
    _ = machine.admit(call("3", flat(10)), at: reading())
    #expect(machine.whyWaiting(EffectID("2"), at: reading())?.held.cost == NanoUSD(60))
    let answers = [machine.abandon(EffectID("2")), machine.abandon(EffectID("2"))]
    #expect(answers == [true, false])
    #expect(machine.whyWaiting(EffectID("2"), at: reading()) == nil)
    #expect(machine.wake(at: reading()).map(\.request.id.text) == ["3"])
  }

  @Test func `the line has an end`() {
    var machine = BudgetMachine(rules: [rule(cost: 100)], queueLimit: 2)
    _ = machine.admit(call("1", flat(100)), at: reading())
    #expect(machine.admit(call("2", flat(100)), at: reading()) == .queued)
    #expect(machine.admit(call("3", flat(100)), at: reading()) == .queued)
    let refusal = machine.admit(call("4", flat(100)), at: reading()).refusal
    #expect(refusal?.reason == .busy)
    #expect(refusal?.held.cost == NanoUSD(100))
    #expect(machine.waitingCount == 2)
  }

  @Test func `raising a limit lets the waiting go, lowering it takes nothing back`() {
    var machine = BudgetMachine(rules: [rule(cost: 100)])
    _ = machine.admit(call("1", flat(80)), at: reading())
    _ = machine.admit(call("2", flat(80)), at: reading())
    machine.setRules([rule(cost: 160)])
    #expect(machine.wake(at: reading()).map(\.request.id.text) == ["2"])
    machine.setRules([rule(cost: 10)])
    #expect(machine.view("agent:alice")?.held.cost == NanoUSD(160))
    #expect(machine.admit(call("3", flat(11)), at: reading()).refusal?.reason == .tooBig)
    #expect(machine.admit(call("4", flat(10)), at: reading()) == .queued)
  }
}
