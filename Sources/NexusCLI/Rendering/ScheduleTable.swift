// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

/// Tables about schedules.
enum ScheduleTable {
  static func list(_ schedules: [ScheduleReport], now: WallTime, _ style: Style) -> String {
    guard !schedules.isEmpty else { return "" }
    var table = TextTable(["NAME", "CRON", "RUNS", "STATE", "NEXT", "LAST"])
    for schedule in schedules {
      table.add([
        schedule.name, cron(schedule), schedule.target, schedule.problem ?? schedule.state,
        schedule.next.first.map { until($0, now) } ?? "–",
        schedule.recent.last.map { "\($0.outcome) \(Quantities.ago($0.dueAt, now: now))" } ?? "–",
      ]) { column, text in column == 3 ? coloured(schedule.state, text, style) : text }
    }
    return table.render(style)
  }

  static func show(_ schedule: ScheduleReport, now: WallTime, _ style: Style) -> String {
    var lines = [
      "\(style.strong(TerminalText.line(schedule.name)))  \(coloured(schedule.state, schedule.state, style))",
      "runs      \(TerminalText.line(schedule.target))", "cron      \(cron(schedule))",
      "overlap   \(schedule.overlap) · catch-up \(schedule.catchUp)",
    ]
    if let problem = schedule.problem { lines.append(style.bad(TerminalText.line(problem))) }
    for (index, time) in schedule.next.enumerated() {
      lines.append("\(index == 0 ? "next    " : "        ")  \(time.iso8601) (\(until(time, now)))")
    }
    if !schedule.running.isEmpty { lines.append("under way \(schedule.running.map(\.text).joined(separator: ", "))") }
    if schedule.waiting > 0 { lines.append("waiting   \(schedule.waiting) for the end of an earlier run") }
    guard !schedule.recent.isEmpty else { return lines.joined(separator: "\n") }
    var table = TextTable(["DUE", "OUTCOME", "TIMES", "DETAIL"], rightAligned: [2])
    for event in schedule.recent.reversed() {
      table.add([event.dueAt.iso8601, event.outcome, "\(event.count)", event.run?.text ?? event.detail ?? ""])
    }
    return (lines + ["", table.render(style)]).joined(separator: "\n")
  }

  private static func cron(_ schedule: ScheduleReport) -> String {
    TerminalText.line("\(schedule.cron) \(schedule.timeZone)")
  }

  private static func until(_ time: WallTime, _ now: WallTime) -> String {
    time <= now ? "now" : "in \(Quantities.duration(time - now))"
  }

  private static func coloured(_ state: String, _ text: String, _ style: Style) -> String {
    switch state {
    case "active": style.good(text)
    case "paused": style.warning(text)
    default: style.bad(text)
    }
  }
}
