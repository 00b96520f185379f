// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What a run executes.
package enum RunKind: String, Sendable, CaseIterable { case agent, workflow, saga, pool }

/// The statuses of a run, as contracts name them.
package enum RunStatus: String, Sendable, CaseIterable {
  case queued, running, suspended, paused, compensating
  case completed, failed, compensated
  case compensatedPartial = "compensated-partial"
  case cancelled, stopped, halted

  /// No entry follows, unless a person asks for it.
  package var isFinal: Bool {
    switch self {
    case .completed, .failed, .compensated, .compensatedPartial, .cancelled, .stopped: true
    case .queued, .running, .suspended, .paused, .compensating, .halted: false
    }
  }

  /// Nothing happens until a person decides: it is not over, and does not go on by itself.
  package var standsStill: Bool { self == .paused || self == .halted }
}

/// Why a run failed or an attempt did: a stable code, a sentence, and whether trying again can help.
package struct RunError: Error, Sendable, Hashable {
  package var code: String
  package var message: String
  package var isRetryable: Bool
  /// The exit code of the process, if that is what went wrong.
  package var exit: Int32?
  /// How long whoever failed asks to be left alone.
  package var retryAfter: Duration?
  /// What the agent itself said of its effect: false if it had none; nil if it said nothing.
  package var wasApplied: Bool?
  package init(
    code: String, message: String, isRetryable: Bool = true, exit: Int32? = nil, retryAfter: Duration? = nil,
    wasApplied: Bool? = nil
  ) {
    self.code = code
    self.message = message
    self.isRetryable = isRetryable
    self.exit = exit
    self.retryAfter = retryAfter
    self.wasApplied = wasApplied
  }
}

extension RunError {
  /// The run is being removed, and only a part of it is left.
  package static let pruned = RunError(
    code: "NX-RUN-059", message: "the run is being removed, and a part of it is gone", isRetryable: false)

  /// An attempt that left in order to sleep: it is no failure, and is tried again when the time has come.
  package static func sleeping(until: WallTime, from now: WallTime) -> RunError {
    RunError(code: sleep, message: "sleeps until \(until)", retryAfter: max(.zero, until - now))
  }

  /// An attempt that left because a person is to decide about something first; it goes on when they have, or at the
  /// latest at that time.
  package static func awaiting(_ approval: String, until: WallTime, from now: WallTime) -> RunError {
    RunError(
      code: waitForApproval, message: "waits for the approval \(approval)", retryAfter: max(.zero, until - now))
  }

  private static let sleep = "NX-RUN-054"
  private static let waitForApproval = "NX-APR-001"

  package var isSleep: Bool { code == Self.sleep || code == Self.waitForApproval }
}

/// Why a run stands still.
package enum PauseReason: String, Sendable, CaseIterable {
  case person, budget, poison
  /// A compensation keeps failing.
  case compensation
  /// This version cannot read the definition that the run is pinned to.
  case version
  /// The retries of a step are used up, and its definition says to wait for a person.
  case exhausted
  /// Nobody knows whether a step had its effect, and its definition says to ask.
  case unknown
  /// An agent goes round in circles.
  case loop
  /// An agent has made all the model calls that it may make in the run.
  case calls

  /// In a few words, behind "paused:".
  package var words: String {
    switch self {
    case .person: "a person paused it"
    case .budget: "the budget is used up"
    case .poison: "the node came down over it"
    case .compensation: "a compensation keeps failing"
    case .version: "this version cannot read its definition"
    case .exhausted: "the retries of a step are used up"
    case .unknown: "nobody knows whether a step had its effect"
    case .loop: "the agent goes round in circles"
    case .calls: "the agent has made all the model calls that it may make"
    }
  }
}

extension BudgetRefusal {
  /// Why a run stands still for it.
  package var pauseReason: PauseReason {
    switch reason {
    case .exhausted, .busy, .tooBig, .reserve: .budget
    case .loop: .loop
    // Neither a cassette nor a rule ever pauses.
    case .ceiling, .cassette, .policy: .calls
    }
  }

  /// How the run ends for it, where it does not pause.
  package var end: RunEntry {
    let error = RunError(code: code, message: message, isRetryable: false)
    return reason == .policy ? .stopped(error) : .failed(error)
  }

  /// It is about money or tokens, and not about what the agent does.
  package var isOfBudget: Bool { pauseReason == .budget }
}

/// How an attempt came to its end.
package enum AttemptOutcome: Sendable, Hashable {
  case succeeded
  /// It ended by itself, abnormally.
  case crashed(RunError)
  /// Exit 75: it asks to be tried again later.
  case askedRetry(RunError)
  /// Cut off from outside: the end of the node, a shutdown, a sibling's restart. Counts as nothing.
  case interrupted(String)
  /// It ended unsuccessfully after a budget, or another limit on its calls, said no.
  case budgetStopped(BudgetRefusal)
  /// Asked to stop because the run was cancelled.
  case cancelled
  /// It took longer than it may.
  case timedOut
}

/// What the journal of a run is made of.
///
/// Recovery applies the same entries that live running applied.
package enum RunEntry: Sendable, Hashable {
  case created(RunCreation)
  case attemptStarted(step: StepPath, attempt: AttemptNumber, dropped: Int)
  case attemptEnded(step: StepPath, attempt: AttemptNumber, AttemptEnd)
  /// A durable step of the agent's own: recorded once, first writer wins.
  case stepRecorded(path: StepPath, value: JSONValue)
  case cancelRequested(by: String)
  case paused(PauseReason, note: String)
  case resumed(by: String)
  case completed(output: JSONValue)
  case failed(RunError)
  case cancelled
  /// A person asked for a failed run to go on.
  case retried(by: String)
  /// A person wants the run ended without going back; once nothing is under way, it is.
  case killRequested(by: String)

  // Of workflows, sagas and pools.

  /// The step waits for an event or a run; one that makes attempts begins with the first of them.
  case stepBegun(path: StepPath)
  /// A `forEach` has begun, with this many elements.
  case stepExpanded(path: StepPath, count: Int)
  /// A step is over. Of a `forEach` each element is a step of its own.
  case stepCompleted(path: StepPath, output: JSONValue)
  case stepFailed(path: StepPath, RunError)
  case stepSkipped(path: StepPath, SkipReason)
  /// A person says that the step is done, with this output.
  case stepMarkedDone(path: StepPath, by: String, output: JSONValue)
  /// The step sleeps, or waits for its event at most, until then.
  case timerSet(path: StepPath, until: WallTime)
  /// The run that a step waits for.
  case childStarted(path: StepPath, run: RunID)
  /// An event was sent to the run; the first of its name goes to the first step that waits for it.
  case eventReceived(name: String, id: String?, payload: JSONValue)
  /// The saga goes back.
  case compensationStarted(RunError)
  /// Everything that could be undone is; `isPartial` if a compensation was skipped or given up.
  case compensated(isPartial: Bool)
  /// The results of a pool suffice: these members agree.
  case decided(winners: [StepPath])
  /// A person ended the run at once; the effects of these steps stand as they are.
  case killed(by: String, uncompensated: [StepPath])
  /// The run begins as a copy of another one's journal.
  case forked(from: RunID, sequence: JournalSequence)
  /// The run begins with effects that another one made.
  case effectsKept(KeptEffects)
  /// The node itself trapped while it worked on the run.
  case nodeTrapped
  /// Effects are known by new idempotency keys from here on.
  case epochRaised(by: String)

  // Of validators.

  /// What validators made of a value of the step, and what follows.
  indirect case judged(path: StepPath, GateJudgement)
  /// What a person decided of a value that a validator has escalated.
  case gateDecided(path: StepPath, by: String, GateDecision, note: String)
  /// A rule said no; everything that was to be undone for it is.
  case stopped(RunError)

  /// Whether the run can be trusted, and what it can go back to.
  indirect case integrity(IntegrityEntry)
}

extension RunEntry {
  /// The limit on the whole run counts from this entry on.
  var startsLimit: Bool {
    switch self {
    case .created, .resumed, .retried, .stepMarkedDone, .stepSkipped(_, .person), .integrity(.haltAccepted),
      .integrity(.rolledBack):
      true
    default: false
    }
  }
}

/// Why a step was not done.
package enum SkipReason: Sendable, Hashable {
  /// Its `when` did not hold.
  case condition
  /// It failed, and its `onError` is `skip`.
  case failed(RunError)
  /// A person said so.
  case person(by: String, reason: String)
  /// The run went on without it: its result was not needed any more.
  case notNeeded
}

package struct RunCreation: Sendable, Hashable {
  package var kind: RunKind
  /// The agent's name.
  package var name: String
  package var input: JSONValue
  /// The definition that the run is pinned to.
  package var definition: DefinitionHash
  package var idempotencyKey: String?
  /// The hash of the rules about actions under which it begins; nil where there were none.
  package var policy: String?
  package init(
    kind: RunKind, name: String, input: JSONValue, definition: DefinitionHash, idempotencyKey: String? = nil,
    policy: String? = nil
  ) {
    self.policy = policy
    self.kind = kind
    self.name = name
    self.input = input
    self.definition = definition
    self.idempotencyKey = idempotencyKey
  }
}

package struct AttemptEnd: Sendable, Hashable {
  package var outcome: AttemptOutcome
  /// Effects that the attempt got through, replayed and new.
  package var passed: Int
  package var replayed: Int
  package var tokens: TokenCount
  package var cost: NanoUSD
  package init(
    outcome: AttemptOutcome, passed: Int = 0, replayed: Int = 0, tokens: TokenCount = .zero, cost: NanoUSD = .zero
  ) {
    self.outcome = outcome
    self.passed = passed
    self.replayed = replayed
    self.tokens = tokens
    self.cost = cost
  }
}

/// An entry where it stands in its run's journal.
package struct JournalEntry: Sendable, Hashable {
  package let sequence: JournalSequence
  package let at: WallTime
  package let entry: RunEntry
  package init(sequence: JournalSequence, at: WallTime, entry: RunEntry) {
    self.sequence = sequence
    self.at = at
    self.entry = entry
  }
}
