// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Makes the journal that a new run begins with, out of another one's.
package enum FlowFork {
  /// The entries of `journal` that still hold if `step` and all that needs it are done anew.
  ///
  /// What a fork keeps are results: steps that are over, and the durable steps that their agents recorded. How the run
  /// halted, failed, or went back is left out; what was undone, or may have been, is done anew, and so is what needs it.
  ///
  /// - Parameters:
  ///   - journal: of the run that is forked.
  ///   - definition: its definition.
  ///   - step: a step, or an element of a list; the other elements then keep their results.
  ///   - time: what the step's own agent recorded by then still holds too; nil for none of it.
  /// - Returns: nil if the definition has no such step.
  package static func entries(
    of journal: [JournalEntry], definition: FlowDefinition, from step: String, recordedUntil time: WallTime? = nil
  ) -> [RunEntry]? {
    let paths = UnitPaths(definition)
    guard let start = paths.key(of: StepPath(step)), start.role == .forward, start.step >= 0,
      start.item == nil || definition.steps[start.step].forEach != nil
    else { return nil }
    var undone = undone(in: journal, paths)
    if start.item != nil { undone.insert(start) }
    // Of a list only the elements that were undone are done anew, and all that needs the list.
    var seeds: Set<Int> = start.item == nil ? [start.step] : []
    for key in undone {
      if key.item == nil { seeds.insert(key.step) }
      seeds.formUnion(definition.steps.indices.filter { definition.steps[$0].needs.contains(key.step) })
    }
    let anew = behind(seeds, definition)
    return journal.compactMap { item -> RunEntry? in
      guard let path = path(of: item.entry) else { return nil }
      let name = String(path.text.prefix { $0 != "/" })
      guard let key = paths.key(of: StepPath(name)), key.role == .forward, key.step >= 0 else { return nil }
      if key == start, let time, case .stepRecorded = item.entry { return item.at <= time ? item.entry : nil }
      return anew.contains(key.step) || undone.contains(key) ? nil : item.entry
    }
  }

  private static func path(of entry: RunEntry) -> StepPath? {
    switch entry {
    case .stepCompleted(let path, _), .stepSkipped(let path, _), .stepMarkedDone(let path, _, _),
      .stepExpanded(let path, _), .stepRecorded(let path, _):
      path
    // What was rejected belongs to the run that rejected it.
    case .judged(let path, let judgement): judgement.mayProceed ? path : nil
    default: nil
    }
  }

  /// The units whose compensation is done, or was begun.
  private static func undone(in journal: [JournalEntry], _ paths: UnitPaths) -> Set<UnitKey> {
    var undone: Set<UnitKey> = []
    for item in journal {
      switch item.entry {
      case .attemptStarted(let path, _, _), .stepCompleted(let path, _), .stepMarkedDone(let path, _, _):
        if let key = paths.key(of: path), key.role == .back { undone.insert(key.with(.forward)) }
      default: break
      }
    }
    return undone
  }

  /// Steps, and all that need them.
  private static func behind(_ steps: Set<Int>, _ definition: FlowDefinition) -> Set<Int> {
    var found = steps
    // Steps may need later ones in the file, so it is looked at until nothing is found any more.
    var grows = true
    while grows {
      grows = false
      for (index, candidate) in definition.steps.enumerated() where !found.contains(index) {
        if candidate.needs.contains(where: found.contains) { grows = found.insert(index).inserted || grows }
      }
    }
    return found
  }
}
