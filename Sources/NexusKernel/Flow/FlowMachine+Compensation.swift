// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

// The way back of a saga.
extension FlowMachine {
  /// One compensation after the other; the last one that is over ends the run.
  mutating func goBack(_ turn: inout Turn) {
    if let current = state.active.first(where: { $0.role == .back }) {
      if !state.open.contains(current), !handedOver.contains(current) { startAttempt(current, &turn) }
    } else if let next = nextToUndo() {
      startAttempt(next.with(.back), &turn)
    } else if let number = state.rollback {
      restore(to: number, &turn)
    } else if let cause = state.cause, cause.isStop, !state.isPartial {
      note(.stopped(cause), &turn)
    } else {
      note(.compensated(isPartial: state.isPartial), &turn)
    }
  }

  /// The order is worked out once: nothing but a person changes it while the saga goes back.
  private mutating func nextToUndo() -> UnitKey? {
    var rest = toUndo ?? undoOrder().reversed()
    let next = rest.popLast()
    toUndo = rest
    return next
  }

  /// What is to be undone still: first what may have had an effect without having completed, then what completed, the
  /// last first.
  func undoOrder() -> [UnitKey] {
    guard definition.kind == .saga else { return [] }
    let doubtful = state.units.keys.filter { key in
      guard key.role == .forward, let unit = state.units[key], case .completed? = unit.outcome else {
        return key.role == .forward && state.isDoubtful(key)
      }
      return false
    }
    let order = doubtful.sorted { Self.before($1, $0) } + state.completed.reversed()
    return order.filter { key in
      definition.steps[key.step].compensation != nil && !state.undone.contains(key.with(.back))
        && state.rollback.map { !state.isKept(key, at: $0) } ?? true
    }
  }
}

extension FlowState {
  /// A step that did not complete and may have had an effect all the same.
  func isDoubtful(_ key: UnitKey) -> Bool {
    guard let unit = units[key], let compensation = definition.steps[key.step].compensation else { return false }
    switch unit.outcome {
    // The second goes on by itself.
    case .skipped(.person)?, .skipped(.notNeeded)?: return false
    default: break
    }
    switch compensation.ofFailed {
    case .never: return false
    case .always: return unit.wasTried
    case .auto: return unit.mayHaveApplied
    }
  }
}
