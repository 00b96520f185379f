// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusKernel
internal import NexusRuntime

/// Puts together what operators see of supervisors.
enum SupervisionReports {
  static func status(
    of snapshot: SupervisorHost.Snapshot, _ board: [AgentName: NexusRuntime.AgentStatus],
    at moment: StatusReports.Moment
  ) -> SupervisorStatus {
    let (state, note) =
      snapshot.awaited.map { (waiting, waits(for: $0)) } ?? snapshot.startError.map {
        ("failed", "did not start: \($0)")
      } ?? words(snapshot.phase)
    let flags = snapshot.flags
    return SupervisorStatus(
      name: snapshot.name, parent: snapshot.parent, strategy: flags.strategy.rawValue, state: state, note: note,
      restarts: StatusReports.restarts(snapshot.restarts, snapshot.recent, flags.intensity, at: moment),
      onMaxRestarts: flags.overIntensity.rawValue, autoShutdown: flags.autoShutdown.rawValue,
      children: snapshot.children.map { child($0, board, moment.now) })
  }

  /// The tree as the configuration has it, when no node runs.
  ///
  /// - Parameters:
  ///   - tree: with the restarts of before.
  ///   - presents: what is known of the agents.
  ///   - moment: now.
  /// - Returns: all supervisors, none of them running.
  static func stored(
    _ tree: SupervisionTree, _ presents: [AgentName: AgentReports.Present], at moment: StatusReports.Moment
  ) -> SupervisionReport {
    return SupervisionReport(
      supervisors: tree.topDown().map { name, parent in
        let flags = tree.flags(of: name) ?? SupervisorFlags()
        let children = tree.children(of: name) ?? []
        return SupervisorStatus(
          name: name, parent: parent, strategy: flags.strategy.rawValue, state: "stopped",
          restarts: StatusReports.restarts(
            tree.counted(in: name, at: moment.now), tree.recent(in: name, at: moment.now), flags.intensity, at: moment),
          onMaxRestarts: flags.overIntensity.rawValue, autoShutdown: flags.autoShutdown.rawValue,
          children: children.map { child, _ in
            let state = child.agent.flatMap { presents[$0]?.status.state.rawValue } ?? "stopped"
            return SupervisedChild(
              kind: child.agent == nil ? "supervisor" : "agent", name: child.description, state: state)
          })
      })
  }

  static let waiting = "waiting"
  static func waits(for child: ChildName) -> String { "waits for \(child) to start" }

  private static func words(_ phase: SupervisorMachine.Phase) -> (state: String, note: String?) {
    switch phase {
    case .down(nil), .down(.asked): ("stopped", nil)
    case .down(.autoShutdown(let reason)): ("stopped", reason)
    case .down(.gaveUp(let reason)): ("failed", "gave up: \(reason)")
    case .starting: ("starting", nil)
    case .isUp: ("running", nil)
    case .ending: ("stopping", nil)
    }
  }

  private static func child(
    _ child: SupervisorHost.Snapshot.Child, _ board: [AgentName: NexusRuntime.AgentStatus], _ now: Instant
  ) -> SupervisedChild {
    let note = child.awaited.map(waits)
    let state = note == nil ? word(child.state) : waiting
    switch child.name {
    case .supervisor(let supervisor):
      return SupervisedChild(kind: "supervisor", name: supervisor.text, state: state, note: note)
    case .attempt(let agent, let run, _):
      return SupervisedChild(kind: "attempt", name: agent.text, run: run, state: state)
    case .instance(let agent, let number):
      return SupervisedChild(kind: "agent", name: "\(agent)#\(number)", state: state)
    case .agent(let agent):
      let status = board[agent] ?? NexusRuntime.AgentStatus()
      return SupervisedChild(
        kind: "agent", name: agent.text, state: note == nil ? status.state.rawValue : state,
        note: note ?? AgentReports.note(status, now), pid: status.pid.map { Int($0) })
    }
  }

  private static func word(_ state: ChildState) -> String {
    switch state {
    case .stopped(.failed): "failed"
    case .stopped(.refused): "exhausted"
    case .stopped(.neverStarted): "idle"
    case .stopped: "stopped"
    case .starting: "starting"
    case .running: "running"
    case .restarting: "backoff"
    case .stopping: "stopping"
    }
  }
}
