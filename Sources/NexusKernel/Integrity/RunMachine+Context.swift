// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

// What the agent of a run has read, and whether it still holds.
extension RunMachine {
  package func readItems(_ path: StepPath) -> [ContextItem] {
    path == step ? state.reads.values.sorted { $0.key < $1.key } : []
  }

  package mutating func note(standing: [String: ContextStanding]?) { contextNow = standing }

  /// What an output was made out of; nil if the agent has told nothing of it.
  var readSet: ReadSet? {
    state.reads.isEmpty ? nil : ReadSet(items: Array(state.reads.values), standing: contextNow)
  }

  func read(_ item: ContextItem) -> Decision {
    guard hasAttempt, state.status != .halted,
      state.reads[item.key] != nil || state.reads.count < ContextItem.maxPerAttempt
    else { return Decision() }
    return Decision([.integrity(.contextRead(step: step, item))])
  }

  /// Whether what was read still holds cannot be told, and the project wants the run halted for that.
  func readDoubt(at now: WallTime?) -> IntegrityDoubt? {
    guard rules.stopWhen.contains(.readSetUnknown), !state.readIsAccepted, let now,
      let first = readSet?.freshness(at: now).first(where: { $0.1 == .unknown })
    else { return nil }
    return IntegrityDoubt(.readSetUnknown, step: step, note: FreshnessCheck.words(first.item, .unknown, nil))
  }
}
