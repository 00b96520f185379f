// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

// How a run is brought to a halt, and how it goes on again.
extension FlowMachine {
  /// How many units in doubt the note of a pause names.
  static let maxNamedUnits = 10

  /// The run comes to a halt once everything under way has ended.
  mutating func begin(_ new: Halt, _ turn: inout Turn) {
    guard !state.status.isFinal, state.status != .halted, outranks(new) else { return }
    if state.status == .paused, !new.endsPause { return }
    halt = new
    stopOpenAttempts(new, &turn)
    if case .paused = new { return }
    awaitChildren(&turn)
    stopChildren(with: new, &turn)
  }

  /// A pause left the children alone: those of a run that is to end are waited for.
  private mutating func awaitChildren(_ turn: inout Turn) {
    for key in state.active.sorted(by: Self.before) where isRun(key) && !handedOver.contains(key) && !isEscalated(key) {
      if let child = state.units[key]?.child {
        handedOver.insert(key)
        turn.act(.awaitChild(state.paths.path(of: key), child))
      } else if state.units[key]?.dueAt == nil {
        begin(key, &turn)
      }
    }
  }

  /// A kill outranks everything, a cancel what goes on afterwards.
  private func outranks(_ new: Halt) -> Bool {
    switch (new, halt) {
    case (_, nil), (.killed, _), (.cancelled, .paused?), (.timedOut, .paused?): true
    // There is no way back before it is known whether the pivot was passed, so what keeps that from being found out counts.
    case (.paused(let reason, _), .cancelled?), (.paused(let reason, _), .timedOut?):
      reason != .person && hasPivotInDoubt
    default: false
    }
  }

  private mutating func stopOpenAttempts(_ halt: Halt, _ turn: inout Turn) {
    let stop: StepStop
    var isKill = false
    switch halt {
    case .cancelled: stop = .cancelled
    case .killed:
      stop = .killed
      isKill = true
    case .paused: stop = .paused
    case .timedOut: stop = .timedOut
    }
    for key in state.open.sorted(by: Self.before) where stops[key] == nil || isKill {
      if halt.wayBack != nil, settlesPivot(key) { continue }
      if stops[key] == nil { stops[key] = .withTheRun }
      turn.act(.stopAttempt(state.paths.path(of: key), stop))
    }
  }

  mutating func stopChildren(_ why: StepStop, _ turn: inout Turn) {
    for (key, child) in openChildren.sorted(by: { Self.before($0.0, $1.0) }) { stopChild(child, of: key, why, &turn) }
  }

  mutating func stopChild(_ child: RunID, of key: UnitKey, _ why: StepStop, _ turn: inout Turn) {
    let policy = why == .killed ? ParentClose.kill : definition.steps[key.step].parentClose
    turn.act(.stopChild(state.paths.path(of: key), child, policy))
    // What goes on by itself is not waited for.
    if policy == .abandon { note(.stepSkipped(path: state.paths.path(of: key), .notNeeded), &turn) }
  }

  mutating func cancel(by who: String, _ turn: inout Turn) {
    // Behind the pivot there is no way back, and whoever asks is told so.
    guard !state.status.isFinal, state.status != .halted, !isBehindReturn else { return }
    if !state.cancelRequested { note(.cancelRequested(by: who), &turn) }
    // The undo of a saga is not cancelled.
    guard state.cause == nil else { return }
    begin(.cancelled(by: who), &turn)
  }

  /// Written down before anything is ended: a node that dies in between has not forgotten it.
  mutating func kill(by who: String, _ turn: inout Turn) {
    guard !state.status.isFinal, state.status != .halted else { return }
    if state.killRequested == nil, !state.open.isEmpty || state.active.contains(where: isRun) {
      note(.killRequested(by: who), &turn)
    }
    begin(.killed(by: who), &turn)
  }

  mutating func leave(_ turn: inout Turn) {
    isLeaving = true
    for key in state.open.sorted(by: Self.before) {
      if stops[key] == nil { stops[key] = .withTheRun }
      turn.act(.stopAttempt(state.paths.path(of: key), .nodeStopping))
    }
  }

  /// Everything under way has ended: what becomes of the run.
  mutating func end(_ reason: Halt, _ turn: inout Turn) {
    halt = nil
    if let ending = reason.wayBack, isPassed(by: reason) { return goOnForward(insteadOf: ending, &turn) }
    switch reason {
    case .cancelled(let who):
      guard definition.kind == .saga else { return note(.cancelled, &turn) }
      note(
        .compensationStarted(
          RunError(code: "NX-RUN-037", message: "the run was cancelled by \(who)", isRetryable: false)), &turn)
    case .killed(let who):
      note(.killed(by: who, uncompensated: undoOrder().map { state.paths.path(of: $0) }), &turn)
    case .paused(.unknown, let text): note(.paused(.unknown, note: question(text)), &turn)
    case .paused(let reason, let text): note(.paused(reason, note: text), &turn)
    case .timedOut:
      let error = RunError(code: "NX-RUN-003", message: "the run took longer than its timeout", isRetryable: false)
      note(definition.kind == .saga ? .compensationStarted(error) : .failed(error), &turn)
    }
  }

  /// The pivot has succeeded although it was stopped: behind it there is only forward, so what was stopped goes on.
  private mutating func goOnForward(insteadOf ending: String, _ turn: inout Turn) {
    note(.resumed(by: "its pivot, which had succeeded before the run could be \(ending)"), &turn)
    childrenWereStopped = false
    let waiting = Set(waitingForRoom)
    for key in state.active.sorted(by: Self.before) where !handedOver.contains(key) && !waiting.contains(key) {
      handOverAgain(key, &turn)
    }
    giveAllEvents(&turn)
  }

  /// Names what a person is asked about: that is what a resume says to try again.
  private func question(_ reason: String) -> String {
    let paths = state.askedAbout.sorted(by: Self.before).map { state.paths.path(of: $0).text }
    guard !paths.isEmpty else { return reason }
    var names = paths.prefix(Self.maxNamedUnits).joined(separator: ", ")
    if paths.count > Self.maxNamedUnits { names += " and \(paths.count - Self.maxNamedUnits) others" }
    let text = "nobody knows whether \(names) had \(paths.count == 1 ? "its" : "their") effect"
    return reason.isEmpty ? text : "\(text): \(reason)"
  }

  // MARK: Going on again

  mutating func goOn(from statuses: Set<RunStatus>, _ entry: RunEntry, _ turn: inout Turn) {
    guard statuses.contains(state.status) else { return }
    note(entry, &turn)
    checkTrust(&turn)
    if isResting { return }
    (childrenWereStopped, toUndo) = (false, nil)
    handOverAgain(&turn)
    giveAllEvents(&turn)
  }

  mutating func retry(by who: String, newKeys: Bool, _ turn: inout Turn) {
    // A saga that has gone back to its beginning is over.
    guard [.failed, .cancelled, .paused].contains(state.status) else { return }
    if newKeys { note(.epochRaised(by: who), &turn) }
    note(.retried(by: who), &turn)
    checkTrust(&turn)
    if isResting { return }
    (childrenWereStopped, toUndo) = (false, nil)
    handOverAgain(&turn)
    giveAllEvents(&turn)
  }

  /// A person decides about one unit.
  mutating func resolve(_ path: StepPath, _ entry: RunEntry, _ turn: inout Turn) {
    guard canResolve(path) else { return }
    note(entry, &turn)
    (childrenWereStopped, toUndo) = (false, nil)
    handOverAgain(&turn)
    giveAllEvents(&turn)
  }

  /// The unit failed, or stands still in a run that does.
  package func canResolve(_ path: StepPath) -> Bool {
    guard state.status == .paused || state.status == .failed, let key = state.paths.key(of: path),
      key.role == .forward || key.role == .back, state.units[key]?.outcome == nil
    else { return false }
    if state.units[key]?.failure != nil { return true }
    // A run of its own goes on by itself, and is decided about itself.
    return state.active.contains(key) && !isRun(key)
  }
}
