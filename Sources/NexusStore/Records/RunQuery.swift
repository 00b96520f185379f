// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel

/// Which runs a list shows; every condition that is set has to hold.
package struct RunQuery: Sendable, Hashable {
  package var name: String?
  /// Empty for any.
  package var kinds: Set<RunKind>
  /// Empty for any.
  package var statuses: Set<RunStatus>
  /// Only runs that stand still for one of these reasons; empty for any run.
  package var reasons: Set<PauseReason>
  /// Only runs whose last error has this code.
  package var errorCode: String?
  /// Only the runs that steps of this one began.
  package var parent: RunID?
  /// Only runs that no step of another run began.
  package var topLevelOnly: Bool
  /// Only runs with an id before this one, which is how pages go on.
  package var before: RunID?
  /// Only runs with an id after this one.
  package var after: RunID?
  package var limit: Int

  package init(
    name: String? = nil, kinds: Set<RunKind> = [], statuses: Set<RunStatus> = [], reasons: Set<PauseReason> = [],
    errorCode: String? = nil, parent: RunID? = nil, topLevelOnly: Bool = false, before: RunID? = nil,
    after: RunID? = nil, limit: Int = 100
  ) {
    self.name = name
    self.kinds = kinds
    self.statuses = statuses
    self.reasons = reasons
    self.errorCode = errorCode
    self.parent = parent
    self.topLevelOnly = topLevelOnly
    self.before = before
    self.after = after
    self.limit = limit
  }

  /// Whether a run fulfils every condition.
  func matches(_ run: RunRecord) -> Bool {
    (name.map { $0 == run.name } ?? true) && (kinds.isEmpty || kinds.contains(run.kind))
      && (statuses.isEmpty || statuses.contains(run.summary.status))
      && (reasons.isEmpty || run.summary.pauseReason.map { reasons.contains($0) } ?? false)
      && (errorCode.map { $0 == run.summary.error?.code } ?? true) && (parent.map { $0 == run.parent } ?? true)
      && (!topLevelOnly || run.parent == nil) && (before.map { run.id < $0 } ?? true)
      && (after.map { run.id > $0 } ?? true)
  }
}

extension RunID {
  /// The smallest id that a run made at this time can have: `after` and `before` of a query by time.
  package static func first(at time: WallTime) -> RunID {
    let milliseconds = UInt64(max(0, time.microseconds / 1000)) & 0xFFFF_FFFF_FFFF
    return RunID("run_" + Crockford.encode(high: milliseconds << 16, low: 0))
  }
}
