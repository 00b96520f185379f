// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore
internal import Synchronization

/// The shell around one run: takes what happens from a mailbox, lets the machine decide, journals, then acts.
///
/// One append is in flight at a time; what happens meanwhile waits in the mailbox.
final class RunDriver: Sendable {
  /// How many durable steps of the agent may wait to be read or recorded; one more is refused.
  ///
  /// Only the agent can send without end. What the node itself sends (a handful in a run's life) is never refused.
  static let maxWaitingSteps = 1_024
  /// How many messages may wait in all: so far above what agents can send that the node's own always find a place.
  static let maxMailbox = 4 * maxWaitingSteps

  enum Message: Sendable {
    case event(RunMachine.Event)
    case attemptReport(AttemptRunner.Report)
    /// The supervisor has answered whether there may be another attempt; else why not.
    case crashAnswered(AttemptRunner.Report, refusal: String?)
    /// A durable step of the agent; answered after the commit with what is recorded.
    case recordStep(StepPath, JSONValue, CheckedContinuation<JSONValue?, Never>)
    case readStep(StepPath, CheckedContinuation<JSONValue?, Never>)
  }

  let run: RunID
  let spec: AgentSpec
  private let input: JSONValue
  private let fence: FencingToken
  private let mailbox: AsyncStream<Message>
  private let continuation: AsyncStream<Message>.Continuation
  private let services: RuntimeServices
  private let board: AgentBoard
  private let supervisors: SupervisorHost
  private let desk: ServiceDesk
  private let stops = Mutex<(stops: AttemptStops?, key: VirtualKey?)>((nil, nil))
  private let waitingSteps = Mutex(0)
  /// How the next attempt that is told to stop is told.
  private let manner = Mutex(AttemptStops.Manner.ask)
  private let isLeaving = Mutex(false)

  init(
    record: RunRecord, spec: AgentSpec, services: RuntimeServices, board: AgentBoard, supervisors: SupervisorHost,
    desk: ServiceDesk
  ) {
    run = record.id
    self.spec = spec
    input = record.input
    fence = record.fence
    self.services = services
    self.board = board
    self.supervisors = supervisors
    self.desk = desk
    (mailbox, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.maxMailbox))
  }

  /// Puts an event into the mailbox; false if the run is over here.
  @discardableResult
  func post(_ event: RunMachine.Event) -> Bool { send(.event(event)) }

  /// False if the run is over here, or if too many steps wait already.
  @discardableResult
  func send(_ message: Message) -> Bool {
    guard takesPlace(message) else { return false }
    if case .enqueued = continuation.yield(message) { return true }
    return false
  }

  private func takesPlace(_ message: Message) -> Bool {
    switch message {
    case .event, .attemptReport, .crashAnswered: true
    case .recordStep, .readStep:
      waitingSteps.withLock { waiting in
        guard waiting < Self.maxWaitingSteps else { return false }
        waiting += 1
        return true
      }
    }
  }

  private func leavesPlace(_ message: Message) {
    switch message {
    case .event, .attemptReport, .crashAnswered: break
    case .recordStep, .readStep: waitingSteps.withLock { $0 -= 1 }
    }
  }

  /// Cancels the run without asking its process, also one that is only about to start.
  func kill(by who: String) {
    manner.withLock { $0 = .kill }
    post(.cancel(by: who))
    stopAttempt(.kill)
  }

  /// The node shuts down: the attempt is asked to end, and a store that takes nothing is not waited for much longer.
  func leave() {
    isLeaving.withLock { $0 = true }
    post(.nodeStopping)
  }

  /// What its supervisor knows the attempt under way by.
  private var child: ChildName { .attempt(spec.name, run) }

  /// The key of the attempt under way.
  var currentKey: VirtualKey? { stops.withLock { $0.key } }

  /// Ends the attempt under way without a word to the machine: its report says why.
  func stopAttempt(_ manner: AttemptStops.Manner) { stops.withLock { $0.stops }?.request(manner) }

  /// Drives the run until it settles.
  ///
  /// Returns its last state, or nil if another writer has taken the run.
  func drive(from record: RunRecord, journal: [JournalEntry], first: RunMachine.Event) async -> RunState? {
    var state = RunState()
    services.atWork(run) { for entry in journal { state.apply(entry.entry) } }
    var cursor = Cursor(
      machine: RunMachine(state: state, retry: spec.retry), head: record.head, createdAt: record.createdAt)
    let clock = services.clock
    let settled = await withTaskGroup(of: Void.self) { group in
      post(first)
      if let timeout = spec.timeout {
        // The limit is on the whole run, so it counts from the creation, also after a restart of the node.
        let deadline = clock.now() + (record.createdAt + timeout - clock.wallNow())
        addTimer(to: &group, until: deadline, event: .timeout)
      }
      var settled = false
      for await message in mailbox {
        leavesPlace(message)
        let step = await handle(message, &cursor, &group)
        if step == .evicted {
          // Nobody here may write for the run any more, so nothing of it may go on here either.
          stopAttempt(.kill)
          break
        }
        if step == .settled {
          settled = true
          break
        }
      }
      continuation.finish()
      // Whatever ended the loop, nothing of the run goes on without it.
      if !settled { stopAttempt(.kill) }
      await supervisors.withdrawCrash(child)
      group.cancelAll()
      return settled
    }
    // Whichever way it ended, its supervisor does not wait for it any longer.
    await supervisors.release(child)
    await refuseTheRest()
    return settled ? cursor.machine.state : nil
  }

  private struct Cursor {
    var machine: RunMachine
    var head: JournalSequence
    let createdAt: WallTime
  }

  private enum Step { case goesOn, settled, evicted }

  private func handle(_ message: Message, _ cursor: inout Cursor, _ group: inout TaskGroup<Void>) async -> Step {
    let event: RunMachine.Event
    var answer: (StepPath, CheckedContinuation<JSONValue?, Never>)?
    switch message {
    case .event(let posted): event = posted
    case .readStep(let path, let reader):
      reader.resume(returning: cursor.machine.state.steps[path])
      return .goesOn
    case .recordStep(let path, let value, let writer):
      event = .recordStep(path, value)
      answer = (path, writer)
    case .attemptReport(let report):
      guard let told = await settled(report, cursor.machine, &group) else { return .goesOn }
      event = told
    case .crashAnswered(let report, let refusal): event = Self.event(after: report, refusal: refusal)
    }
    var decision = RunMachine.Decision()
    services.atWork(run) { decision = cursor.machine.decide(event) }
    let appended = await append(decision.entries, &cursor)
    if let (path, writer) = answer { writer.resume(returning: appended ? cursor.machine.state.steps[path] : nil) }
    guard appended else { return .evicted }
    announce(decision.entries, cursor.machine.state)
    var settled = false
    for action in decision.actions { settled = perform(action, &group) || settled }
    return settled ? .settled : .goesOn
  }

  /// What the machine is told of an attempt that has ended; nil if its supervisor is asked first.
  ///
  /// A crash that would be followed by another attempt asks the supervisor, whose window may be full, and who may be busy
  /// for long: so it is asked beside the mailbox. What was told to stop did not crash; and of a service the supervisor
  /// counts the processes, not their tasks.
  private func settled(
    _ report: AttemptRunner.Report, _ machine: RunMachine, _ group: inout TaskGroup<Void>
  ) async -> RunMachine.Event? {
    var end = report.end
    guard spec.mode == .task else { return .attemptEnded(end, output: report.output) }
    let reason: RunError
    switch end.outcome {
    case .crashed(let error), .askedRetry(let error): reason = error
    case .succeeded, .interrupted, .budgetStopped, .cancelled, .timedOut:
      await supervisors.release(child)
      return .attemptEnded(end, output: report.output)
    }
    if !machine.isStopping, stops.withLock({ $0.stops?.wasInterrupted }) == true {
      await supervisors.release(child, .shutdown(reason.message))
      end.outcome = .interrupted("its supervisor stopped it: \(reason.message)")
      return .attemptEnded(end, output: report.output)
    }
    var after = machine.state
    after.apply(.attemptEnded(step: .main, attempt: AttemptNumber(after.attempts), end))
    guard !machine.isStopping, reason.isRetryable, after.failures < spec.retry.maxAttempts else {
      await supervisors.release(child)
      return .attemptEnded(end, output: report.output)
    }
    group.addTask(name: "crash:\(run)") { [self] in
      send(.crashAnswered(report, refusal: await supervisors.attemptCrashed(child, reason: reason.message)))
    }
    return nil
  }

  /// What the machine is told of a crash once the supervisor has answered.
  private static func event(after report: AttemptRunner.Report, refusal: String?) -> RunMachine.Event {
    guard let refusal else { return .attemptEnded(report.end, output: report.output) }
    var end = report.end
    end.outcome = .crashed(RunError(code: "NX-SUP-001", message: refusal, isRetryable: false))
    return .attemptEnded(end, output: nil)
  }

  /// Journals and applies.
  ///
  /// An error of the store that may pass (a full disk) is waited out; the run stands still.
  private func append(_ entries: [RunEntry], _ cursor: inout Cursor) async -> Bool {
    guard !entries.isEmpty else { return true }
    let at = services.clock.wallNow()
    var sequence = cursor.head
    var journal: [JournalEntry] = []
    var after = cursor.machine
    for entry in entries {
      sequence = sequence.next
      journal.append(JournalEntry(sequence: sequence, at: at, entry: entry))
      services.atWork(run) { after.apply(entry) }
    }
    let mutation = Mutation.append(
      run: run, fence: fence, entries: journal, summary: RunSummary(of: after.state, at: at))
    let patience = StorePatience(clock: services.clock)
    let committed = await patience.commit(StoreTransaction(.synced, [mutation]), to: services.store) {
      self.isLeaving.withLock { $0 }
    }
    guard committed else { return false }
    cursor.machine = after
    cursor.head = sequence
    return true
  }

  private func announce(_ entries: [RunEntry], _ state: RunState) {
    for entry in entries {
      guard let note = RunNote.text(of: entry, spec: spec) else { continue }
      services.events.publish(
        .run(RunEvent(run: run, agent: spec.name, status: state.status.rawValue, note: note)))
    }
  }

  /// Performs an action; true for the last one.
  private func perform(_ action: RunMachine.Action, _ group: inout TaskGroup<Void>) -> Bool {
    switch action {
    case .settle: return true
    case .stopAttempt:
      stopAttempt(manner.withLock { $0 })
      // It may have crashed already, and wait for its supervisor's answer.
      group.addTask(name: "withdraw:\(run)") { [self] in await supervisors.withdrawCrash(child) }
      show(.stopping)
    case .retryAfter(let delay):
      let deadline = services.clock.now() + delay
      if delay > .zero {
        show(.backoff)
        board.update(spec.name) { $0.step = "next attempt in \(delay)" }
      }
      addTimer(to: &group, until: deadline, event: .retryDue)
    case .startAttempt(let attempt, let rewind):
      let order = AttemptRunner.Order(spec: spec, run: run, attempt: attempt, rewind: rewind, input: input)
      let attemptStops = AttemptStops()
      stops.withLock { $0 = (attemptStops, nil) }
      show(.starting)
      board.update(spec.name) {
        $0.run = run
        $0.attempt = attempt
        $0.step = "attempt \(attempt)"
      }
      group.addTask(name: "attempt:\(spec.name)#\(attempt)") { [self] in
        let report = await attemptReport(order, attemptStops)
        send(.attemptReport(report))
      }
    }
    return false
  }

  /// Shows how the task is; of a service that is for its process and its supervisor to say, whatever becomes of a run.
  private func show(_ state: AgentState) {
    guard spec.mode == .task else { return }
    board.update(spec.name) {
      $0.state = state
      if state == .starting { $0.reason = "" }
    }
  }

  private func attemptReport(_ order: AttemptRunner.Order, _ attemptStops: AttemptStops) async -> AttemptRunner.Report {
    let remember: @Sendable (VirtualKey) -> Void = { key in self.stops.withLock { $0.key = key } }
    switch spec.mode {
    case .task:
      switch await supervisors.admit(child, attemptStops) {
      case .admitted: break
      case .refused(let reason):
        let error = RunError(code: "NX-SUP-001", message: reason, isRetryable: false)
        return AttemptRunner.Report(end: AttemptEnd(outcome: .crashed(error)), output: nil, dropped: 0)
      case .withdrawn:
        let outcome = AttemptOutcome.interrupted("stopped before it began")
        return AttemptRunner.Report(end: AttemptEnd(outcome: outcome), output: nil, dropped: 0)
      }
      return await AttemptRunner(services: services, board: board).run(order, stops: attemptStops, opened: remember)
    case .service: return await desk.run(order, services: services, stops: attemptStops, opened: remember)
    }
  }

  private func addTimer(to group: inout TaskGroup<Void>, until deadline: Instant, event: RunMachine.Event) {
    let clock = services.clock
    group.addTask(name: "timer:\(run)") { [self] in
      do {
        try await clock.sleep(until: deadline)
        post(event)
      } catch {
        // Cancelled: the run settled before the time came.
      }
    }
  }

  /// Answers those who still wait in the mailbox of a run that is over.
  private func refuseTheRest() async {
    for await message in mailbox {
      switch message {
      case .recordStep(_, _, let waiter), .readStep(_, let waiter): waiter.resume(returning: nil)
      case .event, .attemptReport, .crashAnswered: break
      }
    }
  }
}
