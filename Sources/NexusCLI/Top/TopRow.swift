// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
package import NexusCore

/// What a node is doing at one moment.
package struct TopSnapshot: Sendable {
  package var status: StatusReport
  package var supervision: SupervisionReport

  package init(status: StatusReport, supervision: SupervisionReport) {
    self.status = status
    self.supervision = supervision
  }
}

/// One line of `naos top`: a supervisor, an agent, or an attempt of a task.
package struct TopRow: Sendable, Hashable {
  /// What a key of `top` acts on.
  package enum Subject: Sendable, Hashable {
    case supervisor(SupervisorName)
    case agent(AgentName)
    case attempt(RunID)
  }

  package var subject: Subject
  /// What leads to it in the tree.
  package var strokes: String
  package var name: String
  package var state: String
  package var pid: Int?
  /// What it does, and why it is in its state; untrusted text.
  package var step: String
  package var restarts: RestartStatus?
  package var tokens: TokenCount?
  package var cost: NanoUSD?
  package var lastActivity: WallTime?

  /// The rows of a snapshot in the order of the tree.
  package static func rows(of snapshot: TopSnapshot) -> [TopRow] {
    let agents = Dictionary(snapshot.status.agents.map { ($0.name.text, $0) }) { first, _ in first }
    return SupervisionOutline.items(snapshot.supervision).map { item in
      switch item.content {
      case .supervisor(let supervisor):
        return TopRow(
          subject: .supervisor(supervisor.name), strokes: item.strokes, name: supervisor.name.text,
          state: supervisor.state, step: words(supervisor.strategy, supervisor.note),
          restarts: supervisor.name == .root ? nil : supervisor.restarts)
      case .child(let child):
        return row(child, item.strokes, child.kind == "agent" ? agents[child.name] : nil)
      }
    }
  }

  private static func row(_ child: SupervisedChild, _ strokes: String, _ agent: AgentStatus?) -> TopRow {
    let subject: Subject =
      switch (child.kind, child.run) {
      case ("supervisor", _): .supervisor(SupervisorName(child.name))
      case ("attempt", let run?): .attempt(run)
      default: .agent(AgentName(child.name))
      }
    // Identifiers of runs are long, and all begin alike.
    let run = child.kind == "attempt" ? child.run?.text : nil
    return TopRow(
      subject: subject, strokes: strokes, name: run.map { "run …\($0.suffix(6))" } ?? child.shownName,
      state: child.state, pid: child.pid, step: words(run, agent?.step, agent?.note ?? child.note),
      restarts: agent?.restarts, tokens: agent?.tokens,
      cost: agent?.cost, lastActivity: agent?.lastActivity)
  }

  private static func words(_ parts: String?...) -> String { parts.compactMap { $0 }.joined(separator: " · ") }

  var word: String {
    switch subject {
    case .supervisor: "the supervisor \(name) with everything below it"
    case .agent: "the agent \(name)"
    case .attempt(let run): "the run \(run)"
    }
  }
}
