// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

/// What must hold of halts and roll-backs, told by the journal of a run.
package struct HaltRules {
  private let journal: [JournalEntry]

  package init(_ journal: [JournalEntry]) { self.journal = journal }

  /// The first rule that is broken, in a sentence; nil if all hold.
  package func broken() -> String? { checkQuiet() ?? checkUndone() ?? checkSeals() }

  /// Nothing of a halted run begins or ends by itself before a person decides.
  private func checkQuiet() -> String? {
    var isHalted = false
    for entry in journal {
      switch entry.entry {
      case .integrity(.halted):
        if isHalted { return "it was halted while it was halted" }
        isHalted = true
      case .integrity(.haltAccepted), .integrity(.rollbackStarted): isHalted = false
      // What was killed is over, and what was sent waits.
      case .attemptEnded, .eventReceived, .childStarted: break
      default: if isHalted { return "\(JournalWord.of(entry.entry)) happened while it was halted" }
      }
    }
    return nil
  }

  /// What is undone on the way to a checkpoint, and what is named as standing there, was done behind it.
  private func checkUndone() -> String? {
    var line: [(number: Int, path: StepPath)] = []
    var undone: Set<StepPath> = []
    var count = 0
    for entry in journal {
      switch entry.entry {
      case .stepCompleted(let path, _), .stepMarkedDone(let path, _, _), .stepSkipped(let path, _):
        if path.text.hasSuffix(".compensation") {
          undone.insert(StepPath(String(path.text.dropLast(".compensation".count))))
        } else if !path.text.hasSuffix(".probe"), path.text != ".judge" {
          count += 1
          line.append((count, path))
        }
      case .integrity(.rollbackStarted): undone = []
      case .integrity(.rolledBack(let number, let standing)):
        let behind = line.filter { $0.number > number }.map(\.path)
        for path in undone where !behind.contains(path) && line.contains(where: { $0.path == path }) {
          return "\(path) was undone although it stands"
        }
        for path in standing where line.contains(where: { $0.path == path && $0.number <= number }) {
          return "\(path) is named as what stands, and was kept"
        }
        line.removeAll { $0.number > number }
      default: break
      }
    }
    return nil
  }

  /// Checkpoints are counted on, and each is sealed once.
  private func checkSeals() -> String? {
    var last = 0
    for entry in journal {
      guard case .integrity(.checkpointed(let seal)) = entry.entry else { continue }
      if seal.number <= last { return "checkpoint \(seal.number) was sealed behind \(last)" }
      last = seal.number
    }
    return nil
  }
}
