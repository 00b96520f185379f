// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
internal import Synchronization

/// All budgets at one moment, for status and the dashboard.
package struct BudgetReport: Sendable, Hashable {
  /// One counter with one of the limits that bind it, or with none.
  package struct Line: Sendable, Hashable {
    package var scope: String
    package var window: BudgetWindow
    /// The name of the zone whose days they are; nil for UTC.
    package var zone: String?
    package var spent: Spend
    package var held: Spend
    /// Nil where nothing is limited: the counter only counts.
    package var limit: SpendLimit?
    package var action: OnLimit?
    /// When the window ends; nil if it does not.
    package var reset: WallTime?

    package init(
      scope: String, window: BudgetWindow, spent: Spend, held: Spend, limit: SpendLimit?, action: OnLimit?,
      reset: WallTime?
    ) {
      self.scope = scope
      self.window = window
      self.spent = spent
      self.held = held
      self.limit = limit
      self.action = action
      self.reset = reset
    }

    /// What is left to admit against: the limit less what is spent and held.
    package var remaining: SpendLimit? { limit?.minus(spent + held) }
    package var isSoft: Bool { action == .alert }
  }

  package var lines: [Line]
  /// The limits in force, and which of them people set.
  package var budgets: [BudgetSpec]
  package var overrides: BudgetOverrides
  /// What each limit keeps for compensations, where it keeps anything.
  package var kept: [BudgetPlace: Spend]
  package var mode: CostMode
  package var isClockHeld: Bool
  package var openCalls: Int
  package var waitingCalls: Int

  /// Everything that an agent ever spent.
  package func spent(by agent: AgentName) -> Spend {
    let scope = BudgetScope.agent(agent).text
    return lines.first { $0.scope == scope && $0.window == .lifetime }?.spent ?? .zero
  }

  /// The agent's own limits and its supervisors' and the project's, the agent's first.
  package func lines(binding scopes: [BudgetScope]) -> [Line] {
    scopes.flatMap { scope in lines.filter { $0.scope == scope.text && $0.limit != nil } }
  }
}

extension Ledger {
  package func report() -> BudgetReport {
    let reading = reading
    return state.withLock { state in
      // A window that is over says nothing about the one of now, in which nobody has counted yet.
      let now = state.machine.trusted(reading)
      let views = state.machine.views().filter { view in view.reset.map { $0 > now } ?? true }
      let lines = views.flatMap { view -> [BudgetReport.Line] in
        let name = WindowName(text: view.key.window) ?? WindowName(.lifetime)
        var bare = BudgetReport.Line(
          scope: view.key.scope, window: name.window, spent: view.spent, held: view.held, limit: nil, action: nil,
          reset: view.reset)
        bare.zone = name.zone
        if view.rules.isEmpty { return [bare] }
        return view.rules.map { rule in
          var line = bare
          line.limit = rule.limit
          line.action = rule.onLimit
          return line
        }
      }
      let budgets = state.overrides.applied(to: state.budgets)
      var kept: [BudgetPlace: Spend] = [:]
      for budget in budgets {
        let amount = state.machine.kept(of: BudgetRule(budget))
        if amount != .zero { kept[BudgetPlace(budget)] = amount }
      }
      return BudgetReport(
        lines: lines, budgets: budgets, overrides: state.overrides, kept: kept,
        mode: state.mode, isClockHeld: state.machine.isClockHeld, openCalls: state.open.count,
        waitingCalls: state.waiting.count)
    }
  }
}
