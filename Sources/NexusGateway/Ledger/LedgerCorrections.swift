// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
package import NexusStore
internal import Synchronization

// What people change: limits, and what was charged. The store is asked first; these methods then make the ledger follow.
extension Ledger {
  /// The overrides in force.
  package var overrides: BudgetOverrides { state.withLock { $0.overrides } }

  /// Puts an override in force that has been committed, or takes one back; what was spent stays.
  package func set(_ override: BudgetOverride?, at place: BudgetPlace) {
    change { state, _ in
      state.overrides[place] = override
      state.watched.remove(place)
      state.applyRules()
    }
  }

  /// The counters that a correction is booked on, if none of them would fall below zero.
  package func counters(
    of scope: BudgetScope, window: BudgetWindow?, correctedBy amount: Spend
  ) throws(CorrectionShortage) -> [CounterKey] {
    let reading = reading
    let (keys, shortage) = state.withLock { state in
      var above: [SupervisorName] = []
      if case .agent(let agent) = scope { above = state.supervisors[agent] ?? [.root] }
      let target = CorrectionTarget(scope: scope, window: window, supervisors: above)
      let keys = state.machine.counters(of: target, at: reading)
      return (keys, state.machine.shortage(of: amount, on: keys))
    }
    if let shortage { throw shortage }
    return keys
  }

  /// The counter that a correction would take below zero, if there is one.
  package func shortage(of amount: Spend, on keys: [CounterKey]) -> CorrectionShortage? {
    state.withLock { $0.machine.shortage(of: amount, on: keys) }
  }

  /// Takes up a correction that has been committed.
  ///
  /// - Returns: marks to commit; then tell the ledger by `resolve`.
  package func correct(_ charge: ChargeRow) -> [CounterMark] {
    let (marks, alerts) = change { state, _ in state.machine.correct(charge.counters, by: charge.spend) }
    tell(alerts.map(LedgerNotice.threshold))
    return marks.map { CounterMark(key: $0.key, mark: $0.mark) }
  }
}
