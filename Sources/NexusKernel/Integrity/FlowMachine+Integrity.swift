// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
package import NexusCore

// What halts a run, and how it goes on again.
extension FlowMachine {
  /// Halts the run if the project wants that for this doubt.
  ///
  /// - Returns: whether it is halted.
  mutating func halts(for doubt: IntegrityDoubt, _ turn: inout Turn) -> Bool {
    guard rules.stopWhen.contains(doubt.condition) else { return false }
    halt(for: doubt, &turn)
    return true
  }

  /// Nothing of the run goes on from here: it is written down first, and what is under way is killed.
  mutating func halt(for doubt: IntegrityDoubt, _ turn: inout Turn) {
    guard !state.status.isFinal, state.status != .halted else { return }
    closeOrphans(AttemptOutcome.nodeEnded, &turn)
    note(.halted(doubt), &turn)
    halt = nil
    for key in state.open.sorted(by: Self.before) {
      stops[key] = .withTheRun
      turn.act(.stopAttempt(state.paths.path(of: key), .killed))
    }
  }

  /// The clock stands before the last entry: what follows from times cannot be trusted.
  mutating func checkClock(at event: DurableEvent, _ turn: inout Turn) {
    guard let last = state.lastAt, last - turn.now > IntegrityRules.clockTolerance, !isResting else { return }
    let doubt = IntegrityDoubt(
      .clockRegressed, note: "it is \(turn.now.iso8601), and the journal has an entry of \(last.iso8601)")
    guard halts(for: doubt, &turn), case .attemptEnded(let ended, _, _) = event else { return }
    // There is nothing left to kill of the attempt whose end this is.
    turn.decision.actions.removeAll { action in
      guard case .stopAttempt(let path, _) = action else { return false }
      return path == ended
    }
  }

  /// Before the run is gone on with: its checkpoints are what was sealed, and the rules those under which it began.
  mutating func checkTrust(_ turn: inout Turn) {
    if let brokenSeal, !isResting {
      let doubt = IntegrityDoubt(
        .checkpointMismatch, note: "checkpoint \(brokenSeal) is not what was sealed: its journal was changed")
      if halts(for: doubt, &turn) { return }
    }
    if !isResting, let doubt = rules.auditDoubt(journaledUntil) { return halt(for: doubt, &turn) }
    guard state.policy != rules.policy, !isResting else { return }
    _ = halts(for: IntegrityDoubt(.definitionChanged), &turn)
  }

  /// Nobody knows whether the unit had its effect, and its definition does not say how to find out.
  mutating func doubts(_ key: UnitKey, _ turn: inout Turn) -> Bool {
    guard state.units.look(at: key, { $0.isAccepted }) != true else { return false }
    let path = state.paths.path(of: key)
    return halts(
      for: IntegrityDoubt(
        .outcomeUnknown, step: path, note: "an attempt was cut off, and nobody knows whether it had its effect"), &turn)
  }

  /// A compensation will not be tried again by itself, and no person has seen that before.
  mutating func haltsForCompensation(_ key: UnitKey, _ error: RunError, _ turn: inout Turn) -> Bool {
    guard rules.stopWhen.contains(.compensationFailed), state.units.look(at: key, { $0.isAccepted }) != true else {
      return false
    }
    let path = state.paths.path(of: key)
    // One without an input never began, and a person has to find it.
    if !state.active.contains(key) { note(.stepBegun(path: path), &turn) }
    halt(
      for: IntegrityDoubt(.compensationFailed, step: path, note: "\(error.code) \(error.message)"), &turn)
    return true
  }

  /// A validator could not be asked about what came out of the unit, or was to go in.
  mutating func doubts(_ key: UnitKey, _ judgement: GateJudgement, _ turn: inout Turn) {
    guard judgement.hasEvaluatorError, judgement.consequence > .retry else { return }
    let words = judgement.firstComplaint ?? "a validator could not be asked"
    _ = halts(for: IntegrityDoubt(.evaluatorError, step: state.paths.path(of: key), note: words), &turn)
  }

  /// A person takes the doubt upon themselves.
  mutating func acceptHalt(by who: String, reason: String, _ turn: inout Turn) {
    guard state.status == .halted else { return }
    note(.integrity(.haltAccepted(by: who, reason: reason, policy: rules.policy)), &turn)
    journaledUntil = turn.now
    (childrenWereStopped, toUndo) = (false, nil)
    handOverAgain(&turn)
    giveAllEvents(&turn)
  }

  // MARK: Checkpoints

  /// Seals what the run has come to with the end of a step.
  mutating func seal(_ entry: RunEntry, _ turn: inout Turn) {
    guard let digest = rules.digest, let path = entry.endedStep, let seal = nextSeal(digest), seal.step == path else {
      return
    }
    note(.integrity(.checkpointed(seal)), &turn)
  }

  /// The seal of the last checkpoint; nil if it has one.
  private func nextSeal(_ digest: (@Sendable ([UInt8]) -> String)) -> CheckpointSeal? {
    guard let mark = state.line.last, mark.number > state.sealed, let outcome = state.units[mark.key]?.outcome else {
      return nil
    }
    let (path, isVerified) = (state.paths.path(of: mark.key), state.isVerified(mark.key))
    let bytes = CheckpointSeal.bytes(
      number: mark.number, step: path, isVerified: isVerified, outcome: outcome,
      reads: state.reads[mark.key].map { Array($0.values) } ?? [], epoch: state.epoch, policy: state.policy,
      before: state.lastSeal)
    return CheckpointSeal(number: mark.number, step: path, isVerified: isVerified, digest: digest(bytes))
  }

  /// Holds what the journal says was sealed against what it says was done.
  mutating func compare(_ entry: IntegrityEntry) {
    switch entry {
    case .checkpointed(let seal):
      guard let digest = rules.digest, brokenSeal == nil, nextSeal(digest) != seal else { return }
      brokenSeal = seal.number
    // A person has seen it.
    case .haltAccepted: brokenSeal = nil
    case .halted, .rollbackStarted, .rolledBack, .contextRead: break
    }
  }

  /// The checkpoints that the run can go back to, the earliest first; 0 is its beginning.
  package var checkpoints: [CheckpointView] {
    var views = [CheckpointView(number: 0, step: nil, isVerified: true, at: nil)]
    for mark in state.line {
      views.append(
        CheckpointView(
          number: mark.number, step: state.paths.path(of: mark.key), isVerified: state.isVerified(mark.key),
          at: state.units[mark.key]?.endedAt))
    }
    return views
  }

  // MARK: Going back

  /// Why the run cannot go back to a checkpoint; nil if it can.
  package func obstacle(to number: Int, allowsUnverified: Bool) -> RollbackObstacle? {
    guard !definition.isFanOut else { return .pool }
    guard [.halted, .paused, .failed].contains(state.status), state.cause == nil || state.rollback != nil else {
      return .status
    }
    guard let target = checkpoints.first(where: { $0.number == number }) else { return .unknown }
    if let earlier = state.rollback, number > earlier { return .undone }
    guard target.isVerified || allowsUnverified else { return .unverified }
    let dropped = state.line.filter { $0.number > number }
    if definition.kind == .saga, dropped.contains(where: { isPivot($0.key) }) { return .pivot }
    return hasPivotInDoubt ? .pivot : nil
  }

  /// A person has the run go back: what was done after the checkpoint is undone first.
  mutating func rollBack(to number: Int, by who: String, reason: String, allowsUnverified: Bool, _ turn: inout Turn) {
    guard obstacle(to: number, allowsUnverified: allowsUnverified) == nil else { return }
    // What they come to belongs to no step any more.
    for (key, child) in openChildren.sorted(by: { Self.before($0.0, $1.0) }) {
      let policy = definition.steps[key.step].parentClose
      if policy != .abandon { turn.act(.stopChild(state.paths.path(of: key), child, policy)) }
    }
    note(.integrity(.rollbackStarted(to: number, by: who, reason: reason)), &turn)
    (childrenWereStopped, toUndo) = (false, nil)
    handOverAgain(&turn)
  }

  /// What the unit did after the checkpoint, or may have done, is not undone.
  private func stands(_ key: UnitKey, behind number: Int) -> Bool {
    guard key.role == .forward, key.step >= 0, let unit = state.units[key], !state.isKept(key, at: number) else {
      return false
    }
    switch definition.steps[key.step].action {
    // They leave nothing behind.
    case .sleep, .event: return false
    case .agent, .run: break
    }
    if case .completed? = state.units[key.with(.back)]?.outcome { return false }
    if case .completed? = unit.outcome { return true }
    return unit.mayHaveApplied
  }

  /// Everything after the checkpoint is undone, as far as it can be: the run stands as it stood there.
  mutating func restore(to number: Int, _ turn: inout Turn) {
    let standing = state.units.keys.filter { stands($0, behind: number) }.sorted(by: Self.before)
    note(.integrity(.rolledBack(to: number, standing: standing.map { state.paths.path(of: $0) })), &turn)
    (toUndo, childrenWereStopped, handedOver, waitingForRoom) = (nil, false, [], [])
    expanded = state.steps.indices.filter { state.steps[$0].count != nil && state.steps[$0].outcome == nil }
  }
}

/// A place in the life of a run that it can go back to.
package struct CheckpointView: Sendable, Hashable {
  package var number: Int
  /// The step whose end it is; nil for the beginning.
  package var step: StepPath?
  package var isVerified: Bool
  package var at: WallTime?
}

/// Why a run cannot go back to a checkpoint.
package enum RollbackObstacle: Sendable, Hashable {
  /// The members of a pool have no order.
  case pool
  /// The run is under way, over, or going back already.
  case status
  /// There is no such checkpoint.
  case unknown
  /// It was undone already.
  case undone
  /// No validator has let it pass.
  case unverified
  /// A point of no return was passed since, or may have been.
  case pivot
}
