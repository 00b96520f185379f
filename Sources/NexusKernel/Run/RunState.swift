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
  /// The attempts that were started.
  package private(set) var attempts = 0
  /// The attempt that has started and not ended.
  package private(set) var openAttempt: AttemptNumber?
  /// Attempts since the last progress that ended in failure.
  package private(set) var failures = 0
  /// The high-water mark: the most effects that one attempt ever got through.
  package private(set) var highWater = 0
  /// How many model outcomes the next attempt has to drop: 0, or 1, 2, 4, 8 … while attempts end at the high-water mark.
  package private(set) var pendingRewind = 0
  /// The depth of the rewind before, from which the next one doubles.
  private var lastRewind = 0
  /// The last attempt asked to be tried again later, not at once.
  package private(set) var wantsDelay = false
  package private(set) var cancelRequested = false
  /// Traps of the node itself while it worked on this run.
  package private(set) var traps = 0
  package private(set) var tokens = TokenCount.zero
  package private(set) var cost = NanoUSD.zero
  /// The durable steps that the agent recorded.
  package private(set) var steps: [StepPath: JSONValue] = [:]
  /// How often a person asked for new idempotency keys.
  package private(set) var epoch = 0

  /// How an interruption by a trap of the node is written down.
  package static let trapNote = "trap"

  package init() {}

  package mutating func apply(_ entry: RunEntry) {
    switch entry {
    case .created: status = .queued
    case .attemptStarted(_, let attempt, _):
      status = .running
      attempts = attempt.value
      openAttempt = attempt
      pendingRewind = 0
      pauseReason = nil
      error = nil
    case .attemptEnded(_, _, let end): applyEnd(end)
    case .stepRecorded(let path, let value): if steps[path] == nil { steps[path] = value }
    case .cancelRequested: cancelRequested = true
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
    case .epochRaised: epoch += 1
    case .stepBegun, .stepExpanded, .stepCompleted, .stepFailed, .stepSkipped, .stepMarkedDone, .timerSet,
      .childStarted, .eventReceived, .compensationStarted, .compensated, .decided, .killed, .forked, .nodeTrapped:
      // Of workflows, sagas and pools: the run of an agent has none of them.
      break
    }
  }

  private mutating func restartCount(to status: RunStatus) {
    self.status = status
    pauseReason = nil
    error = nil
    failures = 0
    wantsDelay = false
    cancelRequested = false
    traps = 0
  }

  private mutating func applyEnd(_ end: AttemptEnd) {
    openAttempt = nil
    tokens += end.tokens
    cost += end.cost
    wantsDelay = false
    switch end.outcome {
    case .succeeded, .cancelled, .budgetStopped: break
    case .interrupted(let note): if note == Self.trapNote { traps += 1 }
    case .crashed(let reason):
      error = reason
      countFailure(passed: end.passed, mayRewind: true)
    case .askedRetry(let reason):
      error = reason
      wantsDelay = true
      countFailure(passed: end.passed, mayRewind: false)
    case .timedOut: countFailure(passed: end.passed, mayRewind: false)
    }
  }

  /// Counts an attempt that ended badly, and decides how far the next one goes back.
  ///
  /// Replaying everything would repeat a crash that a bad model answer caused: an attempt that dies at the high-water
  /// mark without passing it makes the next one ask the last answers anew.
  private mutating func countFailure(passed: Int, mayRewind: Bool) {
    if passed > highWater {
      highWater = passed
      failures = 1
      lastRewind = 0
    } else {
      failures += 1
      if mayRewind, passed == highWater, highWater > 0 {
        lastRewind = max(1, lastRewind * 2)
        pendingRewind = lastRewind
      }
    }
  }
}
