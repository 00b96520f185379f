// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
package import NexusCore

/// Tables about supervisors.
package enum SupervisorTable {
  /// The tree with its states.
  ///
  ///     NAME           STATE      STRATEGY      RESTARTS        PID   WHY
  ///     root           ● running  one-for-one
  ///     └─ ingest      ● running  rest-for-one  1 of 3 in 60 s
  ///        ├─ fetcher  ● running                                4711
  ///        └─ indexer  ▲ backoff                                      exited (signal 9); next start in 4 s
  package static func tree(_ report: SupervisionReport, now: WallTime, style: Style) -> String {
    var table = TextTable(["NAME", "STATE", "STRATEGY", "RESTARTS", "PID", "WHY"], rightAligned: [4])
    for item in SupervisionOutline.items(report) {
      switch item.content {
      case .supervisor(let supervisor):
        let isRoot = supervisor.name == .root
        table.add(
          [
            item.strokes + supervisor.name.text, state(supervisor.state), supervisor.strategy,
            isRoot ? "" : Quantities.restarts(supervisor.restarts), "", why(supervisor, now),
          ]
        ) { column, text in styled(column, text, supervisor.state, style, isStrong: true) }
      case .child(let child):
        table.add(
          [
            item.strokes + child.shownName, state(child.state), "", "", child.pid.map(String.init) ?? "",
            child.note ?? "",
          ]
        ) { column, text in styled(column, text, child.state, style, isStrong: false) }
      }
    }
    return table.render(style)
  }

  /// The supervisors alone.
  package static func list(_ report: SupervisionReport, now: WallTime, style: Style) -> String {
    var table = TextTable(["NAME", "STATE", "BELOW", "STRATEGY", "RESTARTS", "CHILDREN", "WHY"], rightAligned: [5])
    for supervisor in report.supervisors {
      table.add(
        [
          supervisor.name.text, state(supervisor.state), supervisor.parent?.text ?? "–", supervisor.strategy,
          supervisor.name == .root ? "each its own" : Quantities.restarts(supervisor.restarts),
          "\(supervisor.children.count { $0.kind != "attempt" })", why(supervisor, now),
        ]
      ) { column, text in styled(column, text, supervisor.state, style, isStrong: true) }
    }
    return table.render(style)
  }

  /// Why it is in its state; of one that is up, which child was restarted last and why.
  private static func why(_ supervisor: SupervisorStatus, _ now: WallTime) -> String {
    supervisor.note ?? supervisor.restarts.recent.last.map { Quantities.restart($0, now: now, names: true) } ?? ""
  }

  /// Everything about one.
  package static func card(_ supervisor: SupervisorStatus, now: WallTime, style: Style) -> String {
    let name = TerminalText.line(supervisor.name.text)
    let word = coloured(supervisor.state, state(supervisor.state), style)
    var lines = ["\(style.strong(name))  \(word)" + (supervisor.note.map { " · " + TerminalText.line($0) } ?? "")]
    func add(_ name: String, _ value: String) {
      lines.append(style.quiet(name.padding(to: 13)) + "  " + TerminalText.line(value))
    }
    add("below", supervisor.parent?.text ?? "nothing: it is above all others")
    add("strategy", supervisor.strategy)
    if supervisor.name != .root {
      add("restarts", Quantities.restarts(supervisor.restarts))
      add("onMaxRestarts", supervisor.onMaxRestarts)
      add("autoShutdown", supervisor.autoShutdown)
    }
    for restart in supervisor.restarts.recent { add("", Quantities.restart(restart, now: now, names: true)) }
    guard !supervisor.children.isEmpty else {
      add("children", "none")
      return lines.joined(separator: "\n")
    }
    var table = TextTable(["CHILD", "KIND", "STATE", "PID", "WHY"], rightAligned: [3])
    for child in supervisor.children {
      table.add(
        [child.shownName, child.kind, state(child.state), child.pid.map(String.init) ?? "", child.note ?? ""]
      ) { column, text in
        column == 2 ? coloured(child.state, text, style) : text
      }
    }
    return (lines + ["", table.render(style)]).joined(separator: "\n")
  }

  private static func styled(
    _ column: Int, _ text: String, _ state: String, _ style: Style, isStrong: Bool
  ) -> String {
    switch column {
    case 0: isStrong ? style.strong(text) : text
    case 1: coloured(state, text, style)
    default: text
    }
  }

  private static func state(_ word: String) -> String { "\(StateLook(word).glyph) \(word)" }

  private static func coloured(_ state: String, _ text: String, _ style: Style) -> String {
    StateLook(state).coloured(text, style)
  }

  /// `4 supervisors · 1 failed`, and the next step.
  static func sayEnd(_ report: SupervisionReport, isRunning: Bool, on console: Console) {
    let own = report.supervisors.filter { $0.name != .root }
    var parts = ["\(own.count) supervisor\(own.count == 1 ? "" : "s") below the root"]
    for word in ["running", "waiting", "starting", "stopping", "stopped", "failed"] where isRunning {
      let count = own.count { $0.state == word }
      if count > 0 { parts.append("\(count) \(word)") }
    }
    if !isRunning { parts.append("no node is running") }
    console.say(console.wordStyle.quiet(parts.joined(separator: " · ")))
    if own.isEmpty {
      console.next("naos supervisor create NAME --children AGENT,AGENT")
    } else if !isRunning {
      console.next("naos up -d")
    } else if let failed = own.first(where: { $0.state == "failed" || $0.state == "stopped" }) {
      let name = TerminalText.line(failed.name.text)
      console.next("naos supervisor status \(name)", "naos supervisor start \(name)")
    } else {
      console.next("naos top", "naos status")
    }
  }
}
