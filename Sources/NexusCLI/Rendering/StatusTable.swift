// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
package import NexusCore

/// The table of agents.
///
///     NAME        STATE      STEP          LAST ACTIVITY  RESTARTS        TOKENS   COST  BUDGET
///     researcher  ● running  files.search  2s ago         1 of 3 in 60 s   41.2k  $0.83  $0.20 of $5.00/day
///     crawler     ▲ backoff  –             9s ago         2 of 3 in 60 s       0  $0.00  –
///       └ exited (signal 9); next start in 4 s
///
/// The cost is all that an agent ever came to; a budget has its own sum, of its window and of all whom it binds.
///
/// Of an agent that runs again the line below says why it was restarted last: `restarted 12s ago: exit 1`.
package enum StatusTable {
  package static func render(_ report: StatusReport, now: WallTime, style: Style, width: Int? = nil) -> String {
    guard !report.agents.isEmpty else { return "" }
    var table = TextTable(
      ["NAME", "STATE", "STEP", "LAST ACTIVITY", "RESTARTS", "TOKENS", "COST", "BUDGET"], rightAligned: [5, 6])
    for agent in report.agents {
      table.add(
        [
          agent.name.text, "\(StateLook(agent.state.rawValue).glyph) \(agent.state.rawValue)", agent.step ?? "–",
          Quantities.ago(agent.lastActivity, now: now), Quantities.restarts(agent.restarts),
          Quantities.short(agent.tokens.value), Quantities.money(agent.cost),
          agent.budget.map { Quantities.nearest($0, of: agent.name) } ?? "–",
        ], note: note(agent, now: now)
      ) { column, text in
        switch column {
        case 0: style.strong(text)
        case 1: StateLook(agent.state.rawValue).coloured(text, style)
        default: text
        }
      }
    }
    // The last activity, restarts, tokens and the step go first: what is wrong stands below an agent anyway.
    return table.render(style, width: width, dropping: [3, 4, 5, 2])
  }

  /// Why it is in its state; of one that is well again, why it was restarted last.
  private static func note(_ agent: AgentStatus, now: WallTime) -> String? {
    if let note = agent.note { return note }
    return agent.restarts.recent.last { $0.child == agent.name.text }
      .map { Quantities.restart($0, now: now, names: false) }
  }

  /// `3 agents · 1 running · dashboard http://localhost:4200`, and the next step.
  static func sayEnd(_ report: StatusReport, on console: Console) {
    let count = report.agents.count
    var parts = ["\(count) agent\(count == 1 ? "" : "s")"]
    for state in AgentState.allCases where state != .idle {
      let matching = report.agents.count { $0.state == state }
      if matching > 0 { parts.append("\(matching) \(state.rawValue)") }
    }
    if report.approvals > 0 { parts.append("\(report.approvals) need\(report.approvals == 1 ? "s" : "") you") }
    if report.node.isRunning {
      parts.append(
        "\(report.node.isForOneRun ? "node of a command, " : "node ")pid \(report.node.pid.map(String.init) ?? "?")")
      if let dashboard = report.node.dashboard { parts.append("dashboard \(dashboard)") }
    } else {
      parts.append("no node is running")
    }
    console.say(console.wordStyle.quiet(parts.joined(separator: " · ")))
    if count == 0 {
      console.next("naos create researcher --template research")
    } else if report.approvals > 0 {
      console.next("naos approvals list")
    } else if let bad = report.agents.first(where: { $0.state == .failed || $0.state == .exhausted }) {
      console.next("naos inspect \(bad.name.text)", "naos logs \(bad.name.text)")
    } else if report.node.isForOneRun {
      // It takes nothing up by itself, and goes with its runs.
      console.next("naos runs list", "naos up -d")
    } else if report.node.isRunning {
      console.next("naos run \(report.agents[0].name.text) --input \"…\"", "naos dashboard")
    } else {
      console.next("naos up -d", "naos run \(report.agents[0].name.text) --input \"…\"")
    }
  }
}
