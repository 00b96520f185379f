// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

// What is known of the tree, and changes of its plan.
extension SupervisionTree {
  /// Whose child it is; an attempt's is that of its agent.
  package func supervisor(of child: ChildName) -> SupervisorName? {
    switch child {
    case .attempt(let agent, _): parents[.agent(agent)]
    case .instance(let agent, _): parents[child] ?? parents[.agent(agent)]
    case .agent, .supervisor: parents[child]
    }
  }

  package func state(of child: ChildName) -> ChildState? {
    supervisor(of: child).flatMap { machines[$0]?.state(of: child) }
  }

  package func phase(of supervisor: SupervisorName) -> SupervisorMachine.Phase? { machines[supervisor]?.phase }

  package func flags(of supervisor: SupervisorName) -> SupervisorFlags? { machines[supervisor]?.flags }

  /// The children of a supervisor in start order; nil if there is no such supervisor.
  package func children(of supervisor: SupervisorName) -> [(name: ChildName, state: ChildState)]? {
    machines[supervisor].map { $0.whichChildren().reversed() }
  }

  /// How many children the supervisor has, and how many of them are active.
  package func counts(of supervisor: SupervisorName) -> SupervisorMachine.Counts? {
    machines[supervisor]?.countChildren()
  }

  /// The specification that the next start of the child goes by.
  package func specification(of child: ChildName) -> ChildSpec? {
    supervisor(of: child).flatMap { machines[$0]?.records[child]?.spec }
  }

  package var supervisors: [SupervisorName] { machines.keys.sorted() }

  /// All supervisors with those above them, the root first, each before those below it.
  package func topDown() -> [(name: SupervisorName, parent: SupervisorName?)] {
    var found: [(name: SupervisorName, parent: SupervisorName?)] = []
    var open: [(name: SupervisorName, parent: SupervisorName?)] = [(.root, nil)]
    while let next = open.popLast() {
      guard let children = children(of: next.name) else { continue }
      found.append(next)
      for (child, _) in children.reversed() {
        if case .supervisor(let below) = child { open.append((below, next.name)) }
      }
    }
    return found
  }

  /// The agents below a supervisor, at any depth, in start order.
  package func agents(below supervisor: SupervisorName) -> [ChildName] {
    (machines[supervisor]?.specs ?? []).flatMap { spec -> [ChildName] in
      if case .supervisor(let name) = spec.name { return agents(below: name) }
      return [spec.name]
    }
  }

  /// How many restarts count now in the window that the child's restarts count in.
  package func restarts(of child: ChildName, at now: Instant) -> (count: Int, intensity: RestartIntensity)? {
    supervisor(of: child).flatMap { machines[$0]?.restarts(of: child, at: now) }
  }

  /// How many restarts count now for the supervisor as a whole.
  package func counted(in supervisor: SupervisorName, at now: Instant) -> Int {
    machines[supervisor]?.counted(at: now) ?? 0
  }

  // MARK: The restart log

  /// Puts a restart of an earlier boot back into its window; in the order in which they happened.
  package mutating func restore(_ supervisor: SupervisorName, _ child: ChildName, at moment: Instant) {
    machines[supervisor]?.restore(child, at: moment)
    // A supervisor that was restarted began to count anew.
    if case .supervisor(let below) = child { restoreFresh(below) }
  }

  /// A supervisor began anew in an earlier boot.
  package mutating func restoreFresh(_ supervisor: SupervisorName) {
    machines[supervisor]?.forgetWindows()
    for spec in machines[supervisor]?.specs ?? [] {
      if case .supervisor(let below) = spec.name { restoreFresh(below) }
    }
  }

  /// A person says that the child may go on: the crashes of before no longer count.
  package mutating func forgive(_ child: ChildName) -> [Action] {
    guard let supervisor = supervisor(of: child) else { return [] }
    return (machines[supervisor]?.forgive(child) ?? []).compactMap {
      if case .changed(let child, let state) = $0 { .changed(child, state) } else { nil }
    }
  }

  /// A person wanted the agent down in an earlier boot.
  package mutating func disable(_ child: ChildName) {
    if let supervisor = supervisor(of: child) { machines[supervisor]?.disable(child) }
  }

  // MARK: Changes

  /// What a changed configuration means for the tree.
  package struct Change: Sendable, Hashable {
    /// New children that start with their supervisor, in start order.
    package var added: [ChildName] = []
    /// Children that the configuration no longer has; they go on until they are stopped.
    package var removed: [ChildName] = []
    package init() {}
  }

  /// What `reconfigure` would find, without doing anything.
  package func change(to branches: [Branch]) -> Change {
    var change = Change()
    let all = Dictionary(
      branches.flatMap { branch in branch.children.map { ($0.name, $0) } }, uniquingKeysWith: { first, _ in first })
    for branch in branches {
      change.added += branch.children.filter { parents[$0.name] == nil && $0.startsWithSupervisor }.map(\.name)
    }
    change.removed = parents.keys.filter { all[$0] == nil }.sorted()
    return change
  }

  /// Takes a changed configuration: flags now, changed specifications at the next restart, new children not yet started.
  ///
  /// A child that moved to another supervisor has to be stopped and deleted first; until then it stays where it is.
  package mutating func reconfigure(_ branches: [Branch]) {
    for branch in branches {
      let children = branch.children.filter { parents[$0.name] == nil || parents[$0.name] == branch.name }
      if machines[branch.name] == nil {
        plant(Branch(branch.name, flags: branch.flags, children: children))
      } else {
        machines[branch.name]?.reconfigure(flags: branch.flags, children: children)
        for child in children { parents[child.name] = branch.name }
      }
    }
  }

  /// Forgets a child that was stopped and is no longer configured.
  package mutating func forget(_ child: ChildName) {
    guard let parent = parents[child], machines[parent]?.state(of: child)?.isActive != true,
      machines[parent]?.hasAttempts(child) != true
    else { return }
    parents[child] = nil
    machines[parent]?.forget(child)
    if case .supervisor(let name) = child { machines[name] = nil }
  }
}
