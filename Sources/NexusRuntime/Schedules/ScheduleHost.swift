// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
internal import NexusStore
internal import Synchronization

/// Starts runs when they are due.
///
/// What happens to schedules waits in a mailbox and is taken one by one: the machine decides, the state is written down,
/// then runs are created with an idempotency key made of schedule and due time. A node that is killed in between finds
/// the due time in the state and creates the run again, which is the same run if it exists already.
package final class ScheduleHost: Sendable {
  /// The longest that it sleeps: if somebody sets the clock on the wall, it notices at the latest after this time.
  static let maxNap = Duration.seconds(30)
  /// When a run that could not be created for a passing reason is tried again.
  static let retryAfter = Duration.seconds(5)
  /// How many messages wait; ends of runs that find no place are found in the store at the next start.
  static let maxMailbox = 65_536

  private enum Message: Sendable {
    case tick
    case ended(RunID)
    case reload([ScheduleSpec], CheckedContinuation<Void, Never>)
    case verb(ScheduleName, ScheduleMachine.Event, CheckedContinuation<RuntimeRefusal?, Never>)
  }

  /// A schedule as it stands; without a machine where its zone cannot be read.
  package struct Standing: Sendable {
    package var spec: ScheduleSpec
    package var state: ScheduleState?
    /// Why it starts nothing.
    package var problem: String?
    package init(spec: ScheduleSpec, state: ScheduleState?, problem: String?) {
      self.spec = spec
      self.state = state
      self.problem = problem
    }
  }

  private struct Shown: Sendable {
    var standings: [Standing] = []
    var watched: Set<RunID> = []
    var hasBegun = false
  }

  private let services: RuntimeServices
  private let executor: RunExecutor
  private let work: WorkHost
  private let alarm: Alarm
  private let zones: @Sendable (String) throws -> TimeZoneRules
  private let shown = Mutex(Shown())
  private let mailbox: AsyncStream<Message>
  private let continuation: AsyncStream<Message>.Continuation

  init(
    services: RuntimeServices, executor: RunExecutor, work: WorkHost,
    zones: @escaping @Sendable (String) throws -> TimeZoneRules
  ) {
    self.services = services
    self.executor = executor
    self.work = work
    self.zones = zones
    alarm = Alarm("schedules", clock: services.clock, work: work)
    (mailbox, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.maxMailbox))
  }

  // MARK: From outside

  /// Begins with what the schedules remember.
  ///
  /// - Throws: `StoreError`; nothing is started then.
  func start(_ specs: [ScheduleSpec]) async throws(StoreError) {
    var book = Book()
    for row in try await services.store.components(.schedule) {
      book.states[ScheduleName(row.name)] = try ScheduleFormat.decode(row.state)
    }
    take(specs, &book)
    for machine in book.machines.values {
      for running in machine.state.running { watch(running.run) }
    }
    let begun = book
    shown.withLock { $0.hasBegun = true }
    work.spawn("schedules") { await self.run(begun) }
    continuation.yield(.tick)
  }

  /// A run is over, whoever started it.
  func ended(_ run: RunID) {
    guard shown.withLock({ $0.watched.contains(run) }) else { return }
    continuation.yield(.ended(run))
  }

  func reload(_ specs: [ScheduleSpec]) async {
    guard shown.withLock({ $0.hasBegun }) else { return }
    await withCheckedContinuation { done in
      if case .enqueued = continuation.yield(.reload(specs, done)) { return }
      done.resume()
    }
  }

  package func pause(_ name: ScheduleName) async throws(RuntimeRefusal) { try await ask(name, .pause) }
  package func resume(_ name: ScheduleName) async throws(RuntimeRefusal) { try await ask(name, .resume) }
  /// Starts a run now, whatever the clock says.
  package func trigger(_ name: ScheduleName) async throws(RuntimeRefusal) { try await ask(name, .trigger) }

  /// In the order of the configuration; empty on a node that starts nothing by itself.
  package var standings: [Standing] { shown.withLock { $0.standings } }

  func shutdown() { continuation.finish() }

  private func ask(_ name: ScheduleName, _ event: ScheduleMachine.Event) async throws(RuntimeRefusal) {
    let closed = RuntimeRefusal(
      .unavailable, code: "NX-SCH-003", message: "this node runs no schedules: it stays for one run, or goes down",
      hint: "naos up")
    guard shown.withLock({ $0.hasBegun }) else { throw closed }
    let refusal: RuntimeRefusal? = await withCheckedContinuation { answer in
      if case .enqueued = continuation.yield(.verb(name, event, answer)) { return }
      answer.resume(returning: closed)
    }
    if let refusal { throw refusal }
  }

  // MARK: The loop

  private struct Book {
    var order: [ScheduleSpec] = []
    var machines: [ScheduleName: ScheduleMachine] = [:]
    var problems: [ScheduleName: String] = [:]
    /// Of schedules that are in the store, also those that the configuration no longer has.
    var states: [ScheduleName: ScheduleState] = [:]
    /// What could not be done for a passing reason, and is tried again.
    var later: [Later] = []
    /// Why the latest run was not made.
    var refusal: RuntimeRefusal?
  }

  private enum Later {
    case start(ScheduleName, WallTime)
    case event(ScheduleName, ScheduleMachine.Event)
    /// Whether a run is over could not be read.
    case look(ScheduleName, RunID)
  }

  private func run(_ begun: Book) async {
    var book = begun
    for name in book.machines.keys.sorted() { await goOn(name, &book) }
    for await message in mailbox {
      switch message {
      case .tick:
        await catchUp(&book)
        for name in book.machines.keys.sorted() { _ = await handle(.tick, name, &book) }
      case .ended(let run):
        for name in book.machines.keys.sorted() where book.machines[name]?.state.isRunning(run) == true {
          await take(.ended(run), name, &book)
        }
        _ = shown.withLock { $0.watched.remove(run) }
      case .reload(let specs, let done):
        let before = book.machines
        take(specs, &book)
        for name in book.machines.keys.sorted() {
          if before[name] == nil { await goOn(name, &book) }
          _ = await handle(.tick, name, &book)
        }
        show(book)
        done.resume()
      case .verb(let name, let event, let answer):
        let refusal = await perform(event, name, &book)
        // Whoever asked looks at what came of it next.
        show(book)
        answer.resume(returning: refusal)
      }
      show(book)
      setAlarm(book)
    }
  }

  /// A schedule is here that was not: does what was decided and not done, and takes ends that nobody saw.
  private func goOn(_ name: ScheduleName, _ book: inout Book) async {
    for time in book.machines[name]?.state.starting ?? [] { await start(name, time, &book) }
    for running in book.machines[name]?.state.running ?? [] {
      watch(running.run)
      await noticeEnd(of: running.run, name, &book)
    }
  }

  /// Does what could not be done before.
  private func catchUp(_ book: inout Book) async {
    let later = book.later
    book.later = []
    for piece in later {
      switch piece {
      case .start(let name, let time): await start(name, time, &book)
      case .event(let name, let event): await take(event, name, &book)
      case .look(let name, let run): await noticeEnd(of: run, name, &book)
      }
    }
  }

  /// Takes what has happened and cannot be refused: if it cannot be written down now, it is later.
  private func take(_ event: ScheduleMachine.Event, _ name: ScheduleName, _ book: inout Book) async {
    if await handle(event, name, &book) != nil { book.later.append(.event(name, event)) }
  }

  private func perform(
    _ event: ScheduleMachine.Event, _ name: ScheduleName, _ book: inout Book
  ) async -> RuntimeRefusal? {
    guard book.machines[name] != nil else {
      if let problem = book.problems[name] {
        return RuntimeRefusal(.conflict, code: "NX-SCH-002", message: "the schedule \(name) starts nothing: \(problem)")
      }
      return RuntimeRefusal(
        .notFound, code: "NX-SCH-001", message: "no schedule is named `\(name)`", hint: "naos schedule list")
    }
    guard event == .trigger else { return await handle(event, name, &book) }
    return await trigger(name, &book)
  }

  /// A person wants a run: unlike one that the clock wants, it is refused to somebody's face.
  private func trigger(_ name: ScheduleName, _ book: inout Book) async -> RuntimeRefusal? {
    book.refusal = nil
    if let refusal = await handle(.trigger, name, &book) { return refusal }
    if let refusal = book.refusal {
      guard refusal.kind != .storage else { return nil }
      // A person is there to ask again.
      if case .start(name, let time)? = book.later.last {
        book.later.removeLast()
        await take(.refused(time, code: refusal.code, message: refusal.message), name, &book)
      }
      return refusal
    }
    guard case .skipped(.tooManyRuns) = book.machines[name]?.state.recent.last?.outcome else { return nil }
    return RuntimeRefusal(
      .unavailable, code: "NX-SCH-005",
      message: "\(ScheduleState.maxRunning) runs of the schedule \(name) are under way already",
      hint: "naos schedule show \(name)")
  }

  /// Lets a machine decide, writes its state down and starts what it says.
  ///
  /// - Returns: why nothing of it happened.
  private func handle(
    _ event: ScheduleMachine.Event, _ name: ScheduleName, _ book: inout Book
  ) async -> RuntimeRefusal? {
    guard var machine = book.machines[name] else { return nil }
    let decision = machine.handle(event, at: services.clock.wallNow())
    guard decision.isChanged else { return nil }
    let row = ComponentRow(kind: .schedule, name: name.text, state: ScheduleFormat.encode(machine.state))
    do { try await services.store.commit(StoreTransaction(.synced, [.putComponent(row)])) } catch {
      // The machine stays as it was: a full disk keeps runs back, and they are due again at the next tick.
      return RunExecutor.storage(error)
    }
    book.machines[name] = machine
    book.states[name] = machine.state
    for time in decision.starts { await start(name, time, &book) }
    return nil
  }

  private func start(_ name: ScheduleName, _ time: WallTime, _ book: inout Book) async {
    guard let spec = book.machines[name]?.spec else { return }
    do throws(RuntimeRefusal) {
      let record = try await executor.start(
        spec.run, input: spec.input, idempotencyKey: "schedule:\(name):\(time.iso8601)")
      watch(record.id)
      await take(.started(time, record.id), name, &book)
      await noticeEnd(of: record.id, name, &book)
    } catch {
      book.refusal = book.refusal ?? error
      switch error.kind {
      case .unavailable, .storage: book.later.append(.start(name, time))
      case .notFound, .conflict, .refused, .invalid:
        await take(.refused(time, code: error.code, message: error.message), name, &book)
      }
    }
  }

  private func watch(_ run: RunID) { shown.withLock { _ = $0.watched.insert(run) } }

  /// A run may be over before anybody watched it.
  private func noticeEnd(of run: RunID, _ name: ScheduleName, _ book: inout Book) async {
    do throws(StoreError) {
      let record = try await services.store.run(run)
      // A run that was deleted is over, too.
      guard record?.summary.status.isFinal ?? true else { return }
    } catch {
      book.later.append(.look(name, run))
      return
    }
    await take(.ended(run), name, &book)
    _ = shown.withLock { $0.watched.remove(run) }
  }

  // MARK: The configuration and the view

  private func take(_ specs: [ScheduleSpec], _ book: inout Book) {
    let now = services.clock.wallNow()
    for (name, machine) in book.machines { book.states[name] = machine.state }
    book.order = specs
    book.machines = [:]
    book.problems = [:]
    for spec in specs {
      do {
        let zone = try zones(spec.timeZone)
        book.machines[spec.name] = ScheduleMachine(spec, zone: zone, state: book.states[spec.name], at: now)
      } catch {
        book.problems[spec.name] = "\(error)"
      }
    }
    show(book)
  }

  /// Why a schedule that could start runs starts none; nil if it does.
  package static func problem(of machine: ScheduleMachine, at now: WallTime) -> String? {
    guard !machine.state.isPaused else { return nil }
    return machine.decidedAhead(of: now).map {
      "NX-SCH-004 the clock was ahead: all is decided up to \($0.iso8601); if it is right now: "
        + "naos schedule resume \(machine.spec.name)"
    }
  }

  private func show(_ book: Book) {
    let now = services.clock.wallNow()
    let standings = book.order.map { spec in
      Standing(
        spec: spec, state: book.machines[spec.name]?.state ?? book.states[spec.name],
        problem: book.problems[spec.name]
          ?? book.machines[spec.name].flatMap { Self.problem(of: $0, at: now) })
    }
    shown.withLock { $0.standings = standings }
  }

  private func setAlarm(_ book: Book) {
    guard !book.machines.isEmpty else { return }
    let (now, wall) = (services.clock.now(), services.clock.wallNow())
    var nap = Self.maxNap
    if !book.later.isEmpty { nap = Self.retryAfter }
    for machine in book.machines.values {
      if let due = machine.nextDue { nap = min(nap, max(due - wall, .zero)) }
    }
    alarm.ring(at: now + nap) { [continuation] in continuation.yield(.tick) }
  }
}

extension ScheduleState {
  func isRunning(_ run: RunID) -> Bool { running.contains { $0.run == run } }
}
