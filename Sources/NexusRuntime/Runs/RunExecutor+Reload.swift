// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

// A changed configuration on a running node.
extension RunExecutor {
  /// Takes the configuration of changed files; one call after the other.
  ///
  /// - Parameters:
  ///   - plan: the new one.
  ///   - prune: whether what the files no longer have is stopped; else it goes on as it is until it ends.
  /// - Returns: the configuration that holds now.
  package func reload(_ plan: ProjectPlan, prune: Bool) async -> ProjectPlan {
    services.configurationFiles.replace(with: plan.configurationFiles)
    let old = self.plan
    let missing = await supervisors.missing(from: plan)
    var holds = plan
    var gone: [ChildName] = []
    for child in missing {
      let isBusy = await isUnderWay(child)
      guard prune || !isBusy else {
        holds.keep(child, of: old)
        continue
      }
      if case .agent(let agent) = child { await stopRuns(of: agent, kill: false) }
      gone.append(child)
    }
    self.plan = holds
    for agent in holds.agents { board.update(agent.name) { _ in } }
    await supervisors.reload(holds, without: gone)
    for case .agent(let agent) in gone { board.remove(agent) }
    return holds
  }

  /// Whether the child has a process, or a run.
  package func isUnderWay(_ child: ChildName) async -> Bool {
    if await supervisors.isActive(child) { return true }
    guard case .agent(let agent) = child else { return false }
    return drivers.values.contains { driver in
      driver.subject.agent?.name == agent || driver.attempts.all.contains { $0.spec.name == agent }
    }
  }
}
