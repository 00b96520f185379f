// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel
package import NexusStore

/// Starts, recovers and settles the runs of one node, and carries out what operators ask of them.
package actor RunExecutor {
  /// The largest input of a run, as JSON.
  package static let maxInputBytes = 4 * 1024 * 1024 - 64 * 1024
  /// How many runs may have something to do at a time on one node; those that wait for a time, an event or another run
  /// are not counted.
  package static let maxActiveRuns = 10_000
  /// How many runs may be under way on one node in all, each of them in memory.
  package static let maxResidentRuns = 100_000

  let services: RuntimeServices
  let board: AgentBoard
  let work: WorkHost
  let desk: ServiceDesk
  let pools: PoolDesk
  let supervisors: SupervisorHost
  /// What the configuration says of agents now, for the drivers.
  let catalogue = AgentCatalogue()
  var plan: ProjectPlan {
    didSet {
      catalogue.take(plan)
      startable = [:]
      integrity = Self.integrity(of: plan, services, hash)
    }
  }
  /// What runs are halted for, and how their checkpoints are sealed.
  private(set) var integrity: IntegrityRules
  /// What runs of the plan's own flows are pinned to.
  var startable: [String: PinnedDefinition] = [:]
  /// Definitions that this process has written.
  var keptDefinitions: Set<DefinitionHash> = []
  /// Agents whose last state is being written, and whether it has changed meanwhile.
  private var remembering: [AgentName: Bool] = [:]
  let hash: @Sendable ([UInt8]) -> DefinitionHash
  private(set) var drivers: [RunID: RunDriver] = [:]
  /// Runs that are about to get a driver; nobody else takes them up meanwhile.
  private var claiming: Set<RunID> = []
  /// The runs of the node before are yet to be taken over: until then, none without a driver is known to be at rest.
  private var isTakingOver = false
  /// Runs whose driver had to leave although they are to go on: they get another one.
  private var returning: Set<RunID> = []
  /// Steps that wait for the end of other runs.
  var children = ChildWatch()
  /// Who waits for a run; false is the answer to those who waited long enough.
  private var waiters: [RunID: [ObjectIdentifier: Waiter]] = [:]
  /// How many runs have something to do right now.
  let census = RunCensus()
  private(set) var isStopping = false
  /// Told of every run that has come to its end here.
  private(set) var onEnd: @Sendable (RunID) -> Void = { _ in }
  /// Told of every run that goes back, and to when.
  private(set) var onRollback: @Sendable (RunID, WallTime) -> Void = { _, _ in }

  init(
    plan: ProjectPlan, services: RuntimeServices, board: AgentBoard, work: WorkHost, desk: ServiceDesk,
    pools: PoolDesk, supervisors: SupervisorHost, hash: @escaping @Sendable ([UInt8]) -> DefinitionHash
  ) {
    self.plan = plan
    self.services = services
    self.board = board
    self.work = work
    self.desk = desk
    self.pools = pools
    self.supervisors = supervisors
    self.hash = hash
    integrity = Self.integrity(of: plan, services, hash)
    catalogue.take(plan)
    services.configurationFiles.replace(with: plan.configurationFiles)
  }

  private static func integrity(
    of plan: ProjectPlan, _ services: RuntimeServices, _ hash: @escaping @Sendable ([UInt8]) -> DefinitionHash
  ) -> IntegrityRules {
    guard let spec = plan.governance else { return IntegrityRules() }
    var rules = IntegrityRules(
      stopWhen: spec.stopWhen, policy: hash(spec.canonical.encoded(.canonical)).text, digest: { hash($0).text })
    rules.auditBegunAt = services.auditBegunAt
    return rules
  }

  /// How a step of a run ends that may not begin.
  private(set) var refusal: @Sendable (StepAction) async -> AttemptEnd? = { _ in nil }

  func setRefusal(_ refusal: @escaping @Sendable (StepAction) async -> AttemptEnd?) { self.refusal = refusal }

  func setOnEnd(_ onEnd: @escaping @Sendable (RunID) -> Void) { self.onEnd = onEnd }

  func setOnRollback(_ onRollback: @escaping @Sendable (RunID, WallTime) -> Void) { self.onRollback = onRollback }

  package var residentRuns: Int { drivers.count }

  /// Those that are not under way here.
  package func absent(of runs: [RunID]) -> Set<RunID> { Set(runs.filter { drivers[$0] == nil }) }

  func driver(of run: RunID) -> RunDriver? { drivers[run] }

  static func storage(_ error: StoreError) -> RuntimeRefusal {
    RuntimeRefusal(.storage, code: error.code.problemCode, message: error.message)
  }

  // MARK: The life of a driver

  /// Drives a run from here on; `first` is what happens to it first.
  func begin(
    _ record: RunRecord, _ subject: RunSubject, _ payers: RunPayers, from beginning: RunDriver.Beginning,
    first: RunDriver.Message
  ) {
    // It is in the store: the next node takes it up.
    guard !isStopping else { return RunDriver.refuse(first) }
    let driver = RunDriver(
      record, subject: subject, payers: payers, from: beginning, executor: self, rules: integrity)
    drivers[record.id] = driver
    census.note(record.id, isActive: record.summary.status != .suspended)
    if let pool = subject.queue { pools.goesOn(record.id, pool) }
    driver.send(first)
    if let agent = subject.agent {
      board.update(agent.name) {
        $0.runningRuns += 1
        $0.run = record.id
      }
    }
    let accepted = work.spawn("run:\(record.id)") {
      let end = await driver.drive()
      await self.settled(driver, end)
    }
    if !accepted {
      RunDriver.refuse(first)
      settled(driver, .failure(StoreError(.closed, "the node takes no more work")))
    }
  }

  private func settled(_ driver: RunDriver, _ end: Result<RunOutlook, StoreError>) {
    let outlook: RunOutlook? = if case .success(let outlook) = end { outlook } else { nil }
    drivers[driver.run] = nil
    census.note(driver.run, isActive: false)
    if let pool = driver.subject.queue { pools.forget(driver.run, pool) }
    children.forget(parent: driver.run)
    if let agent = driver.subject.agent { showRest(of: agent, driver, after: outlook) }
    driver.showRest()
    if let outlook, outlook.status == .failed || outlook.status == .paused || outlook.status == .completed {
      for agent in driver.shownAgents { remember(agent) }
    }
    if let outlook, outlook.status.isFinal, driver.reserve.isNeeded {
      services.boundary.releaseReserve(of: driver.run)
    }
    if let outlook, outlook.status.isFinal, driver.hasCalls { closeCalls(of: driver.run) }
    if let outlook, outlook.status.isFinal { tellParents(of: driver.run, ChildEnd(outlook)) }
    if !isStopping, Self.goesOnAnew(after: end) { goOnAnew(driver.run, named: driver.name) }
    release(driver.run, .letGo)
    if !returning.contains(driver.run) { release(driver.run, .settled) }
  }

  /// A run that another driver has to go on with, beginning with what the journal holds: a saga whose journal had no more
  /// room goes back; and whoever does not know whether the last entries are written finds out by reading.
  private static func goesOnAnew(after end: Result<RunOutlook, StoreError>) -> Bool {
    switch end {
    case .success(let outlook): outlook.status == .compensating
    case .failure(let error): error.code == .unknownOutcome
    }
  }

  /// Goes on with a run, if there is one that should, as soon as the store says how it stands.
  func goOnAnew(_ run: RunID, named name: String) {
    let isAccepted = work.spawn("anew:\(run)") {
      let failure = await self.claimAnew(run)
      if let failure {
        // The next node finds it unfinished.
        let note = "cannot go on now: \(failure)"
        self.services.events.publish(
          .run(RunEvent(run: run, agent: AgentName(name), status: "running", note: note)))
      }
      await self.hasReturned(run)
    }
    if isAccepted { returning.insert(run) }
  }

  /// - Returns: why it cannot be taken up; nil also if there is nothing to go on with, or somebody else does it.
  private func claimAnew(_ run: RunID) async -> StoreError? {
    while !isStopping {
      do throws(StoreError) {
        guard let record = try await services.store.run(run) else { return nil }
        // What nobody knew of may have been its end.
        if record.summary.status.isFinal { tellParents(of: run, ChildEnd(record.summary)) }
        if record.summary.status.goesOnByItself { _ = try await claim(record) }
        return nil
      } catch {
        guard error.mayPass else { return error }
        do { try await services.clock.sleep(until: services.clock.now() + StorePatience.pause) } catch _ {
          return error
        }
      }
    }
    return nil
  }

  private func hasReturned(_ run: RunID) {
    returning.remove(run)
    if drivers[run] == nil { release(run, .settled) }
  }

  // MARK: Who takes a run up

  /// Keeps others from taking the run up; false if it is under way here, or somebody else is about to.
  func reserve(_ run: RunID) -> Bool { drivers[run] == nil && claiming.insert(run).inserted }

  /// The run has a driver now, or does not get one.
  func unreserve(_ run: RunID) {
    claiming.remove(run)
    if mayRest(run) { release(run, .settled) }
  }

  /// Whether nothing of the run is under way here, nor about to be.
  func mayRest(_ run: RunID) -> Bool {
    drivers[run] == nil && !returning.contains(run) && !claiming.contains(run) && !isTakingOver
  }

  /// The runs of the node before will be taken over by `recover`: whoever asks for one earlier waits for that.
  package func expectRecovery() { isTakingOver = true }

  func hasTakenOver() {
    isTakingOver = false
    for run in Array(waiters.keys) where mayRest(run) { release(run, .settled) }
  }

  /// Whoever waits for the run goes on.
  private func release(_ run: RunID, _ moment: Moment) {
    for (key, waiter) in waiters[run] ?? [:] where waiter.moment <= moment {
      waiters[run]?[key] = nil
      waiter.answer.settle(true)
    }
    if waiters[run]?.isEmpty == true { waiters[run] = nil }
  }

  private func showRest(of agent: AgentSpec, _ driver: RunDriver, after outlook: RunOutlook?) {
    let rested = driver.endsRest()
    board.update(agent.name) { status in
      status.runningRuns -= 1
      if rested { status.restingRuns -= 1 }
      // A service goes on, but not with this.
      if agent.mode == .service, status.run == driver.run { status.run = nil }
      guard status.runningRuns == 0 else { return Self.showOthers(of: agent, &status) }
      status.step = nil
      // How a service is, its process says, and its supervisor.
      guard agent.mode == .task else { return }
      status.attempt = nil
      let (word, reason) = Self.rest(after: outlook)
      // What the supervisor said of the agent stays said.
      if status.state != .failed || word != .idle { (status.state, status.reason) = (word, reason) }
    }
  }

  /// The runs that are left may all wait for something; what the one that is over did nobody does any more.
  private static func showOthers(of agent: AgentSpec, _ status: inout AgentStatus) {
    guard agent.mode == .task, status.restingRuns >= status.runningRuns, status.state != .failed else { return }
    let words = status.runningRuns == 1 ? "1 run waits" : "\(status.runningRuns) runs wait"
    (status.state, status.reason, status.step, status.attempt) = (.waiting, words, nil, nil)
  }

  /// How an agent shows when its last run has settled.
  private static func rest(after outlook: RunOutlook?) -> (AgentState, String) {
    guard let outlook else { return (.idle, "") }
    switch outlook.status {
    case .failed where outlook.error?.code.hasPrefix("NX-BUD") == true:
      return (.exhausted, outlook.error?.message ?? "")
    case .failed: return (.failed, outlook.error.map { "\($0.code) \($0.message)" } ?? "")
    case .paused:
      let words = outlook.pauseReason.map { "paused: \($0.words)" } ?? ""
      return (outlook.pauseReason == .budget ? .exhausted : .paused, words)
    default: return (.idle, "")
    }
  }

  /// Writes down how the agent is, for the node after this one; one write of an agent is under way at a time.
  private func remember(_ agent: AgentName) {
    guard remembering[agent] == nil else {
      remembering[agent] = true
      return
    }
    remembering[agent] = false
    let isAccepted = work.spawn("remember:\(agent)") { await self.writeDown(agent) }
    if !isAccepted { remembering[agent] = nil }
  }

  private func writeDown(_ agent: AgentName) async {
    repeat {
      remembering[agent] = false
      guard let status = board.status(of: agent) else { break }
      // What a run came to says nothing of whether a person wants the agent down.
      let row = AgentRow(
        name: agent, stoppedByOperator: await supervisors.isDisabled(agent), lastState: status.state.rawValue,
        lastActivity: status.lastActivity)
      _ = await StorePatience(clock: services.clock).commit(
        StoreTransaction(.synced, [.putAgent(row)]), to: services.store)
    } while remembering[agent] == true
    remembering[agent] = nil
  }

  // MARK: Waiting

  /// What is waited for, the earliest first.
  package enum Moment: Int, Comparable, Sendable {
    /// The run has its result: the losers of a pool may take their time to end.
    case result
    /// Its driver has left it; the run may go on with another one.
    case letGo
    /// The run is at rest, and nothing of it is under way.
    case settled

    package static func < (left: Moment, right: Moment) -> Bool { left.rawValue < right.rawValue }
  }

  private struct Waiter {
    let answer: FirstAnswer<Bool>
    let moment: Moment
  }

  /// Waits for a moment in the life of the run here, or until the task is cancelled; returns at once if the run is not
  /// under way.
  package func wait(for run: RunID, until moment: Moment = .settled) async {
    if let driver = drivers[run] {
      guard moment > .result || !driver.hasResult else { return }
    } else {
      guard moment != .letGo, !mayRest(run) else { return }
    }
    let answer = FirstAnswer<Bool>()
    waiters[run, default: [:]][ObjectIdentifier(answer)] = Waiter(answer: answer, moment: moment)
    let hasSettled = await withTaskCancellationHandler {
      await answer.answer()
    } onCancel: {
      answer.settle(false)
    }
    guard !hasSettled else { return }
    waiters[run]?[ObjectIdentifier(answer)] = nil
    if waiters[run]?.isEmpty == true { waiters[run] = nil }
  }

  /// The run has its result, which is written down: whoever waits for that goes on.
  func hasResult(_ run: RunID, _ outlook: RunOutlook) {
    tellParents(of: run, ChildEnd(outlook))
    release(run, .result)
  }

  /// Waits until no run is under way here any more.
  package func waitUntilIdle() async {
    while !Task.isCancelled, let run = drivers.keys.first ?? returning.first { await wait(for: run) }
  }

  /// Asks every attempt to end and waits for all; the runs go on when the node is up again.
  func shutdown() async {
    isStopping = true
    for driver in drivers.values { driver.leave() }
    for run in Array(drivers.keys) { await wait(for: run) }
  }
}

extension ChildEnd {
  init(_ outlook: RunOutlook) {
    self.init(
      status: outlook.status, output: outlook.output, error: outlook.error, tokens: outlook.tokens, cost: outlook.cost)
  }

  init(_ summary: RunSummary) {
    self.init(
      status: summary.status, output: summary.output, error: summary.error, tokens: summary.tokens, cost: summary.cost)
  }
}

extension StoreError.Code {
  /// The stable code of the error pages.
  package var problemCode: String {
    switch self {
    case .staleGuard: "NX-STO-001"
    case .duplicate: "NX-STO-002"
    case .locked: "NX-STO-003"
    case .full: "NX-STO-004"
    case .corrupt: "NX-STO-005"
    case .newerSchema: "NX-STO-006"
    case .inputOutput: "NX-STO-007"
    case .tooLarge: "NX-STO-008"
    case .notFound: "NX-STO-009"
    case .closed: "NX-STO-010"
    case .unknownOutcome: "NX-STO-011"
    }
  }
}
