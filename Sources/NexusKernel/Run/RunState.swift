// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What a run's journal adds up to.
///
/// `apply` is the only way in which it changes, live and in recovery alike, so that both come to the same state.
package struct RunState: Sendable, Hashable {
  package private(set) var status = RunStatus.queued
  package private(set) var pauseReason: PauseReason?
  package private(set) var output: JSONValue?
  package private(set) var error: RunError?
  /// How often the agent was tried, and how that ended.
  private var history = AttemptHistory()
  package private(set) var cancelRequested = false
  /// Traps of the node itself while it worked on this run.
  package private(set) var traps = 0
  package private(set) var tokens = TokenCount.zero
  package private(set) var cost = NanoUSD.zero
  /// The durable steps that the agent recorded.
  package private(set) var steps: [StepPath: JSONValue] = [:]
  /// The agent has called others.
  package private(set) var calls = 0
  /// How often a person asked for new idempotency keys.
  package private(set) var epoch = 0
  /// What the run began with.
  package private(set) var kept: KeptEffects?
  /// What validators made of the agent's outputs.
  package private(set) var gate = GateHistory()
  /// What the open attempt has read, by key.
  package private(set) var reads: [String: ContextItem] = [:]
  /// A person has seen that nobody can tell whether what was read holds, and has the run go on all the same.
  package private(set) var readIsAccepted = false
  /// Why the run is halted.
  package private(set) var haltedFor: StopCondition?
  /// The rules about actions that the run is held to.
  package private(set) var policy: String?

  /// How an interruption by a trap of the node is written down.
  package static let trapNote = "trap"

  package init() {}

  package mutating func apply(_ entry: RunEntry) {
    defer { if status != .paused { pauseReason = nil } }
    switch entry {
    case .created(let creation):
      status = .queued
      policy = creation.policy
    case .integrity(let entry): apply(entry)
    case .attemptStarted(_, let attempt, _):
      status = .running
      history.started(attempt)
      gate.started()
      reads = [:]
      pauseReason = nil
      error = nil
    case .attemptEnded(_, _, let end): applyEnd(end)
    case .stepRecorded(let path, let value):
      if steps[path] == nil {
        steps[path] = value
        if !path.marksSleep { history.recordedResult() }
        if path.marksCall { calls += 1 }
      }
    // Of an agent there is nothing to go back over.
    case .cancelRequested, .killRequested: cancelRequested = true
    case .paused(let reason, _):
      status = .paused
      pauseReason = reason
    case .resumed: restartCount(to: .queued)
    case .retried: restartCount(to: .queued)
    case .completed(let value):
      status = .completed
      output = value
      error = nil
    case .failed(let reason):
      status = .failed
      error = reason
    case .cancelled: status = .cancelled
    case .judged(_, let judgement): gate.apply(judgement)
    case .gateDecided(_, _, let decision, _): gate.apply(decision)
    case .stopped(let reason):
      status = .stopped
      error = reason
    case .epochRaised: epoch += 1
    case .effectsKept(let effects): kept = effects
    case .stepBegun, .stepExpanded, .stepCompleted, .stepFailed, .stepSkipped, .stepMarkedDone, .timerSet,
      .childStarted, .eventReceived, .compensationStarted, .compensated, .decided, .killed, .forked, .nodeTrapped:
      // Of workflows, sagas and pools: the run of an agent has none of them.
      break
    }
  }

  private mutating func apply(_ entry: IntegrityEntry) {
    switch entry {
    case .halted(let doubt):
      status = .halted
      error = doubt.error
      haltedFor = doubt.condition
    case .haltAccepted(_, _, let policy):
      self.policy = policy
      restartCount(to: .queued)
      readIsAccepted = readIsAccepted || haltedFor == .readSetUnknown
      haltedFor = nil
    // Of flows: the run of an agent has none of them.
    case .checkpointed, .rollbackStarted, .rolledBack: break
    case .contextRead(_, let item): reads[item.key] = item
    }
  }

  private mutating func restartCount(to status: RunStatus) {
    self.status = status
    pauseReason = nil
    error = nil
    history.forgive()
    gate.reopen()
    cancelRequested = false
    traps = 0
  }

  private mutating func applyEnd(_ end: AttemptEnd) {
    history.ended(end)
    tokens += end.tokens
    cost += end.cost
    switch end.outcome {
    case .succeeded, .cancelled, .budgetStopped, .timedOut: break
    case .interrupted(let note): if note == Self.trapNote { traps += 1 }
    case .crashed(let reason), .askedRetry(let reason): error = reason
    }
  }
}

extension RunState {
  /// The attempts that were started.
  package var attempts: Int { history.attempts }
  /// The attempt that has started and not ended.
  package var openAttempt: AttemptNumber? { history.openAttempt }
  /// Attempts since the last progress that ended in failure.
  package var failures: Int { history.failures }
  /// The most effects that one attempt ever got through.
  package var highWater: Int { history.highWater }
  /// How many model outcomes the next attempt has to drop.
  package var pendingRewind: Int { history.pendingRewind }

  /// The wait before the next attempt.
  func delay(by retry: RetryPolicy) -> Duration { retry.delay(after: history) }
}

extension StepPath {
  /// The parts of paths that nobody may give a step: what the node itself records stands below them.
  package static let reserved = [".call", ".calls", ".sleep"]

  /// Where it is recorded that the agent of a step is about to call another one: a path for each call.
  package var marksCall: Bool { text.hasPrefix(".calls/") || text.contains("/.calls/") }

  /// Where it is recorded until when the agent of a step sleeps: no result of its work.
  var marksSleep: Bool { text.hasPrefix(".sleep/") || text.contains("/.sleep/") }
}
