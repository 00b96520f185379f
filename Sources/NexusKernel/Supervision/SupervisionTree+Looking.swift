// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

// What is known of the tree, and changes of its plan.
extension SupervisionTree {
  /// Whose child it is; an attempt's is that of its agent.
  package func supervisor(of child: ChildName) -> SupervisorName? {
    switch child {
    case .attempt(let agent, _, _): parents[.agent(agent)]
    case .instance(let agent, _): parents[child] ?? parents[.agent(agent)]
    case .agent, .supervisor: parents[child]
    }
  }

  package func state(of child: ChildName) -> ChildState? {
    supervisor(of: child).flatMap { machines[$0]?.state(of: child) ?? dynamics[$0]?.state(of: child) }
  }

  package func has(_ supervisor: SupervisorName) -> Bool {
    machines[supervisor] != nil || dynamics[supervisor] != nil
  }

  package func isDynamic(_ supervisor: SupervisorName) -> Bool { dynamics[supervisor] != nil }

  package func phase(of supervisor: SupervisorName) -> SupervisorMachine.Phase? {
    machines[supervisor]?.phase ?? dynamics[supervisor]?.phase
  }

  package func flags(of supervisor: SupervisorName) -> SupervisorFlags? {
    machines[supervisor]?.flags ?? dynamics[supervisor]?.flags
  }

  /// The children of a supervisor in start order; nil if there is no such supervisor.
  package func children(of supervisor: SupervisorName) -> [(name: ChildName, state: ChildState)]? {
    (machines[supervisor]?.whichChildren() ?? dynamics[supervisor]?.whichChildren())?.reversed()
  }

  /// The children as people know them: in start order, also those that are forgotten until the supervisor's next start.
  package func listed(in supervisor: SupervisorName) -> [(name: ChildName, state: ChildState)]? {
    machines[supervisor]?.listed() ?? children(of: supervisor)
  }

  /// Everyone whose turn to start has not come, with the child that is waited for.
  package func queue() -> [ChildName: ChildName] {
    var queue: [ChildName: ChildName] = [:]
    for (supervisor, _) in topDown() {
      // Whoever is below one that waits is started by it, and so waits for the same.
      if let awaited = queue[.supervisor(supervisor)] {
        for spec in machines[supervisor]?.specs ?? [] where spec.startsWithSupervisor { queue[spec.name] = awaited }
      } else if let (awaited, waiting) = machines[supervisor]?.queue {
        for child in waiting where state(of: child)?.isActive == false { queue[child] = awaited }
      }
    }
    return queue
  }

  /// How many children the supervisor has, and how many of them are active.
  package func counts(of supervisor: SupervisorName) -> SupervisorMachine.Counts? {
    machines[supervisor]?.countChildren() ?? dynamics[supervisor]?.countChildren()
  }

  /// The specification that the next start of the child goes by.
  package func specification(of child: ChildName) -> ChildSpec? {
    guard let supervisor = supervisor(of: child) else { return nil }
    if let spec = machines[supervisor]?.records[child]?.spec { return spec }
    return dynamics[supervisor]?.state(of: child) == nil ? nil : dynamics[supervisor]?.template
  }

  /// What an instance is started with; nil for every other child, and once nobody needs it any more.
  package func arguments(of instance: ChildName) -> [String]? {
    supervisor(of: instance).flatMap { dynamics[$0]?.arguments(of: instance) }
  }

  package var supervisors: [SupervisorName] { (Array(machines.keys) + Array(dynamics.keys)).sorted() }

  /// Why nothing below the child's supervisor runs until a person does something about it; nil if that is not so.
  ///
  /// A supervisor that a person stopped is no outage: that person starts it again.
  package func outage(above child: ChildName) -> String? {
    var next = supervisor(of: child)
    while let name = next, name != .root {
      let above = state(of: .supervisor(name))
      switch phase(of: name) {
      case .down(.gaveUp(let reason)), .down(.autoShutdown(let reason)):
        if case .stopped = above { return "its supervisor \(name) is down: \(reason)" }
      case .down(nil):
        if case .stopped(.failed(let reason)) = above { return "its supervisor \(name) did not start: \(reason)" }
      case .down(.asked), .starting, .isUp, .ending, nil: break
      }
      next = supervisor(of: .supervisor(name))
    }
    return nil
  }

  /// A person wants the child down until a person says otherwise.
  package func isDisabled(_ child: ChildName) -> Bool {
    supervisor(of: child).flatMap { machines[$0]?.disabled.contains(child) } ?? false
  }

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
    if let dynamic = dynamics[supervisor] { return dynamic.whichChildren().reversed().map(\.name) }
    return (machines[supervisor]?.members ?? []).flatMap { child -> [ChildName] in
      if case .supervisor(let name) = child { return agents(below: name) }
      return [child]
    }
  }

  /// The restarts that count now in the window that the child's restarts count in.
  package func restarts(of child: ChildName, at now: Instant) -> CountedRestarts? {
    guard let supervisor = supervisor(of: child) else { return nil }
    if let dynamic = dynamics[supervisor] {
      return CountedRestarts(recent: dynamic.window.made(at: now), intensity: dynamic.flags.intensity)
    }
    return machines[supervisor]?.restarts(of: child, at: now)
  }

  /// How many restarts count now for the supervisor as a whole.
  package func counted(in supervisor: SupervisorName, at now: Instant) -> Int {
    machines[supervisor]?.counted(at: now) ?? dynamics[supervisor]?.window.counted(at: now) ?? 0
  }

  /// The restarts that count now for the supervisor as a whole, the oldest first.
  package func recent(in supervisor: SupervisorName, at now: Instant) -> [RestartWindow.Restart] {
    machines[supervisor]?.recent(at: now) ?? dynamics[supervisor]?.window.made(at: now) ?? []
  }

  // MARK: The restart log

  /// Puts a restart of an earlier boot back into its window; in the order in which they happened.
  package mutating func restore(
    _ supervisor: SupervisorName, _ child: ChildName, because reason: String, at moment: Instant
  ) {
    machines[supervisor]?.restore(child, because: reason, at: moment)
    dynamics[supervisor]?.window.restore(at: moment, of: child, because: reason)
    // A supervisor that was restarted began to count anew.
    if case .supervisor(let below) = child { restoreFresh(below) }
  }

  /// A child was given up alone in an earlier boot.
  package mutating func restoreApart(_ child: ChildName) {
    if let supervisor = supervisor(of: child) { machines[supervisor]?.restoreApart(child) }
  }

  /// A supervisor began anew in an earlier boot, or a person says that its restarts no longer count.
  package mutating func restoreFresh(_ supervisor: SupervisorName) {
    machines[supervisor]?.forgetWindows()
    dynamics[supervisor]?.window.clear()
    for spec in machines[supervisor]?.specs ?? [] {
      if case .supervisor(let below) = spec.name { restoreFresh(below) }
    }
  }

  /// A person says that the child may go on: the crashes of before no longer count.
  package mutating func forgive(_ child: ChildName) -> [Action] {
    guard let supervisor = supervisor(of: child) else { return [] }
    return (machines[supervisor]?.forgive(child) ?? []).compactMap {
      switch $0 {
      case .changed(let child, let state): .changed(child, state)
      case .logApart(let child): .logApart(child)
      default: nil
      }
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
      branches.flatMap { branch in branch.members.map { ($0.name, $0) } }, uniquingKeysWith: { first, _ in first })
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
      if !has(branch.name) {
        plant(Branch(branch.name, flags: branch.flags, children: children, template: branch.template))
      } else if let template = branch.template {
        // A static supervisor cannot become a dynamic one while it is there, nor the other way round.
        dynamics[branch.name]?.reconfigure(flags: branch.flags, template: template)
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
    if case .supervisor(let name) = child {
      (machines[name], dynamics[name]) = (nil, nil)
      // Whoever was below it is free to be listed elsewhere.
      for (below, above) in parents where above == name { parents[below] = nil }
    }
  }
}
