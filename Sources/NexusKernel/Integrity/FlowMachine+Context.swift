// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

// What steps have read, and whether it still holds.
extension FlowMachine {
  package func readItems(_ path: StepPath) -> [ContextItem] {
    guard !state.reads.isEmpty, let key = state.key(at: path), let items = state.reads[key] else { return [] }
    return items.values.sorted { $0.key < $1.key }
  }

  package mutating func note(standing: [String: ContextStanding]?) { contextNow = standing }

  /// What came out of the unit was made out of; nil if its agent has told nothing of it.
  func readSet(of key: UnitKey) -> ReadSet? {
    guard !state.reads.isEmpty, let items = state.reads[key], !items.isEmpty else { return nil }
    return ReadSet(items: Array(items.values), standing: contextNow)
  }

  mutating func read(_ path: StepPath, _ item: ContextItem, _ turn: inout Turn) {
    guard let key = state.key(at: path), state.open.contains(key), !orphans.contains(key), state.status != .halted,
      state.reads[key]?[item.key] != nil || (state.reads[key]?.count ?? 0) < ContextItem.maxPerAttempt
    else { return }
    note(.integrity(.contextRead(step: path, item)), &turn)
  }

  /// Whether what a unit has read still holds cannot be told, and the project wants the run halted for that.
  ///
  /// Written down before the output is judged or taken, so that nothing is.
  mutating func doubtsReadSet(of key: UnitKey, _ turn: inout Turn) -> Bool {
    guard rules.stopWhen.contains(.readSetUnknown), state.units[key]?.readIsAccepted != true,
      let read = readSet(of: key),
      let first = read.freshness(at: turn.now).first(where: { $0.1 == .unknown })
    else { return false }
    let words = FreshnessCheck.words(first.item, .unknown, nil)
    halt(for: IntegrityDoubt(.readSetUnknown, step: state.paths.path(of: key), note: words), &turn)
    return true
  }
}
