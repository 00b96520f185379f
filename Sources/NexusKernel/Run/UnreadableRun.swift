// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The machine of a run whose definition this version cannot read: it does nothing, and can be ended.
///
/// The run is parked with the reason `version`; a version that can read the definition resumes it.
package struct UnreadableRun: DurableMachine {
  package private(set) var outlook = RunOutlook(status: .queued)

  package init() {}

  package var openSteps: Set<StepPath> { [] }
  package var orphanedSteps: [StepPath] { [] }
  package mutating func note(spent: [StepPath: Spend]) {}
  package private(set) var calls = 0
  package var epoch: Int { 0 }
  package var rollbacks: Int { 0 }
  package var policy: String? { nil }
  package var kept: KeptEffects? { nil }
  package var limitCountsFrom: WallTime? { nil }
  package func readItems(_ path: StepPath) -> [ContextItem] { [] }
  package mutating func note(standing: [String: ContextStanding]?) {}

  package mutating func handle(_ event: DurableEvent, at now: WallTime) -> DurableDecision {
    guard !outlook.status.isFinal else { return DurableDecision([], [.settle]) }
    switch event {
    case .claimed, .resume, .retry:
      guard !outlook.status.standsStill else { return DurableDecision([], [.settle]) }
      let note = "this version cannot read the definition that the run is pinned to"
      return writing([.paused(.version, note: note)])
    case .acceptHalt(let who, let reason):
      guard outlook.status == .halted else { return DurableDecision([], [.settle]) }
      let note = "this version cannot read the definition that the run is pinned to"
      return writing([
        .integrity(.haltAccepted(by: who, reason: reason, policy: nil)), .paused(.version, note: note),
      ])
    case .doubted(let doubt):
      return outlook.status == .halted ? DurableDecision([], [.settle]) : writing([.halted(doubt)])
    case .cancel(let who):
      return outlook.status == .halted
        ? DurableDecision([], [.settle]) : writing([.cancelRequested(by: who), .cancelled])
    case .kill(let who):
      return outlook.status == .halted
        ? DurableDecision([], [.settle]) : writing([.killed(by: who, uncompensated: [])])
    case .contextRead, .rollBack, .attemptEnded, .due, .woken, .attemptTimedOut, .queueTimedOut, .childStarted,
      .childEnded, .event, .pause,
      .skip,
      .markDone, .decide, .timeout, .supervisorGaveUp, .nodeStopping, .recordStep:
      return DurableDecision([], [.settle])
    }
  }

  private mutating func writing(_ entries: [RunEntry]) -> DurableDecision {
    for entry in entries { note(entry) }
    return DurableDecision(entries, [.settle])
  }

  package mutating func apply(_ entry: JournalEntry) { note(entry.entry) }

  /// Only what lists show of a run is kept: the words for it are the same in all versions.
  private mutating func note(_ entry: RunEntry) {
    defer { if outlook.status != .paused { outlook.pauseReason = nil } }
    switch entry {
    case .attemptStarted:
      outlook.status = .running
      outlook.attempts += 1
    case .attemptEnded(_, _, let end):
      outlook.tokens += end.tokens
      outlook.cost += end.cost
    case .paused(let reason, _): (outlook.status, outlook.pauseReason) = (.paused, reason)
    case .resumed, .retried:
      outlook.status = .running
      outlook.error = nil
    case .completed(let output): (outlook.status, outlook.output) = (.completed, output)
    case .failed(let error): (outlook.status, outlook.error) = (.failed, error)
    case .stopped(let error): (outlook.status, outlook.error) = (.stopped, error)
    case .cancelled, .killed: outlook.status = .cancelled
    case .compensationStarted(let error): (outlook.status, outlook.error) = (.compensating, error)
    case .compensated(let isPartial): outlook.status = isPartial ? .compensatedPartial : .compensated
    case .stepRecorded(let path, _): if path.marksCall { calls += 1 }
    case .integrity(.halted(let doubt)): (outlook.status, outlook.error) = (.halted, doubt.error)
    case .integrity(.haltAccepted), .integrity(.rollbackStarted):
      outlook.status = .running
      outlook.error = nil
    case .created, .cancelRequested, .killRequested, .stepBegun, .stepExpanded, .stepCompleted, .stepFailed,
      .stepSkipped,
      .stepMarkedDone, .timerSet, .childStarted, .eventReceived, .decided, .forked, .effectsKept, .nodeTrapped,
      .epochRaised, .judged, .gateDecided, .integrity(.checkpointed), .integrity(.rolledBack),
      .integrity(.contextRead):
      break
    }
  }

  package func recorded(_ path: StepPath) -> JSONValue? { nil }
  package func wouldRetry(_ path: StepPath, after end: AttemptEnd) -> Bool { false }
  package func isStopping(_ path: StepPath) -> Bool { false }
}
