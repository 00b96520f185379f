// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel

/// An effect that a run is to begin with: what was asked, and what it came to.
package struct KeptEffect: Sendable, Hashable {
  /// As it stands in the new run, with an id of its own.
  package var row: EffectRow
  package var state: EffectState
  /// Nil for one whose end nobody knows.
  package var outcome: EffectOutcome?

  package init(row: EffectRow, state: EffectState, outcome: EffectOutcome?) {
    self.row = row
    self.state = state
    self.outcome = outcome
  }

  /// What it takes of the store.
  package var bytes: Int { (row.request?.count ?? 0) + (outcome?.body.count ?? 0) }

  /// Writes it down for a run.
  ///
  /// It was paid for by the run that made it, so it costs this one nothing.
  package func mutations(for run: RunID) -> [Mutation] {
    var row = row
    row.run = run
    row.record.attempt = .before
    row.record.state = outcome == nil ? state : .intent
    (row.inputTokens, row.outputTokens, row.cost) = (.zero, .zero, .zero)
    guard var outcome else { return [.insertEffect(row)] }
    outcome.cost = .zero
    return [.insertEffect(row), .setOutcome(row.record.id, state, outcome)]
  }
}
