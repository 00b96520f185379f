// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
package import NexusCore

extension FlowState {
  package mutating func apply(_ entry: RunEntry, at time: WallTime) {
    defer { lastAt = time }
    switch entry {
    case .created(let creation):
      limitCountsFrom = time
      policy = creation.policy
    case .forked: break
    case .effectsKept(let effects): kept = effects
    case .attemptStarted(let path, let attempt, _): applyStart(path, attempt, time)
    case .attemptEnded(let path, _, let end): applyEnd(path, end, time)
    case .stepRecorded(let path, let value):
      applyRecord(path, value)
    case .stepBegun(let path):
      change(path, time) { $0.dueAt = nil }
      lineUp(path)
    case .stepExpanded(let path, let count): applyExpansion(path, count)
    case .stepCompleted(let path, let output): finish(path, .completed(output), time)
    case .stepMarkedDone(let path, _, let output):
      limitCountsFrom = time
      applyPerson(path, .completed(output), time)
    case .stepSkipped(let path, let reason):
      if case .person = reason {
        limitCountsFrom = time
        applyPerson(path, .skipped(reason), time)
      } else {
        finish(path, .skipped(reason), time)
      }
    case .stepFailed(let path, let reason): fail(path, reason, time)
    case .timerSet(let path, let until):
      beginAgain(path)
      change(path, time) { $0.dueAt = until }
      lineUp(path)
    case .childStarted(let path, let run):
      change(path, time) {
        $0.child = run
        $0.wasTried = true
      }
    case .eventReceived(let name, let id, let payload): buffer(name, id, payload)
    case .judged(let path, let judgement): applyJudgement(path, judgement, time)
    case .gateDecided(let path, _, let decision, _): applyDecision(path, decision, time)
    case .integrity(let entry):
      apply(entry)
      if status != .paused { pauseReason = nil }
      if RunEntry.integrity(entry).startsLimit { limitCountsFrom = time }
    case .compensationStarted, .compensated, .decided, .completed, .failed, .stopped, .cancelled, .killed,
      .cancelRequested, .killRequested,
      .paused, .resumed, .retried, .nodeTrapped, .epochRaised:
      if entry.startsLimit { limitCountsFrom = time }
      applyToRun(entry)
    }
  }

  private mutating func applyToRun(_ entry: RunEntry) {
    defer { if status != .paused { pauseReason = nil } }
    switch entry {
    case .compensationStarted(let reason):
      cause = reason
      error = reason
      status = .compensating
      abandonForward()
    case .compensated(let partial): status = partial ? .compensatedPartial : .compensated
    case .decided(let members): winners = members
    case .completed(let value):
      status = .completed
      output = value
      error = nil
    case .failed(let reason):
      status = .failed
      error = reason
    case .stopped(let reason):
      status = .stopped
      error = reason
    case .cancelled: status = .cancelled
    case .killed: status = .cancelled
    case .cancelRequested:
      cancelRequested = true
      // It is on its way to its end, also after a restart of the node; a parked undo stays parked.
      if status == .paused, cause == nil, !isBehindPivot {
        answerDoubt()
        status = .running
        pauseReason = nil
      }
    case .killRequested(let who):
      killRequested = who
      // It is on its way to its end, also after a restart of the node.
      if status == .paused {
        status = cause == nil ? .running : .compensating
        pauseReason = nil
      }
    case .paused(let reason, _):
      status = .paused
      pauseReason = reason
      // Who wanted the end is asked about a pivot first, and may want it all the same.
      if reason == .unknown { cancelRequested = false }
    case .resumed:
      // What failed for good before the pause came is not what the pause was about.
      let isAboutFailure = pauseReason == .exhausted
      goOn(reopens: isAboutFailure, triesFailedAgain: isAboutFailure, settlesDoubt: pauseReason == .unknown)
    case .retried: goOn(reopens: true, triesFailedAgain: true, settlesDoubt: pauseReason == .unknown)
    case .nodeTrapped: traps += 1
    case .epochRaised: epoch += 1
    default: preconditionFailure("an entry of a step")
    }
  }

  // MARK: Attempts

  private mutating func applyStart(_ path: StepPath, _ attempt: AttemptNumber, _ time: WallTime) {
    guard let key = key(of: path) else { return }
    begin(key, time)
    open.insert(key)
    attempts += 1
    if !status.isFinal, status != .halted {
      status = cause == nil ? .running : .compensating
      pauseReason = nil
    }
    change(key) { unit in
      if key.role == .probe { (unit.outcome, unit.failure) = (nil, nil) }
      unit.history.started(attempt)
      unit.dueAt = nil
      unit.isUnknown = false
      if key.role == .forward { unit.isAccepted = false }
    }
    gates[key]?.started()
    if !reads.isEmpty { reads[key] = nil }
  }

  private mutating func applyEnd(_ path: StepPath, _ end: AttemptEnd, _ time: WallTime) {
    guard let key = key(of: path), open.remove(key) else { return }
    tokens += end.tokens
    cost += end.cost
    let delay = retryDelay(key, after: end)
    guard units.contains(key) else { return }
    change(key) { unit in
      unit.history.ended(end)
      unit.tokens += end.tokens
      unit.cost += end.cost
      unit.endedAt = time
      unit.lastError = end.outcome.error ?? unit.lastError
      unit.isUnknown = end.outcome.isInterrupted && end.outcome.hasBegun
      if end.outcome.isUnseen { unit.wasCutOff = true }
      if end.outcome.error?.wasApplied == false { unit.wasCutOff = false }
      unit.wasTried = unit.wasTried || end.outcome.hasBegun
      unit.mayHaveApplied = unit.mayHaveApplied || end.outcome.mayHaveApplied
      unit.dueAt = delay.map { time + $0 }
    }
  }

  /// The wait before the next attempt, should there be one; nil after an end that is no failure of the attempt's own.
  ///
  /// It is a function of the run, the step and the attempt, so that a restart of the node changes nothing.
  private func retryDelay(_ key: UnitKey, after end: AttemptEnd) -> Duration? {
    guard let error = end.outcome.error, var history = units[key]?.history else { return nil }
    history.ended(end)
    let retry = retry(of: key)
    var delay = retry.policy.delay(after: history)
    if retry.jitter > 0 {
      let seed = "\(paths.path(of: key))#\(history.attempts)"
      delay = delay * (1 + retry.jitter * Jitter.fraction(of: seed))
    }
    return max(delay, error.retryAfter ?? .zero)
  }

  func retry(of key: UnitKey) -> StepRetry {
    switch key.role {
    case .forward: definition.steps[key.step].retry
    case .back: definition.steps[key.step].compensation?.retry ?? StepRetry()
    case .probe, .judge: agent(of: key).flatMap { definition.retry(of: $0) } ?? StepRetry()
    }
  }

  /// The agent that a unit's attempts are made by.
  func agent(of key: UnitKey) -> AgentName? {
    switch key.role {
    case .forward: if case .agent(let name) = definition.steps[key.step].action { name } else { nil }
    case .back: definition.steps[key.step].compensation?.agent
    case .probe: if case .probe(let name) = definition.steps[key.step].onUnknown { name } else { nil }
    case .judge: if case .agent(let name)? = definition.decision?.equality { name } else { nil }
    }
  }

  private mutating func applyRecord(_ path: StepPath, _ value: JSONValue) {
    if path.marksCall { calls += 1 }
    guard recorded[path] == nil else { return }
    recorded[path] = value
    // It stands below the step of its agent.
    guard !path.marksSleep, let key = paths.key(of: StepPath(String(path.text.prefix { $0 != "/" }))),
      units[key] != nil
    else { return }
    change(key) { $0.history.recordedResult() }
  }

  // MARK: Steps

  mutating func change(_ path: StepPath, _ time: WallTime, _ body: (inout UnitState) -> Void) {
    guard let key = key(of: path) else { return }
    begin(key, time)
    change(key, body)
  }

  /// Nil for a path that names nothing in this definition.
  func key(at path: StepPath) -> UnitKey? {
    if let lastPath, lastPath.path == path { return lastPath.key }
    return paths.key(of: path)
  }

  /// As `key(at:)`, and remembers the path for the next entry.
  mutating func key(of path: StepPath) -> UnitKey? {
    if let lastPath, lastPath.path == path { return lastPath.key }
    guard let key = paths.key(of: path) else { return nil }
    lastPath = (path, key)
    return key
  }

  /// One look-up, whatever is changed.
  private mutating func change(_ key: UnitKey, _ body: (inout UnitState) -> Void) {
    units.change(key, body)
  }

  /// The unit is under way from here on.
  private mutating func begin(_ key: UnitKey, _ time: WallTime) {
    guard active.insert(key) else { return }
    change(key) { $0.startedAt = $0.startedAt ?? time }
    if !status.isFinal, !status.standsStill { status = cause == nil ? .running : .compensating }
    guard key.role == .forward else { return }
    if key.item != nil { steps[key.step].openItems += 1 }
  }

  private mutating func applyExpansion(_ path: StepPath, _ count: Int) {
    guard let step = paths.index(of: path.text) else { return }
    steps[step].count = count
    if count == 0 { close(step, .completed(.array([]))) }
  }

  mutating func finish(_ path: StepPath, _ outcome: StepOutcome, _ time: WallTime) {
    guard let key = key(of: path), !units.hasOutcome(key) else { return }
    let hasBegun = active.remove(key)
    over += 1
    change(key) { unit in
      unit.outcome = outcome
      unit.failure = nil
      unit.endedAt = time
      unit.dueAt = nil
    }
    if case .skipped(.failed(let reason)) = outcome { noteChildsEffect(of: key, reason) }
    switch key.role {
    case .forward: finishForward(key, outcome, hasBegun: hasBegun)
    case .back:
      undone.insert(key)
      if case .skipped = outcome { isPartial = true }
    case .probe: if outcome.output["applied"] == false { units[key.with(.forward)]?.wasCutOff = false }
    case .judge: break
    }
  }

  mutating func finishForward(_ key: UnitKey, _ outcome: StepOutcome, hasBegun: Bool) {
    checkpointCount += 1
    line.append(CheckpointMark(number: checkpointCount, key: key))
    active.remove(key.with(.probe))
    if case .event(let name) = definition.steps[key.step].action {
      if case .completed = outcome { takeEvent(name) }
      leaveLine(key)
    }
    if case .completed = outcome { completed.append(key) }
    guard key.item != nil else { return close(key.step, outcome) }
    if hasBegun { steps[key.step].openItems -= 1 }
    steps[key.step].overItems += 1
    guard let count = steps[key.step].count, steps[key.step].overItems == count else { return }
    close(key.step, .completed(.array((0..<count).map { itemOutput(key.step, $0) })))
  }

  private func itemOutput(_ step: Int, _ item: Int) -> JSONValue {
    units[UnitKey(step, item: item)]?.outcome?.output ?? .null
  }

  /// The step is over as a whole: what waited for it alone may begin.
  private mutating func close(_ step: Int, _ outcome: StepOutcome) {
    guard steps[step].outcome == nil else { return }
    steps[step].outcome = outcome
    unfinished -= 1
    if definition.steps[step].commitment == .pivot, case .completed = outcome { isBehindPivot = true }
    for dependent in dependents[step] {
      steps[dependent].unmet -= 1
      if steps[dependent].unmet == 0 { ready.append(dependent) }
    }
  }

  private mutating func fail(_ path: StepPath, _ reason: RunError, _ time: WallTime) {
    guard let key = key(of: path), !units.hasOutcome(key) else { return }
    let hasBegun = active.remove(key)
    over += 1
    change(key) { unit in
      unit.failure = reason
      unit.wasCutOff = false
      unit.endedAt = time
      unit.dueAt = nil
    }
    noteChildsEffect(of: key, reason)
    guard key.role == .forward else { return }
    if hasBegun, key.item != nil { steps[key.step].openItems -= 1 }
    failed.append(key)
    leaveLine(key)
  }

  /// A run that ended otherwise than completed may have done part of what it was to do, unless it went back.
  private mutating func noteChildsEffect(of key: UnitKey, _ reason: RunError) {
    if units[key]?.child != nil, reason.wasApplied ?? true { units[key]?.mayHaveApplied = true }
  }
}
