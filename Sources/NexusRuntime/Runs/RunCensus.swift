// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import Synchronization

/// Counts the runs that have something to do right now: all that are under way but those that wait for a time, an event
/// or another run.
final class RunCensus: Sendable {
  private let runs = Mutex<Set<RunID>>([])

  var active: Int { runs.withLock { $0.count } }

  func note(_ run: RunID, isActive: Bool) {
    runs.withLock { runs in
      if isActive { runs.insert(run) } else { runs.remove(run) }
    }
  }
}
