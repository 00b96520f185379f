// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusGateway
internal import NexusKernel
internal import NexusStore

/// What was spent and what may be, from a live ledger or from what the store remembers.
struct SpendView: Sendable {
  private let lines: [BudgetReport.Line]
  private let plan: ProjectPlan
  /// The limits in force.
  private let budgets: [BudgetSpec]
  private let overrides: BudgetOverrides
  /// What is kept for compensations; only a node that runs keeps anything.
  private let kept: [BudgetPlace: Spend]

  init(_ report: BudgetReport, plan: ProjectPlan) {
    lines = report.lines
    kept = report.kept
    self.plan = plan
    budgets = report.budgets
    overrides = report.overrides
  }

  /// Without a node: the counters of the windows that it is now, against the limits that a node would have.
  init(counters: [CounterRow], overrides: BudgetOverrides, plan: ProjectPlan, now: WallTime) {
    self.plan = plan
    self.overrides = overrides
    kept = [:]
    budgets = overrides.applied(to: plan.budgets)
    let budgets = budgets
    let zones = Dictionary(budgets.compactMap(\.zone).map { ($0.name, $0.rules) }) { first, _ in first }
    var newest: [String: CounterRow] = [:]
    for row in counters {
      // A window that is over says nothing about the one of now.
      if let name = WindowName(text: row.key.window),
        row.key.index < BudgetCalendar.index(of: name.window, at: now, in: zones[name.zone ?? ""])
      {
        continue
      }
      let name = "\(row.key.scope) \(row.key.window)"
      if newest[name].map({ $0.key.index < row.key.index }) ?? true { newest[name] = row }
    }
    lines = newest.values.flatMap { row -> [BudgetReport.Line] in
      let name = WindowName(text: row.key.window) ?? WindowName(.lifetime)
      var bare = BudgetReport.Line(
        scope: row.key.scope, window: name.window, spent: row.spent, held: .zero, limit: nil, action: nil,
        reset: BudgetCalendar.start(of: name.window, index: row.key.index + 1, in: zones[name.zone ?? ""]))
      bare.zone = name.zone
      let rules = budgets.filter { $0.scope.text == row.key.scope && $0.name == name }.map(BudgetRule.init)
      if rules.isEmpty { return [bare] }
      return rules.map { rule in
        var line = bare
        line.limit = rule.limit
        line.action = rule.onLimit
        return line
      }
    }
  }

  /// The limits in force.
  var limits: [BudgetSpec] { budgets }

  /// Everything that an agent ever spent.
  func spent(by agent: AgentName) -> Spend {
    let scope = BudgetScope.agent(agent).text
    return lines.first { $0.scope == scope && $0.window == .lifetime }?.spent ?? .zero
  }

  /// The budgets that bind an agent, used or not, its own first.
  func budgets(binding agent: AgentSpec) -> [BudgetStatus] {
    let above = plan.supervisors(above: agent).map(BudgetScope.supervisor)
    return budgets(of: [.agent(agent.name)] + above + [.global])
  }

  /// The budgets that bind more than one agent.
  var shared: [BudgetStatus] {
    var flows: [BudgetScope] = []
    for budget in budgets where budget.scope.isOfFlow && !flows.contains(budget.scope) { flows.append(budget.scope) }
    return budgets(of: plan.supervisors.map { .supervisor($0.name) } + flows + [.global])
  }

  private func budgets(of scopes: [BudgetScope]) -> [BudgetStatus] {
    scopes.flatMap { scope in
      budgets.filter { $0.scope == scope }.map { status(of: $0) }
    }
  }

  /// The budgets of one scope, by its text.
  func budgets(of scope: String) -> [BudgetStatus] {
    budgets.filter { $0.scope.text == scope }.map { status(of: $0) }
  }

  private func status(of budget: BudgetSpec) -> BudgetStatus {
    let line = lines.first {
      $0.scope == budget.scope.text && WindowName($0.window, zone: $0.zone) == budget.name
    }
    let spent = line?.spent ?? .zero
    let held = line?.held ?? .zero
    let one = Spend(cost: NanoUSD(1), tokens: TokenCount(1), requests: 1)
    let exhausted = budget.limit.minus(spent).isUsedUp(for: one)
    var status = BudgetStatus(
      scope: budget.scope.text, maxTokens: budget.maxTokens, usedTokens: spent.tokens, maxNanoUSD: budget.maxCost,
      usedNanoUSD: spent.cost + held.cost, heldNanoUSD: held.cost, per: budget.window.rawValue,
      onLimit: budget.onLimit.rawValue, isHard: budget.onLimit != .alert, isExhausted: exhausted)
    (status.maxRequests, status.usedRequests) = (budget.maxRequests, spent.requests)
    status.timezone = budget.zone?.name
    let kept = kept[BudgetPlace(budget)] ?? .zero
    (status.reservedTokens, status.reservedNanoUSD) = (kept.tokens, kept.cost)
    status.resetsAt = line?.reset
    status.override = note(of: budget)
    return status
  }

  /// What a person set there, beside what the configuration says.
  private func note(of budget: BudgetSpec) -> BudgetOverrideNote? {
    guard let override = overrides[BudgetPlace(budget.scope, budget.window)] else { return nil }
    let configured = plan.budgets.filter { $0.scope == budget.scope && $0.window == budget.window }
    return BudgetOverrideNote(
      at: override.at, reason: override.reason, configuredNanoUSD: configured.compactMap(\.maxCost).min(),
      configuredTokens: configured.compactMap(\.maxTokens).min(),
      configuredRequests: configured.compactMap(\.maxRequests).min())
  }

  /// The budget that stands nearest to its limit.
  func nearest(for agent: AgentSpec) -> BudgetStatus? {
    Self.nearest(in: budgets(binding: agent))
  }

  static func nearest(in budgets: [BudgetStatus]) -> BudgetStatus? { budgets.max { $0.permille < $1.permille } }
}

extension BudgetStatus {
  /// How much is used, in thousandths of the limit, on the axis that is used most.
  fileprivate var permille: Int64 {
    func share(_ used: Int64, _ limit: Int64?) -> Int64 {
      guard let limit else { return 0 }
      return limit <= 0 ? 1000 : Int64(clamping: Int128(used) * 1000 / Int128(limit))
    }
    return max(
      share(usedTokens.value, maxTokens?.value), share(usedNanoUSD.value, maxNanoUSD?.value),
      share(usedRequests, maxRequests))
  }
}
