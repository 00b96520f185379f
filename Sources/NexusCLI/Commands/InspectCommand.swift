// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore

/// `naos inspect`: everything about one agent.
struct InspectCommand: NaosCommand {
  static let configuration = CommandConfiguration(commandName: "inspect", abstract: "Show everything about an agent.")

  @Argument(help: "The agent.")
  var name: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let agent = AgentName(name)
    let detail = try await AgentNames.suggesting(name, in: project) {
      try await NodeAccess.reading(project, warning: context.console) { operations in
        try await operations.inspect(agent)
      }
    }
    let console = context.console
    console.emit(detail.json) { Self.render(detail, now: SystemClock().wallNow(), style: console.outputStyle) }
    guard console.format == .table else { return }
    let shown = TerminalText.line(detail.status.name.text)
    console.next("naos run \(shown) --input \"…\"", "naos logs \(shown)")
  }

  static func render(_ detail: AgentDetail, now: WallTime, style: Style) -> String {
    let status = detail.status
    var facts: [(String, String)] = [
      ("agent", status.name.text), ("kind", "\(status.kind), \(detail.mode)"),
      ("state", [status.state.rawValue, status.note].compactMap { $0 }.joined(separator: " · ")),
    ]
    func add(_ name: String, _ value: String?) { if let value, !value.isEmpty { facts.append((name, value)) } }
    add("run", status.run?.text)
    add("attempt", detail.attempt.map(String.init))
    add("pid", detail.pid.map(String.init))
    add("step", status.step)
    add("last activity", Quantities.ago(status.lastActivity, now: now))
    add("last exit", detail.lastExit)
    add("restarts", Quantities.restarts(status.restarts))
    for restart in status.restarts.recent {
      let isOwn = restart.child == status.name.text
      add("", Quantities.restart(restart, now: now, names: !isOwn))
    }
    add("restart", detail.restart)
    add("supervisor", detail.supervisor)
    add("template", detail.template)
    add("command", detail.command.joined(separator: " "))
    add("model", detail.model)
    add("tools", detail.tools.joined(separator: ", "))
    add("reads", detail.readPaths.joined(separator: ", "))
    add("hosts", detail.hosts.joined(separator: ", "))
    add("environment", detail.environment.joined(separator: ", "))
    add("folder", detail.workingDirectory)
    add("tokens", Quantities.count(status.tokens.value))
    add("cost", Quantities.money(status.cost))
    for budget in detail.budgets { add("budget", Self.words(budget)) }
    for refusal in detail.refusals { add("cannot run", "\(refusal.code): \(refusal.message)") }
    let width = facts.map(\.0.count).max() ?? 0
    let lines = facts.map { name, value in
      style.quiet(name + String(repeating: " ", count: width - name.count)) + "  " + TerminalText.line(value)
    }
    guard !detail.recentRuns.isEmpty else { return lines.joined(separator: "\n") }
    return (lines + ["", RunTable.render(detail.recentRuns, now: now, style: style)]).joined(separator: "\n")
  }

  /// `agent:researcher · 508 of 100,000 tokens · $0.00 of $5.00 · lifetime · refuse`.
  static func words(_ budget: BudgetStatus) -> String {
    var parts = [budget.scope]
    if let limit = budget.maxTokens {
      parts.append("\(Quantities.count(budget.usedTokens.value)) of \(Quantities.count(limit.value)) tokens")
    }
    if let limit = budget.maxNanoUSD {
      parts.append("\(Quantities.money(budget.usedNanoUSD)) of \(Quantities.money(limit))")
    }
    if let limit = budget.maxRequests {
      parts.append("\(Quantities.count(budget.usedRequests)) of \(Quantities.count(limit)) requests")
    }
    parts += [budget.per, budget.onLimit]
    if !budget.isHard { parts.append("soft") }
    if budget.isExhausted { parts.append("exhausted") }
    return parts.joined(separator: " · ")
  }
}
