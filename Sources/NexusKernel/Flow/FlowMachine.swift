// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
package import NexusCore

/// Decides what happens next in a run of a workflow, saga or fan-out pool.
///
/// What happened is written down first; then `advance` looks at what the journal adds up to and does all that can be
/// done. So there is one place that starts steps, whether a step has ended, a time has come, or the node is back.
package struct FlowMachine: DurableMachine {
  /// How many rounds one event may take beyond those that end a step: more is a fault, and a failure of the run.
  package static let maxIdleRounds = 1_000
  /// The number of traps of the node at which a run is parked.
  package static let maxTraps = 2

  package internal(set) var state: FlowState
  let run: RunID
  /// Nil: nobody can judge, and whatever would have to be judged is stopped.
  let judge: (any OutputJudge)?
  let rules: IntegrityRules
  var definition: FlowDefinition { state.definition }

  /// Why attempts under way were told to stop; lost with the node, like the attempts themselves.
  var stops: [UnitKey: UnitStop] = [:]
  /// Why the run comes to a halt once nothing is under way; lost with the node.
  var halt: Halt?
  /// The node goes down.
  var isLeaving = false
  /// Units whose attempts were open when the run was taken over: no end of theirs will be reported.
  var orphans = UnitSet()
  /// What those came to, by the paths of their steps.
  private var spentByOrphans: [StepPath: Spend] = [:]
  /// Units that have been handed to the shell and need nothing until it reports: children, timers.
  var handedOver: Set<UnitKey> = []
  /// Units that could go on but for the limit of attempts at a time.
  var waitingForRoom: Deque<UnitKey> = []
  /// What is to be undone, the next one last; nil where it is not worked out, or a person has changed it.
  var toUndo: [UnitKey]?
  /// The children of a run that fails, or comes to its end, were told to end.
  var childrenWereStopped = false
  /// What the journal leaves open was looked at.
  private var isTakenUp = false
  /// What the project's state says now of what was read.
  var contextNow: [String: ContextStanding]?
  /// The first checkpoint of the journal that is not what was sealed, and that no person has seen.
  var brokenSeal: Int?
  /// When the last entry was written that the journal had when the run was taken up.
  var journaledUntil: WallTime?
  /// Steps of the kind `forEach` that have begun.
  var expanded: [Int] = []

  /// Why one attempt was told to stop.
  enum UnitStop: Sendable, Hashable {
    case withTheRun
    case timedOut
    case queueTimedOut
    case givenUp(RunError)
    case notNeeded
  }

  /// Why the whole run comes to a halt.
  enum Halt: Sendable, Hashable {
    case cancelled(by: String)
    case killed(by: String)
    case paused(PauseReason, note: String)
    case timedOut

    /// How a saga ends that goes back for it; nil if none does.
    var wayBack: String? {
      switch self {
      case .cancelled: "cancelled"
      case .timedOut: "ended by its timeout"
      case .killed, .paused: nil
      }
    }

    /// A run that stands still is brought to its end.
    var endsPause: Bool {
      switch self {
      case .cancelled, .killed: true
      case .paused, .timedOut: false
      }
    }
  }

  /// What one event leads to.
  struct Turn {
    let now: WallTime
    var decision = DurableDecision()
    mutating func act(_ action: DurableAction) { decision.actions.append(action) }
  }

  package init(
    run: RunID, definition: FlowDefinition, input: JSONValue, judge: (any OutputJudge)? = nil,
    rules: IntegrityRules = IntegrityRules()
  ) {
    self.run = run
    self.judge = judge
    self.rules = rules
    state = FlowState(definition: definition, input: input)
  }

  package var orphanedSteps: [StepPath] {
    (isTakenUp ? orphans : state.open).sorted(by: Self.before).map { state.paths.path(of: $0) }
  }

  package mutating func note(spent: [StepPath: Spend]) { spentByOrphans = spent }

  package mutating func apply(_ entry: JournalEntry) {
    if case .integrity(let integrity) = entry.entry { compare(integrity) }
    state.apply(entry.entry, at: entry.at)
    journaledUntil = entry.at
  }

  /// Writes an entry down, and is in the state that it leads to.
  mutating func note(_ entry: RunEntry, _ turn: inout Turn) {
    state.apply(entry, at: turn.now)
    turn.decision.entries.append(entry)
    if rules.digest != nil { seal(entry, &turn) }
  }

  package mutating func handle(_ event: DurableEvent, at now: WallTime) -> DurableDecision {
    var turn = Turn(now: now)
    // What the end of a step mostly comes to: its attempt ended, it is completed, the next attempt.
    turn.decision.entries.reserveCapacity(4)
    takeUp(event, &turn)
    if !rules.stopWhen.isEmpty { checkClock(at: event, &turn) }
    switch event {
    case .claimed(let trapped): claimed(trapped: trapped, &turn)
    case .attemptEnded(let path, let end, let output): attemptEnded(path, end, output, &turn)
    case .due(let path): due(path, &turn)
    case .woken(let path): woken(path, &turn)
    case .attemptTimedOut(let path, let attempt): limitPassed(path, attempt, .timedOut, &turn)
    case .queueTimedOut(let path, let attempt): limitPassed(path, attempt, .queueTimedOut, &turn)
    case .childStarted(let path, let child): childStarted(path, child, &turn)
    case .childEnded(let path, let end): childEnded(path, end, &turn)
    case .event(let name, let id, let payload): received(name, id, payload, &turn)
    case .cancel(let who): cancel(by: who, &turn)
    case .kill(let who): kill(by: who, &turn)
    case .pause(let who): begin(.paused(.person, note: "paused by \(who)"), &turn)
    case .resume(let who): goOn(from: [.paused], .resumed(by: who), &turn)
    case .retry(let who, let newKeys): retry(by: who, newKeys: newKeys, &turn)
    case .skip(let path, let who, let reason):
      resolve(path, .stepSkipped(path: path, .person(by: who, reason: reason)), &turn)
    case .markDone(let path, let who, let output):
      resolve(path, .stepMarkedDone(path: path, by: who, output: output), &turn)
    case .decide(let path, let who, let decision, let note): decide(path, by: who, decision, note: note, &turn)
    case .timeout: if state.cause == nil, !state.isBehindPivot { begin(.timedOut, &turn) }
    case .supervisorGaveUp(let agent, let reason): gaveUp(on: agent, reason, &turn)
    case .contextRead(let path, let item):
      read(path, item, &turn)
      return turn.decision
    case .doubted(let doubt): halt(for: doubt, &turn)
    case .acceptHalt(let who, let reason): acceptHalt(by: who, reason: reason, &turn)
    case .rollBack(let number, let who, let reason, let allowsUnverified):
      rollBack(to: number, by: who, reason: reason, allowsUnverified: allowsUnverified, &turn)
    case .nodeStopping: leave(&turn)
    case .recordStep(let path, let value):
      if !state.open.isEmpty, state.status != .halted, state.recorded[path] == nil {
        note(.stepRecorded(path: path, value: value), &turn)
      }
      return turn.decision
    }
    advance(&turn)
    return turn.decision
  }

  // MARK: Going on

  /// Does all that can be done now: what begins may end at once, and make more possible.
  mutating func advance(_ turn: inout Turn) {
    var before: (entries: Int, halt: Halt?)
    var idleRounds = 0
    repeat {
      before = (turn.decision.entries.count, halt)
      let over = state.over
      if !isResting { takeStock(&turn) }
      if state.over == over { idleRounds += 1 }
      if idleRounds > Self.maxIdleRounds { breakCircle(&turn) }
    } while !isResting && (turn.decision.entries.count, halt) != before
    if (isResting || isLeaving) && state.open.isEmpty { turn.act(.settle) }
  }

  /// What begins leads to nothing but that it begins again: the run fails, rather than the node.
  private mutating func breakCircle(_ turn: inout Turn) {
    var unheard: Set<StepPath> = []
    turn.decision.actions.removeAll { action in
      guard case .startAttempt(let order) = action else { return false }
      unheard.insert(order.step)
      return true
    }
    for key in state.open.sorted(by: Self.before) {
      let path = state.paths.path(of: key)
      if unheard.contains(path) {
        let end = AttemptEnd(outcome: .interrupted(AttemptOutcome.neverBegan))
        let attempt = state.units[key]?.history.openAttempt ?? AttemptNumber(1)
        note(.attemptEnded(step: path, attempt: attempt, end), &turn)
      } else if stops[key] == nil {
        stops[key] = .notNeeded
        turn.act(.stopAttempt(path, .notNeeded))
      }
    }
    let error = RunError(
      code: "NX-RUN-052", message: "the run goes round in a circle: nothing that it begins comes to an end",
      isRetryable: false)
    note(.failed(error), &turn)
  }

  private mutating func takeStock(_ turn: inout Turn) {
    if isLeaving || halt != nil {
      guard knowsTheWay(&turn), state.open.isEmpty, !waitsForChildren else { return }
      if let halt { end(halt, &turn) }
      if isLeaving || isResting { return }
    }
    if state.cause == nil { goForward(&turn) } else { goBack(&turn) }
  }

  /// Runs that were told to end are waited for; a run that is only paused leaves its children alone.
  ///
  /// A node that goes down does not wait; the next one does.
  private var waitsForChildren: Bool {
    guard let halt, !isPassed(by: halt) else { return false }
    return switch halt {
    case .cancelled, .killed, .timedOut: !(openChildren.isEmpty && startingChildren.isEmpty)
    case .paused: false
    }
  }

  /// Nothing begins any more unless a person asks.
  var isResting: Bool {
    state.status.isFinal || state.status == .halted || (state.status == .paused && halt?.endsPause != true)
  }

  /// The runs that units wait for.
  var openChildren: [(UnitKey, RunID)] {
    // The run of one that waits for a person's word is over.
    state.active.compactMap { key in isEscalated(key) ? nil : state.units[key]?.child.map { (key, $0) } }
  }

  /// Units whose runs were asked for and are not known yet.
  private var startingChildren: [UnitKey] {
    state.active.filter { key in
      isRun(key) && state.units[key]?.child == nil && state.units[key]?.dueAt == nil && handedOver.contains(key)
    }
  }

  /// The unit is a run of its own.
  func isRun(_ key: UnitKey) -> Bool {
    guard key.role == .forward, case .run = definition.steps[key.step].action else { return false }
    return true
  }

  private mutating func goForward(_ turn: inout Turn) {
    if definition.isFanOut, state.winners == nil { decidePool(&turn) }
    if isResting { return }
    if let first = firstFailure, !definition.isFanOut {
      // What is under way comes to its end first, so that every outcome is known.
      settlePivots(&turn)
      guard state.open.isEmpty, halt == nil, !isPassingPivot, childrenAreOver(&turn) else { return }
      let error = failure(of: first)
      if mustPause(at: first) { return begin(.paused(.exhausted, note: error.message), &turn) }
      if definition.kind == .saga { return note(.compensationStarted(error), &turn) }
      return note(error.isStop ? .stopped(error) : .failed(error), &turn)
    }
    startWhatCan(&turn)
    if state.unfinished == 0, !isResting, state.failed.isEmpty, !definition.isFanOut { complete(&turn) }
  }

  /// Runs that a failing run waits for are told to end, once, and waited for.
  private mutating func childrenAreOver(_ turn: inout Turn) -> Bool {
    if !childrenWereStopped {
      childrenWereStopped = true
      stopChildren(.cancelled, &turn)
    }
    // What is only starting is told to end as soon as it is known.
    return openChildren.isEmpty && startingChildren.isEmpty
  }

  /// Behind its pivot a saga neither fails nor goes back: a person decides.
  private func mustPause(at key: UnitKey) -> Bool {
    // What a rule or a person has stopped is not tried again by a resume.
    let isStop = state.units[key]?.failure?.isStop ?? false
    if definition.onExhausted == .pause, !isStop { return true }
    guard definition.kind == .saga else { return false }
    // An attempt of the pivot has succeeded, whatever became of what came out of it.
    if definition.steps[key.step].commitment == .pivot, state.gates[key]?.last?.subject == .output { return true }
    return state.isBehindPivot || definition.steps[key.step].commitment == .retriable
  }

  private func failure(of key: UnitKey) -> RunError {
    var error = state.units[key]?.failure ?? RunError(code: "NX-RUN-032", message: "a step failed")
    error.message = "step \(state.paths.path(of: key)): \(error.message)"
    return error
  }

  /// The run's output is that of its last step.
  private mutating func complete(_ turn: inout Turn) {
    let last = definition.steps.indices.last.flatMap { state.outcome(of: $0) }
    note(.completed(output: last?.output ?? .null), &turn)
  }

  // MARK: Recovery

  private mutating func claimed(trapped: Bool, _ turn: inout Turn) {
    guard !isResting else { return }
    if trapped {
      note(.nodeTrapped, &turn)
      if state.traps >= Self.maxTraps {
        closeOrphans(RunState.trapNote, &turn)
        note(.paused(.poison, note: "the node trapped \(Self.maxTraps) times on this run"), &turn)
        return
      }
    }
    closeOrphans(AttemptOutcome.nodeEnded, &turn)
    checkTrust(&turn)
    if isResting { return }
    handOverAgain(&turn)
    if let who = state.killRequested { return begin(.killed(by: who), &turn) }
    if state.cancelRequested, state.cause == nil, !state.isBehindPivot {
      return begin(.cancelled(by: "an earlier request"), &turn)
    }
    // Taken during a pause that the node did not live to see.
    giveAllEvents(&turn)
  }

  /// Before the first event: what the journal shows as open has nobody who reports its end.
  private mutating func takeUp(_ event: DurableEvent, _ turn: inout Turn) {
    guard !isTakenUp else { return }
    isTakenUp = true
    orphans = state.open
    expanded = state.steps.indices.filter { state.steps[$0].count != nil && state.steps[$0].outcome == nil }
    if case .claimed = event, !isResting { return }
    closeOrphans(AttemptOutcome.nodeEnded, &turn)
  }

  mutating func closeOrphans(_ why: String, _ turn: inout Turn) {
    for key in orphans.sorted(by: Self.before) {
      let attempt = state.units[key]?.history.openAttempt ?? AttemptNumber(1)
      let path = state.paths.path(of: key)
      let spent = spentByOrphans[path] ?? .zero
      let end = AttemptEnd(outcome: .interrupted(why), tokens: spent.tokens, cost: spent.cost)
      note(.attemptEnded(step: path, attempt: attempt, end), &turn)
    }
    orphans = UnitSet()
    spentByOrphans = [:]
  }

  /// Timers, children and second tries that the node before this one waited for.
  mutating func handOverAgain(_ turn: inout Turn) {
    // A probe is begun again by the unit that is in doubt.
    for key in state.active.sorted(by: Self.before) { handOverAgain(key, &turn) }
  }

  mutating func handOverAgain(_ key: UnitKey, _ turn: inout Turn) {
    guard !state.open.contains(key), key.role != .probe, let unit = state.units[key], !isEscalated(key) else { return }
    let path = state.paths.path(of: key)
    if let child = unit.child {
      handedOver.insert(key)
      turn.act(.awaitChild(path, child))
    } else if let due = unit.dueAt {
      handedOver.insert(key)
      turn.act(.wake(path, after: max(.zero, due - turn.now)))
    } else if isRun(key) {
      // It may have begun unheard of, so it is looked for, also by a run that is to end.
      begin(key, &turn)
    } else if !isWaitingForEvent(key) {
      // Its wake may have come while the run was over, and been for nothing.
      handedOver.remove(key)
      waitingForRoom.append(key)
    }
  }

  func isWaitingForEvent(_ key: UnitKey) -> Bool {
    guard key.role == .forward, case .event = definition.steps[key.step].action else { return false }
    return true
  }

  /// The order of the definition, so that nothing depends on the order of a set.
  static func before(_ left: UnitKey, _ right: UnitKey) -> Bool {
    (left.step, left.item ?? -1, rank(left.role)) < (right.step, right.item ?? -1, rank(right.role))
  }

  private static func rank(_ role: UnitKey.Role) -> Int {
    switch role {
    case .forward: 0
    case .back: 1
    case .probe: 2
    case .judge: 3
    }
  }
}
