// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

/// Tables about workflows, sagas and pools, and about the steps of their runs.
enum FlowTable {
  static func list(_ flows: [FlowReport], _ style: Style) -> String {
    guard !flows.isEmpty else { return "" }
    var table = TextTable(["NAME", "STEPS", "MAY RUN"], rightAligned: [1])
    for flow in flows {
      table.add([flow.name, "\(flow.steps.count)", flow.refusals.first.map { "refused: \($0)" } ?? "yes"])
    }
    return table.render(style)
  }

  static func show(_ flow: FlowReport, _ style: Style) -> String {
    let strategy = flow.strategy.map { " · \($0)" } ?? ""
    var lines = ["\(style.strong(TerminalText.line(flow.name)))  \(flow.kind)\(strategy)"]
    if let queue = flow.queue {
      let range = queue.minSize == queue.maxSize ? "" : " (\(queue.minSize) to \(queue.maxSize))"
      lines.append("workers   \(queue.size)\(range)\(queue.isDraining ? " · " + style.warning("draining") : "")")
      lines.append("tasks     \(queue.busy) under way, \(queue.waiting) waiting (at most \(queue.maxQueue))")
      if !queue.loads.isEmpty { lines.append("loads     " + queue.loads.map(String.init).joined(separator: " ")) }
    }
    for refusal in flow.refusals { lines.append(style.bad("refused: " + TerminalText.line(refusal))) }
    let isSaga = flow.kind == "saga"
    let hasConditions = flow.steps.contains { $0.when != nil }
    var table = TextTable(
      ["STEP", "DOES", "NEEDS"] + (hasConditions ? ["WHEN"] : []) + (isSaga ? ["KIND", "UNDONE BY"] : []))
    for step in flow.steps {
      let needs = step.needs.isEmpty ? "–" : step.needs.joined(separator: ", ")
      table.add(
        [step.name, step.action, needs] + (hasConditions ? [step.when ?? "–"] : [])
          + (isSaga ? [step.commitment ?? "–", step.compensation ?? "–"] : []))
    }
    return (lines + ["", table.render(style)]).joined(separator: "\n")
  }

  // MARK: Runs

  static func steps(_ steps: [StepReport], now: WallTime, style: Style) -> String {
    let hasUndo = steps.contains { $0.compensation != nil }
    var table = TextTable(
      ["STEP", "STATUS", "ATTEMPTS", "TOOK", "COST"] + (hasUndo ? ["UNDO"] : []) + ["DETAIL"], rightAligned: [2, 3, 4])
    for step in steps {
      let took = step.startedAt.map { Quantities.duration((step.endedAt ?? now) - $0) } ?? "–"
      table.add(
        [step.path.text, step.status, step.attempts == 0 ? "–" : "\(step.attempts)", took, Quantities.money(step.cost)]
          + (hasUndo ? [undo(step)] : []) + [detail(step, now: now)]
      ) { column, text in column == 1 ? coloured(step.status, text, style) : text }
    }
    return table.render(style)
  }

  private static func undo(_ step: StepReport) -> String {
    step.compensation.map { $0 == "pending" ? "–" : $0 } ?? ""
  }

  private static func detail(_ step: StepReport, now: WallTime) -> String {
    if let error = step.error { return "\(error.code) \(error.message)" }
    if let child = step.child { return child.text }
    if let due = step.dueAt, step.status == "waiting" { return "until \(due.iso8601)" }
    guard let output = step.output, !output.isNull else { return "" }
    return output.stringValue ?? output.text(.compact)
  }

  /// What validators made of the last values, where that was not simply `pass`; empty for nothing.
  static func verdicts(_ steps: [StepReport], style: Style) -> String {
    let judged = steps.filter { $0.verdict.map { $0 != "pass" } ?? false || isObserved($0) }
    guard !judged.isEmpty else { return "" }
    var table = TextTable(["STEP", "VERDICT", "VALIDATOR", "WHAT IS WRONG"])
    for step in judged {
      for finding in step.judgement?["findings"]?.arrayValue ?? [] {
        guard let verdict = finding["verdict"]?.stringValue, verdict != "pass" else { continue }
        let mark = finding["observed"]?.boolValue == true ? "\(verdict) (observed)" : verdict
        let errors = finding["errors"]?.arrayValue ?? []
        let first = errors.first { $0["verdict"]?.stringValue == verdict } ?? errors.first
        let place = first?["path"]?.stringValue ?? ""
        let message = first?["message"]?.stringValue ?? ""
        let more = errors.count > 1 ? " (and \(errors.count - 1) more)" : ""
        table.add([
          step.path.text, mark, finding["validator"]?.stringValue ?? "",
          (place.isEmpty ? message : "\(place): \(message)") + more,
        ]) { column, text in column == 1 ? style.warning(text) : text }
      }
    }
    return table.isEmpty ? "" : table.render(style)
  }

  private static func isObserved(_ step: StepReport) -> Bool {
    (step.judgement?["findings"]?.arrayValue ?? []).contains {
      $0["observed"]?.boolValue == true && $0["verdict"]?.stringValue != "pass"
    }
  }

  private static func coloured(_ status: String, _ text: String, _ style: Style) -> String {
    switch status {
    case "completed": style.good(text)
    case "failed": style.bad(text)
    case "running", "pending": text
    default: style.warning(text)
    }
  }
}
