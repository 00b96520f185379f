// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What a schedule remembers: enough for the next node to go on wherever this one was killed.
package struct ScheduleState: Sendable, Hashable {
  /// How many of its latest decisions a schedule remembers.
  package static let maxRecent = 20
  /// How many runs may wait for the end of an earlier one, with `overlap: queue`.
  package static let maxWaiting = 100
  /// How many runs of one schedule may be under way at a time.
  package static let maxRunning = 100

  /// A run of the schedule that is not over.
  package struct Running: Sendable, Hashable {
    /// When it was due.
    package var time: WallTime
    package var run: RunID
    package init(time: WallTime, run: RunID) {
      self.time = time
      self.run = run
    }
  }

  /// The expression and the zone that `decided` is about; a change of either begins anew.
  package var timing: String
  /// What was due up to this time, and at it, is decided.
  package var decided: WallTime
  package var isPaused: Bool
  /// Due times whose runs wait for the end of an earlier run, the oldest first.
  package var waiting: [WallTime]
  /// Due times whose runs are to be created: decided, written down, and perhaps done, but not known to be.
  package var starting: [WallTime]
  /// The oldest first.
  package var running: [Running]
  /// The oldest first.
  package var recent: [ScheduleRecord]

  /// A schedule that begins at a time: what would have been due before it is nobody's business.
  package init(timing: String, from time: WallTime) {
    self.timing = timing
    decided = time
    isPaused = false
    waiting = []
    starting = []
    running = []
    recent = []
  }

  /// Whether a run of the schedule is under way or about to be.
  package var isBusy: Bool { !running.isEmpty || !starting.isEmpty }

  /// Remembers what became of a due time.
  mutating func record(_ time: WallTime, _ outcome: ScheduleRecord.Outcome, count: Int = 1) {
    // A run that takes an hour must not drown everything else in the skips of a schedule of every second.
    if let last = recent.last, last.outcome == outcome, last.time < time {
      recent[recent.count - 1] = ScheduleRecord(time: time, count: last.count + count, outcome: outcome)
      return
    }
    recent.append(ScheduleRecord(time: time, count: count, outcome: outcome))
    if recent.count > Self.maxRecent { recent.removeFirst() }
  }
}

/// What became of a time at which a schedule was due.
package struct ScheduleRecord: Sendable, Hashable {
  package enum Outcome: Sendable, Hashable {
    case started(RunID)
    case skipped(ScheduleSkip)
    /// It was due while no node ran, or its clock stood still, and is not made up for.
    case missed
    /// The run could not be created.
    case refused(code: String, message: String)
  }

  /// When it was due; of many, the latest.
  package var time: WallTime
  /// For how many due times it stands: equal ones that follow each other are one.
  package var count: Int
  package var outcome: Outcome

  package init(time: WallTime, count: Int = 1, outcome: Outcome) {
    self.time = time
    self.count = count
    self.outcome = outcome
  }
}

/// Why a due time got no run.
package enum ScheduleSkip: String, Sendable, CaseIterable {
  /// An earlier run was not over, and `overlap` is `skip`.
  case overlap
  /// `maxWaiting` runs waited already.
  case queueFull = "queue-full"
  /// `maxRunning` runs were under way already.
  case tooManyRuns = "too-many-runs"
  /// It waited, and the expression or the zone was changed.
  case changed
}
