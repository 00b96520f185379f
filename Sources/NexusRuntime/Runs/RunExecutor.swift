// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel
package import NexusStore

/// Starts, recovers and settles the runs of one node, and carries out what operators ask of them.
package actor RunExecutor {
  /// The largest input of a run, as JSON.
  package static let maxInputBytes = 4 * 1024 * 1024 - 64 * 1024
  /// How many runs may be under way on one node.
  package static let maxResidentRuns = 10_000

  private let services: RuntimeServices
  let board: AgentBoard
  private let work: WorkHost
  private let desk: ServiceDesk
  let supervisors: SupervisorHost
  var plan: ProjectPlan
  private var hash: @Sendable ([UInt8]) -> DefinitionHash
  private(set) var drivers: [RunID: RunDriver] = [:]
  /// Runs that are about to get a driver; nobody else takes them up meanwhile.
  private var claiming: Set<RunID> = []
  private var waiters: [RunID: [CheckedContinuation<Void, Never>]] = [:]
  private var isStopping = false

  init(
    plan: ProjectPlan, services: RuntimeServices, board: AgentBoard, work: WorkHost, desk: ServiceDesk,
    supervisors: SupervisorHost, hash: @escaping @Sendable ([UInt8]) -> DefinitionHash
  ) {
    self.plan = plan
    self.services = services
    self.board = board
    self.work = work
    self.desk = desk
    self.supervisors = supervisors
    self.hash = hash
  }

  package var residentRuns: Int { drivers.count }

  func driver(of run: RunID) -> RunDriver? { drivers[run] }

  // MARK: Starting

  /// Creates a run and begins it.
  ///
  /// - Throws: `RuntimeRefusal`: the agent is unknown or may not run, or the input is too large.
  /// - Returns: the run; the one of before if the idempotency key is known.
  package func start(
    _ name: String, input: JSONValue, idempotencyKey: String? = nil, timeout: Duration? = nil
  ) async throws(RuntimeRefusal) -> RunRecord {
    var spec = try runnable(name)
    if let reason = await supervisors.refusal(of: spec.name) {
      throw RuntimeRefusal(
        .conflict, code: "NX-SUP-003", message: "agent \(name) cannot run: \(reason)",
        hint: "naos supervisor start \(spec.supervisor ?? .root)")
    }
    // The run is pinned to the definition with its own limit, so that the limit holds after a restart of the node.
    if let timeout { spec.timeout = min(timeout, spec.timeout ?? timeout) }
    guard input.encoded().count <= Self.maxInputBytes else {
      throw RuntimeRefusal(
        .invalid, code: "NX-RUN-004", message: "the input is larger than \(Self.maxInputBytes) bytes",
        hint: "put the data into a file of the project and give the agent its path")
    }
    if let key = idempotencyKey, let existing = try await find(name, key) { return try await taken(up: existing) }
    let definition = spec.definition.encoded(.canonical)
    let at = services.clock.wallNow()
    var state = RunState()
    let creation = RunEntry.created(
      RunCreation(
        kind: .agent, name: name, input: input, definition: hash(definition), idempotencyKey: idempotencyKey))
    state.apply(creation)
    var record = RunRecord(
      id: services.ids.run(), kind: .agent, name: name, definition: hash(definition), input: input,
      idempotencyKey: idempotencyKey, createdAt: at, fence: FencingToken(1), head: .none,
      summary: RunSummary(of: state, at: at))
    let entry = JournalEntry(sequence: JournalSequence(1), at: at, entry: creation)
    // From the commit on, recovery can see the run.
    claiming.insert(record.id)
    defer { claiming.remove(record.id) }
    do {
      try await services.store.commit(
        StoreTransaction(
          .synced,
          [
            .putDefinition(record.definition, definition), .insertRun(record),
            .append(run: record.id, fence: record.fence, entries: [entry], summary: record.summary),
          ]))
    } catch {
      if error.code == .duplicate, let key = idempotencyKey, let existing = try await find(name, key) {
        return try await taken(up: existing)
      }
      throw Self.storage(error)
    }
    record.head = entry.sequence
    begin(record, spec: spec, journal: [entry], first: .claimed(trapped: false))
    return record
  }

  /// A run that was asked for again goes on, if a node that is gone left it unfinished.
  private func taken(up existing: RunRecord) async throws(RuntimeRefusal) -> RunRecord {
    switch existing.summary.status {
    case .queued, .running, .suspended:
      do { _ = try await claim(existing, first: .claimed(trapped: false)) } catch { throw Self.storage(error) }
    default: break
    }
    return existing
  }

  private func find(_ name: String, _ key: String) async throws(RuntimeRefusal) -> RunRecord? {
    do { return try await services.store.run(named: name, idempotencyKey: key) } catch { throw Self.storage(error) }
  }

  private static func storage(_ error: StoreError) -> RuntimeRefusal {
    RuntimeRefusal(.storage, code: error.code.problemCode, message: error.message)
  }

  /// The agent behind a name, if it may run.
  private func runnable(_ name: String) throws(RuntimeRefusal) -> AgentSpec {
    guard !isStopping else {
      throw RuntimeRefusal(.unavailable, code: "NX-RUN-005", message: "the node is shutting down")
    }
    guard drivers.count < Self.maxResidentRuns else {
      throw RuntimeRefusal(
        .unavailable, code: "NX-RUN-006", message: "\(Self.maxResidentRuns) runs are under way already")
    }
    guard let spec = plan.agent(AgentName(name)) else {
      if let entry = plan.unavailable.first(where: { $0.name == name }) {
        throw RuntimeRefusal(
          .refused, code: "NX-CFG-090",
          message: "\(entry.kind) `\(name)` is written down, but this version cannot run it")
      }
      throw RuntimeRefusal(
        .notFound, code: "NX-AGT-010", message: "no agent is named `\(name)`", hint: "naos create \(name)")
    }
    if let refusal = spec.refusals.first {
      throw RuntimeRefusal(.refused, code: refusal.code, message: refusal.message)
    }
    return spec
  }

  // MARK: Recovery

  /// Takes over the unfinished runs of a node that is gone.
  ///
  /// - Parameters:
  ///   - only: nil for all of them.
  ///   - trapped: the run on which the last node trapped.
  /// - Throws: `StoreError`; what was claimed before goes on.
  /// - Returns: how many go on, and which cannot be read: one damaged run does not keep the others down.
  package func recover(only: Set<RunID>? = nil, trapped: RunID? = nil) async throws(StoreError) -> Recovery {
    var recovery = Recovery()
    var before: RunID?
    while true {
      let page = try await services.store.runs(
        RunQuery(statuses: [.queued, .running, .suspended], before: before, limit: 500))
      guard let last = page.last else { return recovery }
      for record in page where only?.contains(record.id) ?? true {
        do throws(StoreError) {
          if try await claim(record, first: .claimed(trapped: record.id == trapped)) { recovery.resumed += 1 }
        } catch {
          guard error.code == .corrupt else { throw error }
          recovery.unreadable.append((record.id, error))
        }
      }
      before = last.id
    }
  }

  /// What came of taking over unfinished runs.
  package struct Recovery: Sendable {
    package var resumed = 0
    package var unreadable: [(run: RunID, error: StoreError)] = []
  }

  /// Takes the right to write for a run and goes on with it.
  private func claim(_ found: RunRecord, first: RunMachine.Event) async throws(StoreError) -> Bool {
    guard drivers[found.id] == nil, claiming.insert(found.id).inserted else { return false }
    defer { claiming.remove(found.id) }
    var record = found
    let spec = try await pinnedSpec(of: record)
    record.fence = found.fence.next
    do {
      try await services.store.commit(
        StoreTransaction(.synced, [.takeFence(run: found.id, from: found.fence, to: record.fence)]))
    } catch {
      if error.code == .staleGuard { return false }
      throw error
    }
    let journal = try await services.store.journal(of: record.id, after: .none, limit: .max)
    record.head = journal.last?.sequence ?? .none
    begin(record, spec: spec, journal: journal, first: first)
    return true
  }

  /// The agent as it was when the run began; the environment is that of today.
  private func pinnedSpec(of record: RunRecord) async throws(StoreError) -> AgentSpec {
    let current =
      plan.agent(AgentName(record.name))
      ?? AgentSpec(name: AgentName(record.name), kind: .process(command: ["false"]), workingDirectory: "/")
    guard let bytes = try await services.store.definition(record.definition),
      let definition = try? JSONValue(parsing: bytes), let pinned = current.pinned(to: definition)
    else { return current }
    return pinned
  }

  private func begin(_ record: RunRecord, spec: AgentSpec, journal: [JournalEntry], first: RunMachine.Event) {
    // It is in the store: the next node takes it up.
    guard !isStopping else { return }
    let driver = RunDriver(
      record: record, spec: spec, services: services, board: board, supervisors: supervisors, desk: desk)
    drivers[record.id] = driver
    board.update(spec.name) {
      $0.runningRuns += 1
      $0.run = record.id
    }
    let accepted = work.spawn("run:\(record.id)") {
      let state = await driver.drive(from: record, journal: journal, first: first)
      await self.settled(driver, state)
    }
    if !accepted { settled(driver, nil) }
  }

  private func settled(_ driver: RunDriver, _ state: RunState?) {
    drivers[driver.run] = nil
    board.update(driver.spec.name) { status in
      status.runningRuns -= 1
      guard status.runningRuns == 0 else { return }
      status.step = nil
      // How a service is, its process says, and its supervisor.
      guard driver.spec.mode == .task else { return }
      status.attempt = nil
      let (word, reason) = Self.rest(after: state)
      // What the supervisor said of the agent stays said.
      if status.state != .failed || word != .idle { (status.state, status.reason) = (word, reason) }
    }
    if let state, state.status == .failed || state.status == .paused || state.status == .completed {
      remember(driver.spec.name)
    }
    for waiter in waiters.removeValue(forKey: driver.run) ?? [] { waiter.resume() }
  }

  /// How an agent shows when its last run has settled.
  private static func rest(after state: RunState?) -> (AgentState, String) {
    guard let state else { return (.idle, "") }
    switch state.status {
    case .failed where state.error?.code.hasPrefix("NX-BUD") == true: return (.exhausted, state.error?.message ?? "")
    case .failed: return (.failed, state.error.map { "\($0.code) \($0.message)" } ?? "")
    case .paused where state.pauseReason == .budget: return (.exhausted, "paused: the budget is used up")
    case .paused: return (.paused, state.pauseReason?.rawValue ?? "")
    default: return (.idle, "")
    }
  }

  private func remember(_ agent: AgentName) {
    guard let status = board.status(of: agent) else { return }
    let (store, clock, supervisors) = (services.store, services.clock, supervisors)
    work.spawn("remember:\(agent)") {
      // What a run came to says nothing of whether a person wants the agent down.
      let row = AgentRow(
        name: agent, stoppedByOperator: await supervisors.isDisabled(agent), lastState: status.state.rawValue,
        lastActivity: status.lastActivity)
      _ = await StorePatience(clock: clock).commit(StoreTransaction(.synced, [.putAgent(row)]), to: store)
    }
  }

  // MARK: Operators' verbs

  /// Waits until the run settles here; returns at once if it is not under way.
  package func wait(for run: RunID) async {
    guard drivers[run] != nil else { return }
    await withCheckedContinuation { waiters[run, default: []].append($0) }
  }

  /// Waits until no run is under way here any more.
  package func waitUntilIdle() async {
    while let run = drivers.keys.first { await wait(for: run) }
  }

  package func cancel(_ run: RunID, by who: String, kill: Bool = false) async throws(RuntimeRefusal) {
    if let driver = drivers[run] {
      if kill { driver.kill(by: who) } else { driver.post(.cancel(by: who)) }
      return
    }
    try await revive(run, event: .cancel(by: who), verb: "cancel", allowed: [.paused, .queued, .running, .suspended])
  }

  package func pause(_ run: RunID, by who: String) throws(RuntimeRefusal) {
    guard let driver = drivers[run] else {
      throw RuntimeRefusal(.conflict, code: "NX-RUN-002", message: "\(run) is not running here")
    }
    driver.post(.pause(by: who))
  }

  package func resume(_ run: RunID, by who: String) async throws(RuntimeRefusal) {
    try await revive(run, event: .resume(by: who), verb: "resume", allowed: [.paused])
  }

  package func retry(_ run: RunID, by who: String) async throws(RuntimeRefusal) {
    // Whoever asks for another try has looked at the crashes of before.
    await forgiveAgent(of: run)
    try await revive(run, event: .retry(by: who), verb: "retry", allowed: [.failed, .cancelled])
  }

  private func forgiveAgent(of run: RunID) async {
    // A store that cannot be read refuses the retry itself, a moment later and with the reason.
    guard let record = try? await services.store.run(run) else { return }
    await supervisors.forgive(AgentName(record.name))
  }

  private func revive(
    _ run: RunID, event: RunMachine.Event, verb: String, allowed: Set<RunStatus>
  ) async throws(RuntimeRefusal) {
    do {
      guard let record = try await services.store.run(run) else {
        throw RuntimeRefusal(.notFound, code: "NX-RUN-001", message: "no run \(run)", hint: "naos runs list")
      }
      guard drivers[run] == nil, allowed.contains(record.summary.status) else {
        throw RuntimeRefusal(
          .conflict, code: "NX-RUN-002", message: "\(run) is \(record.summary.status.rawValue): it cannot \(verb)")
      }
      guard try await claim(record, first: event) else {
        throw RuntimeRefusal(
          .conflict, code: "NX-RUN-002", message: "\(run) is being taken up by somebody else right now: ask again")
      }
    } catch let error as RuntimeRefusal {
      throw error
    } catch let error as StoreError {
      throw Self.storage(error)
    } catch {
      throw RuntimeRefusal(.storage, code: "NX-STO-007", message: "\(error)")
    }
  }

  /// Ends what the agent does right now; with `kill` without asking it.
  package func stopRuns(of agent: AgentName, kill: Bool) async {
    for driver in drivers.values where driver.spec.name == agent {
      if kill { driver.kill(by: "operator") } else { driver.post(.cancel(by: "operator")) }
    }
    for run in drivers.values.filter({ $0.spec.name == agent }).map(\.run) { await wait(for: run) }
  }

  /// The supervisor gave up on an agent: its runs fail.
  nonisolated func gaveUp(on agent: AgentName, _ reason: RunError) {
    work.spawn("gave-up:\(agent)") { await self.fail(agent, reason) }
  }

  /// Runs of a task hear it from their supervisor, when they want an attempt; those of a service wait for its process.
  private func fail(_ agent: AgentName, _ reason: RunError) async {
    // A person may have started it again by now, and what came after that is not meant.
    guard plan.agent(agent)?.mode == .service, await supervisors.isGivenUp(agent) else { return }
    for driver in drivers.values where driver.spec.name == agent { driver.post(.supervisorGaveUp(reason)) }
  }

  /// A budget said no to an attempt of the run: if its owner wants the agent stopped, it is asked to end.
  nonisolated func budgetRefused(_ run: RunID) {
    work.spawn("refused:\(run)") { await self.stopIfWanted(run) }
  }

  private func stopIfWanted(_ run: RunID) {
    guard let driver = drivers[run], let key = driver.currentKey,
      let action = services.boundary.tally(of: key)?.refusal?.action, action == .pause || action == .kill
    else { return }
    driver.stopAttempt(action == .kill ? .kill : .ask)
  }

  /// Asks every attempt to end and waits for all; the runs go on when the node is up again.
  func shutdown() async {
    isStopping = true
    for driver in drivers.values { driver.leave() }
    for run in Array(drivers.keys) { await wait(for: run) }
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
