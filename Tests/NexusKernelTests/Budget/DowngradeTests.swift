// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

@Suite struct DowngradeTests {
  private let subject = BudgetSubject(agent: alice, supervisors: [.root])

  private func machine(_ rules: (scope: BudgetScope, cost: Int64, at: Int, models: [String: String])...)
    -> BudgetMachine
  {
    BudgetMachine(
      rules: rules.map { entry in
        BudgetRule(
          scope: entry.scope, window: .lifetime, limit: SpendLimit(cost: NanoUSD(entry.cost)),
          downgrade: DowngradeSpec(at: entry.at, models: entry.models))
      })
  }

  private func spend(_ machine: inout BudgetMachine, _ id: String, _ amount: Int64, settled: Bool = true) {
    #expect(machine.admit(call(id, flat(amount)), at: reading()).grant != nil)
    if settled { _ = machine.settle(EffectID(id), actual: cost(amount)) }
  }

  private func model(_ machine: inout BudgetMachine, _ asked: String, isForced: Bool = false) -> String? {
    machine.downgrade(asked, of: subject, at: reading(), isForced: isForced)
  }

  @Test func `the cheaper model takes over from the share on, held amounts counting`() {
    var machine = machine((.agent(alice), 100, 80, ["p/big": "p/small"]))
    #expect(model(&machine, "p/big") == nil)
    spend(&machine, "1", 79)
    #expect(model(&machine, "p/big") == nil)
    spend(&machine, "2", 1, settled: false)
    #expect(model(&machine, "p/big") == "p/small")
    #expect(model(&machine, "p/small") == nil && model(&machine, "p/other") == nil)
    _ = machine.settle(EffectID("2"), actual: .zero)
    #expect(model(&machine, "p/big") == nil, "what was not used comes back")
  }

  @Test func `a call that does not fit takes it before`() {
    var machine = machine((.agent(alice), 100, 80, ["p/big": "p/small", "p/small": "p/tiny"]))
    #expect(model(&machine, "p/big", isForced: true) == "p/small", "one step at a time")
    #expect(model(&machine, "p/other", isForced: true) == nil)
  }

  @Test func `the budgets of everybody above count, and steps follow one another`() {
    var machine = machine(
      (.agent(alice), 100, 50, ["p/big": "p/small"]), (.global, 1000, 5, ["p/small": "p/tiny"]),
      (.agent(bob), 1, 1, ["p/tiny": "p/none"]))
    spend(&machine, "1", 50)
    #expect(model(&machine, "p/big") == "p/tiny")
  }

  @Test func `models that name each other come to an end`() {
    var machine = machine((.agent(alice), 100, 1, ["p/a": "p/b", "p/b": "p/a"]))
    spend(&machine, "1", 50)
    // No configuration that was checked has them; an even number of steps leads back to where it began.
    #expect(model(&machine, "p/a") == nil)
  }

  @Test func `a limit that a person sets keeps the models of its place`() {
    let spec = BudgetSpec(
      scope: .agent(alice), maxCost: NanoUSD(5), downgrade: DowngradeSpec(models: ["p/big": "p/small"]))
    let override = BudgetOverride(place: BudgetPlace(.agent(alice), .lifetime), maxTokens: TokenCount(9), at: monday)
    let applied = BudgetOverrides([override]).applied(to: [spec])
    #expect(applied.count == 2 && applied.allSatisfy { $0.downgrade == spec.downgrade })
  }
}
