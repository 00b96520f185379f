// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What is told of budgets before they are used up.
package struct AlertSpec: Sendable, Hashable {
  /// The percentages of every budget that states none of its own, ascending.
  package var at: [Int]
  /// Told when a budget will be used up within that time at the pace of late, and before its window ends; nil for never.
  package var forecast: Duration?

  package init(at: [Int] = [], forecast: Duration? = nil) {
    self.at = at
    self.forecast = forecast
  }

  package var isNone: Bool { at.isEmpty && forecast == nil }
}

/// A budget comes near to its limit.
package struct BudgetAlert: Sendable, Hashable {
  package enum Sign: Sendable, Hashable {
    /// So much of the limit is spent.
    case passed(percent: Int)
    /// It will be used up then, if spending goes on as it did lately.
    case foreseen(WallTime)
  }

  package var key: CounterKey
  package var scope: BudgetScope
  package var window: BudgetWindow
  package var sign: Sign
  package var spent: Spend
  package var limit: SpendLimit

  package init(
    key: CounterKey, scope: BudgetScope, window: BudgetWindow, sign: Sign, spent: Spend, limit: SpendLimit
  ) {
    self.key = key
    self.scope = scope
    self.window = window
    self.sign = sign
    self.spent = spent
    self.limit = limit
  }

  /// Nil for what is foreseen.
  package var percent: Int? {
    switch sign {
    case .passed(let percent): percent
    case .foreseen: nil
    }
  }

  /// Which budget it is about, over all its windows: `agent:researcher per day Europe/Berlin`.
  package var place: String { "\(scope.text) per \(key.window)" }

  /// The run whose window it is; nil for all other windows.
  package var run: RunID? {
    guard window == .run, key.scope.hasPrefix(Self.runPrefix), let slash = key.scope.firstIndex(of: "/") else {
      return nil
    }
    return RunID(String(key.scope[..<slash].dropFirst(Self.runPrefix.count)))
  }

  private static let runPrefix = "run:"

  /// Whether both say the same of the same window; another limit is another alert.
  package func repeats(_ other: BudgetAlert) -> Bool {
    key == other.key && scope == other.scope && limit == other.limit && percent == other.percent
  }
}

extension BudgetMachine {
  /// The thresholds that the counter has passed and that were not reported yet.
  func dueAlerts(_ key: CounterKey, _ counter: inout Counter) -> [BudgetAlert] {
    var alerts: [BudgetAlert] = []
    for position in book.positions(at: counter.place) {
      let rule = book.rules[position]
      for percent in rule.alertAt where rule.limit.reaches(percent: percent, with: counter.spent) {
        guard counter.alerted.insert(RuleBook.Threshold(rule: position, percent: percent)).inserted else { continue }
        alerts.append(BudgetAlert(key, rule, .passed(percent: percent), spent: counter.spent))
      }
    }
    return alerts
  }

  /// Every threshold that is passed in the present windows, reported or not; of single runs, in those that are meant.
  package func passedAlerts(ofRuns isMeant: (RunID) -> Bool) -> [BudgetAlert] {
    var alerts: [BudgetAlert] = []
    for (key, counter) in counters where !clock.isPast(counter.place.name, key.index) {
      for position in book.positions(at: counter.place) {
        let rule = book.rules[position]
        for percent in rule.alertAt where rule.limit.reaches(percent: percent, with: counter.spent) {
          let alert = BudgetAlert(key, rule, .passed(percent: percent), spent: counter.spent)
          if rule.window == .run, !(alert.run.map(isMeant) ?? false) { continue }
          alerts.append(alert)
        }
      }
    }
    return alerts.sorted { ($0.place, $0.key.scope, $0.percent ?? 0) < ($1.place, $1.key.scope, $1.percent ?? 0) }
  }

  /// The present counters whose end can be foreseen: those with a limit, but for those of single runs.
  package func foreseeable() -> [BudgetCounterView] {
    counters.compactMap { key, counter in
      guard counter.place.window != .run, !clock.isPast(counter.place.name, key.index) else { return nil }
      let rules = book.positions(at: counter.place).map { book.rules[$0] }.filter { !$0.limit.isNone }
      guard !rules.isEmpty else { return nil }
      return BudgetCounterView(
        key: key, spent: counter.spent, held: counter.held, kept: .zero, rules: rules,
        reset: start(of: counter.place, index: key.index + 1))
    }
  }
}

extension BudgetAlert {
  init(_ key: CounterKey, _ rule: BudgetRule, _ sign: Sign, spent: Spend) {
    self.init(key: key, scope: rule.scope, window: rule.window, sign: sign, spent: spent, limit: rule.limit)
  }
}
