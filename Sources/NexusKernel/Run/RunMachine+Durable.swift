// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

// The run of an agent as a durable machine: a run of one step.
extension RunMachine: DurableMachine {
  package var outlook: RunOutlook {
    RunOutlook(
      status: isAsleep || waitsForDecision ? .suspended : state.status, pauseReason: state.pauseReason,
      output: state.output,
      error: state.error,
      attempts: state.attempts, tokens: state.tokens, cost: state.cost)
  }

  /// Nothing is at work, and the agent goes on by itself when its time has come.
  var isAsleep: Bool { state.status == .running && state.openAttempt == nil && sleepsUntil != nil }

  /// A validator has escalated what came out, and a person is to decide.
  private var waitsForDecision: Bool {
    state.gate.isEscalated && !state.status.isFinal && !state.status.standsStill && state.openAttempt == nil
  }

  package var calls: Int { state.calls }

  package var epoch: Int { state.epoch }

  package var rollbacks: Int { 0 }

  package var policy: String? { state.policy }

  package var kept: KeptEffects? { state.kept }

  package var openSteps: Set<StepPath> { hasAttempt ? [step] : [] }

  package var orphanedSteps: [StepPath] { state.openAttempt != nil && !hasAttempt ? [step] : [] }

  package mutating func note(spent: [StepPath: Spend]) { spentByOrphan = spent[step] ?? .zero }

  package mutating func handle(_ event: DurableEvent, at now: WallTime) -> DurableDecision {
    guard let event = own(event) else { return DurableDecision() }
    let halt = clockHalt(at: now)
    note(halt.entries, at: now)
    // What follows from them is said before they hold: `decide` looks at the state that the event came upon.
    let then = decide(event, at: now)
    note(then.entries, at: now)
    let decision = halt + then
    return DurableDecision(decision.entries, decision.actions.map { durable($0) })
  }

  private mutating func note(_ entries: [RunEntry], at now: WallTime) {
    for entry in entries {
      apply(entry)
      lastAt = now
      noteSleep(entry, at: now)
      if entry.startsLimit { limitCountsFrom = now }
    }
  }

  package mutating func apply(_ entry: JournalEntry) {
    restore(entry.entry)
    (lastAt, journaledUntil) = (entry.at, entry.at)
    noteSleep(entry.entry, at: entry.at)
    if entry.entry.startsLimit { limitCountsFrom = entry.at }
  }

  private mutating func noteSleep(_ entry: RunEntry, at time: WallTime) {
    switch entry {
    case .attemptEnded(_, _, let end):
      guard case .askedRetry(let error) = end.outcome, error.isSleep, let length = error.retryAfter else { return }
      sleepsUntil = time + length
    // Whoever has it go on does not want it to sleep.
    case .attemptStarted, .resumed, .retried: sleepsUntil = nil
    default: break
    }
  }

  package func recorded(_ path: StepPath) -> JSONValue? { state.steps[path] }

  package func wouldRetry(_ path: StepPath, after end: AttemptEnd) -> Bool {
    guard path == step, !isStopping, let attempt = state.openAttempt else { return false }
    switch end.outcome {
    case .crashed(let reason), .askedRetry(let reason):
      guard reason.isRetryable else { return false }
      var after = state
      after.apply(.attemptEnded(step: step, attempt: attempt, end))
      return after.failures < retry.maxAttempts
    case .succeeded, .interrupted, .budgetStopped, .cancelled, .timedOut: return false
    }
  }

  package func isStopping(_ path: StepPath) -> Bool { path == step && isStopping }

  /// What an event means for the run of an agent; nil if it means nothing.
  private func own(_ event: DurableEvent) -> Event? {
    switch event {
    case .claimed(let trapped): .claimed(trapped: trapped)
    case .attemptEnded(let path, let end, let output): path == step ? .attemptEnded(end, output: output) : nil
    case .due(let path): path == step ? .retryDue : nil
    case .woken(let path): path == step ? .woken : nil
    case .cancel(let who): .cancel(by: who)
    case .kill(let who): .kill(by: who)
    case .pause(let who): .pause(by: who)
    case .resume(let who): .resume(by: who)
    case .retry(let who, let newKeys): .retry(by: who, newKeys: newKeys)
    case .timeout: .timeout
    case .supervisorGaveUp(_, let reason): .supervisorGaveUp(reason)
    case .nodeStopping: .nodeStopping
    case .recordStep(let path, let value): .recordStep(path, value)
    case .decide(let path, let who, let decision, let note):
      path == step ? .decide(decision, by: who, note: note) : nil
    case .contextRead(let path, let item): path == step ? .contextRead(item) : nil
    case .doubted(let doubt): .doubted(doubt)
    case .acceptHalt(let who, let reason): .acceptHalt(by: who, reason: reason)
    case .rollBack, .attemptTimedOut, .queueTimedOut, .childStarted, .childEnded, .event, .skip, .markDone: nil
    }
  }

  private func durable(_ action: Action) -> DurableAction {
    switch action {
    case .startAttempt(let attempt, let rewind):
      .startAttempt(
        StepOrder(
          step: step, agent: nil, attempt: attempt, rewind: rewind, idempotencyKey: idempotencyKey,
          feedback: state.gate.feedback(by: gates.output)))
    case .retryAfter(let delay): .wake(step, after: delay)
    case .stopAttempt(let reason): .stopAttempt(step, stop(of: reason))
    case .settle: .settle
    }
  }

  /// Nil until a person asks for a new one, or a validator for another output.
  private var idempotencyKey: String? {
    guard let run, state.epoch > 0 || state.gate.retries > 0 else { return nil }
    return (state.epoch > 0 ? "\(run)/e\(state.epoch)/\(step)" : "\(run)/\(step)") + state.gate.keySuffix
  }

  private func stop(of reason: StopReason) -> StepStop {
    switch reason {
    case .cancelled: .cancelled
    case .killed: .killed
    case .timedOut: .timedOut
    case .paused: .paused
    case .givenUp: .givenUp
    case .nodeStopping: .nodeStopping
    }
  }
}
