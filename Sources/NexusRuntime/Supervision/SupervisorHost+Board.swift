// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
package import NexusStore

// What people see of the tree.
extension SupervisorHost {
  /// The restarts that count now in the window of an agent, and its limits.
  package func restarts(of agent: AgentName) -> CountedRestarts? {
    tree.restarts(of: .agent(agent), at: services.clock.now())
  }

  /// Fills the windows of a tree from the restart log.
  package static func restore(_ rows: [RestartRow], into tree: inout SupervisionTree, wall: WallTime, now: Instant) {
    for row in rows.sorted(by: { $0.at < $1.at }) {
      // A stamp from the future (the clock was set back) counts as now.
      let moment = now + (.zero - max(.zero, wall - row.at))
      // Agents and supervisors share one namespace.
      let supervisor = SupervisorName(row.child.text)
      if supervisor == row.supervisor, tree.phase(of: supervisor) == nil {
        tree.restoreApart(.agent(row.child))
      } else if supervisor == row.supervisor {
        tree.restoreFresh(supervisor)
      } else if tree.phase(of: supervisor) != nil {
        tree.restore(row.supervisor, .supervisor(supervisor), because: row.reason, at: moment)
      } else {
        tree.restore(row.supervisor, .agent(row.child), because: row.reason, at: moment)
      }
    }
  }

  /// One supervisor as it stands.
  package struct Snapshot: Sendable {
    package let name: SupervisorName
    /// The supervisor that it is listed in; nil for the root.
    package let parent: SupervisorName?
    package let flags: SupervisorFlags
    package let phase: SupervisorMachine.Phase
    /// Why it could not be started, if that is why it is down.
    package let startError: String?
    /// Restarts that count now in its window.
    package let restarts: Int
    /// What and why they were, the oldest first.
    package let recent: [RestartWindow.Restart]
    /// The child for which it waits before it is started; nil if it does not wait.
    package let awaited: ChildName?
    /// In start order; running attempts of tasks included, and children that are forgotten until the next start.
    package let children: [Child]

    package struct Child: Sendable {
      package let name: ChildName
      package let state: ChildState
      /// The child for which it waits before it is started; nil if it does not wait.
      package let awaited: ChildName?
    }
  }

  /// All supervisors, the root first, each before those below it.
  package func snapshots() -> [Snapshot] {
    let now = services.clock.now()
    let queue = tree.queue()
    return tree.topDown().compactMap { name, parent in
      guard let children = tree.listed(in: name), let flags = tree.flags(of: name), let phase = tree.phase(of: name)
      else { return nil }
      return Snapshot(
        name: name, parent: parent, flags: flags, phase: phase, startError: startError(of: name, phase),
        restarts: tree.counted(in: name, at: now), recent: tree.recent(in: name, at: now),
        awaited: queue[.supervisor(name)],
        children: children.map { Snapshot.Child(name: $0.name, state: $0.state, awaited: queue[$0.name]) })
    }
  }

  /// The agents whose turn to start has not come, with the child that each waits for.
  package func queue() -> [AgentName: ChildName] {
    var agents: [AgentName: ChildName] = [:]
    for (child, awaited) in tree.queue() { if case .agent(let agent) = child { agents[agent] = awaited } }
    return agents
  }

  private func startError(of supervisor: SupervisorName, _ phase: SupervisorMachine.Phase) -> String? {
    guard phase == .down(nil), case .stopped(.failed(let reason)) = tree.state(of: .supervisor(supervisor)) else {
      return nil
    }
    return reason
  }

  /// Why a run of the agent cannot begin, if it cannot.
  func refusal(of agent: AgentName) -> String? {
    if let outage = tree.outage(above: .agent(agent)) { return outage }
    guard let supervisor = tree.supervisor(of: .agent(agent)), case .down(let end) = tree.phase(of: supervisor),
      let end
    else { return nil }
    return "its supervisor \(supervisor) is down: \(end.reason)"
  }

  /// Whether a person wants the agent down until a person says otherwise.
  func isDisabled(_ agent: AgentName) -> Bool { tree.isDisabled(.agent(agent)) }

  /// Nobody restarts the agent any more unless a person asks.
  func isGivenUp(_ agent: AgentName) -> Bool {
    if case .stopped(.failed) = tree.state(of: .agent(agent)) { return true }
    return refusal(of: agent) != nil
  }

  func publish(_ report: SupervisorReport) {
    if report.kind == .shutdown { services.meter.count(.intensityExceeded) }
    services.events.publish(
      .supervisor(
        SupervisorEvent(
          supervisor: report.supervisor, kind: report.kind.rawValue, child: report.offender.description,
          note: report.reason)))
  }

  func show(_ child: ChildName, _ state: ChildState) {
    guard case .agent(let agent) = child else { return }
    board.update(agent) { status in
      status.nextStart = nil
      switch state {
      case .starting:
        status.state = .starting
        status.step = nil
        status.reason = ""
      case .running: status.state = .running
      case .restarting(let due):
        status.state = .backoff
        status.nextStart = due
      case .stopping: status.state = .stopping
      case .stopped(let rest): Self.show(rest, &status)
      }
    }
  }

  private static func show(_ rest: ChildState.Rest, _ status: inout AgentStatus) {
    switch rest {
    case .neverStarted: status.state = .idle
    case .ended, .byOperator, .bySupervisor:
      // What made it stop is worth more than that it stands still.
      if status.state != .failed, status.state != .exhausted { status.state = .stopped }
    case .refused(let reason):
      status.state = .exhausted
      status.reason = reason
    case .failed(let reason):
      status.state = .failed
      status.reason = reason
    }
  }
}
