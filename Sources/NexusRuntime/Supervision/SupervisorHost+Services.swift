// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

// The processes of services.
extension SupervisorHost {
  func start(_ child: ChildName) {
    guard case .agent(let agent) = child, let spec = specs[agent] else {
      return handle(.exited(child, .startFailed("it is not in the configuration")))
    }
    let attempt = attempts[agent]?.next ?? AttemptNumber(1)
    attempts[agent] = attempt
    var life = ServiceLife(spec: spec, attempt: attempt, stops: AttemptStops())
    if attempt.value > 1 { life.notBefore = pace.take(at: services.clock.now()) }
    stops[agent] = life.stops
    board.update(agent) { $0.attempt = attempt }
    // Started again by its own end, it goes on in the task of before.
    if ending == agent {
      next = life
      return
    }
    let first = life
    if !work.spawn("service:\(agent)", { await self.live(first) }) {
      _ = ended(agent, .startFailed("the node is going down"))
    }
  }

  /// Runs the processes of a service, one after the other, for as long as each is started by the end of the one before.
  private nonisolated func live(_ first: ServiceLife) async {
    let runner = ServiceRunner(services: services, board: board, desk: desk, work: work)
    var following: ServiceLife? = first
    while let life = following {
      if let moment = life.notBefore { try? await services.clock.sleep(until: moment) }
      let child = ChildName.agent(life.spec.name)
      let exit = await runner.run(life.spec, attempt: life.attempt, stops: life.stops) {
        await self.handle(.started(child))
      }
      desk.serviceEnded(life.spec.name, because: exit.reason)
      following = await ended(life.spec.name, exit)
    }
  }

  /// Tells the tree of an end, which may start the same service again.
  private func ended(_ agent: AgentName, _ exit: ChildExit) -> ServiceLife? {
    stops[agent] = nil
    let outer = (ending, next)
    (ending, next) = (agent, nil)
    handle(.exited(.agent(agent), exit))
    let following = next
    (ending, next) = outer
    return following
  }

  /// Kills a service at once, if it has a process.
  func kill(_ agent: AgentName) { stops[agent]?.request(.kill) }
}
