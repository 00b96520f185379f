// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A run that begins whenever a clock says so.
package struct ScheduleSpec: Sendable, Hashable {
  package var name: String
  /// As it was written.
  package var expression: String
  package var cron: CronExpression
  /// A name of the IANA database.
  package var timezone: String
  /// The agent, workflow, saga or pool that is run.
  package var run: String
  package var input: JSONValue
  package var overlap: OverlapPolicy
  package var catchUp: CatchUp
  /// Not empty: none of its runs begins, for these reasons.
  package var refusals: [PlanRefusal]

  package init(name: String, expression: String, cron: CronExpression, run: String) {
    self.name = name
    self.expression = expression
    self.cron = cron
    self.run = run
    timezone = "UTC"
    input = .null
    overlap = .skip
    catchUp = .one
    refusals = []
  }
}

/// What happens at a time at which the run before is still under way.
package enum OverlapPolicy: String, Sendable, CaseIterable {
  /// No run begins.
  case skip
  /// One begins as soon as that one is over.
  case queue
  /// One begins all the same.
  case allow
}

/// What becomes of the times that passed while the node was down.
package enum CatchUp: Sendable, Hashable {
  /// The most runs that begin for times that passed.
  package static let maxRuns = 1_000

  case none
  /// One run stands for all of them.
  case one
  /// Each has its run, the last `maxRuns` of them.
  case all
  /// Each that passed no longer ago than this has its run, as with `all`.
  case within(Duration)
}
