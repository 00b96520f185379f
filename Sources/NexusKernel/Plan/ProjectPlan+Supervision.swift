// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

// The tree of supervisors that a configuration describes.
extension ProjectPlan {
  package func supervisor(_ name: SupervisorName) -> SupervisorSpec? { supervisors.first { $0.name == name } }

  /// The branches of the tree, the root first.
  ///
  /// - Parameter startsServices: false on a node of one run, where none starts with the tree: each is started once the run
  ///   has work for it.
  /// - Returns: one for each supervisor.
  package func branches(startsServices: Bool) -> [SupervisionTree.Branch] {
    // Agents of no supervisor come in the order of the file, then the supervisors.
    let free = agents.filter { $0.supervisor == nil }.map { ChildName.agent($0.name) }
    let top = supervisors.filter { $0.parent == nil }.map { ChildName.supervisor($0.name) }
    var specs: [ChildName: ChildSpec] = [:]
    for agent in agents {
      let starts = startsServices && agent.mode == .service && agent.autoStart && agent.refusals.isEmpty
      specs[.agent(agent.name)] = ChildSpec(
        .agent(agent.name), restart: agent.restart, shutdown: agent.shutdown, isSignificant: agent.isSignificant,
        backoff: agent.backoff, startsWithSupervisor: starts)
    }
    for supervisor in supervisors {
      specs[.supervisor(supervisor.name)] = ChildSpec(
        .supervisor(supervisor.name),
        restart: supervisor.restart ?? (supervisor.parent == nil ? .transient : .permanent),
        isSignificant: supervisor.isSignificant)
    }
    let root = SupervisionTree.Branch(.root, flags: .root, children: (free + top).compactMap { specs[$0] })
    return [root]
      + supervisors.map {
        SupervisionTree.Branch($0.name, flags: $0.flags, children: $0.children.compactMap { specs[$0] })
      }
  }

  /// The supervisors above an agent, the nearest first, the root last.
  package func supervisors(above agent: AgentSpec) -> [SupervisorName] {
    var chain: [SupervisorName] = []
    var next = agent.supervisor
    while let name = next, !chain.contains(name) {
      chain.append(name)
      next = supervisor(name)?.parent
    }
    return chain + [.root]
  }

  /// Keeps a child that an older configuration had, where it was.
  package mutating func keep(_ child: ChildName, of old: ProjectPlan) {
    switch child {
    case .agent(let name):
      guard agent(name) == nil, let spec = old.agent(name) else { return }
      agents.append(spec)
      keepBudgets(of: .agent(name), old)
      guard let parent = spec.supervisor else { return }
      keep(.supervisor(parent), of: old)
      addChild(child, to: parent)
    case .supervisor(let name):
      guard supervisor(name) == nil, var spec = old.supervisor(name) else { return }
      spec.children = []
      supervisors.append(spec)
      keepBudgets(of: .supervisor(name), old)
      guard let parent = spec.parent else { return }
      keep(.supervisor(parent), of: old)
      addChild(child, to: parent)
    case .attempt, .instance: break
    }
  }

  /// What goes on goes on within the limits that it had.
  private mutating func keepBudgets(of scope: BudgetScope, _ old: ProjectPlan) {
    guard !budgets.contains(where: { $0.scope == scope }) else { return }
    budgets += old.budgets.filter { $0.scope == scope }
  }

  /// With everything of an older configuration that this one no longer has.
  package func keepingAll(of old: ProjectPlan) -> ProjectPlan {
    var both = self
    for supervisor in old.supervisors { both.keep(.supervisor(supervisor.name), of: old) }
    for agent in old.agents { both.keep(.agent(agent.name), of: old) }
    return both
  }

  /// Whether there is anybody whom budgets of the scope bind.
  package func has(_ scope: BudgetScope) -> Bool {
    switch scope {
    case .agent(let name): agent(name) != nil
    case .supervisor(let name): name == .root || supervisor(name) != nil
    case .workflow(let name): flow(name)?.kind == .workflow
    case .saga(let name): flow(name)?.kind == .saga
    case .pool(let name): flow(name)?.kind == .pool
    case .step(let flow, let step): self.flow(flow)?.steps.contains { $0.name == step } ?? false
    case .global: true
    }
  }

  private mutating func addChild(_ child: ChildName, to parent: SupervisorName) {
    guard let index = supervisors.firstIndex(where: { $0.name == parent }),
      !supervisors[index].children.contains(child)
    else { return }
    supervisors[index].children.append(child)
  }
}
