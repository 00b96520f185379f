// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
internal import NexusCore
package import NexusKernel
internal import NexusStore
internal import Synchronization

/// The shell around the tree of supervisors: performs what the machines decide, and keeps the processes of services.
package actor SupervisorHost {
  /// How far back restarts of earlier boots still matter.
  package static let maxMemory = Duration.seconds(86_400)

  let services: RuntimeServices
  let board: AgentBoard
  let work: WorkHost
  let desk: ServiceDesk
  private(set) var plan: ProjectPlan
  private(set) var specs: [AgentName: AgentSpec] = [:]
  var tree: SupervisionTree
  private(set) var isStarted = false
  /// Services that runs have work for since before the tree was started.
  var needed: Set<AgentName> = []
  private let startsAll = Atomic<Bool>(false)
  private(set) var isLeaving = false
  private var isDown = false
  private var decided: Deque<SupervisionTree.Action> = []
  private var isPerforming = false
  private var endWaiters: [CheckedContinuation<Void, Never>] = []

  // Services.
  var attempts: [AgentName: AttemptNumber] = [:]
  var stops: [ChildName: AttemptStops] = [:]
  /// Also those that are out of the tree since.
  var stoppedByPerson: Set<AgentName> = []
  var pace = RestartPace()
  /// The process of a service whose end the tree is told of, and what is to run in its place.
  var ending: ChildName?
  var next: ServiceLife?

  // Task agents.
  struct Guest {
    let ticket: AttemptTicket
    let stops: AttemptStops
  }
  private(set) var guests: [ChildName: Guest] = [:]
  private var crashes: [ChildName: CheckedContinuation<String?, Never>] = [:]
  /// Agents on their way to another supervisor: their attempts wait for it.
  var relocating: Set<AgentName> = []
  var postponed: [ChildName] = []
  var departures: [AgentName: [CheckedContinuation<Void, Never>]] = [:]

  private var restartLog = RestartLog()
  var guardLosses = GuardLosses()

  // Calls.
  private var nextCall = 0
  private var answers: [CallID: SupervisorMachine.CallAnswer] = [:]
  private var callers: [CallID: CheckedContinuation<SupervisorMachine.CallAnswer, Never>] = [:]
  /// Calls whose asker does not wait for what takes time.
  private var unheard: Set<CallID> = []

  private var watcher: (@Sendable (SupervisionTree.Event, [SupervisionTree.Action]) -> Void)?
  /// Tells the runs of an agent that nobody will restart it any more.
  private var onGivingUp: @Sendable (AgentName, RunError) -> Void = { _, _ in }
  var countTaskCrash: TaskCrashCount = { _, _, _ in nil }

  init(plan: ProjectPlan, services: RuntimeServices, board: AgentBoard, work: WorkHost, desk: ServiceDesk) {
    self.plan = plan
    self.services = services
    self.board = board
    self.work = work
    self.desk = desk
    tree = SupervisionTree(plan.branches(startsServices: false))
    for agent in plan.agents { specs[agent.name] = agent }
  }

  /// Sees every event with what the tree decides, in their order and before it is performed.
  ///
  /// It is how the conformance suite knows what happened, and when nothing goes on any more.
  package func watch(_ watcher: @escaping @Sendable (SupervisionTree.Event, [SupervisionTree.Action]) -> Void) {
    self.watcher = watcher
  }

  /// Looks at the tree, or changes it beside the configuration.
  package func withTree<T: Sendable>(_ body: @Sendable (inout SupervisionTree) -> T) -> T { body(&tree) }

  /// Takes a tree in place of that of the configuration, unless it makes no sense.
  ///
  /// - Returns: what is wrong with it; if anything is, all stays as it was.
  package func plant(_ branches: [SupervisionTree.Branch]) -> [SupervisionTree.Fault] {
    let faults = SupervisionTree.faults(in: branches)
    if faults.isEmpty { tree = SupervisionTree(branches) }
    return faults
  }

  /// Takes definitions of agents beside the configuration; each counts from the next start of its agent on.
  package func define(_ agents: [AgentSpec]) {
    for spec in agents { specs[spec.name] = spec }
  }

  /// Whether services start with the tree; else each starts with the first run that has work for it.
  nonisolated var startsServices: Bool { startsAll.load(ordering: .relaxed) }

  func setGivingUp(_ handler: @escaping @Sendable (AgentName, RunError) -> Void) { onGivingUp = handler }

  // MARK: The tree as a whole

  /// Starts the root.
  ///
  /// - Parameters:
  ///   - services: whether the services that start by themselves do; else each starts once a run has work for it.
  ///   - disabled: agents that a person stopped for good.
  func start(services: Bool, except disabled: Set<AgentName>) {
    guard !isStarted else { return }
    isStarted = true
    startsAll.store(services, ordering: .relaxed)
    tree.reconfigure(plan.branches(startsServices: services))
    for agent in disabled { tree.disable(.agent(agent)) }
    handle(.start)
    for agent in needed.sorted(by: { $0.text < $1.text }) { _ = need(agent) }
    needed = []
  }

  /// The configuration has checked its tree; what makes no sense all the same must not be started.
  func check() throws(RuntimeRefusal) {
    let faults = SupervisionTree.faults(in: plan.branches(startsServices: true))
    guard !faults.isEmpty else { return }
    throw RuntimeRefusal(
      .invalid, code: "NX-SUP-006",
      message: "the tree of supervisors makes no sense: \(faults.map(\.description).joined(separator: "; "))",
      hint: "naos config validate")
  }

  /// Fills the windows from the restart log, so that a node that crash-loops does not forget.
  func restore() async throws {
    let wall = services.clock.wallNow()
    let now = services.clock.now()
    let rows = try await services.store.restarts(since: wall + (.zero - Self.maxMemory))
    Self.restore(rows, into: &tree, wall: wall, now: now)
  }

  /// Stops every service, in reverse order of start, and waits for all.
  func shutdown() async {
    guard isStarted else { return }
    isLeaving = true
    handle(.shutdown)
    guard !isDown else { return }
    await withCheckedContinuation { endWaiters.append($0) }
  }

  package func handle(_ event: SupervisionTree.Event) {
    let actions = tree.handle(event, at: services.clock.now())
    watcher?(event, actions)
    // What is decided while something is performed comes after it.
    decided += actions
    guard !isPerforming else { return }
    isPerforming = true
    while let action = decided.popFirst() { perform(action) }
    isPerforming = false
  }

  func take(_ plan: ProjectPlan) {
    self.plan = plan
    for spec in plan.agents { specs[spec.name] = spec }
    tree.reconfigure(plan.branches(startsServices: startsServices))
  }

  // MARK: Calls

  /// Asks the tree, does `meanwhile` once it has taken the question, and waits for the answer.
  func call(_ call: SupervisorMachine.Call, meanwhile: () -> Void = {}) async -> SupervisorMachine.CallAnswer {
    let id = newCall()
    handle(.call(id, call))
    meanwhile()
    return await answer(to: id)
  }

  /// Asks the tree without waiting for what takes time.
  ///
  /// - Returns: nil if it is under way.
  func ask(_ call: SupervisorMachine.Call) -> SupervisorMachine.CallAnswer? {
    let id = newCall()
    handle(.call(id, call))
    return earlyAnswer(to: id)
  }

  func startChild(_ spec: ChildSpec, under supervisor: SupervisorName) -> SupervisorMachine.CallAnswer? {
    let id = newCall()
    handle(.startChild(id, spec, under: supervisor))
    return earlyAnswer(to: id)
  }

  private func earlyAnswer(to id: CallID) -> SupervisorMachine.CallAnswer? {
    if let answer = answers.removeValue(forKey: id) { return answer }
    unheard.insert(id)
    return nil
  }

  private func newCall() -> CallID {
    nextCall += 1
    return CallID(nextCall)
  }

  private func answer(to id: CallID) async -> SupervisorMachine.CallAnswer {
    if let answer = answers.removeValue(forKey: id) { return answer }
    return await withCheckedContinuation { callers[id] = $0 }
  }

  // MARK: Attempts of tasks

  /// Waits until the supervisor lets the attempt begin.
  package nonisolated func admit(_ child: ChildName, _ stops: AttemptStops) async -> Admission {
    let ticket = AttemptTicket()
    await want(child, ticket, stops)
    stops.guards(ticket)
    let answer = await ticket.answer()
    if answer != .admitted { await release(child) }
    return answer
  }

  private func want(_ child: ChildName, _ ticket: AttemptTicket, _ stops: AttemptStops) {
    guests[child] = Guest(ticket: ticket, stops: stops)
    want(child)
  }

  func want(_ child: ChildName) {
    guard guests[child] != nil else { return }
    if let agent = child.agent, relocating.contains(agent) { return postponed.append(child) }
    handle(.attemptWanted(child))
    if let guest = guests[child], guest.ticket.settled == nil, let agent = child.agent {
      board.update(agent) {
        $0.state = .waiting
        $0.reason = "waits for its supervisor"
      }
    }
  }

  /// The attempt is over, and there is no other one on its account.
  package func release(_ child: ChildName, _ exit: ChildExit = .normal) {
    guard guests.removeValue(forKey: child) != nil else { return }
    handle(.attemptWithdrawn(child))
    handle(.exited(child, exit))
    departed(child)
  }

  private func departed(_ child: ChildName) {
    guard let agent = child.agent, !hasAttempts(agent) else { return }
    for waiter in departures.removeValue(forKey: agent) ?? [] { waiter.resume() }
  }

  /// Attempts of the agent are under way, not only waiting.
  func hasAttempts(_ agent: AgentName) -> Bool {
    guests.contains { $0.key.agent == agent && $0.value.ticket.settled == .admitted }
  }

  /// Takes note of the crash of a task whose run wants another attempt.
  ///
  /// - Parameters:
  ///   - child: the attempt.
  ///   - reason: why it crashed.
  ///   - counts: it counts in the window of its agent; else its step alone says how often it is tried.
  /// - Returns: nil if it may have one, else why not.
  package func attemptCrashed(_ child: ChildName, reason: String, counts: Bool = true) async -> String? {
    if let answer = taskCrashed(child, reason: reason) { return answer.refusal }
    defer {
      guests[child] = nil
      departed(child)
    }
    return await withCheckedContinuation { waiter in
      crashes[child] = waiter
      handle(.attemptCrashed(child, reason: reason, counts: counts))
    }
  }

  /// The guard of the node died under an attempt.
  ///
  /// - Returns: nil if its run may have another one, else why not.
  func lostGuard(_ child: ChildName) -> String? { guardLosses.count(child, at: services.clock.now()) }

  /// The run has something else to do than to wait for the answer to `attemptCrashed`.
  func withdrawCrash(_ child: ChildName) { crashes.removeValue(forKey: child)?.resume(returning: nil) }

  /// Kills the attempts of agents at once; that is no failure of theirs.
  func killAttempts(of agents: Set<AgentName>) {
    for (child, guest) in guests where child.agent.map(agents.contains) == true { guest.stops.interrupt(.kill) }
  }

  // MARK: Performing

  func perform(_ action: SupervisionTree.Action) {
    switch action {
    case .start(let child): start(child)
    case .ask(let child): stop(child, .ask)
    case .kill(let child): stop(child, .kill)
    case .setTimer(let timer, let delay): set(timer, delay)
    case .logRestart(let supervisor, let child, let reason):
      services.meter.count(.restarts, [supervisor.text, RestartCause(reason).rawValue])
      log(supervisor, child, reason)
    case .logFresh(let supervisor): log(supervisor, .supervisor(supervisor), "started anew")
    case .logApart(let child): log(SupervisorName(child.description), child, "given up alone")
    case .changed(let child, let state): changed(child, state)
    case .removed: break
    case .failed(let child, let reason): failed(child, reason)
    case .report(let report): publish(report)
    case .answer(let id, let answer): settle(id, answer)
    case .admitAttempt(let child): admitted(child)
    case .refuseAttempt(let child, let reason): refused(child, reason)
    case .mayRetry(let child): crashes.removeValue(forKey: child)?.resume(returning: nil)
    case .isUp: break
    case .ended: ended()
    }
  }

  private func settle(_ id: CallID, _ answer: SupervisorMachine.CallAnswer) {
    if let caller = callers.removeValue(forKey: id) {
      caller.resume(returning: answer)
    } else if unheard.remove(id) == nil {
      answers[id] = answer
    }
  }

  private func admitted(_ child: ChildName) {
    // Shown before the attempt can show anything itself.
    if let agent = child.agent {
      board.update(agent) { if $0.state == .waiting { ($0.state, $0.reason) = (.starting, "") } }
    }
    if guests[child]?.ticket.settle(.admitted) == true { return }
    // It was stopped before it began.
    guests[child] = nil
    handle(.exited(child, .shutdown("withdrawn")))
    departed(child)
  }

  private func refused(_ child: ChildName, _ reason: String) {
    let text = child.agent.map { "agent \($0) failed: \(reason)" } ?? reason
    if let crash = crashes.removeValue(forKey: child) { return crash.resume(returning: text) }
    guests.removeValue(forKey: child)?.ticket.settle(.refused(reason: text))
  }

  private func ended() {
    isDown = true
    for waiter in endWaiters { waiter.resume() }
    endWaiters = []
  }

  private func failed(_ child: ChildName, _ reason: String) {
    guard case .agent(let agent) = child else { return }
    board.update(agent) {
      $0.state = .failed
      $0.reason = reason
    }
    let code = GuardLosses.isNamed(in: reason) ? GuardLosses.code : "NX-SUP-001"
    onGivingUp(agent, RunError(code: code, message: "agent \(agent) failed: \(reason)", isRetryable: false))
  }

  private func log(_ supervisor: SupervisorName, _ child: ChildName, _ reason: String) {
    let name = child.agent ?? AgentName(child.description)
    restartLog.add(RestartRow(supervisor: supervisor, child: name, at: services.clock.wallNow(), reason: reason))
    guard restartLog.needsWriter else { return }
    restartLog.isWriting = work.spawn("restart-log") { await self.writeRestartLog() }
  }

  /// A moment later, so that it is not in the way of the restart itself; and with all that came meanwhile in one commit,
  /// so that a storm of crashes is not one of flushes.
  private func writeRestartLog() async {
    await pauseRestartLog()
    while let rows = restartLog.take() {
      // A restart that cannot be logged is forgotten by the next boot; it is never a reason not to restart.
      _ = await StorePatience(clock: services.clock)
        .commit(StoreTransaction(.synced, rows.map { .logRestart($0) }), to: services.store)
      await pauseRestartLog()
    }
    restartLog.isWriting = false
  }

  /// Cancelled, the node goes down: what is left is written without a pause.
  private func pauseRestartLog() async {
    guard services.restartLogPause > .zero else { return }
    try? await services.clock.sleep(until: services.clock.now() + services.restartLogPause)
  }

  private func set(_ timer: SupervisionTree.Timer, _ delay: Duration) {
    let deadline = services.clock.now() + delay
    let clock = services.clock
    work.spawn("supervisor:\(timer.child)") {
      if delay > .zero {
        do { try await clock.sleep(until: deadline) } catch { return }
      }
      await self.handle(.timer(timer))
    }
  }

  private func stop(_ child: ChildName, _ manner: AttemptStops.Manner) {
    if let own = stops[child] { own.request(manner) } else { guests[child]?.stops.interrupt(manner) }
  }
}
