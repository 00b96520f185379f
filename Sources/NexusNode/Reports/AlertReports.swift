// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// The alerts that were told, as operators see them.
enum AlertReports {
  /// How many of them one report shows.
  static let limit = 100

  /// Those of the windows that it is now, the newest first.
  ///
  /// - Parameters:
  ///   - told: all of them.
  ///   - budgets: the limits in force: what was told of others is past.
  ///   - now: the time.
  static func notes(_ told: AlertBook, _ budgets: [BudgetSpec], now: WallTime) -> [BudgetAlertNote] {
    let zones = Dictionary(budgets.compactMap(\.zone).map { ($0.name, $0.rules) }) { first, _ in first }
    let places = Set(budgets.map { "\($0.scope.text) per \($0.name.text)" })
    return told.newestFirst.lazy.filter { entry in
      guard places.contains(entry.alert.place), let name = WindowName(text: entry.alert.key.window) else {
        return false
      }
      return entry.alert.key.index >= BudgetCalendar.index(of: name.window, at: now, in: zones[name.zone ?? ""])
    }.prefix(limit).map(note)
  }

  private static func note(_ told: ToldAlert) -> BudgetAlertNote {
    let alert = told.alert
    var note = BudgetAlertNote(
      at: told.at, scope: alert.scope.text, per: alert.window.rawValue, spent: alert.spent)
    note.timezone = WindowName(text: alert.key.window)?.zone
    note.run = alert.run
    note.percent = alert.percent
    if case .foreseen(let time) = alert.sign { note.usedUpAt = time }
    (note.maxNanoUSD, note.maxTokens, note.maxRequests) = (alert.limit.cost, alert.limit.tokens, alert.limit.requests)
    return note
  }
}
