// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

// The point of no return, while it is being passed and when nobody saw whether it was.
extension FlowMachine {
  /// The unit is the point of no return of a saga.
  func isPivot(_ key: UnitKey) -> Bool {
    definition.kind == .saga && key.role == .forward && definition.steps[key.step].commitment == .pivot
  }

  /// What is done there finds out whether a pivot was passed that the end of a node cut off: by trying it again under its
  /// key, or by asking a probe.
  ///
  /// The wish to go back does not stop it: only what it comes to says whether there is a way back.
  func settlesPivot(_ key: UnitKey) -> Bool { isPivotInDoubt(key.role == .probe ? key.with(.forward) : key) }

  /// The node ended during an attempt of the pivot, and nobody knows since whether it was passed.
  private func isPivotInDoubt(_ key: UnitKey) -> Bool {
    isPivot(key) && state.active.contains(key) && state.units[key]?.wasCutOff == true
  }

  /// An attempt of the pivot has succeeded, and a person is asked about what came out.
  private func isEscalatedPivot(_ key: UnitKey) -> Bool {
    isEscalated(key) && state.gates[key]?.asksAboutInput == false
  }

  var hasPivotInDoubt: Bool { definition.kind == .saga && state.active.contains(where: isPivotInDoubt) }

  /// A pivot is under way, or nobody knows whether it was passed: whether there is a way back is not known yet.
  var isPassingPivot: Bool {
    guard definition.kind == .saga, state.cause == nil, !state.isBehindPivot else { return false }
    return state.active.contains { key in
      guard isPivot(key) else { return false }
      return state.open.contains(key) || isPivotInDoubt(key) || isEscalatedPivot(key)
        || (isRun(key) && state.units[key]?.dueAt == nil)
    }
  }

  /// The saga would go back for it, and has passed its pivot meanwhile.
  func isPassed(by halt: Halt) -> Bool { halt.wayBack != nil && isBehindReturn }

  /// Has every pivot settled that a node's end has left in doubt, as its `onUnknown` says.
  mutating func settlePivots(_ turn: inout Turn) {
    guard definition.kind == .saga, !state.isBehindPivot else { return }
    for key in state.active.sorted(by: Self.before) where isPivotInDoubt(key) {
      let isBusy = [key, key.with(.probe)].contains { state.open.contains($0) || handedOver.contains($0) }
      guard !isBusy, hasRoom, halt == nil || halt?.wayBack != nil else { continue }
      startAttempt(key, &turn)
    }
  }

  /// Before a halted saga goes back: finds out whether it has passed its pivot, and tells the runs beside the pivot to end
  /// once it has not.
  ///
  /// - Returns: false as long as it is not known.
  mutating func knowsTheWay(_ turn: inout Turn) -> Bool {
    guard halt?.wayBack != nil, definition.kind == .saga, state.cause == nil else { return true }
    if !isLeaving { settlePivots(&turn) }
    // What would settle it may have paused the run.
    guard let halt, halt.wayBack != nil else { return true }
    if isPassingPivot { return false }
    if !isBehindReturn, !childrenWereStopped { stopChildren(with: halt, &turn) }
    return true
  }

  /// Tells the children of a run to end with it: those beside a pivot that may yet succeed only once it has not.
  mutating func stopChildren(with halt: Halt, _ turn: inout Turn) {
    let why: StepStop
    switch halt {
    case .cancelled: why = .cancelled
    case .killed: why = .killed
    case .timedOut: why = .timedOut
    case .paused: return
    }
    childrenWereStopped = halt.wayBack == nil || !isPassingPivot
    for (key, child) in openChildren.sorted(by: { Self.before($0.0, $1.0) }) where childrenWereStopped || isPivot(key) {
      stopChild(child, of: key, why, &turn)
    }
  }
}
