// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
package import NexusCore

/// One supervisor, by the rules of Erlang/OTP's `supervisor`: which child is started, stopped, restarted, given up.
///
/// Starting and stopping take time here, so what OTP does in one synchronous call is a *sequence* of steps: the next one
/// is taken when the one before has been confirmed. What happens to other children meanwhile waits in a mailbox, as it
/// does in OTP. Two liberties are taken, neither of which changes an order that a strategy promises: under one-for-one a
/// child is restarted or stopped without waiting for a sibling that is just starting, and a shutdown cuts a sequence off.
package struct SupervisorMachine: Sendable {
  package enum Event: Sendable, Hashable {
    /// The supervisor above, or a person, starts it: all children that start with it, in order.
    case start
    /// Stops all children in reverse order and then itself.
    case shutdown
    /// Its own time to shut down is over: everything below it is killed.
    case kill
    /// The child runs: exec succeeded and its startup probe, if it has one, passed.
    case started(ChildName)
    /// The child needs no process (`ignore` in OTP).
    case ignored(ChildName)
    /// The child has ended, confirmed; also when it never came to run.
    case exited(ChildName, ChildExit)
    case timer(Timer)
    case call(CallID, Call)
    /// A run wants to begin an attempt.
    case attemptWanted(ChildName)
    /// A run no longer wants the attempt that it still waits for.
    case attemptWithdrawn(ChildName)
    /// An attempt has crashed, and its run wants another one; one that does not count is judged by its step alone.
    case attemptCrashed(ChildName, reason: String, counts: Bool = true)
  }

  package enum Action: Sendable, Hashable {
    case start(ChildName)
    /// Ask the child to end; its end is awaited.
    case ask(ChildName)
    case kill(ChildName)
    case setTimer(Timer, after: Duration)
    /// A restart that counts in the window of the supervisor.
    case logRestart(ChildName, reason: String)
    /// The child was given up alone: what it did before no longer counts for its siblings.
    case logApart(ChildName)
    case changed(ChildName, ChildState)
    case removed(ChildName)
    /// Nobody restarts the child any more unless a person asks.
    case failed(ChildName, reason: String)
    case report(SupervisorReport)
    /// Every child that starts with the supervisor has been started.
    case isUp
    /// A child could not be started, so the supervisor is not up, and what had been started was stopped.
    case startFailed(reason: String)
    case ended(End)
    case answer(CallID, CallAnswer)
    case admitAttempt(ChildName)
    case refuseAttempt(ChildName, reason: String)
    /// The answer to `attemptCrashed`, unless it is `refuseAttempt`.
    case mayRetry(ChildName)
  }

  /// Why a supervisor has ended.
  package enum End: Sendable, Hashable {
    case asked
    case autoShutdown(String)
    /// More restarts than its intensity allows.
    case gaveUp(String)

    package var reason: String {
      switch self {
      case .asked: "shut down"
      case .autoShutdown(let text), .gaveUp(let text): text
      }
    }
  }

  package enum Phase: Sendable, Hashable {
    /// Nil before the first start, and after one that failed.
    case down(End?)
    case starting
    case isUp
    case ending
  }

  package struct Timer: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
      case kill
      case restart
    }
    package let child: ChildName
    package let kind: Kind
    /// Tells a timer that is still meant from one that time has passed over.
    let generation: Int
  }

  struct Record: Sendable {
    var spec: ChildSpec
    var state = ChildState.stopped(.neverStarted)
    /// Of the start order; the second number orders the attempts of one agent.
    var order: (Int, Int)
    var generation = 0
    /// It has ended, but a sequence is under way: to be looked at afterwards, unless a step stops it.
    var exitSeen: ChildExit?
    /// Once it was started, a strategy may start it again.
    var wasStarted = false
    /// What it is when its stop is confirmed.
    var restAfterStop = ChildState.Rest.bySupervisor
    /// Who waits for its start or stop.
    var calls: [(id: CallID, isStart: Bool)] = []
    /// What was asked about it while it is being stopped, to be answered by what it is then.
    var later: [(id: CallID, call: Call)] = []
    /// It was added by the call that is starting it.
    var isNew = false
    /// Its last start failed, and why: the next one counts again.
    var retryReason: String?
    var backoffStep = 0
    var runningSince: Instant?
    /// An attempt whose run waits to hear whether it may try again.
    var crashReason: String?
  }

  /// What waits for the end of the sequence under way.
  enum Mail: Sendable {
    case event(Event)
    /// A child has ended meanwhile; its record says how.
    case exitSeen(ChildName, generation: Int)
  }

  struct Sequence: Sendable {
    enum Step: Sendable, Hashable {
      case stop(ChildName)
      case start(ChildName)
    }
    enum Purpose: Sendable, Hashable {
      case start
      case restart
      case call
      /// The start failed: what had been started is stopped again.
      case undoStart(String)
      case end(End)
    }
    var purpose: Purpose
    var steps: Deque<Step>
    /// The child whose start or stop is under way.
    var waiting: ChildName?
  }

  package let name: SupervisorName
  package internal(set) var flags: SupervisorFlags
  /// What a start begins with; changed by `reconfigure`.
  var specs: [ChildSpec]
  package internal(set) var phase = Phase.down(nil)
  /// It has not been started yet, so that its windows are those of the restart log.
  package private(set) var isFresh = true
  var records: [ChildName: Record] = [:]
  var nextOrder = 0
  var nextAttempt = 0
  var window: RestartWindow
  /// How often the siblings were restarted for attempts that do not count.
  var stepWindow: RestartWindow
  /// Of children that have a window of their own, be it all of them or those that were given up: by agent, so that all
  /// attempts of a task share one.
  var windows: [ChildName: RestartWindow] = [:]
  var sequence: Sequence?
  var mailbox: Deque<Mail> = []
  /// Children that are down by a person's will: no strategy starts them.
  var disabled: Set<ChildName> = []
  /// Attempts that wait for the supervisor to be started again.
  var held: [ChildName] = []
  var actions: [Action] = []

  package init(name: SupervisorName, flags: SupervisorFlags = SupervisorFlags(), children: [ChildSpec]) {
    self.name = name
    self.flags = flags
    specs = children
    window = RestartWindow(intensity: flags.intensity)
    stepWindow = window
    for child in children { insert(child) }
  }

  package mutating func handle(_ event: Event, at now: Instant) -> [Action] {
    process(event, at: now)
    while sequence == nil, let next = mailbox.popFirst() {
      switch next {
      case .event(let event): process(event, at: now)
      case .exitSeen(let child, let generation): lookAgain(child, generation, at: now)
      }
    }
    defer { actions = [] }
    return actions
  }

  /// What happens has to wait for the sequence under way; only one-for-one can go on beside a start.
  var isBusy: Bool {
    guard let sequence else { return false }
    if case .start = sequence.purpose { return flags.strategy != .oneForOne }
    return true
  }

  /// It stops its children, to end or because it could not be started.
  var isGoingDown: Bool {
    if case .undoStart = sequence?.purpose { return true }
    return phase == .ending
  }

  private mutating func process(_ event: Event, at now: Instant) {
    switch event {
    case .start: start(at: now)
    case .shutdown: shutDown(at: now)
    case .kill: kill(at: now)
    case .started(let child): started(child, at: now)
    case .ignored(let child): ignored(child, at: now)
    case .exited(let child, let exit): exited(child, exit, at: now)
    case .timer(let timer): fired(timer, at: now)
    case .call(let id, let call): serve(call, id, at: now)
    case .attemptWanted(let child): attemptWanted(child, at: now)
    case .attemptWithdrawn(let child): attemptWithdrawn(child)
    case .attemptCrashed(let child, let reason, let counts): attemptCrashed(child, reason, counts: counts, at: now)
    }
  }

  // MARK: The supervisor itself

  private mutating func start(at now: Instant) {
    guard case .down = phase else { return }
    // A supervisor that is started again is a new one: of the old one nothing is remembered. Only the windows that a
    // boot found in the restart log are kept for the first start.
    if !isFresh { forgetWindows() }
    isFresh = false
    // Children that were added by call, or are no longer configured, are not restored.
    let configured = Set(specs.map(\.name))
    for child in ordered() where !configured.contains(child) { remove(child) }
    records = [:]
    nextOrder = 0
    for spec in specs { insert(spec) }
    phase = .starting
    let first = specs.filter(\.startsWithSupervisor).map { Sequence.Step.start($0.name) }
    begin(.start, first, at: now)
    let waiting = held
    held = []
    for child in waiting { mailbox.append(.event(.attemptWanted(child))) }
  }

  private mutating func shutDown(at now: Instant) {
    switch phase {
    case .down: actions.append(.ended(.asked))
    case .ending: break
    case .starting, .isUp: end(.asked, at: now)
    }
  }

  private mutating func kill(at now: Instant) {
    if case .down = phase { return }
    for child in ordered().reversed() {
      guard let record = records[child], record.state.isActive, record.exitSeen == nil else { continue }
      set(child, .stopping)
      actions.append(.kill(child))
    }
    if phase != .ending { end(.asked, at: now) }
  }

  /// Stops every child in reverse start order, then ends.
  mutating func end(_ end: End, at now: Instant) {
    phase = .ending
    begin(.end(end), ordered().reversed().map { .stop($0) }, at: now)
  }

  // MARK: Children

  /// The children in start order.
  func ordered() -> [ChildName] {
    records.sorted { $0.value.order < $1.value.order }.map(\.key)
  }

  @discardableResult
  mutating func insert(_ spec: ChildSpec) -> Bool {
    guard records[spec.name] == nil else { return false }
    records[spec.name] = Record(spec: spec, order: (nextOrder, 0))
    nextOrder += 1
    return true
  }

  mutating func remove(_ child: ChildName) {
    guard records.removeValue(forKey: child) != nil else { return }
    actions.append(.removed(child))
  }

  mutating func set(_ child: ChildName, _ state: ChildState) {
    guard let before = records[child]?.state, before != state else { return }
    records[child]?.state = state
    records[child]?.generation += 1
    actions.append(.changed(child, state))
  }

  mutating func report(_ kind: SupervisorReport.Kind, _ offender: ChildName, _ reason: String) {
    actions.append(.report(SupervisorReport(supervisor: name, kind: kind, offender: offender, reason: reason)))
  }
}

/// What OTP's supervisors tell the log: `supervisor, errorContext, reason, offender`.
package struct SupervisorReport: Sendable, Hashable {
  package enum Kind: String, Sendable, CaseIterable {
    case startError = "start_error"
    case childTerminated = "child_terminated"
    case shutdownError = "shutdown_error"
    /// The restart intensity was reached.
    case shutdown
  }
  package let supervisor: SupervisorName
  package let kind: Kind
  package let offender: ChildName
  package let reason: String

  package init(supervisor: SupervisorName, kind: Kind, offender: ChildName, reason: String) {
    self.supervisor = supervisor
    self.kind = kind
    self.offender = offender
    self.reason = reason
  }
}
