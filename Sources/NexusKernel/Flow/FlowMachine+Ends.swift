// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

// How what is under way ends: attempts, times, children, events.
extension FlowMachine {
  mutating func attemptEnded(_ path: StepPath, _ end: AttemptEnd, _ output: JSONValue?, _ turn: inout Turn) {
    guard let key = state.key(at: path), state.open.contains(key), !orphans.contains(key),
      let attempt = state.units.openAttempt(key)
    else { return }
    let stop = stops.isEmpty ? nil : stops.removeValue(forKey: key)
    var end = end
    // A result that came in spite of a stop is a result; a polite goodbye (exit 0, no output) is none.
    if let stop, end.outcome != .succeeded || (output ?? .null).isNothing { end.outcome = outcome(after: stop, end) }
    // Nothing is taken of a run that cannot be trusted: whether the attempt had its effect is for a person to say.
    if state.status == .halted {
      end.outcome = .interrupted(end.outcome.hasBegun ? AttemptOutcome.halted : AttemptOutcome.neverBegan)
    }
    note(.attemptEnded(step: path, attempt: attempt, end), &turn)
    switch end.outcome {
    case .succeeded: succeeded(key, output ?? .null, &turn)
    case .crashed(let error), .askedRetry(let error): tryAgain(key, error, &turn)
    case .timedOut: tryAgain(key, end.outcome.error ?? RunError(code: "NX-RUN-030", message: "timed out"), &turn)
    case .budgetStopped(let refusal): budgetStopped(key, refusal, &turn)
    case .interrupted: interrupted(key, stop, &turn)
    case .cancelled:
      guard stop == nil else { return }
      giveUp(
        key, RunError(code: "NX-RUN-038", message: "the attempt was stopped by a person", isRetryable: false), &turn)
    }
  }

  private func outcome(after stop: UnitStop, _ end: AttemptEnd) -> AttemptOutcome {
    // What never began had no effect, whoever stopped it.
    if case .interrupted(AttemptOutcome.neverBegan) = end.outcome, stop != .queueTimedOut { return end.outcome }
    switch stop {
    case .timedOut: return .timedOut
    case .queueTimedOut:
      return .crashed(RunError(code: "NX-RUN-036", message: "the attempt could not start within its queue timeout"))
    case .givenUp: return .interrupted("the supervisor gave up")
    case .notNeeded: return .cancelled
    case .withTheRun:
      switch halt {
      case .paused: return .interrupted("paused")
      case .timedOut: return .interrupted("the run took longer than its timeout")
      // Should the pivot have succeeded, the step goes on; whether it had its effect is then for it to find out.
      case .cancelled where definition.kind == .saga: return .interrupted("the run was cancelled")
      case .cancelled, .killed: return .cancelled
      case nil: return .interrupted("the node stopped")
      }
    }
  }

  private mutating func succeeded(_ key: UnitKey, _ output: JSONValue, _ turn: inout Turn) {
    produced(key, output, &turn)
    let forward = key.with(.forward)
    guard key.role == .probe, isInDoubt(forward) else { return }
    switch output["applied"]?.boolValue {
    case true?:
      produced(forward, output["output"] ?? .null, &turn)
    case false?: if mayGoOn(forward) { startAttempt(forward, doubtIsSettled: true, &turn) }
    case nil:
      begin(.paused(.unknown, note: "\(state.paths.path(of: key)) did not say"), &turn)
    }
  }

  private mutating func interrupted(_ key: UnitKey, _ stop: UnitStop?, _ turn: inout Turn) {
    switch stop {
    case .givenUp(let reason)?: giveUp(key, reason, &turn)
    case .withTheRun?, .notNeeded?: break
    case nil, .timedOut?, .queueTimedOut?:
      // Its supervisor stopped it for others' sake, or it was stopped before it began: it counts as nothing.
      retry(key, after: state.retry(of: key).policy.initial, &turn)
    }
  }

  private mutating func budgetStopped(_ key: UnitKey, _ refusal: BudgetRefusal, _ turn: inout Turn) {
    guard refusal.action != .pause else {
      return begin(.paused(refusal.pauseReason, note: refusal.message), &turn)
    }
    giveUp(key, RunError(code: refusal.code, message: refusal.message, isRetryable: false), &turn)
  }

  // MARK: Failure

  /// Whether a unit that failed in this way is tried again.
  func isTriedAgain(_ key: UnitKey, _ error: RunError, failures: Int) -> Bool {
    mayGoOn(key) && hasTriesLeft(key, error, failures: failures)
  }

  private func hasTriesLeft(_ key: UnitKey, _ error: RunError, failures: Int) -> Bool {
    let retry = state.retry(of: key)
    guard error.isRetryable, !retry.nonRetryable.contains(where: { $0.matches(error) }) else { return false }
    if key.role == .forward, definition.steps[key.step].onError == .retry { return true }
    return failures < retry.policy.maxAttempts
  }

  /// Neither a halt nor the failure of another step keeps the unit from being tried again.
  private func mayGoOn(_ key: UnitKey) -> Bool {
    guard !isLeaving, !isResting, state.winners == nil else { return false }
    if settlesPivot(key) { return halt == nil || halt?.wayBack != nil }
    guard halt == nil else { return false }
    return key.role != .forward || definition.isFanOut || state.failed.isEmpty
  }

  private mutating func tryAgain(_ key: UnitKey, _ error: RunError, _ turn: inout Turn) {
    guard isTriedAgain(key, error, failures: state.units[key]?.history.failures ?? 0) else {
      return giveUp(key, error, &turn)
    }
    let due = state.units[key]?.dueAt ?? turn.now
    retry(key, after: max(.zero, due - turn.now), &turn)
  }

  mutating func retry(_ key: UnitKey, after delay: Duration, _ turn: inout Turn) {
    guard delay > .zero else { return waitingForRoom.append(key) }
    handedOver.insert(key)
    turn.act(.wake(state.paths.path(of: key), after: delay))
  }

  /// The unit will not be tried again by itself.
  mutating func giveUp(_ key: UnitKey, _ error: RunError, _ turn: inout Turn) {
    // What would be tried again but for a halt of the run has not failed: it goes on when the run does.
    if halt != nil || isLeaving,
      hasTriesLeft(key, error, failures: state.units[key]?.history.failures ?? 0)
    {
      return
    }
    let path = state.paths.path(of: key)
    switch key.role {
    case .forward: giveUpForward(key, path, error, &turn)
    case .back:
      if haltsForCompensation(key, error, &turn) { return }
      guard definition.onCompensationFailure == .pause else {
        return note(.stepSkipped(path: path, .failed(error)), &turn)
      }
      // One without an input never began, and a person has to find it.
      if !state.active.contains(key) { note(.stepBegun(path: path), &turn) }
      begin(.paused(.compensation, note: "\(path): \(error.message)"), &turn)
    case .probe:
      note(.stepFailed(path: path, error), &turn)
      begin(.paused(.unknown, note: "\(path): \(error.message)"), &turn)
    case .judge: note(.stepFailed(path: path, error), &turn)
    }
  }

  private mutating func giveUpForward(_ key: UnitKey, _ path: StepPath, _ error: RunError, _ turn: inout Turn) {
    if definition.steps[key.step].onError == .skip {
      return note(.stepSkipped(path: path, .failed(error)), &turn)
    }
    note(.stepFailed(path: path, error), &turn)
  }

  /// Tries a step without attempts again, whose wait was in vain or whose run failed.
  ///
  /// - Returns: false if its definition does not say `onError: retry`, or names the error as one that is not retried.
  private mutating func beginsAgain(_ key: UnitKey, _ error: RunError, after delay: Duration, _ turn: inout Turn)
    -> Bool
  {
    let retry = state.retry(of: key)
    guard definition.steps[key.step].onError == .retry, !retry.nonRetryable.contains(where: { $0.matches(error) }),
      mayGoOn(key)
    else { return false }
    let path = state.paths.path(of: key)
    // Written down as a failure, so that the journal says why it begins again.
    note(.stepFailed(path: path, error), &turn)
    note(.timerSet(path: path, until: turn.now + delay), &turn)
    handedOver.insert(key)
    turn.act(.wake(path, after: delay))
    return true
  }

  // MARK: Times

  mutating func due(_ path: StepPath, _ turn: inout Turn) {
    guard let key = state.paths.key(of: path), state.active.contains(key), !state.open.contains(key), !isResting,
      handedOver.remove(key) != nil
    else { return }
    // The wall clock may have been set back since the wake was asked for.
    if let due = state.units[key]?.dueAt, due > turn.now {
      handedOver.insert(key)
      return turn.act(.wake(path, after: due - turn.now))
    }
    guard key.role == .forward else { return waitingForRoom.append(key) }
    switch definition.steps[key.step].action {
    case .sleep: note(.stepCompleted(path: path, output: .null), &turn)
    case .event(let name):
      let error = RunError(
        code: "NX-RUN-034", message: "no event `\(name)` came within the step's timeout", isRetryable: false)
      if let limit = definition.steps[key.step].limits.attempt, beginsAgain(key, error, after: limit, &turn) { return }
      giveUp(key, error, &turn)
    case .agent, .run: waitingForRoom.append(key)
    }
  }

  /// What the agent of a unit sleeps for has come: it need not wait for its time.
  mutating func woken(_ path: StepPath, _ turn: inout Turn) {
    guard let key = state.paths.key(of: path), state.active.contains(key), !state.open.contains(key), !isResting,
      halt == nil, agent(of: key) != nil, state.units[key]?.history.isAsleep == true, handedOver.remove(key) != nil
    else { return }
    waitingForRoom.append(key)
  }

  mutating func limitPassed(_ path: StepPath, _ attempt: AttemptNumber, _ stop: UnitStop, _ turn: inout Turn) {
    guard let key = state.paths.key(of: path), state.open.contains(key), stops[key] == nil,
      state.units[key]?.history.openAttempt == attempt
    else { return }
    stops[key] = stop
    turn.act(.stopAttempt(path, .timedOut))
  }

  mutating func gaveUp(on agent: AgentName, _ reason: RunError, _ turn: inout Turn) {
    for key in state.open.sorted(by: Self.before) where self.agent(of: key) == agent && stops[key] == nil {
      stops[key] = .givenUp(reason)
      turn.act(.stopAttempt(state.paths.path(of: key), .givenUp))
    }
  }

  // MARK: Children and events

  mutating func childStarted(_ path: StepPath, _ child: RunID, _ turn: inout Turn) {
    guard let key = state.paths.key(of: path), state.active.contains(key), state.units[key]?.child == nil else {
      return
    }
    note(.childStarted(path: path, run: child), &turn)
    if state.status == .halted { return }
    // The run was told to end, or failed, while the child began.
    switch halt {
    case .paused: break
    case nil, .cancelled, .killed, .timedOut:
      if childrenWereStopped || (halt != nil && isPivot(key)) {
        stopChild(child, of: key, isKilled ? .killed : .cancelled, &turn)
      }
    }
  }

  private var isKilled: Bool { if case .killed? = halt { true } else { false } }

  mutating func childEnded(_ path: StepPath, _ end: ChildEnd, _ turn: inout Turn) {
    guard let key = state.paths.key(of: path), state.active.contains(key), !isEscalated(key) else { return }
    handedOver.remove(key)
    // It is asked for again once the run goes on.
    if state.status == .halted { return }
    if end.status == .completed {
      return produced(key, end.output ?? .null, &turn)
    }
    var error =
      end.error ?? RunError(code: "NX-RUN-035", message: "the run of step \(path) ended \(end.status.rawValue)")
    error.isRetryable = false
    // What the child's own step said of its effect says nothing of the child; one that went back has none.
    error.wasApplied = end.status == .compensated ? false : nil
    // One that could not begin will not begin another time, and one that a person cancelled is not wanted.
    if state.units[key]?.child != nil, end.status != .cancelled {
      let delay = state.retry(of: key).policy.delay(waits: state.units[key]?.failedChildren ?? 0)
      if beginsAgain(key, error, after: delay, &turn) { return }
    }
    giveUp(key, error, &turn)
  }

  mutating func received(_ name: String, _ id: String?, _ payload: JSONValue, _ turn: inout Turn) {
    guard !state.status.isFinal, state.bufferedEvents < FlowState.maxBufferedEvents,
      id.map({ !state.eventIDs.contains($0) }) ?? true
    else { return }
    note(.eventReceived(name: name, id: id, payload: payload), &turn)
    guard state.cause == nil, !state.status.standsStill, halt == nil else { return }
    giveEvents(name, &turn)
  }

  /// What came while the run stood still is given to those who wait for it.
  mutating func giveAllEvents(_ turn: inout Turn) {
    for name in state.events.keys.sorted() { giveEvents(name, &turn) }
  }

  /// Hands the events of that name to the steps that wait for it, to the first first.
  mutating func giveEvents(_ name: String, _ turn: inout Turn) {
    while state.cause == nil, let payload = state.events[name]?.first, let key = state.waiters[name]?.first {
      handedOver.remove(key)
      note(.stepCompleted(path: state.paths.path(of: key), output: payload), &turn)
    }
  }
}
