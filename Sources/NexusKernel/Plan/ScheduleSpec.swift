// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The name of a schedule, by the same rule as an agent's.
package struct ScheduleName: Identifier {
  package let text: String
  package init(_ text: String) { self.text = text }
}

/// What is run again and again, and when.
package struct ScheduleSpec: Sendable, Hashable {
  /// The zone of a schedule that names none.
  package static let defaultTimeZone = "UTC"

  package var name: ScheduleName
  package var cron: CronExpression
  /// The expression as it was written.
  package var cronText: String
  /// A name of the IANA data base: `Europe/Berlin`.
  package var timeZone: String
  /// The agent, workflow, saga or pool that is run.
  package var run: String
  /// The input of each run.
  package var input: JSONValue
  package var overlap: ScheduleOverlap
  package var catchUp: ScheduleCatchUp

  package init(
    name: ScheduleName, cron: CronExpression, cronText: String, timeZone: String = Self.defaultTimeZone, run: String,
    input: JSONValue = .null, overlap: ScheduleOverlap = .skip, catchUp: ScheduleCatchUp = ScheduleCatchUp()
  ) {
    self.name = name
    self.cron = cron
    self.cronText = cronText
    self.timeZone = timeZone
    self.run = run
    self.input = input
    self.overlap = overlap
    self.catchUp = catchUp
  }
}

/// What to do when a run is due and an earlier one of the same schedule is not over.
package enum ScheduleOverlap: String, Sendable, CaseIterable {
  /// The new one is not made, and that is recorded.
  case skip
  /// It waits for the end of the earlier ones; a bounded number waits.
  case queue
  /// Both run.
  case allow
}

/// What to do about runs that came due while no node ran or its clock stood still.
///
/// By default the latest of them is made up for, if it is not older than a year: a machine that was off at night does
/// its nightly work once when it is on again.
package struct ScheduleCatchUp: Sendable, Hashable {
  package enum Policy: String, Sendable, CaseIterable {
    /// They are recorded as missed.
    case none
    /// The latest is made up for, the others are recorded as missed.
    case one
    /// All are made up for, from the oldest on; of very many, the latest.
    case all
  }

  /// A year, in days.
  package static let defaultWindow = Duration.seconds(365 * 86_400)

  package var policy: Policy
  /// How late a run may be made up for at most.
  package var window: Duration
  package init(_ policy: Policy = .one, window: Duration = Self.defaultWindow) {
    self.policy = policy
    self.window = window
  }
}
