// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// How long runs that are over are kept; nil for always.
package struct RetentionSpec: Sendable, Hashable {
  /// Those that completed.
  package var completed: Duration?
  /// Those that came to any other end.
  package var failed: Duration?
  package init(completed: Duration? = nil, failed: Duration? = nil) {
    self.completed = completed
    self.failed = failed
  }

  package var isEmpty: Bool { completed == nil && failed == nil }

  /// Whether a run that ended in this way then is to be removed now.
  package func isOver(_ status: RunStatus, endedAt: WallTime?, at now: WallTime) -> Bool {
    guard status.isFinal, let endedAt, let keep = status == .completed ? completed : failed else { return false }
    return now - endedAt >= keep
  }

  /// The least time that any run is kept: what began later than that cannot be over long enough.
  package var least: Duration? {
    switch (completed, failed) {
    case (let one?, let other?): min(one, other)
    case (let one?, nil), (nil, let one?): one
    case (nil, nil): nil
    }
  }
}
