// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What became of a time at which a schedule was due.
package struct ScheduleEventReport: Sendable, Hashable {
  /// When it was due; of many, the latest.
  package var dueAt: WallTime
  /// For how many due times it stands.
  package var count: Int
  /// `started`, `skipped`, `missed` or `refused`.
  package var outcome: String
  /// The run that was started.
  package var run: RunID?
  /// Why there was none.
  package var detail: String?

  package init(dueAt: WallTime, count: Int = 1, outcome: String, run: RunID? = nil, detail: String? = nil) {
    self.dueAt = dueAt
    self.count = count
    self.outcome = outcome
    self.run = run
    self.detail = detail
  }
}

extension ScheduleEventReport: WireValue {
  package var json: JSONValue {
    [
      "dueAt": .string(dueAt.iso8601), "count": .int(Int64(count)), "outcome": .string(outcome), "run": .of(run?.text),
      "detail": .of(detail),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "event")
    dueAt = try reader.time("dueAt")
    count = try reader.count("count")
    outcome = try reader.text("outcome")
    run = try reader.optionalText("run").map { RunID($0) }
    detail = try reader.optionalText("detail")
  }
}

/// A schedule: what the configuration says, and how it stands.
package struct ScheduleReport: Sendable, Hashable {
  package var name: String
  package var cron: String
  package var timeZone: String
  /// The agent, workflow, saga or pool that it runs.
  package var target: String
  package var overlap: String
  package var catchUp: String
  /// `active`, `paused` or `broken`.
  package var state: String
  /// Why it starts nothing, if it is broken.
  package var problem: String?
  /// The next times at which it is due, the first first; none while it is paused.
  package var next: [WallTime]
  /// Runs of it that are not over.
  package var running: [RunID]
  /// How many due times wait for the end of an earlier run.
  package var waiting: Int
  /// What became of the latest due times, the oldest first.
  package var recent: [ScheduleEventReport]

  package init(name: String, cron: String, timeZone: String, target: String, overlap: String, catchUp: String) {
    self.name = name
    self.cron = cron
    self.timeZone = timeZone
    self.target = target
    self.overlap = overlap
    self.catchUp = catchUp
    state = "active"
    problem = nil
    next = []
    running = []
    waiting = 0
    recent = []
  }
}

extension ScheduleReport: WireValue {
  package var json: JSONValue {
    [
      "name": .string(name), "cron": .string(cron), "timezone": .string(timeZone), "run": .string(target),
      "overlap": .string(overlap), "catchUp": .string(catchUp), "state": .string(state), "problem": .of(problem),
      "next": .array(next.map { .string($0.iso8601) }), "running": .array(running.map { .string($0.text) }),
      "waiting": .int(Int64(waiting)), "recent": .of(recent),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "schedule")
    self.init(
      name: try reader.text("name"), cron: try reader.text("cron"), timeZone: try reader.text("timezone"),
      target: try reader.text("run"), overlap: try reader.text("overlap"), catchUp: try reader.text("catchUp"))
    state = try reader.text("state")
    problem = try reader.optionalText("problem")
    next = try reader.texts("next").compactMap { WallTime(iso8601: $0) }
    running = try reader.texts("running").map { RunID($0) }
    waiting = try reader.count("waiting")
    recent = try reader.list("recent")
  }
}

/// The schedules of a project, in the order of the configuration.
package struct ScheduleList: Sendable, Hashable {
  package var schedules: [ScheduleReport]
  package init(schedules: [ScheduleReport]) { self.schedules = schedules }
}

extension ScheduleList: WireValue {
  package var json: JSONValue { ["schedules": .of(schedules)] }

  package init(json: JSONValue) throws(WireError) {
    schedules = try WireReader(json, "schedules").list("schedules")
  }
}

/// What a person does to a schedule.
package enum ScheduleChange: String, Sendable, CaseIterable {
  case pause, resume, trigger

  /// What the API's documentation says of it.
  package var summary: String {
    switch self {
    case .pause: "Starts nothing until the schedule is resumed; what came due before is not lost."
    case .resume: "Goes on with what is due from now on."
    case .trigger: "Starts a run now, whatever the clock says."
    }
  }
}
