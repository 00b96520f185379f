// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
package import NexusCore

/// All supervisors of a node, below the root: passes what one decides on to those above and below it.
///
/// Only what concerns processes, timers, the restart log and people comes out of it.
package struct SupervisionTree: Sendable {
  package enum Event: Sendable, Hashable {
    /// Starts the root, and with it everything that starts by itself.
    case start
    /// Stops everything, in reverse order.
    case shutdown
    /// About a process: `agent` or `instance`; of attempts only `exited`.
    case started(ChildName)
    case ignored(ChildName)
    case exited(ChildName, ChildExit)
    case timer(Timer)
    /// Asked of the supervisor of the child that the call names.
    case call(CallID, SupervisorMachine.Call)
    case startChild(CallID, ChildSpec, under: SupervisorName)
    /// Starts one more instance under a dynamic supervisor; `arguments` come behind those of its template.
    case startInstance(CallID, under: SupervisorName, arguments: [String])
    case attemptWanted(ChildName)
    case attemptWithdrawn(ChildName)
    case attemptCrashed(ChildName, reason: String, counts: Bool = true)
  }

  package struct Timer: Sendable, Hashable {
    let supervisor: SupervisorName
    let timer: SupervisorMachine.Timer
    package var child: ChildName { timer.child }
  }

  package enum Action: Sendable, Hashable {
    case start(ChildName)
    case ask(ChildName)
    case kill(ChildName)
    case setTimer(Timer, after: Duration)
    case logRestart(SupervisorName, ChildName, reason: String)
    /// The supervisor begins anew: restarts of before no longer count.
    case logFresh(SupervisorName)
    /// The child was given up alone: what it did before no longer counts for its siblings.
    case logApart(ChildName)
    case changed(ChildName, ChildState)
    case removed(ChildName)
    /// Nobody restarts the child any more unless a person asks.
    case failed(ChildName, reason: String)
    case report(SupervisorReport)
    case answer(CallID, SupervisorMachine.CallAnswer)
    case admitAttempt(ChildName)
    case refuseAttempt(ChildName, reason: String)
    case mayRetry(ChildName)
    /// Everything that starts by itself has been started.
    case isUp
    case ended
  }

  /// One supervisor, as the configuration gives it.
  package struct Branch: Sendable, Hashable {
    package var name: SupervisorName
    package var flags: SupervisorFlags
    package var children: [ChildSpec]
    /// Makes it a dynamic supervisor, which has no other children than instances of this agent.
    package var template: ChildSpec?
    package init(
      _ name: SupervisorName, flags: SupervisorFlags = SupervisorFlags(), children: [ChildSpec],
      template: ChildSpec? = nil
    ) {
      self.name = name
      self.flags = flags
      self.children = children
      self.template = template
    }

    /// Whom the configuration puts below it.
    var members: [ChildSpec] { template.map { [$0] } ?? children }
  }

  private enum Work {
    case event(SupervisorName, SupervisorMachine.Event)
    case startInstance(SupervisorName, CallID, [String])
    /// A supervisor ended for good, unless the one above has started it again by now.
    case lookAfter(SupervisorName, reason: String)
  }

  var machines: [SupervisorName: SupervisorMachine] = [:]
  var dynamics: [SupervisorName: DynamicSupervisorMachine] = [:]
  var parents: [ChildName: SupervisorName] = [:]
  /// Names that a call which is not answered yet wants to give to a new child.
  private var reserved: [CallID: ChildName] = [:]
  /// Who has been named as failed in this turn.
  private var told: Set<ChildName> = []
  private var work: Deque<Work> = []
  private var actions: [Action] = []

  /// Takes the tree of a configuration; `branches` holds the root, and every supervisor but the root is the child of one.
  package init(_ branches: [Branch]) {
    for branch in branches { plant(branch) }
    if machines[.root] == nil { plant(Branch(.root, flags: .root, children: [])) }
  }

  mutating func plant(_ branch: Branch) {
    if let template = branch.template {
      dynamics[branch.name] = DynamicSupervisorMachine(name: branch.name, flags: branch.flags, template: template)
    } else {
      machines[branch.name] = SupervisorMachine(name: branch.name, flags: branch.flags, children: branch.children)
    }
    for child in branch.members { parents[child.name] = branch.name }
  }

  package mutating func handle(_ event: Event, at now: Instant) -> [Action] {
    switch event {
    case .start:
      if machines[.root]?.isFresh == false, isDown(.root) { actions.append(.logFresh(.root)) }
      work.append(.event(.root, .start))
    case .shutdown: work.append(.event(.root, .shutdown))
    case .started(let child): send(.started(child), about: child)
    case .ignored(let child): send(.ignored(child), about: child)
    case .exited(let child, let exit): send(.exited(child, exit), about: child)
    case .timer(let timer): work.append(.event(timer.supervisor, .timer(timer.timer)))
    case .call(let id, let call): send(.call(id, call), for: id, about: call.child)
    case .startChild(let id, let spec, let supervisor):
      if dynamics[supervisor] != nil { return [.answer(id, .isDynamic)] }
      guard machines[supervisor] != nil else { return [.answer(id, .notFound)] }
      if case .supervisor(let below) = spec.name, !has(below) { return [.answer(id, .notFound)] }
      if let parent = parents[spec.name], parent != supervisor { return [.answer(id, .alreadyPresent)] }
      parents[spec.name] = supervisor
      reserved[id] = spec.name
      work.append(.event(supervisor, .call(id, .startChild(spec))))
    case .startInstance(let id, let supervisor, let arguments):
      guard dynamics[supervisor] != nil else { return [.answer(id, .notFound)] }
      work.append(.startInstance(supervisor, id, arguments))
    case .attemptWithdrawn(let child): send(.attemptWithdrawn(child), about: child)
    case .attemptWanted(let child), .attemptCrashed(let child, _, _):
      guard let supervisor = supervisor(of: child) else {
        // Its task was deleted: the run goes on by the definition that it began with, and is nobody's child.
        if case .attemptCrashed = event { return [.mayRetry(child)] }
        return [.admitAttempt(child)]
      }
      if case .attemptCrashed(_, let reason, let counts) = event {
        work.append(.event(supervisor, .attemptCrashed(child, reason: reason, counts: counts)))
      } else {
        if let reason = outage(above: child) { return [.refuseAttempt(child, reason: reason)] }
        work.append(.event(supervisor, .attemptWanted(child)))
      }
    }
    return settle(at: now)
  }

  private mutating func send(_ event: SupervisorMachine.Event, about child: ChildName) {
    guard let supervisor = supervisor(of: child) else { return }
    work.append(.event(supervisor, event))
  }

  private mutating func send(_ event: SupervisorMachine.Event, for id: CallID, about child: ChildName) {
    guard let supervisor = supervisor(of: child) else { return actions.append(.answer(id, .notFound)) }
    work.append(.event(supervisor, event))
  }

  /// Lets the supervisors talk until none has anything left to say.
  private mutating func settle(at now: Instant) -> [Action] {
    while let next = work.popFirst() {
      switch next {
      // Its end has been told, or is about to be.
      case .event(let supervisor, .shutdown) where supervisor != .root && isDown(supervisor): continue
      case .event(let supervisor, let event):
        let decided = machines[supervisor]?.handle(event, at: now) ?? dynamics[supervisor]?.handle(event, at: now)
        for action in decided ?? Self.answer(to: event) { route(action, from: supervisor) }
      case .startInstance(let supervisor, let id, let arguments):
        for action in dynamics[supervisor]?.startInstance(arguments, for: id) ?? [] { route(action, from: supervisor) }
      case .lookAfter(let supervisor, let reason): lookAfter(supervisor, reason)
      }
    }
    told = []
    defer { actions = [] }
    return actions
  }

  /// What is asked of a supervisor that is not there any more is answered all the same.
  private static func answer(to event: SupervisorMachine.Event) -> [SupervisorMachine.Action] {
    switch event {
    case .attemptWanted(let child): [.admitAttempt(child)]
    case .attemptCrashed(let child, _, _): [.mayRetry(child)]
    case .call(let id, _): [.answer(id, .notFound)]
    default: []
    }
  }

  private func isDown(_ supervisor: SupervisorName) -> Bool {
    if case .down = phase(of: supervisor) { true } else { false }
  }

  private mutating func route(_ action: SupervisorMachine.Action, from supervisor: SupervisorName) {
    switch action {
    case .start(.supervisor(let below)):
      if (machines[below]?.isFresh ?? dynamics[below]?.isFresh) == false { actions.append(.logFresh(below)) }
      work.append(.event(below, .start))
    case .ask(.supervisor(let below)): work.append(.event(below, .shutdown))
    case .kill(.supervisor(let below)): work.append(.event(below, .kill))
    case .start(let child): actions.append(.start(child))
    case .ask(let child): actions.append(.ask(child))
    case .kill(let child): actions.append(.kill(child))
    case .setTimer(let timer, let delay):
      actions.append(.setTimer(Timer(supervisor: supervisor, timer: timer), after: delay))
    case .logRestart(let child, let reason): actions.append(.logRestart(supervisor, child, reason: reason))
    case .logApart(let child): actions.append(.logApart(child))
    case .changed(let child, let state): actions.append(.changed(child, state))
    case .removed(let child):
      guard !child.isAttempt else { return }
      release(child, of: supervisor)
      actions.append(.removed(child))
    case .failed(let child, let reason): tell(child, reason)
    case .report(let report): actions.append(.report(report))
    case .answer(let id, let answer):
      if let child = reserved.removeValue(forKey: id) { release(child, of: supervisor) }
      actions.append(.answer(id, answer))
    case .admitAttempt(let child): actions.append(.admitAttempt(child))
    case .refuseAttempt(let child, let reason): actions.append(.refuseAttempt(child, reason: reason))
    case .mayRetry(let child): actions.append(.mayRetry(child))
    case .isUp, .startFailed, .ended: tellAbove(action, of: supervisor)
    }
  }

  private mutating func tell(_ child: ChildName, _ reason: String) {
    if told.insert(child).inserted { actions.append(.failed(child, reason: reason)) }
  }

  /// A name is free again once its child is gone, unless the next start of its supervisor brings it back.
  private mutating func release(_ child: ChildName, of supervisor: SupervisorName) {
    guard let machine = machines[supervisor], parents[child] == supervisor, machine.state(of: child) == nil,
      !machine.isConfigured(child), !reserved.values.contains(child)
    else { return }
    parents[child] = nil
  }

  /// What a supervisor says of itself is what its own supervisor hears of a child.
  private mutating func tellAbove(_ action: SupervisorMachine.Action, of supervisor: SupervisorName) {
    let child = ChildName.supervisor(supervisor)
    guard let parent = parents[child] else {
      guard supervisor == .root else { return }
      switch action {
      case .isUp: actions.append(.isUp)
      case .ended, .startFailed: actions.append(.ended)
      default: break
      }
      return
    }
    switch action {
    case .isUp: work.append(.event(parent, .started(child)))
    case .startFailed(let reason):
      work.append(.event(parent, .exited(child, .startFailed(reason))))
      work.append(.lookAfter(supervisor, reason: reason))
    case .ended(let end):
      // In OTP it looks at its children only once all are started, so that whoever waits for it hears that first.
      if end != .asked { work.append(.event(parent, .started(child))) }
      // OTP: a supervisor that gives up, or shuts itself down, exits with `shutdown`.
      work.append(.event(parent, .exited(child, .shutdown(end.reason))))
      if case .gaveUp(let reason) = end { work.append(.lookAfter(supervisor, reason: "gave up: \(reason)")) }
    default: break
    }
  }

  /// If nobody starts the supervisor again, its agents are down for good, and people have to hear of it.
  private mutating func lookAfter(_ supervisor: SupervisorName, _ reason: String) {
    // One that is on its way down itself is looked after in its turn, with all that is below it.
    guard let parent = parents[.supervisor(supervisor)], machines[parent]?.isGoingDown == false,
      case .stopped(let rest) = machines[parent]?.state(of: .supervisor(supervisor)), rest.isItsOwn
    else { return }
    let text = "its supervisor \(supervisor) \(reason)"
    for agent in agents(below: supervisor) {
      if case .stopped(.failed(let own)) = state(of: agent) {
        // One that was parked has been named before.
        if self.supervisor(of: agent).flatMap({ flags(of: $0) })?.overIntensity == .escalate { tell(agent, own) }
      } else {
        tell(agent, text)
      }
    }
    tell(.supervisor(supervisor), reason)
    refuseHeld(below: supervisor, text)
  }

  /// Attempts that wait for a supervisor which nobody starts any more would wait for ever.
  private mutating func refuseHeld(below supervisor: SupervisorName, _ reason: String) {
    let held = machines[supervisor]?.takeHeld() ?? []
    actions += held.map { .refuseAttempt($0, reason: reason) }
    for case .supervisor(let below) in (machines[supervisor]?.specs ?? []).map(\.name) {
      refuseHeld(below: below, reason)
    }
  }
}

extension ChildState.Rest {
  /// Nobody else stopped it, so nobody else is about to start it again.
  fileprivate var isItsOwn: Bool {
    switch self {
    case .ended, .failed, .refused: true
    case .neverStarted, .byOperator, .bySupervisor: false
    }
  }
}

extension SupervisorMachine.Call {
  package var child: ChildName {
    switch self {
    case .startChild(let spec): spec.name
    case .terminateChild(let child, _), .restartChild(let child), .deleteChild(let child): child
    }
  }
}
