// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

// The processes of services.
extension SupervisorHost {
  func start(_ child: ChildName) {
    guard let agent = child.agent, var spec = specs[agent] else {
      return handle(.exited(child, .startFailed("it is not in the configuration")))
    }
    // The processes of a task are those of its attempts: it needs none of its own.
    guard spec.mode == .service else { return handle(.ignored(child)) }
    if let arguments = tree.arguments(of: child) { spec.append(arguments) }
    let attempt = attempts[agent]?.next ?? AttemptNumber(1)
    attempts[agent] = attempt
    let notBefore = attempt.value > 1 ? pace.take(at: services.clock.now()) : nil
    let life = ServiceLife(child, spec: spec, attempt: attempt, notBefore: notBefore)
    stops[child] = life.stops
    if !life.isInstance { board.update(agent) { $0.attempt = attempt } }
    // Started again by its own end, it goes on in the task of before.
    if ending == child {
      next = life
      return
    }
    if !work.spawn("service:\(child)", { await self.live(life) }) {
      _ = ended(child, .startFailed("the node is going down"))
    }
  }

  /// Runs the processes of a service, one after the other, for as long as each is started by the end of the one before.
  private nonisolated func live(_ first: ServiceLife) async {
    let runner = ServiceRunner(services: services, board: board, desk: desk, work: work)
    var following: ServiceLife? = first
    while let life = following {
      if let moment = life.notBefore { try? await services.clock.sleep(until: moment) }
      if !life.isInstance { desk.serviceBegins(life.spec.name) }
      let exit = await runner.run(life) { await self.handle(.started(life.child)) }
      let estate = life.isInstance ? nil : desk.serviceEnded(life.spec.name)
      following = await ended(life.child, exit, estate)
      if let estate { desk.crash(estate, because: exit.reason) }
    }
  }

  /// Tells the tree of an end, which may start the same service again.
  private func ended(_ child: ChildName, _ exit: ChildExit, _ estate: ServiceDesk.Estate? = nil) -> ServiceLife? {
    stops[child] = nil
    var exit = exit
    if case .interrupted = exit, let blame = guardLosses.count(child, at: services.clock.now()) {
      exit = .givenUp(blame)
    }
    let outer = (ending, next)
    (ending, next) = (child, nil)
    handle(.exited(child, exit))
    // Whoever had work for it since its end was heard while the tree still took it for running. Why nobody would take
    // what waits was told to its runs, if that is so.
    if let estate, let agent = child.agent, estate.isMissed || desk.hasLateTasks(agent) { _ = need(agent) }
    let following = next
    (ending, next) = outer
    return following
  }

  /// A run has work for the service: where services do not start with the tree, it is started now.
  ///
  /// One that a person stopped stays down until a person says otherwise.
  ///
  /// - Returns: why nobody will ever take the work here; nil if somebody may.
  func need(_ agent: AgentName) -> RunError? {
    guard isStarted else {
      needed.insert(agent)
      return nil
    }
    let child = ChildName.agent(agent)
    guard !isLeaving, !startsServices, specs[agent]?.mode == .service, !tree.isDisabled(child) else { return nil }
    switch tree.state(of: child) {
    case .stopped(.neverStarted), .stopped(.ended): _ = ask(.restartChild(child))
    case .stopped(.failed):
      // A node of one run lives no longer than the run: nobody comes to start it.
      return RunError(
        code: "NX-SUP-001", message: "the supervisor of \(agent) had given it up", isRetryable: false, wasApplied: false
      )
    case nil where !stoppedByPerson.contains(agent): _ = addAgain(agent)
    case .stopped, .starting, .running, .restarting, .stopping, nil: break
    }
    return nil
  }

  /// Adds a child that is not there to the supervisor that has it in the configuration: a temporary one is forgotten with
  /// its end, so it is a new one.
  ///
  /// - Returns: the answer, unless that takes time; `notFound` if no supervisor has it.
  func addAgain(_ agent: AgentName) -> SupervisorMachine.CallAnswer? {
    let child = ChildName.agent(agent)
    for branch in plan.branches(startsServices: true) {
      guard let spec = branch.children.first(where: { $0.name == child }) else { continue }
      return startChild(spec, under: branch.name)
    }
    return .notFound
  }

  func changed(_ child: ChildName, _ state: ChildState) {
    // Of one that its end takes out of the tree nothing else says so.
    if case .agent(let agent) = child {
      if state == .stopped(.byOperator) { stoppedByPerson.insert(agent) } else { stoppedByPerson.remove(agent) }
    }
    show(child, state)
  }

  /// Why nothing takes the tasks of a service until a person does something about it; nil if something does, or soon will.
  nonisolated func idleness(of agent: AgentName) -> String? {
    switch board.status(of: agent)?.state {
    case .failed: "\(agent) was given up by its supervisor: start it with `naos supervisor start \(agent)`"
    case .stopped: "\(agent) is stopped: start it with `naos supervisor start \(agent)`"
    case .idle where startsServices: "\(agent) is not started: start it with `naos supervisor start \(agent)`"
    default: nil
    }
  }

  /// Kills a service at once, if it has a process.
  func kill(_ agent: AgentName) {
    for (child, stops) in stops where child.agent == agent { stops.request(.kill) }
  }
}

extension AgentSpec {
  /// Arguments of one instance come behind those of its template.
  fileprivate mutating func append(_ arguments: [String]) {
    if case .process(let command) = kind { kind = .process(command: command + arguments) }
  }
}
