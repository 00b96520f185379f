// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

extension PlanBuilder {
  /// A saga that has to keep more for its compensations than a budget has could never begin.
  mutating func checkReserves(_ draft: FlowDraft) {
    var sums: [AgentName: Spend] = [:]
    for item in draft.steps {
      guard let compensation = item.step.compensation, let amount = compensation.reserve else { continue }
      let sum = (sums[compensation.agent] ?? .zero) + amount
      sums[compensation.agent] = sum
      guard let budget = budget(below: sum, binding: compensation.agent),
        let place = item.fields.fields("compensation")?.value("reserve")?.location
      else { continue }
      report(
        Diagnostic(
          "NX-CFG-251", "the budget of \(budget.scope.text) cannot keep that much for `\(compensation.agent)`",
          at: place, label: "\(Self.text(sum)) up to here, of \(Self.text(budget))",
          help: "no run of `\(draft.definition.name)` could begin: lower the reserve, or raise the budget"))
      return
    }
  }

  private func budget(below sum: Spend, binding agent: AgentName) -> BudgetSpec? {
    let scopes: [BudgetScope] = [.agent(agent)] + supervisors(above: agent) + [.global]
    return plan.budgets.first { budget in
      scopes.contains(budget.scope) && budget.onLimit != .alert
        && !budget.limit.admits(sum)
    }
  }

  private func supervisors(above agent: AgentName) -> [BudgetScope] {
    agentIndex[agent].map { plan.supervisors(above: plan.agents[$0]).map { .supervisor($0) } } ?? []
  }

  private static func text(_ spend: Spend) -> String {
    [
      spend.cost == .zero ? nil : spend.cost.description, spend.tokens == .zero ? nil : "\(spend.tokens) tokens",
    ].compactMap(\.self).joined(separator: " and ")
  }

  private static func text(_ budget: BudgetSpec) -> String {
    [budget.maxCost?.description, budget.maxTokens.map { "\($0) tokens" }].compactMap(\.self)
      .joined(separator: " and ")
  }
}
