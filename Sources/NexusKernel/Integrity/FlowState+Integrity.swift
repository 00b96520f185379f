// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
internal import NexusCore

extension UnitState {
  /// As before its first attempt, but for the number of those that there were, and what they cost.
  init(continuing before: UnitState) {
    history = AttemptHistory(continuing: before.history)
    (tokens, cost) = (before.tokens, before.cost)
  }
}

/// A checkpoint that stands: the end of a step, in the order of their ends.
struct CheckpointMark: Sendable {
  var number: Int
  var key: UnitKey
}

// Whether the run can be trusted, and what it can go back to.
extension FlowState {
  mutating func apply(_ entry: IntegrityEntry) {
    switch entry {
    case .halted(let doubt):
      status = .halted
      error = doubt.error
      haltedFor = doubt.condition
    case .haltAccepted(_, _, let policy):
      self.policy = policy
      // The person has seen what there is in doubt, and goes on as the definition says.
      for key in active {
        units[key]?.isAccepted = true
        if haltedFor == .readSetUnknown { units[key]?.readIsAccepted = true }
      }
      goOn(reopens: false, triesFailedAgain: false, settlesDoubt: false)
      haltedFor = nil
    case .checkpointed(let seal): (sealed, lastSeal) = (seal.number, seal.digest)
    case .rollbackStarted(let number, let who, let reason):
      rollback = number
      cause = RunError(
        code: RunError.rolledBack, message: "\(who) has it go back to checkpoint \(number): \(reason)",
        isRetryable: false)
      goOn(reopens: false, triesFailedAgain: false, settlesDoubt: false)
      (error, haltedFor) = (cause, nil)
      abandonForward()
    case .rolledBack(let number, _): restore(to: number)
    case .contextRead(let path, let item): if let key = key(of: path) { reads[key, default: [:]][item.key] = item }
    }
  }

  /// A validator has let what came out of the unit pass.
  func isVerified(_ key: UnitKey) -> Bool {
    guard case .completed? = units[key]?.outcome, let last = gates[key]?.last, last.subject == .output else {
      return false
    }
    return last.mayProceed && last.findings.contains { !$0.isObserved }
  }

  /// The unit was over at the checkpoint that the run goes back to.
  func isKept(_ key: UnitKey, at number: Int) -> Bool {
    line.contains { $0.number <= number && $0.key == key }
  }

  /// As it stood at the checkpoint; what was spent since, and what has happened, stays known.
  private mutating func restore(to number: Int) {
    let kept = line.filter { $0.number <= number }
    let dropped = line.filter { $0.number > number }
    var fresh = FlowState(definition: definition, input: input)
    for mark in kept {
      guard let unit = units[mark.key], let outcome = unit.outcome else { continue }
      if mark.key.item != nil {
        fresh.steps[mark.key.step].count = steps[mark.key.step].count
        fresh.lists[mark.key.step] = lists[mark.key.step]
      }
      fresh.units[mark.key] = unit
      fresh.gates[mark.key] = gates[mark.key]
      fresh.finishForward(mark.key, outcome, hasBegun: false)
    }
    // Attempts are counted on, so that none of them is taken for an earlier one.
    for key in units.keys where !fresh.units.contains(key) {
      guard let unit = units[key], unit.history.attempts > 0 else { continue }
      fresh.units[key] = UnitState(continuing: unit)
    }
    fresh.line = kept
    fresh.takeOver(from: self)
    // What steps have taken that are to wait anew is there for them again.
    for mark in dropped.reversed() {
      guard let name = awaitedEvent(of: mark.key), case .completed(let payload)? = units[mark.key]?.outcome else {
        continue
      }
      fresh.events[name, default: []].prepend(payload)
      fresh.bufferedEvents += 1
    }
    let names = Set(kept.map { paths.path(of: $0.key).text })
    fresh.recorded = recorded.filter { names.contains(String($0.key.text.prefix { $0 != "/" })) }
    fresh.status = .running
    self = fresh
  }

  private mutating func takeOver(from before: FlowState) {
    limitCountsFrom = before.limitCountsFrom
    (calls, kept, attempts, tokens, cost) = (before.calls, before.kept, before.attempts, before.tokens, before.cost)
    // Whatever is done anew is another effect.
    epoch = before.epoch + 1
    rollbacks = before.rollbacks + 1
    over = before.over + 1
    isPartial = before.isPartial
    (events, bufferedEvents) = (before.events, before.bufferedEvents)
    (eventIDs, eventOrder) = (before.eventIDs, before.eventOrder)
    (policy, lastAt) = (before.policy, before.lastAt)
    (checkpointCount, sealed, lastSeal) = (before.checkpointCount, before.sealed, before.lastSeal)
  }
}
