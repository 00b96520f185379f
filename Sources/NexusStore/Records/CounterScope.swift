// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel

/// A counter, and whose charges since when belong in it, whether they were booked on it or not.
package struct CounterScope: Sendable, Hashable {
  package var key: CounterKey
  /// Nil for those of everybody.
  package var agents: Set<AgentName>?
  /// Nil for those of all runs, and of none.
  package var run: RunID?
  /// Runs that this one has called, with those that they have begun: their charges belong in it whoever made them.
  package var calledRuns: Set<RunID> = []
  /// Of some runs only these calls belong in it: those of one step.
  package var calls: [RunID: Set<EffectID>] = [:]
  /// When the window of the counter began; nil if it has always been.
  package var since: WallTime?

  package init(key: CounterKey, agents: Set<AgentName>? = nil, run: RunID? = nil, since: WallTime? = nil) {
    self.key = key
    self.agents = agents
    self.run = run
    self.since = since
  }

  /// Whether the charge of a run belongs in it whoever made the call.
  package func isMeant(_ charge: EffectID, of run: RunID?) -> Bool {
    guard let run else { return false }
    return calledRuns.contains(run) || calls[run]?.contains(charge) ?? false
  }

  /// The runs whose charges alone can belong in it; nil where those of others may.
  package var runs: Set<RunID>? {
    guard let agents, agents.isEmpty else { return run.map { calledRuns.union([$0]) } }
    return key.window == BudgetWindow.run.rawValue ? calledRuns.union(calls.keys) : nil
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
  ///   - isCalled: it is meant whoever made it (`isMeant`).
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
