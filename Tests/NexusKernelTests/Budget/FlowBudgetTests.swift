// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

@Suite struct FlowBudgetTests {
  private let publish = BudgetScope.workflow("publish")
  private let draft = BudgetScope.step(flow: "publish", step: "draft")

  private func inFlow(
    _ id: String, _ bound: RequestBound, agent: AgentName = alice, run: String = "run_1", top: String = "run_1",
    scopes: [BudgetScope]? = nil
  ) -> BudgetRequest {
    var request = call(id, bound, agent: agent, run: RunID(run))
    request.subject.flows = (scopes ?? [draft, publish]).map { Caller.FlowPart(scope: $0.text, run: RunID(top)) }
    return request
  }

  @Test func `the budget of a workflow binds all its runs, whichever agents work in them`() {
    var machine = BudgetMachine(rules: [rule(publish, cost: 100)])
    #expect(machine.admit(inFlow("1", flat(60)), at: reading()).grant != nil)
    _ = machine.finish("1", cost(60))
    // Another agent, in a run that a step of another run of the workflow has begun.
    let other = machine.admit(inFlow("2", flat(41), agent: bob, run: "run_3", top: "run_2"), at: reading())
    #expect(other.refusal?.scope == publish && other.refusal?.reason == .tooBig)
    #expect(machine.admit(inFlow("3", flat(40), agent: bob, run: "run_3", top: "run_2"), at: reading()).grant != nil)
    _ = machine.finish("3", cost(40))
    #expect(machine.admit(inFlow("4", flat(1)), at: reading()).refusal?.reason == .exhausted)
    // Outside the workflow the agents are free.
    #expect(machine.admit(call("5", flat(1000)), at: reading()).grant != nil)
    #expect(machine.view("workflow:publish")?.spent.cost == NanoUSD(100))
  }

  @Test func `a budget of each run is that of the flow's own run`() {
    var machine = BudgetMachine(rules: [rule(publish, .run, cost: 100)])
    #expect(machine.admit(inFlow("1", flat(70), run: "run_2", top: "run_1"), at: reading()).grant != nil)
    _ = machine.finish("1", cost(70))
    #expect(machine.admit(inFlow("2", flat(31), run: "run_3", top: "run_1"), at: reading()).refusal != nil)
    #expect(machine.admit(inFlow("3", flat(31), run: "run_3", top: "run_9"), at: reading()).grant != nil)
    #expect(machine.view("run:run_1/workflow:publish", .run)?.spent.cost == NanoUSD(70))
  }

  @Test func `a workflow at work inside itself pays once, and for each of its runs what is meant for each`() {
    var machine = BudgetMachine(rules: [rule(publish, cost: 100), rule(publish, .run, cost: 100)])
    for (id, bound) in [("1", Int64(60)), ("2", 40)] {
      var request = inFlow(id, flat(bound), run: "run_2", top: "run_2", scopes: [publish])
      request.subject.flows.append(Caller.FlowPart(scope: publish.text, run: RunID("run_1")))
      #expect(machine.admit(request, at: reading()).grant != nil)
      _ = machine.finish(id, cost(bound))
    }
    #expect(machine.view("workflow:publish")?.spent.cost == NanoUSD(100))
    #expect(machine.view("run:run_1/workflow:publish", .run)?.spent.cost == NanoUSD(100))
    #expect(machine.view("run:run_2/workflow:publish", .run)?.spent.cost == NanoUSD(100))
  }

  @Test func `the budgets of a step, its flow, the agent and the project all bind`() {
    let rules = [
      rule(draft, cost: 10), rule(publish, cost: 20), rule(.agent(alice), cost: 30), rule(.global, cost: 40),
    ]
    for index in rules.indices {
      var machine = BudgetMachine(rules: Array(rules[index...]))
      let refusal = machine.admit(inFlow("1", flat(Int64(index + 1) * 10 + 1)), at: reading()).refusal
      #expect(refusal?.scope == rules[index].scope)
      #expect(machine.admit(inFlow("2", flat(Int64(index + 1) * 10)), at: reading()).grant != nil)
    }
    var machine = BudgetMachine(rules: rules)
    let limit = machine.hardLimit(of: inFlow("1", flat(1)).subject)
    #expect(limit.cost == NanoUSD(10))
  }

  @Test func `what undoes a step is kept in the budget of its saga, too`() {
    let saga = BudgetScope.saga("trip")
    var machine = BudgetMachine(rules: [rule(saga, .day, cost: 100)])
    var undoing = BudgetSubject(agent: bob, supervisors: [.root], run: RunID("run_1"), isCompensating: true)
    undoing.flows = [Caller.FlowPart(scope: saga.text, run: RunID("run_1"))]
    let reserve = CompensationReserve(agent: bob, amount: Spend(cost: NanoUSD(30)))
    let kept = machine.keep(reserve, of: undoing, isForced: false, at: reading())
    #expect(kept == nil)
    #expect(machine.admit(inFlow("1", flat(71), scopes: [saga]), at: reading()).refusal?.kept.cost == NanoUSD(30))
    #expect(machine.admit(inFlow("2", flat(70), scopes: [saga]), at: reading()).grant != nil)
    let undo = BudgetRequest(id: EffectID("3"), subject: undoing, bound: flat(30))
    #expect(machine.admit(undo, at: reading()).grant != nil)
    // New limits keep it where they bind.
    machine.setRules([rule(saga, .week, cost: 100)])
    let amount = machine.kept(of: rule(saga, .week, cost: 100))
    #expect(amount == .zero, "it is drawn")
  }

  @Test func `a counter of a flow comes back after a restart`() {
    var machine = BudgetMachine(rules: [rule(publish, .day, cost: 100), rule(draft, .run, cost: 50)])
    let keys = machine.admit(inFlow("1", flat(40)), at: reading()).grant?.counters ?? []
    var next = BudgetMachine(rules: [rule(publish, .day, cost: 100), rule(draft, .run, cost: 50)])
    let stored = keys.map { StoredCounter(key: $0, spent: cost(40), mark: .zero) }
    _ = next.restore(counters: stored, openHolds: [], sameKernelBoot: true)
    #expect(next.admit(inFlow("2", flat(11)), at: reading()).refusal?.scope == draft)
    #expect(next.admit(inFlow("3", flat(61), run: "run_2", top: "run_2"), at: reading()).refusal?.scope == draft)
    #expect(next.admit(inFlow("4", flat(50), run: "run_2", top: "run_2"), at: reading()).grant != nil)
  }

  @Test(arguments: [
    BudgetScope.global, .agent(AgentName("a")), .supervisor(SupervisorName("s")), .workflow("w"), .saga("s"),
    .pool("p"),
    .step(flow: "w", step: "one"),
  ]) func `the text of a scope is read back`(scope: BudgetScope) { #expect(BudgetScope(text: scope.text) == scope) }

  @Test(arguments: ["", "agent", "agent:", "step:w", "step:w/", "step:/one", "step:w/one/two", "run:r", ":x"])
  func `no other text is a scope`(text: String) { #expect(BudgetScope(text: text) == nil) }

  @Test func `a plan knows whose budgets can count`() {
    var plan = ProjectPlan(name: "p")
    plan.flows = [FlowDefinition(kind: .saga, name: "trip", steps: [FlowStep(name: "book", action: .agent(alice))])]
    #expect(plan.has(.saga("trip")) && plan.has(.step(flow: "trip", step: "book")))
    #expect(!plan.has(.workflow("trip")) && !plan.has(.step(flow: "trip", step: "fly")) && !plan.has(.pool("x")))
  }
}
