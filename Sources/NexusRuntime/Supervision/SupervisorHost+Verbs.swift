// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel

// What operators ask of the tree.
extension SupervisorHost {
  /// Starts a service that stands still; what is under way goes on after the answer.
  package func start(_ agent: AgentName) throws(RuntimeRefusal) {
    let child = ChildName.agent(agent)
    perform(forgiving: child)
    switch ask(.restartChild(child)) {
    case .notFound:
      switch addAgain(agent) {
      case .supervisorDown: throw down(above: child)
      case .notFound:
        throw RuntimeRefusal(.notFound, code: "NX-AGT-010", message: "no agent is named `\(agent)`")
      default: break
      }
    case .supervisorDown: throw down(above: child)
    case .startFailed(let reason):
      throw RuntimeRefusal(.unavailable, code: "NX-SUP-002", message: "\(agent) did not start: \(reason)")
    case nil, .ok, .ignored, .alreadyStarted, .alreadyPresent, .running, .restarting, .startedInstance, .isDynamic:
      break
    }
  }

  private func down(above child: ChildName) -> RuntimeRefusal {
    let name = tree.supervisor(of: child) ?? .root
    return RuntimeRefusal(
      .conflict, code: "NX-SUP-003", message: "the supervisor \(name) of \(child) is down",
      hint: "naos supervisor start \(name)")
  }

  /// Stops a service's process and returns when it has ended.
  ///
  /// - Parameters:
  ///   - agent: whose process.
  ///   - force: SIGKILL at once.
  ///   - disable: nothing starts it again but a person: no sibling's restart, no later boot.
  package func stop(_ agent: AgentName, force: Bool, disable: Bool) async {
    // Killed only once its end is expected, or it would look like a crash.
    _ = await call(.terminateChild(.agent(agent), disable: disable)) { if force { kill(agent) } }
  }

  /// A person says that a task's agent may be tried again after its restarts were used up.
  package func forgive(_ agent: AgentName) { perform(forgiving: .agent(agent)) }

  private func perform(forgiving child: ChildName) {
    guardLosses.forget(child)
    for action in tree.forgive(child) { perform(action) }
  }

  // MARK: Supervisors

  private func unknown(_ supervisor: SupervisorName) -> RuntimeRefusal {
    RuntimeRefusal(
      .notFound, code: "NX-SUP-004", message: "no supervisor is named `\(supervisor)`", hint: "naos supervisor list")
  }

  private func known(_ supervisor: SupervisorName) throws(RuntimeRefusal) {
    guard tree.phase(of: supervisor) != nil else { throw unknown(supervisor) }
    guard supervisor != .root else {
      throw RuntimeRefusal(
        .conflict, code: "NX-SUP-005", message: "the root runs as long as the node", hint: "naos down stops the node")
    }
  }

  /// Starts a supervisor that is down, and returns when its children have been started.
  package func startSupervisor(_ supervisor: SupervisorName) async throws(RuntimeRefusal) {
    try known(supervisor)
    switch await call(.restartChild(.supervisor(supervisor))) {
    case .supervisorDown: throw down(above: .supervisor(supervisor))
    case .startFailed(let reason):
      throw RuntimeRefusal(.unavailable, code: "NX-SUP-002", message: "\(supervisor) did not start: \(reason)")
    case .ok, .ignored, .alreadyStarted, .alreadyPresent, .running, .restarting, .notFound, .startedInstance,
      .isDynamic:
      break
    }
  }

  /// A person says that the restarts of before no longer count, those below it included; also not for the next boot.
  package func resetSupervisor(_ supervisor: SupervisorName) throws(RuntimeRefusal) {
    guard tree.phase(of: supervisor) != nil else { throw unknown(supervisor) }
    tree.restoreFresh(supervisor)
    perform(.logFresh(supervisor))
  }

  /// Stops a supervisor with everything below it, in reverse order of start, and returns when all of that has ended.
  package func stopSupervisor(_ supervisor: SupervisorName, force: Bool) async throws(RuntimeRefusal) {
    try known(supervisor)
    _ = await call(.terminateChild(.supervisor(supervisor))) {
      guard force else { return }
      let agents = tree.agents(below: supervisor).compactMap(\.agent)
      for agent in agents { kill(agent) }
      killAttempts(of: Set(agents))
    }
  }
}
