// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The restarts that count now, and their limits.
package struct CountedRestarts: Sendable, Hashable {
  /// The oldest first.
  ///
  /// The one that was too many was counted and not made, so it is not among them.
  package let recent: [RestartWindow.Restart]
  package let intensity: RestartIntensity

  package init(recent: [RestartWindow.Restart], intensity: RestartIntensity) {
    self.recent = recent
    self.intensity = intensity
  }

  package var count: Int { min(recent.count, intensity.maxRestarts) }
}

// Counting restarts.
extension SupervisorMachine {
  /// All attempts of a task count in the window of their agent.
  private func windowKey(_ child: ChildName) -> ChildName { child.agent.map { .agent($0) } ?? child }

  /// Counts a restart that is about to be made; false if it is one too many.
  mutating func count(_ child: ChildName, because reason: String, at now: Instant) -> Bool {
    let key = windowKey(child)
    guard flags.countsEachChild else {
      guard countsByItself(key, at: now) else { return window.count(at: now, of: key, because: reason) }
      return windows[key]?.count(at: now, of: key, because: reason) ?? true
    }
    return windows[key, default: RestartWindow(intensity: flags.intensity)].count(at: now, of: key, because: reason)
  }

  /// It was given up alone in an earlier boot, and started by this one: its crashes of then still count, and only for it.
  private mutating func countsByItself(_ key: ChildName, at now: Instant) -> Bool {
    guard let own = windows[key] else { return false }
    if case .stopped(.failed) = records[key]?.state { return false }
    guard own.counted(at: now) > 0 else {
      windows[key] = nil
      return false
    }
    return true
  }

  /// A child was given up and the others go on: what it did no longer counts against them.
  mutating func setApart(_ child: ChildName) {
    guard !flags.countsEachChild else { return }
    restoreApart(child)
    actions.append(.logApart(windowKey(child)))
  }

  /// In an earlier boot a child was given up and the others went on.
  package mutating func restoreApart(_ child: ChildName) {
    let key = windowKey(child)
    guard !flags.countsEachChild else { return }
    let own = window.split(key)
    windows[key] = windows[key]?.joined(by: own) ?? own
  }

  /// A person starts a child that was given up: it counts with the others again, from nothing.
  mutating func forgetParking(of child: ChildName) {
    if !flags.countsEachChild { windows[windowKey(child)] = nil }
  }

  /// The restarts that count now for the child.
  package func restarts(of child: ChildName, at now: Instant) -> CountedRestarts {
    let own = windows[windowKey(child)] ?? (flags.countsEachChild ? nil : window)
    return CountedRestarts(recent: own?.made(at: now) ?? [], intensity: flags.intensity)
  }

  /// The restarts that count now for the supervisor as a whole; where each child has a window of its own, in all of them.
  package func recent(at now: Instant) -> [RestartWindow.Restart] {
    guard flags.countsEachChild else { return window.made(at: now) }
    return windows.values.flatMap { $0.made(at: now) }.sorted { $0.at < $1.at }
  }

  /// How many restarts count now; where each child has a window of its own, in the fullest.
  package func counted(at now: Instant) -> Int {
    let counted =
      flags.countsEachChild
      ? windows.values.map { $0.made(at: now).count }.max() ?? 0 : window.made(at: now).count
    return min(counted, flags.intensity.maxRestarts)
  }

  /// Puts a restart of an earlier boot back into its window.
  package mutating func restore(_ child: ChildName, because reason: String, at moment: Instant) {
    let key = windowKey(child)
    guard flags.countsEachChild || windows[key] != nil else {
      return window.restore(at: moment, of: key, because: reason)
    }
    windows[key, default: RestartWindow(intensity: flags.intensity)].restore(at: moment, of: key, because: reason)
  }

  /// The supervisor was started anew, so restarts of before no longer count.
  package mutating func forgetWindows() {
    window.clear()
    stepWindow.clear()
    windows = [:]
  }

  /// A person says that the child may go on: the crashes of before no longer count.
  ///
  /// - Returns: what changed for whom.
  package mutating func forgive(_ child: ChildName) -> [Action] {
    guard case .stopped(.failed) = records[child]?.state else { return [] }
    // Also what is not apart, because it failed before it was one too many.
    setApart(child)
    windows[windowKey(child)] = nil
    set(child, .stopped(.neverStarted))
    defer { actions = [] }
    return actions
  }
}
