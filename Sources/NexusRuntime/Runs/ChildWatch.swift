// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Which steps wait for which runs.
struct ChildWatch {
  private var steps: [RunID: Set<StepAddress>] = [:]
  private var children: [RunID: Set<RunID>] = [:]

  mutating func add(_ child: RunID, for step: StepAddress) {
    steps[child, default: []].insert(step)
    children[step.run, default: []].insert(child)
  }

  func contains(_ child: RunID, for step: StepAddress) -> Bool { steps[child]?.contains(step) ?? false }

  mutating func remove(_ child: RunID, for step: StepAddress) {
    steps[child]?.remove(step)
    if steps[child]?.isEmpty ?? false { steps[child] = nil }
    if !(steps[child]?.contains { $0.run == step.run } ?? false) { leave(child, step.run) }
  }

  /// The steps that wait for a run, which are told and wait no longer.
  mutating func take(_ child: RunID) -> Set<StepAddress> {
    let told = steps.removeValue(forKey: child) ?? []
    for step in told { leave(child, step.run) }
    return told
  }

  private mutating func leave(_ child: RunID, _ parent: RunID) {
    children[parent]?.remove(child)
    if children[parent]?.isEmpty ?? false { children[parent] = nil }
  }

  /// The run is not driven here any more, so nobody is there to be told.
  mutating func forget(parent: RunID) {
    for child in children.removeValue(forKey: parent) ?? [] {
      steps[child] = steps[child]?.filter { $0.run != parent }
      if steps[child]?.isEmpty ?? false { steps[child] = nil }
    }
  }
}
