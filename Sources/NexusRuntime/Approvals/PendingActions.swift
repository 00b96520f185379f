// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import Synchronization

/// What was permitted and may not be on record yet, so that two actions at the same moment know of each other.
final class PendingActions: Sendable {
  private struct Run {
    /// Who reads the record of the run right now.
    var readers = 0
    var actions: [(id: EffectID, action: PastAction)] = []
  }
  private let runs = Mutex<[RunID: Run]>([:])

  /// Somebody is about to read the record of the run.
  func begin(_ run: RunID) { runs.withLock { $0[run, default: Run()].readers += 1 } }

  /// Judges an action over the record and what is not in it yet; what may happen counts from then on.
  ///
  /// - Parameters:
  ///   - run: whose action it is.
  ///   - proposed: the action.
  ///   - recorded: what the reader found.
  ///   - body: answers whether the action may come to happen.
  /// - Returns: what `body` answered.
  func judge<Verdict: Sendable>(
    _ run: RunID, _ proposed: (id: EffectID, action: PastAction), over recorded: [(id: EffectID, action: PastAction)],
    _ body: (_ history: [PastAction]) -> (verdict: Verdict, mayHappen: Bool)
  ) -> Verdict {
    runs.withLock { runs in
      var known = runs[run] ?? Run()
      let ids = Set(recorded.map(\.id))
      let history =
        recorded.map(\.action) + known.actions.filter { !ids.contains($0.id) && $0.id != proposed.id }.map(\.action)
      // Another reader may have read before these were written.
      if known.readers == 1 { known.actions.removeAll { ids.contains($0.id) } }
      let (verdict, mayHappen) = body(history)
      if mayHappen, !known.actions.contains(where: { $0.id == proposed.id }) { known.actions.append(proposed) }
      runs[run] = known
      return verdict
    }
  }

  /// The reader is done.
  func end(_ run: RunID) {
    runs.withLock { runs in
      runs[run]?.readers -= 1
      if let known = runs[run], known.readers <= 0, known.actions.isEmpty { runs[run] = nil }
    }
  }

  /// The action does not happen after all.
  func withdraw(_ id: EffectID, of run: RunID) {
    runs.withLock { runs in
      runs[run]?.actions.removeAll { $0.id == id }
      if let known = runs[run], known.readers <= 0, known.actions.isEmpty { runs[run] = nil }
    }
  }

  /// The run is over.
  func forget(_ run: RunID) { runs.withLock { $0[run] = nil } }
}
