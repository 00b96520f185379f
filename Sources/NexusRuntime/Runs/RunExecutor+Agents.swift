// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel
internal import NexusStore

// What happens to agents, where their runs are concerned.
extension RunExecutor {
  /// Ends what the agent does right now; with `kill` without asking it.
  ///
  /// Its own runs are cancelled; a flow that has it do a step goes on as its definition says.
  package func stopRuns(of agent: AgentName, kill: Bool) async {
    let own = drivers.values.filter { $0.subject.agent?.name == agent }
    let others = drivers.values.filter { $0.subject.agent == nil }
    for driver in own { if kill { driver.kill(by: "operator") } else { driver.post(.cancel(by: "operator")) } }
    for driver in others { driver.stopAttempts(of: agent, kill ? .kill : .ask) }
    for driver in own { await wait(for: driver.run) }
    for driver in others { await driver.attempts.waitUntilGone(agent) }
  }

  /// The supervisor gave up on an agent: its runs fail.
  nonisolated func gaveUp(on agent: AgentName, _ reason: RunError) {
    work.spawn("gave-up:\(agent)") { await self.fail(agent, reason) }
  }

  /// Attempts of a task hear it from their supervisor, when they want to begin; those of a service wait for its process.
  private func fail(_ agent: AgentName, _ reason: RunError) async {
    // A person may have started it again by now, and what came after that is not meant.
    guard plan.agent(agent)?.mode == .service, await supervisors.isGivenUp(agent) else { return }
    for driver in drivers.values where driver.subject.agents.contains(agent) {
      driver.post(.supervisorGaveUp(agent, reason))
    }
  }

  /// A budget said no to an attempt of the run: if its owner wants the agent stopped, it is asked to end.
  nonisolated func budgetRefused(_ run: RunID) {
    work.spawn("refused:\(run)") { await self.stopIfWanted(run) }
  }

  private func stopIfWanted(_ run: RunID) {
    for open in drivers[run]?.attempts.all ?? [] {
      guard let key = open.key, let action = services.boundary.tally(of: key)?.refusal?.action,
        action == .pause || action == .kill
      else { continue }
      open.stops.request(action == .kill ? .kill : .ask)
    }
  }

  /// Whoever asks for another try has looked at the crashes of before.
  func forgiveAgents(of run: RunID) async {
    // A store that cannot be read refuses the retry itself, a moment later and with the reason.
    guard let record = try? await services.store.run(run), let subject = try? await subject(of: record) else { return }
    for agent in subject.agents { await supervisors.forgive(agent) }
  }
}
