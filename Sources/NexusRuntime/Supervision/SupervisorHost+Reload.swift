// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

// A changed configuration on a running node.
extension SupervisorHost {
  /// Takes a changed configuration: flags now, changed specifications at the next restart; what is new is started, and
  /// what has another supervisor now is stopped below the old one and begun again below the new one.
  ///
  /// - Parameters:
  ///   - plan: the new configuration, together with what stays although the file no longer has it.
  ///   - gone: children to stop and forget, in the order of their start.
  func reload(_ plan: ProjectPlan, without gone: [ChildName]) async {
    let branches = plan.branches(startsServices: startsServices)
    let added = tree.change(to: branches).added
    let renewed = changedMode(in: plan)
    let moved = moved(to: branches).filter { !renewed.contains($0) } + renewed
    let leaving = (gone + moved).reversed()
    beginRelocation(of: moved)
    var active: Set<ChildName> = []
    for child in leaving {
      if hasLife(child) { active.insert(child) }
      await interruptAttempts(of: child)
      // Asked again: it may have come to life meanwhile.
      if hasLife(child) { _ = await call(.terminateChild(child)) }
    }
    let disabled = moved.filter { tree.isDisabled($0) }
    for child in leaving { tree.forget(child) }
    take(plan)
    for child in disabled { tree.disable(child) }
    endRelocation()
    for child in added.filter({ !moved.contains($0) }) + moved where !disabled.contains(child) {
      // What is below a new supervisor is started by it.
      if let parent = tree.supervisor(of: child).map({ ChildName.supervisor($0) }),
        added.contains(parent) || moved.contains(parent)
      {
        continue
      }
      let starts = tree.specification(of: child)?.startsWithSupervisor == true
      let isWanted = renewed.contains(child) ? starts : !moved.contains(child) || active.contains(child)
      if isWanted { _ = ask(.restartChild(child)) }
    }
  }

  /// It runs, or is about to run again.
  private func hasLife(_ child: ChildName) -> Bool {
    switch tree.state(of: child) {
    case .starting, .running, .stopping, .restarting: true
    case .stopped, nil: false
    }
  }

  /// Agents that were services and are tasks now, or the other way round: new ones, under the name of the old.
  private func changedMode(in plan: ProjectPlan) -> [ChildName] {
    plan.agents.filter { specs[$0.name] != nil && specs[$0.name]?.mode != $0.mode }.map { .agent($0.name) }
      .filter { tree.supervisor(of: $0) != nil }
  }

  /// The children that are below another supervisor in the new configuration, in start order.
  private func moved(to branches: [SupervisionTree.Branch]) -> [ChildName] {
    var parents: [ChildName: SupervisorName] = [:]
    for branch in branches { for child in branch.children { parents[child.name] = branch.name } }
    return snapshots().flatMap { $0.children.map(\.name) }.filter { child in
      guard let then = parents[child] else { return false }
      return tree.supervisor(of: child) != then
    }
  }

  /// Whether the child has a process, or is about to.
  func isActive(_ child: ChildName) -> Bool { tree.state(of: child)?.isActive == true }

  /// The children of the tree that a configuration no longer has, in start order.
  func missing(from plan: ProjectPlan) -> [ChildName] {
    let gone = Set(tree.change(to: plan.branches(startsServices: false)).removed)
    return snapshots().flatMap { $0.children.map(\.name) }.filter { gone.contains($0) }
  }

  // MARK: Attempts on their way to another supervisor

  /// Keeps the attempts that wait, and those that come, until the agents have their new supervisor.
  private func beginRelocation(of children: [ChildName]) {
    for child in children {
      switch child {
      case .agent(let agent): relocating.insert(agent)
      case .supervisor(let name): relocating.formUnion(tree.agents(below: name).compactMap(\.agent))
      case .attempt, .instance: break
      }
    }
    for (child, guest) in guests where guest.ticket.settled == nil && child.agent.map(relocating.contains) == true {
      handle(.attemptWithdrawn(child))
      postponed.append(child)
    }
  }

  /// Asks running attempts of a task to end, which is no failure of theirs, and returns when they have.
  private func interruptAttempts(of child: ChildName) async {
    guard case .agent(let agent) = child, hasAttempts(agent) else { return }
    for (child, guest) in guests where child.agent == agent && guest.ticket.settled == .admitted {
      guest.stops.interrupt(.ask)
    }
    await withCheckedContinuation { departures[agent, default: []].append($0) }
  }

  private func endRelocation() {
    relocating = []
    let waiting = postponed
    postponed = []
    for child in waiting { want(child) }
  }
}
