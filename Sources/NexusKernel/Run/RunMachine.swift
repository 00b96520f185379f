// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Decides what happens next in a run that executes one agent.
///
/// Journal-first: `decide` changes nothing. The shell appends the entries, applies them here, then performs the
/// actions; if the append fails, neither happened.
package struct RunMachine: Sendable {
  package enum Event: Sendable, Hashable {
    /// The run was claimed: new, resumed, or found after a restart of the node.
    case claimed(trapped: Bool)
    case attemptEnded(AttemptEnd, output: JSONValue?)
    case retryDue
    /// What the agent sleeps for has come before its time.
    case woken
    case cancel(by: String)
    /// Cancels without asking the process.
    case kill(by: String)
    case pause(by: String)
    case resume(by: String)
    case retry(by: String, newKeys: Bool = false)
    /// The whole run took longer than it may.
    case timeout
    /// The supervisor gave up on the agent.
    case supervisorGaveUp(RunError)
    /// The node goes down in good order; the run goes on when it is up again.
    case nodeStopping
    /// The agent wants a durable step recorded.
    case recordStep(StepPath, JSONValue)
    /// A person decides about a value that a validator has escalated.
    case decide(GateDecision, by: String, note: String)
    /// The agent has read something.
    case contextRead(ContextItem)
    /// The state of the run cannot be trusted, and the project wants it halted for that.
    case doubted(IntegrityDoubt)
    /// A person has a halted run go on all the same.
    case acceptHalt(by: String, reason: String)
  }

  package enum Action: Sendable, Hashable {
    case startAttempt(AttemptNumber, rewind: Int)
    /// Ask for `retryDue` after this long.
    case retryAfter(Duration)
    /// Shut the open attempt down.
    case stopAttempt(StopReason)
    /// Nothing will happen any more unless a person asks.
    case settle
  }

  package enum StopReason: Sendable, Hashable { case cancelled, killed, timedOut, paused, givenUp, nodeStopping }

  package struct Decision: Sendable, Hashable {
    package var entries: [RunEntry]
    package var actions: [Action]
    package init(_ entries: [RunEntry] = [], _ actions: [Action] = []) {
      self.entries = entries
      self.actions = actions
    }
  }

  package private(set) var state: RunState
  package internal(set) var limitCountsFrom: WallTime?
  let step: StepPath
  let retry: RetryPolicy
  /// Nil where nobody asks for keys.
  let run: RunID?
  /// The validators of the agent, and who judges by them.
  let gates: AgentGates
  let rules: IntegrityRules
  /// What to do when the open attempt has ended, if it was told to stop.
  ///
  /// Lost with the node, like the attempt itself.
  var stopping: Stopping?
  /// What the project's state says now of what was read.
  var contextNow: [String: ContextStanding]?
  /// When the last entry was written.
  var lastAt: WallTime?
  /// When the last entry was written that the journal had when the run was taken up.
  var journaledUntil: WallTime?
  /// Until when the agent sleeps between two attempts.
  var sleepsUntil: WallTime?
  /// The attempt that was open when the run was taken over: its process is gone, so no end of it will be reported.
  private var orphan: AttemptNumber?
  /// What it came to.
  var spentByOrphan = Spend.zero

  enum Stopping: Sendable, Hashable {
    case cancelled
    case timedOut
    case paused(by: String)
    case givenUp(RunError)
    case nodeStopping
    /// The run is halted already.
    case halted
  }

  /// The number of traps of the node at which a run is parked.
  package static let maxTraps = 2

  package init(
    state: RunState = RunState(), run: RunID? = nil, step: StepPath = .main, retry: RetryPolicy,
    gates: AgentGates = AgentGates(), rules: IntegrityRules = IntegrityRules()
  ) {
    self.gates = gates
    self.rules = rules
    self.state = state
    self.run = run
    self.step = step
    self.retry = retry
    orphan = state.openAttempt
  }

  /// The open attempt was told to stop, so whatever it ends with is what was asked for.
  package var isStopping: Bool { stopping != nil }

  /// An attempt is under way in this process.
  var hasAttempt: Bool { state.openAttempt != nil && state.openAttempt != orphan }

  /// The end of an attempt that nobody can report any more.
  func closing(_ note: String = AttemptOutcome.nodeEnded) -> [RunEntry] {
    guard let attempt = state.openAttempt else { return [] }
    let end = AttemptEnd(outcome: .interrupted(note), tokens: spentByOrphan.tokens, cost: spentByOrphan.cost)
    return [.attemptEnded(step: step, attempt: attempt, end)]
  }

  package mutating func apply(_ entry: RunEntry) { state.apply(entry) }

  /// Applies an entry that another node, or an earlier life of this one, wrote.
  mutating func restore(_ entry: RunEntry) {
    state.apply(entry)
    orphan = state.openAttempt
  }

  /// What follows from an event.
  ///
  /// Only the memory of a stop in progress changes here; everything else by `apply`.
  package mutating func decide(_ event: Event, at now: WallTime? = nil) -> Decision {
    switch event {
    case .claimed(let trapped): claimed(trapped: trapped, at: now)
    case .attemptEnded(let end, let output): attemptEnded(end, output: output, at: now)
    case .retryDue:
      state.openAttempt == nil && state.status == .running ? sleep(at: now) ?? start(at: now) : Decision()
    case .woken: isAsleep ? start(at: now) : Decision()
    case .cancel(let who): cancel(by: who)
    case .kill(let who): kill(by: who)
    case .pause(let who): pause(by: who)
    case .resume(let who): again(from: [.paused], [.resumed(by: who)], at: now)
    case .retry(let who, let newKeys):
      again(
        from: [.failed, .cancelled, .paused],
        newKeys ? [.epochRaised(by: who), .retried(by: who)] : [.retried(by: who)], at: now)
    case .timeout: stop(.timedOut, .timedOut)
    case .supervisorGaveUp(let reason): stop(.givenUp(reason), .givenUp)
    case .nodeStopping: nodeStopping()
    case .decide(let decision, let who, let note): decided(decision, by: who, note: note, at: now)
    case .contextRead(let item): read(item)
    case .doubted(let doubt): halted(for: doubt)
    case .acceptHalt(let who, let reason): acceptHalt(by: who, reason: reason, at: now)
    case .recordStep(let path, let value):
      !hasAttempt || state.status == .halted || state.steps[path] != nil
        ? Decision() : Decision([.stepRecorded(path: path, value: value)])
    }
  }

  /// A person has the run go on; if it does not stand where that was asked for, it is let go of.
  private func again(from statuses: Set<RunStatus>, _ entries: [RunEntry], at now: WallTime?) -> Decision {
    guard statuses.contains(state.status) else {
      return hasAttempt || state.gate.isEscalated ? Decision() : Decision([], [.settle])
    }
    if let doubt = trustDoubt { return Decision(entries + [.halted(doubt)], [.settle]) }
    return Decision(entries) + start(at: now)
  }

  private func claimed(trapped: Bool, at now: WallTime?) -> Decision {
    guard !state.status.isFinal, !state.status.standsStill else { return Decision([], [.settle]) }
    var decision = Decision(closing(trapped ? RunState.trapNote : AttemptOutcome.nodeEnded))
    if state.traps + (trapped ? 1 : 0) >= Self.maxTraps {
      decision.entries.append(.paused(.poison, note: "the node trapped \(Self.maxTraps) times on this run"))
      decision.actions.append(.settle)
      return decision
    }
    if let doubt = trustDoubt {
      decision.entries.append(.halted(doubt))
      decision.actions.append(.settle)
      return decision
    }
    if state.cancelRequested {
      decision.entries.append(.cancelled)
      decision.actions.append(.settle)
      return decision
    }
    return decision + (sleep(at: now) ?? start(at: now))
  }

  /// The agent went to sleep, and the time has not come.
  private func sleep(at now: WallTime?) -> Decision? {
    guard let sleepsUntil, let now, sleepsUntil > now else { return nil }
    return Decision([], [.retryAfter(sleepsUntil - now)])
  }

  func start(at now: WallTime?) -> Decision {
    // Whatever has it go on, the value that a person is asked about waits for the answer.
    if state.gate.isEscalated { return Decision() }
    let entrance = entrance(at: now)
    guard entrance.isOpen else { return entrance.decision }
    let number = AttemptNumber(state.attempts + 1)
    let rewind = max(state.pendingRewind, gates.asksAnew ? state.gate.pendingRewind : 0)
    return entrance.decision
      + Decision(
        [.attemptStarted(step: step, attempt: number, dropped: rewind)], [.startAttempt(number, rewind: rewind)])
  }

  private mutating func cancel(by who: String) -> Decision {
    guard !state.status.isFinal, state.status != .halted else { return Decision() }
    guard hasAttempt else {
      let request: [RunEntry] = state.cancelRequested ? [] : [.cancelRequested(by: who)]
      return Decision(closing() + request + [.cancelled], [.settle])
    }
    guard !state.cancelRequested else { return Decision() }
    stopping = .cancelled
    return Decision([.cancelRequested(by: who)], [.stopAttempt(.cancelled)])
  }

  private mutating func kill(by who: String) -> Decision {
    guard !state.status.isFinal, state.status != .halted, hasAttempt else { return cancel(by: who) }
    stopping = .cancelled
    return Decision(state.cancelRequested ? [] : [.cancelRequested(by: who)], [.stopAttempt(.killed)])
  }

  private mutating func pause(by who: String) -> Decision {
    guard !state.status.isFinal, !state.status.standsStill else { return Decision() }
    guard hasAttempt else {
      return Decision(closing() + [.paused(.person, note: "paused by \(who)")], [.settle])
    }
    guard stopping == nil else { return Decision() }
    stopping = .paused(by: who)
    return Decision([], [.stopAttempt(.paused)])
  }

  private mutating func stop(_ why: Stopping, _ reason: StopReason) -> Decision {
    guard !state.status.isFinal, !state.status.standsStill, stopping == nil else { return Decision() }
    guard hasAttempt else { return Decision(closing() + [ending(after: why)].compactMap(\.self), [.settle]) }
    stopping = why
    return Decision([], [.stopAttempt(reason)])
  }

  private mutating func nodeStopping() -> Decision {
    guard hasAttempt else { return Decision([], [.settle]) }
    if stopping == nil { stopping = .nodeStopping }
    return Decision([], [.stopAttempt(.nodeStopping)])
  }

  /// How the run itself ends after a stop; nil if it does not.
  func ending(after why: Stopping) -> RunEntry? {
    switch why {
    case .nodeStopping, .halted: nil
    case .cancelled: .cancelled
    case .timedOut:
      .failed(RunError(code: "NX-RUN-003", message: "the run took longer than its timeout", isRetryable: false))
    case .paused(let who): .paused(.person, note: "paused by \(who)")
    case .givenUp(let reason): .failed(reason)
    }
  }

  private static func outcome(of why: Stopping) -> AttemptOutcome {
    switch why {
    case .cancelled: .cancelled
    case .timedOut: .timedOut
    case .paused: .interrupted("paused")
    case .givenUp: .interrupted("the supervisor gave up")
    case .nodeStopping: .interrupted("the node stopped")
    case .halted: .interrupted(AttemptOutcome.halted)
    }
  }

  private mutating func attemptEnded(_ end: AttemptEnd, output: JSONValue?, at now: WallTime?) -> Decision {
    guard hasAttempt, let attempt = state.openAttempt else { return Decision() }
    defer { stopping = nil }
    // A result that came in spite of a stop is a result; nothing done is thrown away. A program that only says a polite
    // goodbye when it is asked to end (exit 0, no output) has none.
    if case .succeeded = end.outcome, stopping == nil || !(output ?? .null).isNothing, stopping != .halted {
      return Decision([.attemptEnded(step: step, attempt: attempt, end)])
        + produced(output ?? .null, cost: end.cost, insteadOf: stopping, at: now)
    }
    if let stopping {
      var stopped = end
      stopped.outcome = Self.outcome(of: stopping)
      return Decision(
        [.attemptEnded(step: step, attempt: attempt, stopped)] + [ending(after: stopping)].compactMap(\.self), [.settle]
      )
    }
    var after = state
    let ended = RunEntry.attemptEnded(step: step, attempt: attempt, end)
    after.apply(ended)
    switch end.outcome {
    case .succeeded, .cancelled: return Decision([ended, .cancelled], [.settle])
    case .interrupted: return Decision([ended], [.retryAfter(retry.initial)])
    case .budgetStopped(let refusal):
      return refusal.action == .pause
        ? Decision([ended, .paused(refusal.pauseReason, note: refusal.message)], [.settle])
        : Decision([ended, refusal.end], [.settle])
    case .timedOut: return Decision([ended] + [ending(after: .timedOut)].compactMap(\.self), [.settle])
    case .crashed(let reason), .askedRetry(let reason):
      guard reason.isRetryable, after.failures < retry.maxAttempts else {
        return Decision([ended, .failed(reason)], [.settle])
      }
      return Decision([ended], [.retryAfter(max(after.delay(by: retry), reason.retryAfter ?? .zero))])
    }
  }
}

extension RunMachine.Decision {
  static func + (left: Self, right: Self) -> Self { Self(left.entries + right.entries, left.actions + right.actions) }
}

extension JSONValue {
  /// What an agent leaves behind that wrote nothing.
  package var isNothing: Bool { self == .null || self == "" }
}
