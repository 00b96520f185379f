// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

/// What goes on although the configuration no longer has it keeps its limits.
struct PlanJoiningTests {
  private static let dollar = NanoUSD(1_000_000_000)

  private static func plan(_ agents: [String], below supervisor: String? = nil, costs: [BudgetScope]) -> ProjectPlan {
    var plan = ProjectPlan(name: "p")
    plan.agents = agents.map { name in
      var spec = AgentSpec(name: AgentName(name), kind: .process(command: ["run"]), workingDirectory: "/p")
      spec.supervisor = supervisor.map { SupervisorName($0) }
      return spec
    }
    if let supervisor {
      plan.supervisors = [
        SupervisorSpec(name: SupervisorName(supervisor), children: plan.agents.map { .agent($0.name) })
      ]
    }
    plan.budgets = costs.map { BudgetSpec(scope: $0, maxCost: dollar) }
    return plan
  }

  private let agent = BudgetScope.agent(AgentName("a"))
  private let team = BudgetScope.supervisor(SupervisorName("team"))

  @Test func `a child that is kept keeps its budget and that of its supervisor`() {
    let old = Self.plan(["a", "b"], below: "team", costs: [agent, team, .global])
    var new = Self.plan(["b"], costs: [])
    new.keep(.agent(AgentName("a")), of: old)
    #expect(new.supervisors(above: new.agents[1]) == [SupervisorName("team"), .root])
    // That of the project was taken back, and was not only of what is kept.
    #expect(Set(new.budgets.map(\.scope)) == [agent, team])
  }

  @Test func `a budget of the new configuration is not mixed with the one of before`() {
    let old = Self.plan(["a"], costs: [agent])
    var new = Self.plan([], costs: [agent])
    new.budgets[0].maxCost = NanoUSD(1)
    new.keep(.agent(AgentName("a")), of: old)
    #expect(new.budgets.map(\.maxCost) == [NanoUSD(1)])
  }

  @Test func `both configurations together have the children of both, each under its own`() {
    let old = Self.plan(["a", "b"], below: "team", costs: [agent])
    let new = Self.plan(["b", "c"], costs: [.agent(AgentName("c"))])
    let both = new.keepingAll(of: old)
    #expect(both.agents.map(\.name.text) == ["b", "c", "a"])
    #expect(both.agents.map { $0.supervisor?.text } == [nil, nil, "team"])
    #expect(both.supervisors.map(\.children) == [[.agent(AgentName("a"))]])
    #expect(both.budgets.map(\.scope) == [.agent(AgentName("c")), agent])
  }

  @Test func `a budget that goes with its agent is no change of its own`() {
    let old = Self.plan(["a", "b"], costs: [agent, .agent(AgentName("b"))])
    let changes = PlanDifference(from: old, to: Self.plan(["b"], costs: [])).changes
    #expect(changes.map { "\($0.kind) \($0.subject) \($0.name)" } == ["removed agent a", "removed budget agent:b"])
  }

  @Test func `how long runs are kept is a change, and applies at once`() {
    let old = Self.plan(["a"], costs: [])
    var new = old
    new.retention = RetentionSpec(completed: .seconds(86_400))
    let change = PlanDifference(from: old, to: new).changes
    #expect(change.map { "\($0.kind) \($0.subject) \($0.name) \($0.detail)" } == ["changed store store retention"])
    #expect(change.map(\.applies) == [.now])
    #expect(PlanDifference(from: new, to: new).changes.isEmpty)
  }

  @Test func `a change of the way of counting applies at once, as the ledger takes it`() {
    let old = Self.plan(["a"], costs: [])
    var new = old
    new.costMode = .soft
    #expect(PlanDifference(from: old, to: new).changes.map(\.applies) == [.now])
  }
}
