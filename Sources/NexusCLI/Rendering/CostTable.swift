// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
package import NexusCore

/// Tables about costs.
package enum CostTable {
  package static func status(_ report: CostReport, now: WallTime, _ style: Style) -> String {
    let budgets = report.agents.flatMap(\.budgets) + report.budgets
    var parts = [Self.budgets(budgets, now: now, style)]
    parts.append(alerts(report.alerts, now: now, style))
    let unlimited = report.agents.filter { $0.budgets.isEmpty && $0.calls > 0 }
    if !unlimited.isEmpty {
      var table = TextTable(["AGENT", "CALLS", "TOKENS", "SPENT"], rightAligned: [1, 2, 3])
      for row in unlimited {
        table.add([row.name, Quantities.count(row.calls), Quantities.count(row.tokens.value), "\(row.cost)"])
      }
      parts.append(table.render(style))
    }
    if !report.models.isEmpty {
      var table = TextTable(["MODEL", "CALLS", "TOKENS", "SPENT"], rightAligned: [1, 2, 3])
      for row in report.models {
        table.add([row.name, Quantities.count(row.calls), Quantities.count(row.tokens.value), "\(row.cost)"])
      }
      parts.append(table.render(style))
    }
    return parts.filter { !$0.isEmpty }.joined(separator: "\n\n")
  }

  /// What was told of budgets in their present windows, the newest first.
  static func alerts(_ alerts: [BudgetAlertNote], now: WallTime, _ style: Style) -> String {
    guard !alerts.isEmpty else { return "" }
    var table = TextTable(["ALERT", "BUDGET", "PER", "SPENT", "LIMIT"], rightAligned: [3, 4])
    for alert in alerts {
      let sign =
        alert.percent.map { "\($0) % passed" }
        ?? alert.usedUpAt.map { "used up at \($0.iso8601) at that pace" } ?? "–"
      table.add([
        "\(Quantities.ago(alert.at, now: now)): \(sign)", alert.scope,
        alert.run.map { "run \($0.text)" } ?? alert.timezone.map { "\(alert.per) (\(TerminalText.line($0)))" }
          ?? alert.per,
        amounts(
          alert.maxNanoUSD.map { _ in alert.spentNanoUSD }, alert.maxTokens.map { _ in alert.spentTokens },
          alert.maxRequests.map { _ in alert.spentRequests }),
        amounts(alert.maxNanoUSD, alert.maxTokens, alert.maxRequests),
      ])
    }
    return table.render(style)
  }

  package static func summary(_ report: CostReport) -> String {
    let mode =
      report.mode == "hard" ? "what has no price or bound is refused" : "what has no price or bound is estimated"
    return "\(report.cost) spent · \(Quantities.count(report.tokens.value)) tokens · mode \(report.mode): \(mode)"
  }

  /// One line a budget, with a note below it where a person set it.
  package static func budgets(_ budgets: [BudgetStatus], now: WallTime, _ style: Style) -> String {
    guard !budgets.isEmpty else { return "" }
    // Most projects have no saga that keeps something.
    let keeps = budgets.contains { $0.reservedNanoUSD != .zero || $0.reservedTokens != .zero }
    var table = TextTable(
      ["BUDGET", "PER", "LIMIT", "SPENT", "HELD"] + (keeps ? ["KEPT"] : []) + ["LEFT", "AT THE LIMIT", "USED UP"],
      rightAligned: keeps ? [2, 3, 4, 5, 6] : [2, 3, 4, 5])
    for budget in budgets {
      table.add(row(of: budget, keeps, now), note: budget.override.map(note)) { column, text in
        column == (keeps ? 8 : 7) && budget.isExhausted ? style.bad(text) : text
      }
    }
    return table.render(style)
  }

  private static func row(of budget: BudgetStatus, _ keeps: Bool, _ now: WallTime) -> [String] {
    let spent = budget.usedNanoUSD - budget.heldNanoUSD
    let left = amounts(
      budget.maxNanoUSD.map { max(.zero, $0 - budget.usedNanoUSD - budget.reservedNanoUSD) },
      budget.maxTokens.map { max(.zero, $0 - budget.usedTokens - budget.reservedTokens) },
      budget.maxRequests.map { max(0, $0 - budget.usedRequests) })
    var row = [
      budget.scope, budget.timezone.map { "\(budget.per) (\(TerminalText.line($0)))" } ?? budget.per,
      amounts(budget.maxNanoUSD, budget.maxTokens, budget.maxRequests),
      amounts(
        budget.maxNanoUSD.map { _ in spent }, budget.maxTokens.map { _ in budget.usedTokens },
        budget.maxRequests.map { _ in budget.usedRequests }),
      budget.maxNanoUSD == nil ? "–" : "\(budget.heldNanoUSD)",
    ]
    if keeps { row.append(kept(budget)) }
    row += [left, budget.isHard ? budget.onLimit : "alert only", forecast(budget, now)]
    return row
  }

  /// What is kept for compensations.
  private static func kept(_ budget: BudgetStatus) -> String {
    guard budget.reservedNanoUSD != .zero || budget.reservedTokens != .zero else { return "–" }
    return amounts(
      budget.maxNanoUSD.map { _ in budget.reservedNanoUSD }, budget.maxTokens.map { _ in budget.reservedTokens })
  }

  private static func note(_ override: BudgetOverrideNote) -> String {
    let configured = amounts(
      override.configuredNanoUSD, override.configuredTokens, override.configuredRequests)
    return "set \(override.at.iso8601)\(override.reason.map { " (\(TerminalText.line($0)))" } ?? "")"
      + "; the configuration says \(configured == "–" ? "no limit" : configured)"
  }

  private static func amounts(_ cost: NanoUSD?, _ tokens: TokenCount?, _ requests: Int64? = nil) -> String {
    let parts = [
      cost.map(\.description), tokens.map { "\(Quantities.count($0.value)) tokens" },
      requests.map { "\(Quantities.count($0)) requests" },
    ].compactMap { $0 }
    return parts.isEmpty ? "–" : parts.joined(separator: ", ")
  }

  private static func forecast(_ budget: BudgetStatus, _ now: WallTime) -> String {
    guard let forecast = budget.forecast else { return budget.isExhausted ? "now" : "–" }
    switch forecast.state {
    case "exhausted": return "now"
    case "exhausts": return forecast.at.map { "in about \(Quantities.duration($0 - now))" } ?? "–"
    case "lasts": return forecast.at.map { "not before \($0.iso8601)" } ?? "not at this rate"
    default: return "unknown: \(forecast.reason ?? "")"
    }
  }

  /// Charged in full, and nobody has said what it came to.
  static func isOpen(_ entry: CostEntry) -> Bool {
    ["unresolved", "hold"].contains(entry.basis) && entry.resolvedBy == nil
  }

  package static func history(_ charges: [CostEntry], now: WallTime, _ style: Style) -> String {
    guard !charges.isEmpty else { return "" }
    var table = TextTable(["ID", "WHEN", "AGENT", "MODEL", "BY", "TOKENS", "COST", "PRICE"], rightAligned: [5, 6])
    for entry in charges {
      table.add(
        [
          entry.id.text, Quantities.ago(entry.at, now: now), entry.agent.isEmpty ? "–" : entry.agent,
          entry.model.isEmpty ? "–" : entry.model, entry.basis, Quantities.count(entry.tokens.value), "\(entry.cost)",
          price(entry),
        ], note: note(entry)
      ) { column, text in column == 4 && isOpen(entry) ? style.warning(text) : text }
    }
    return table.render(style)
  }

  /// The rates in dollars per million tokens, and where they stood.
  private static func price(_ entry: CostEntry) -> String {
    guard let rates = entry.rates, let source = entry.priceSource else { return "–" }
    return rates == "0 0" ? "\(source)" : "\(rates) (\(source))"
  }

  private static func note(_ entry: CostEntry) -> String? {
    if let reason = entry.reason {
      let about = entry.resolves.map { "resolves \($0.text): " } ?? ""
      return about + TerminalText.line(reason)
    }
    return entry.resolvedBy.map { "resolved by \($0.text)" }
  }
}
