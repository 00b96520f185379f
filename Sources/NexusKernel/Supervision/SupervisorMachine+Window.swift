// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

// Counting restarts.
extension SupervisorMachine {
  /// All attempts of a task count in the window of their agent.
  private func windowKey(_ child: ChildName) -> ChildName { child.agent.map { .agent($0) } ?? child }

  /// Counts a restart that is about to be made; false if it is one too many.
  mutating func count(_ child: ChildName, at now: Instant) -> Bool {
    guard flags.countsEachChild else { return window.count(at: now) }
    return windows[windowKey(child), default: RestartWindow(intensity: flags.intensity)].count(at: now)
  }

  /// How many restarts count now for the child, and its limits.
  ///
  /// The one that was too many was counted and not made, so it is not among them.
  package func restarts(of child: ChildName, at now: Instant) -> (count: Int, intensity: RestartIntensity) {
    let counted = flags.countsEachChild ? windows[windowKey(child)]?.counted(at: now) ?? 0 : window.counted(at: now)
    return (min(counted, flags.intensity.maxRestarts), flags.intensity)
  }

  /// How many restarts count now; where each child has a window of its own, in the fullest.
  package func counted(at now: Instant) -> Int {
    let counted =
      flags.countsEachChild ? windows.values.map { $0.counted(at: now) }.max() ?? 0 : window.counted(at: now)
    return min(counted, flags.intensity.maxRestarts)
  }

  /// Puts a restart of an earlier boot back into its window.
  package mutating func restore(_ child: ChildName, at moment: Instant) {
    guard flags.countsEachChild else { return window.restore(at: moment) }
    windows[windowKey(child), default: RestartWindow(intensity: flags.intensity)].restore(at: moment)
  }

  /// The supervisor was started anew, so restarts of before no longer count.
  package mutating func forgetWindows() {
    window.clear()
    windows = [:]
  }

  /// A person says that the child may go on: the crashes of before no longer count.
  ///
  /// - Returns: what changed for whom.
  package mutating func forgive(_ child: ChildName) -> [Action] {
    guard case .stopped(.failed) = records[child]?.state else { return [] }
    if flags.countsEachChild { windows[windowKey(child)] = nil } else { window.clear() }
    set(child, .stopped(.neverStarted))
    defer { actions = [] }
    return actions
  }
}
