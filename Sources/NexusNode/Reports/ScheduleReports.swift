// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusKernel
internal import NexusRuntime
internal import NexusStore

/// How schedules read to operators.
enum ScheduleReports {
  /// How many of the next due times are shown.
  private static let shownTimes = 5

  static func report(_ standing: ScheduleHost.Standing, at now: WallTime) -> ScheduleReport {
    let (spec, state) = (standing.spec, standing.state)
    var report = ScheduleReport(
      name: spec.name.text, cron: spec.cronText, timeZone: spec.timeZone, target: spec.run,
      overlap: spec.overlap.rawValue, catchUp: spec.catchUp.policy.rawValue)
    report.problem = standing.problem
    report.state = standing.problem != nil ? "broken" : state?.isPaused == true ? "paused" : "active"
    if report.state == "active", let zone = try? ZoneRules.named(spec.timeZone) {
      var time = state?.decided ?? now
      while report.next.count < shownTimes, let next = spec.cron.next(after: time, in: zone) {
        report.next.append(next)
        time = next
      }
    }
    report.running = state?.running.map(\.run) ?? []
    report.waiting = state?.waiting.count ?? 0
    report.recent = state?.recent.map(event) ?? []
    return report
  }

  private static func event(_ record: ScheduleRecord) -> ScheduleEventReport {
    var report = ScheduleEventReport(dueAt: record.time, count: record.count, outcome: "missed")
    switch record.outcome {
    case .missed: report.detail = "no node ran"
    case .started(let run): (report.outcome, report.run) = ("started", run)
    case .skipped(let reason): (report.outcome, report.detail) = ("skipped", words(for: reason))
    case .refused(let code, let message): (report.outcome, report.detail) = ("refused", "\(code) \(message)")
    }
    return report
  }

  private static func words(for reason: ScheduleSkip) -> String {
    switch reason {
    case .overlap: "an earlier run was not over"
    case .queueFull: "\(ScheduleState.maxWaiting) runs waited already"
    case .tooManyRuns: "\(ScheduleState.maxRunning) runs were under way already"
    case .changed: "it waited, and the expression or the time zone was changed"
    }
  }

  /// How the schedules stand while no node runs: as the last one left them.
  static func stored(
    _ plan: ProjectPlan, _ rows: [ComponentRow], at now: WallTime
  ) throws(StoreError) -> [ScheduleHost.Standing] {
    var states: [String: ScheduleState] = [:]
    for row in rows { states[row.name] = try ScheduleFormat.decode(row.state) }
    return plan.schedules.map { spec in
      var problem: String?
      let state = states[spec.name.text]
      do {
        let machine = ScheduleMachine(spec, zone: try ZoneRules.named(spec.timeZone), state: state, at: now)
        problem = ScheduleHost.problem(of: machine, at: now)
      } catch {
        problem = "\(error)"
      }
      return ScheduleHost.Standing(spec: spec, state: state, problem: problem)
    }
  }
}
