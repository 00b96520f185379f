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
  /// How many questions of agents and people may wait; one more is refused.
  ///
  /// Only they can send without end. What the node itself sends is never refused.
  static let maxWaitingQuestions = 1_024
  /// How many messages may wait in all: more than the steps that can be under way have to say, so that what the node
  /// itself sends always finds a place.
  static let maxMailbox = 256 * 1_024

  /// Boxed, because it is passed on from hand to hand.
  indirect enum Message: Sendable {
    case event(DurableEvent)
    /// Something that a person asked for; answered after the commit.
    case asked(DurableEvent, RunQuestion)
    case attemptReport(StepPath, AttemptRunner.Report)
    /// The supervisor has answered whether there may be another attempt; else why not.
    case crashAnswered(StepPath, AttemptRunner.Report, refusal: String?)
    /// A durable step of an agent; answered after the commit with what is recorded.
    case recordStep(StepPath, JSONValue, CheckedContinuation<JSONValue?, Never>)
    case readStep(StepPath, CheckedContinuation<JSONValue?, Never>)
  }

  let run: RunID
  /// Of the agent, workflow, saga or pool.
  let name: String
  let subject: RunSubject
  let input: JSONValue
  let services: RuntimeServices
  let board: AgentBoard
  let supervisors: SupervisorHost
  let desk: ServiceDesk
  let executor: RunExecutor
  let attempts = AttemptTable()
  /// The agents whose state this run has shown.
  let shown = Mutex<[AgentName]>([])
  let reserve: ReserveWish
  let fence: FencingToken
  /// What the run is pinned to.
  let definition: DefinitionHash
  /// Who has called it, or a run above it, and the flows that they are runs of.
  let payers: RunPayers
  private let createdAt: WallTime
  private let head: JournalSequence
  /// Where the run stood when it was claimed; let go of once it is driven.
  private let beginning: Mutex<Beginning?>
  private let mailbox = Mailbox<Message>(limit: RunDriver.maxMailbox)
  private let waitingQuestions = Mutex(0)
  private let isLeaving = Mutex(false)
  let rest = Mutex(Rest.none)
  private let isFinal = Mutex(false)
  private let calls = Mutex(0)
  private let keyEpoch = Mutex(0)
  private let begunWith = Mutex<KeptEffects?>(nil)
  private let standing = Mutex<(policy: String?, rollbacks: Int)>((nil, 0))
  /// What the run is halted for.
  let rules: IntegrityRules
  /// What the last attempts of steps have written of the project's state.
  let written = Mutex<[StepPath: (keys: Set<String>, writer: ContextWriter)]>([:])

  /// Where a run begins to be driven.
  enum Beginning: Sendable {
    /// The machine has applied all that the journal holds.
    case machine(any DurableMachine)
    case journal([JournalEntry])
  }

  init(
    _ record: RunRecord, subject: RunSubject, payers: RunPayers, from beginning: Beginning, executor: RunExecutor,
    rules: IntegrityRules
  ) {
    self.rules = rules
    run = record.id
    self.payers = payers
    name = record.name
    input = record.input
    fence = record.fence
    definition = record.definition
    createdAt = record.createdAt
    head = record.head
    self.subject = subject
    reserve = ReserveWish(subject)
    self.beginning = Mutex(beginning)
    self.executor = executor
    services = executor.services
    board = executor.board
    supervisors = executor.supervisors
    desk = executor.desk
  }

  /// Puts an event into the mailbox; false if the run is over here.
  @discardableResult
  func post(_ event: DurableEvent) -> Bool { send(.event(event)) }

  /// False if the run is over here, or if too many questions wait already.
  @discardableResult
  func send(_ message: Message) -> Bool {
    guard takesPlace(message) else { return false }
    if mailbox.send(message) { return true }
    leavesPlace(message)
    return false
  }

  /// Asks for something, and says what became of it once that is written down.
  func ask(_ event: DurableEvent) async -> RunAnswer {
    let question = RunQuestion()
    let message = Message.asked(event, question)
    guard takesPlace(message) else { return .busy }
    if mailbox.send(message) { return await question.answer() }
    leavesPlace(message)
    return .gone
  }

  private func takesPlace(_ message: Message) -> Bool {
    switch message {
    case .event, .attemptReport, .crashAnswered: true
    case .asked, .recordStep, .readStep:
      waitingQuestions.withLock { waiting in
        guard waiting < Self.maxWaitingQuestions else { return false }
        waiting += 1
        return true
      }
    }
  }

  private func leavesPlace(_ message: Message) {
    switch message {
    case .event, .attemptReport, .crashAnswered: break
    case .asked, .recordStep, .readStep: waitingQuestions.withLock { $0 -= 1 }
    }
  }

  /// Ends the run without asking its processes, also one that is only about to start.
  func kill(by who: String) {
    post(.kill(by: who))
    killAttempts()
  }

  func killAttempts() { for open in attempts.all { open.stops.request(.kill) } }

  static func tooManyQuestions(of run: RunID) -> RuntimeRefusal {
    RuntimeRefusal(
      .unavailable, code: "NX-RUN-049", message: "\(maxWaitingQuestions) calls wait for \(run) already: ask again")
  }

  /// The node shuts down: the attempts are asked to end, and a store that takes nothing is not waited for much longer.
  func leave() {
    isLeaving.withLock { $0 = true }
    post(.nodeStopping)
  }

  /// The run has its result, although something of it may still be under way.
  var hasResult: Bool { isFinal.withLock { $0 } }

  /// Its agents have called others, which end with it.
  var hasCalls: Bool { callCount > 0 }

  /// How many calls its agents have begun.
  var callCount: Int { calls.withLock { $0 } }

  /// The effects that the run began with.
  var kept: KeptEffects? { begunWith.withLock { $0 } }

  private func noteCalls(_ machine: any DurableMachine) {
    calls.withLock { $0 = machine.calls }
    keyEpoch.withLock { $0 = machine.epoch }
    standing.withLock { $0 = (machine.policy, machine.rollbacks) }
  }

  /// The rules about actions that the run is held to.
  var policy: String? { standing.withLock { $0.policy } }

  /// How often a person had the run go back to a checkpoint.
  var rollbacks: Int { standing.withLock { $0.rollbacks } }

  /// How often a person had the run forget its idempotency keys.
  var epoch: Int { keyEpoch.withLock { $0 } }

  /// A store that takes nothing is not waited for much longer.
  var leaves: Bool { isLeaving.withLock { $0 } }

  /// Drives the run until it settles.
  ///
  /// - Returns: how it stands then, or why this driver may not write for it any more: another writer has taken the run, or
  ///   nobody knows whether the last entries are written.
  func drive() async -> Result<RunOutlook, StoreError> {
    var cursor = Cursor(machine: await machine(), head: head, committed: .queued)
    cursor.committed = cursor.machine.outlook.status
    cursor.isActive = cursor.committed != .suspended
    noteCalls(cursor.machine)
    begunWith.withLock { $0 = cursor.machine.kept }
    let end = await withDiscardingTaskGroup { group -> Result<RunOutlook, StoreError> in
      // Cancelled, it reads what has come by then, and ends.
      let (end, settled) = await withTaskCancellationHandler {
        await takeMessages(&cursor, &group)
      } onCancel: {
        mailbox.finish()
      }
      mailbox.finish()
      let left = attempts.all
      // Whatever ended the loop, nothing of the run goes on without it.
      if !settled { for open in left { open.stops.request(.kill) } }
      for open in left { await supervisors.withdrawCrash(open.child) }
      group.cancelAll()
      return end
    }
    // Whichever way they ended, their supervisors do not wait for them any longer.
    for open in attempts.all { await supervisors.release(open.child) }
    attempts.removeAll()
    await refuseTheRest()
    return end
  }

  /// Handles one message after the other; how the run stands at the end, and whether it has settled.
  private func takeMessages(
    _ cursor: inout Cursor, _ group: inout DiscardingTaskGroup
  ) async -> (end: Result<RunOutlook, StoreError>, settled: Bool) {
    let clock = services.clock
    var isLimited = false
    while let message = await mailbox.next() {
      leavesPlace(message)
      switch await handle(message, &cursor, &group) {
      case .goesOn:
        // The limit is on the whole run, so a restart of the node changes nothing; what the run was taken up for may be
        // that a person has it go on, and then it counts from there.
        if !isLimited, let timeout = subject.timeout {
          let start = cursor.machine.limitCountsFrom ?? createdAt
          addTimer(to: &group, until: clock.now() + (start + timeout - clock.wallNow()), event: .timeout)
        }
        isLimited = true
      case .settled: return (.success(cursor.machine.outlook), true)
      case .failed(let outlook): return (.success(outlook), false)
      // Nobody here may write for the run any more, so nothing of it may go on here either.
      case .evicted(let error): return (.failure(error), false)
      }
    }
    return (.failure(StoreError(.closed, "the mailbox of the run is closed")), false)
  }

  private func machine() async -> any DurableMachine {
    switch beginning.withLock({ $0.take() }) {
    case .machine(let machine): return machine
    case .journal(let past):
      var machine = subject.machine(run: run, input: input, judge: services.judge, rules: rules)
      services.atWork(run) { for entry in past { machine.apply(entry) } }
      await noteOrphans(past, &machine)
      return machine
    case nil: preconditionFailure("a run is driven once")
    }
  }

  struct Cursor {
    var machine: any DurableMachine
    var head: JournalSequence
    /// What the store has of the run's status.
    var committed: RunStatus
    /// What the census was told last.
    var isActive = true
  }

  private enum Step {
    case goesOn, settled
    case evicted(StoreError)
    case failed(RunOutlook)
  }

  private func handle(
    _ message: Message, _ cursor: inout Cursor, _ group: inout DiscardingTaskGroup
  ) async -> Step {
    let event: DurableEvent
    switch message {
    case .event(let posted): event = posted
    case .asked(let asked, _): event = asked
    case .readStep(let path, let reader):
      reader.resume(returning: cursor.machine.recorded(path))
      return .goesOn
    case .recordStep(let path, let value, _): event = .recordStep(path, value)
    case .attemptReport(let step, let report):
      guard let told = await told(of: report, at: step, cursor.machine, &group) else { return .goesOn }
      event = told
    case .crashAnswered(let step, let report, let refusal):
      event = ended(report, at: step, refusal: refusal, cursor.machine)
    }
    if case .attemptEnded(let step, let end, _) = event, end.outcome == .succeeded {
      await noteStanding(of: step, &cursor.machine)
    }
    let now = services.clock.wallNow()
    var decision = DurableDecision()
    services.atWork(run) { decision = cursor.machine.handle(event, at: now) }
    let outlook = cursor.machine.outlook
    // Before the verdict is there, what it is about is not read any more.
    if let failure = await quarantine(decision.entries) {
      Self.refuse(message)
      return .evicted(failure)
    }
    let failure = await append(decision.entries, at: now, outlook, &cursor)
    let isCommitted = failure == nil
    // Before anything is answered, and whichever way the run ends.
    noteCalls(cursor.machine)
    switch message {
    case .asked(_, let question):
      question.settle(isCommitted ? answer(to: event, decision, cursor.machine) : .gone)
    case .recordStep(let path, _, let writer):
      writer.resume(returning: isCommitted ? cursor.machine.recorded(path) : nil)
    case .event, .attemptReport, .crashAnswered, .readStep: break
    }
    if let failure {
      guard failure.code == .tooLarge, let end = await fail(because: failure, at: now, &cursor) else {
        return .evicted(failure)
      }
      return .failed(end)
    }
    announce(decision.entries, outlook, decision.actions)
    noteActivity(outlook, isNews: !decision.entries.isEmpty, &cursor)
    noteReserve(for: decision.actions, cursor.machine)
    var settled = false
    for action in decision.actions { settled = perform(action, &group) || settled }
    if settled { return .settled }
    if outlook.status.isFinal, !hasResult {
      isFinal.withLock { $0 = true }
      await executor.hasResult(run, outlook)
    }
    return .goesOn
  }

  private func answer(
    to event: DurableEvent, _ decision: DurableDecision, _ machine: any DurableMachine
  ) -> RunAnswer {
    guard decision.entries.isEmpty else { return .taken }
    if case .cancel = event, let flow = machine as? FlowMachine, flow.isBehindReturn, !flow.state.status.isFinal {
      return .cannotGoBack
    }
    guard case .event(_, let id?, _) = event, let flow = machine as? FlowMachine, flow.knowsEvent(id) else {
      return .ignored
    }
    return .known
  }

  /// Performs an action; true for the last one.
  private func perform(_ action: DurableAction, _ group: inout DiscardingTaskGroup) -> Bool {
    switch action {
    case .settle: return true
    case .startAttempt(let order): startAttempt(order, &group)
    case .stopAttempt(let step, let stop): stopAttempt(at: step, stop, &group)
    case .wake(let step, let delay):
      showWait(of: delay)
      addTimer(to: &group, until: services.clock.now() + delay, event: .due(step))
    case .startChild(let step, let name, let input, let key):
      group.addTask(name: "child:\(run)/\(step)") { [self] in
        await startChild(of: step, name: name, input: input, idempotencyKey: key)
      }
    case .awaitChild(let step, let child):
      group.addTask(name: "child:\(run)/\(step)") { [self] in await awaitChild(child, of: step) }
    case .stopChild(let step, let child, let policy):
      group.addTask(name: "stop:\(child)") { [self] in await stopChild(child, of: step, policy) }
    }
    return false
  }

  private func addTimer(to group: inout DiscardingTaskGroup, until deadline: Instant, event: DurableEvent) {
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
    while let message = await mailbox.next() { Self.refuse(message) }
  }

  /// Tells whoever sent a message that nobody will look at it.
  static func refuse(_ message: Message) {
    switch message {
    case .recordStep(_, _, let waiter), .readStep(_, let waiter): waiter.resume(returning: nil)
    case .asked(_, let question): question.settle(.gone)
    case .event, .attemptReport, .crashAnswered: break
    }
  }
}
