// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// An alert that was told.
package struct ToldAlert: Sendable, Hashable {
  package var alert: BudgetAlert
  package var at: WallTime
  package init(_ alert: BudgetAlert, at: WallTime) {
    self.alert = alert
    self.at = at
  }
}

/// Which alerts were told, so that each is told once for a window and a limit.
package struct AlertBook: Sendable, Hashable {
  /// How many are remembered of one budget, over all its windows: the newest.
  package static let mostOfOne = 256

  /// By the budget, in the order in which they were told.
  package private(set) var told: [String: [ToldAlert]] = [:]

  package init(_ told: [ToldAlert] = []) {
    for entry in told { self.told[entry.alert.place, default: []].append(entry) }
  }

  /// What is to be kept of a budget once this alert is told; nil if it was told before.
  ///
  /// Keep it first, then call `take`, then tell.
  package func adding(_ alert: BudgetAlert, at now: WallTime) -> [ToldAlert]? {
    let before = told[alert.place] ?? []
    if before.contains(where: { $0.alert.repeats(alert) }) { return nil }
    return Array((before + [ToldAlert(alert, at: now)]).suffix(Self.mostOfOne))
  }

  /// What `adding` answered is kept.
  package mutating func take(_ entries: [ToldAlert]) {
    if let place = entries.last?.alert.place { told[place] = entries }
  }

  /// All of them, the newest first.
  package var newestFirst: [ToldAlert] {
    told.values.joined().sorted { ($1.at, $1.alert.place) < ($0.at, $0.alert.place) }
  }
}
