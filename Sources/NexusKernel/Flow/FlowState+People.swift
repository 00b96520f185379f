// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
internal import NexusCore

// What people do.
extension FlowState {
  /// A person decided about a unit that had failed or stood in doubt; the run goes on.
  mutating func applyPerson(_ path: StepPath, _ outcome: StepOutcome, _ time: WallTime) {
    guard let key = key(of: path), !units.hasOutcome(key) else { return }
    failed.removeAll { $0 == key }
    // What it may have done stands.
    if case .skipped = outcome, key.role == .forward, definition.kind == .saga, isDoubtful(key) { isPartial = true }
    finish(path, outcome, time)
    goOn(reopens: true, triesFailedAgain: false, settlesDoubt: false)
  }

  /// What failed before does not count any more.
  ///
  /// - Parameters:
  ///   - reopens: what failed for good is done again.
  ///   - triesFailedAgain: the person has what failed tried again, although nobody may know what it did.
  ///   - settlesDoubt: the person has the units tried again that the run has asked about.
  mutating func goOn(reopens: Bool, triesFailedAgain: Bool, settlesDoubt: Bool) {
    if settlesDoubt { for key in askedAbout { units[key]?.isUnknown = false } }
    status = cause == nil ? .running : .compensating
    pauseReason = nil
    error = cause
    cancelRequested = false
    killRequested = nil
    traps = 0
    // Whom the judge is asked about may have changed, and a retry is a retry of the judge, too.
    if var judge = units[.judge] {
      (judge.outcome, judge.failure) = (nil, nil)
      judge.history.forgive()
      units[.judge] = judge
    }
    if cause == nil, reopens { reopenFailed(triesFailedAgain: triesFailedAgain) }
    for key in active where !open.contains(key) {
      units[key]?.history.forgive()
      gates[key]?.forgive()
      if units[key]?.lastError != nil, awaitedEvent(of: key) == nil { units[key]?.dueAt = nil }
    }
  }

  /// Whoever cancels a run that asks about a unit says that it had no effect; one that the node could not bear is not
  /// tried again to find out.
  mutating func answerDoubt() {
    switch pauseReason {
    case .unknown: for key in askedAbout { units[key]?.wasCutOff = false }
    case .poison: for key in active { units[key]?.wasCutOff = false }
    default: break
    }
  }

  private mutating func reopenFailed(triesFailedAgain: Bool) {
    for key in failed {
      units[key]?.failure = nil
      units[key]?.history.forgive()
      gates[key]?.reopen()
      if triesFailedAgain { units[key]?.isUnknown = false }
      dropChild(of: key)
      reopen(key)
    }
    failed = []
  }

  /// The next run of the step is another one.
  mutating func dropChild(of key: UnitKey) {
    guard units[key]?.child != nil else { return }
    units[key]?.child = nil
    units[key]?.failedChildren += 1
  }

  /// A step that failed just now and begins again by itself.
  mutating func beginAgain(_ path: StepPath) {
    guard let key = key(of: path), let failure = units[key]?.failure else { return }
    failed.removeAll { $0 == key }
    units[key]?.failure = nil
    units[key]?.lastError = failure
    dropChild(of: key)
  }

  /// A unit that was over is to be done again.
  private mutating func reopen(_ key: UnitKey) {
    if key.item != nil {
      steps[key.step].nextItem = min(steps[key.step].nextItem, key.item ?? 0)
    } else if steps[key.step].outcome == nil {
      ready.append(key.step)
    }
  }

  /// The saga goes back: what has begun forward and is not over is left as it is.
  mutating func abandonForward() {
    for key in active where key.role != .back { active.remove(key) }
    ready = []
  }
}
