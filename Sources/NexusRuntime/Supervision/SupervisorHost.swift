// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
internal import NexusStore

/// The shell around the supervisors: performs what their machines decide, and keeps the processes of service agents.
package actor SupervisorHost {
  /// How far back restarts of earlier boots still matter.
  static let maxMemory = Duration.seconds(86_400)

  private let services: RuntimeServices
  private let board: AgentBoard
  private let work: WorkHost
  private let desk: ServiceDesk
  private var specs: [AgentName: AgentSpec] = [:]
  private var machines: [SupervisorName: SupervisorMachine] = [:]
  private var attempts: [AgentName: AttemptNumber] = [:]
  private var stops: [AgentName: AttemptStops] = [:]
  /// Services that were started again before their old process had ended.
  private var startsAgain: Set<AgentName> = []
  private var endWaiters: [AgentName: [CheckedContinuation<Void, Never>]] = [:]
  /// Tells the runs of an agent that nobody will restart it any more.
  private var onGivingUp: @Sendable (AgentName, RunError) -> Void = { _, _ in }

  init(plan: ProjectPlan, services: RuntimeServices, board: AgentBoard, work: WorkHost, desk: ServiceDesk) {
    self.services = services
    self.board = board
    self.work = work
    self.desk = desk
    for agent in plan.agents { specs[agent.name] = agent }
    let child: (AgentSpec) -> SupervisorMachine.Child = {
      SupervisorMachine.Child(name: $0.name, restart: $0.restart, backoff: $0.backoff)
    }
    for supervisor in plan.supervisors {
      machines[supervisor.name] = SupervisorMachine(
        name: supervisor.name, intensity: supervisor.intensity,
        children: supervisor.children.compactMap { plan.agent($0) }.map(child))
    }
    machines[.root] = SupervisorMachine(
      name: .root, intensity: RestartIntensity(), children: plan.agents.filter { $0.supervisor == nil }.map(child))
  }

  /// Takes the agents of a changed configuration: new ones are added, changed ones apply at their next start.
  func reconfigure(_ plan: ProjectPlan) {
    for spec in plan.agents {
      specs[spec.name] = spec
      machines[spec.supervisor ?? .root]?.add(
        SupervisorMachine.Child(name: spec.name, restart: spec.restart, backoff: spec.backoff))
    }
  }

  func setGivingUp(_ handler: @escaping @Sendable (AgentName, RunError) -> Void) { onGivingUp = handler }

  private func supervisor(of agent: AgentName) -> SupervisorName? {
    specs[agent].map { $0.supervisor ?? .root }
  }

  /// Fills the windows from the restart log, so that a node that crash-loops does not forget.
  func restore() async throws {
    let wall = services.clock.wallNow()
    let now = services.clock.now()
    let rows = try await services.store.restarts(since: wall + (.zero - Self.maxMemory))
    for row in rows.sorted(by: { $0.at < $1.at }) {
      // A stamp from the future (the clock was set back) counts as now.
      let age = max(.zero, wall - row.at)
      machines[row.supervisor]?.restore(child: row.child, at: now + (.zero - age))
    }
  }

  /// How many restarts of an agent count now.
  package func restarts(of agent: AgentName) -> (count: Int, intensity: RestartIntensity)? {
    guard let supervisor = supervisor(of: agent) else { return nil }
    return machines[supervisor]?.restarts(of: agent, at: services.clock.now())
  }

  /// Counts the restart of a task.
  ///
  /// - Returns: nil if it may go on, else why not.
  func taskRestart(of agent: AgentName, reason: String) -> String? {
    guard let supervisor = supervisor(of: agent), var machine = machines[supervisor] else { return nil }
    let actions = machine.taskRestart(agent, reason: reason, at: services.clock.now())
    machines[supervisor] = machine
    var refusal: String?
    for case .childFailed(agent, let why) in actions { refusal = "agent \(agent) failed: \(why)" }
    perform(actions, of: supervisor)
    return refusal
  }

  package func start(_ agent: AgentName) { handle(.start(agent), agent) }

  /// A person says that a task's agent may be tried again after its supervisor gave up.
  package func forgive(_ agent: AgentName) {
    guard let supervisor = supervisor(of: agent) else { return }
    machines[supervisor]?.forgive(agent)
  }

  /// Stops a service's process and returns when it has ended.
  package func stop(_ agent: AgentName, force: Bool) async {
    if force { stops[agent]?.request(.kill) }
    handle(.stop(agent), agent)
    guard stops[agent] != nil else { return }
    await withCheckedContinuation { endWaiters[agent, default: []].append($0) }
  }

  /// Stops every service, each supervisor's children in reverse order of start, and waits for all.
  func shutdown() async {
    for name in machines.keys.sorted() {
      guard var machine = machines[name] else { continue }
      let actions = machine.handle(.shutdown, at: services.clock.now())
      machines[name] = machine
      perform(actions, of: name)
    }
    for agent in stops.keys.sorted() where stops[agent] != nil {
      await withCheckedContinuation { endWaiters[agent, default: []].append($0) }
    }
  }

  private func handle(_ event: SupervisorMachine.Event, _ agent: AgentName) {
    guard let supervisor = supervisor(of: agent), var machine = machines[supervisor] else { return }
    let actions = machine.handle(event, at: services.clock.now())
    machines[supervisor] = machine
    perform(actions, of: supervisor)
  }

  private func perform(_ actions: [SupervisorMachine.Action], of supervisor: SupervisorName) {
    for action in actions {
      switch action {
      case .start(let agent): launch(agent)
      case .stop(let agent):
        board.update(agent) { $0.state = .stopping }
        startsAgain.remove(agent)
        stops[agent]?.request(.ask)
      case .restartAfter(let agent, let delay): wait(agent, delay)
      case .logRestart(let agent, let reason): log(supervisor, agent, reason)
      case .childFailed(let agent, let reason):
        board.update(agent) {
          $0.state = .failed
          $0.reason = reason
        }
        onGivingUp(agent, RunError(code: "NX-SUP-001", message: "agent \(agent) failed: \(reason)", isRetryable: false))
      case .childEnded(let agent):
        board.update(agent) { if $0.state != .failed && $0.state != .exhausted { $0.state = .stopped } }
      case .gaveUp: break
      }
    }
  }

  private func log(_ supervisor: SupervisorName, _ agent: AgentName, _ reason: String) {
    let row = RestartRow(supervisor: supervisor, child: agent, at: services.clock.wallNow(), reason: reason)
    let (store, clock) = (services.store, services.clock)
    work.spawn("log-restart:\(agent)") {
      // A restart that cannot be logged is forgotten by the next boot; it is never a reason not to restart.
      _ = await StorePatience(clock: clock).commit(StoreTransaction(.synced, [.logRestart(row)]), to: store)
    }
  }

  private func wait(_ agent: AgentName, _ delay: Duration) {
    let deadline = services.clock.now() + delay
    board.update(agent) {
      $0.state = .backoff
      $0.step = "next start in \(delay)"
    }
    let clock = services.clock
    work.spawn("backoff:\(agent)") {
      do { try await clock.sleep(until: deadline) } catch { return }
      await self.handle(.restartDue(agent), agent)
    }
  }

  private func launch(_ agent: AgentName) {
    guard let spec = specs[agent] else { return }
    guard stops[agent] == nil else {
      // One process of an agent at a time: the new one comes when the old one has ended.
      startsAgain.insert(agent)
      return
    }
    let attempt = attempts[agent]?.next ?? AttemptNumber(1)
    attempts[agent] = attempt
    let agentStops = AttemptStops()
    stops[agent] = agentStops
    board.update(agent) {
      $0.state = .starting
      $0.attempt = attempt
      $0.step = nil
      $0.reason = ""
    }
    let runner = ServiceRunner(services: services, board: board)
    work.spawn("service:\(agent)#\(attempt)") {
      let exit = await runner.run(spec, attempt: attempt, stops: agentStops)
      await self.ended(agent, exit)
    }
  }

  private func ended(_ agent: AgentName, _ exit: SupervisorMachine.Exit) async {
    stops[agent] = nil
    await desk.serviceEnded(agent, because: exit.text)
    let waiters = endWaiters.removeValue(forKey: agent) ?? []
    defer { for waiter in waiters { waiter.resume() } }
    guard startsAgain.remove(agent) == nil else { return launch(agent) }
    handle(.exited(agent, exit), agent)
    if case .refused(let reason) = exit {
      board.update(agent) {
        $0.state = .exhausted
        $0.reason = reason
      }
    }
  }
}

extension SupervisorMachine.Exit {
  var text: String {
    switch self {
    case .normal: "exit 0"
    case .abnormal(let text), .refused(let text), .startFailed(let text): text
    }
  }
}
