// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

/// Tables about runs.
enum RunTable {
  static func render(_ runs: [RunRow], now: WallTime, style: Style, width: Int? = nil) -> String {
    guard !runs.isEmpty else { return "" }
    var table = TextTable(
      ["RUN", "NAME", "STATUS", "STARTED", "TOOK", "ATTEMPTS", "TOKENS", "COST"], rightAligned: [5, 6, 7])
    for run in runs {
      let took = run.endedAt.map { Quantities.duration($0 - run.createdAt) } ?? "–"
      table.add(
        [
          run.id.text, run.name, statusText(run),
          Quantities.ago(run.createdAt, now: now),
          took, "\(run.attempts)", Quantities.short(run.tokens.value), Quantities.money(run.cost),
        ]
      ) { column, text in column == 2 ? coloured(run.status, text, style) : text }
    }
    return table.render(style, width: width, dropping: [5, 6, 4, 7])
  }

  private static func statusText(_ run: RunRow) -> String {
    if let reason = run.pauseReason { return "\(run.status) (\(reason))" }
    if let error = run.error { return "\(run.status) \(error.code)" }
    return run.waitsForNode ? "\(run.status) (no node)" : run.status
  }

  static func coloured(_ status: String, _ text: String, _ style: Style) -> String {
    switch status {
    case "completed": style.good(text)
    case "failed", "halted", "stopped": style.bad(text)
    case "paused", "suspended", "compensating", "cancelled": style.warning(text)
    default: text
    }
  }

  static func show(_ run: RunDetail, now: WallTime, style: Style) -> String {
    let report = run.report
    var lines = [
      "\(style.strong(report.id.text))  \(coloured(report.status, report.status, style))  \(TerminalText.line(report.name))"
    ]
    func add(_ name: String, _ value: String) {
      lines.append(style.quiet(name + String(repeating: " ", count: max(0, 9 - name.count))) + TerminalText.line(value))
    }
    add("started", "\(report.startedAt.iso8601) (\(Quantities.ago(report.startedAt, now: now)))")
    if let end = report.endedAt { add("took", Quantities.duration(end - report.startedAt)) }
    add("attempts", "\(run.attempts)")
    add("cost", Quantities.cost(report.cost))
    let unknown = run.effects.count { $0.status == "unknown" && $0.kind == "model" }
    if unknown > 0 {
      let calls = unknown == 1 ? "1 call" : "\(unknown) calls"
      add("", "and \(calls) of unknown cost, charged to the budgets: naos cost history --run \(report.id.text)")
    }
    if report.cost.replayed > 0 { add("replayed", "\(report.cost.replayed) from the journal") }
    add("journal", "\(run.journalEntries) entries")
    if let error = report.error { add("error", "\(error.code): \(error.message)") }
    if let reason = report.pauseReason { add("paused", run.pauseNote.map { "\(reason): \($0)" } ?? reason) }
    if run.waitsForNode { add("waits", "no node has it: it goes on at the next `naos up`") }
    if let parent = run.parent { add("parent", parent.text) }
    if !run.input.isNull { add("input", text(run.input)) }
    if report.kind != "agent" { lines += ["", FlowTable.steps(run.steps, now: now, style: style)] }
    let verdicts = FlowTable.verdicts(run.steps, style: style)
    if !verdicts.isEmpty { lines += ["", verdicts] }
    if !run.effects.isEmpty { lines += ["", effects(run.effects, style: style)] }
    if let output = report.output { lines += ["", TerminalText.block(output.stringValue ?? output.text(.pretty))] }
    return lines.joined(separator: "\n")
  }

  private static func effects(_ effects: [EffectReport], style: Style) -> String {
    let hasError = effects.contains { $0.error != nil }
    var table = TextTable(
      ["EFFECT", "NAME", "STATUS", "ATTEMPT", "TOKENS", "COST", "TIME", "PLACE"] + (hasError ? ["ERROR"] : []),
      rightAligned: [3, 4, 5, 6])
    for effect in effects {
      let tokens = effect.inputTokens + effect.outputTokens
      let error = effect.error.map { "\($0.code): \($0.message)" } ?? ""
      table.add(
        [
          effect.kind, effect.name, effect.status, effect.attempt == 0 ? "kept" : "\(effect.attempt)",
          Quantities.short(tokens.value), Quantities.money(effect.cost),
          effect.milliseconds.map { Quantities.duration(.milliseconds($0)) } ?? "–", effect.place ?? "",
        ] + (hasError ? [error] : []))
    }
    return table.render(style)
  }

  private static func text(_ value: JSONValue) -> String { value.stringValue ?? value.text(.compact) }
}
