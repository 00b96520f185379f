// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A counter, and whose charges since when belong in it, whether they were booked on it or not.
package struct CounterScope: Sendable, Hashable {
  package var key: CounterKey
  /// Nil for those of everybody.
  package var agents: Set<AgentName>?
  /// Nil for those of all runs, and of none.
  package var run: RunID?
  /// Runs that this one has called, with those that they have begun: their charges belong in it whoever made them.
  package var calledRuns: [RunID] = []
  /// When the window of the counter began; nil if it has always been.
  package var since: WallTime?

  package init(key: CounterKey, agents: Set<AgentName>? = nil, run: RunID? = nil, since: WallTime? = nil) {
    self.key = key
    self.agents = agents
    self.run = run
    self.since = since
  }

  /// Whether a charge belongs in the counter.
  ///
  /// What was booked there does, and whatever nobody counted there; but not what was admitted in another of its windows, nor
  /// what a person corrected elsewhere. What a call of unknown cost really came to counts where the call does.
  ///
  /// - Parameters:
  ///   - agent: who made the call.
  ///   - basis: what the charge is.
  ///   - time: of the charge.
  ///   - isCalled: it is one of `calledRuns`.
  ///   - counters: on which the charge was booked.
  /// - Throws: what `counters` throws.
  /// - Returns: false if it belongs elsewhere.
  package func holds(
    _ agent: AgentName, _ basis: ChargeRow.Basis, at time: WallTime, isCalled: Bool = false,
    counters: () throws(StoreError) -> [CounterKey]
  ) throws(StoreError) -> Bool {
    if let since, time < since { return false }
    let booked = try counters()
    if booked.contains(key) { return true }
    switch basis {
    case .usage, .hold, .released, .unresolved, .resolution:
      return (isCalled || agents?.contains(agent) ?? true)
        && !booked.contains { $0.scope == key.scope && $0.window == key.window }
    case .adjustment: return false
    }
  }

  /// How much of a sum a counter lacks.
  package func missing(from sum: Spend, counted: Spend?) -> Spend {
    let left = sum - (counted ?? .zero)
    return Spend(
      cost: max(.zero, left.cost), tokens: max(.zero, left.tokens), requests: max(0, left.requests))
  }
}
