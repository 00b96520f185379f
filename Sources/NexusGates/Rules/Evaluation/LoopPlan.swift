// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A macro that goes through a list or a map.
struct LoopPlan: Sendable {
  let range: EvaluationStep
  /// Of the element of a list or the key of a map; with a second variable of the index or the key.
  let slot: Int
  /// Of the element or the value.
  let secondSlot: Int?
  let condition: EvaluationStep?
  let body: EvaluationStep
  let offset: Int

  func step(_ kind: RuleExpression.Comprehension.Kind) -> EvaluationStep {
    switch kind {
    case .all: quantifier(deciding: false)
    case .exists: quantifier(deciding: true)
    case .existsOne: existsOne
    case .list: list
    case .filter: filter
    case .transformMap: transformMap(isEntry: false)
    case .transformMapEntry: transformMap(isEntry: true)
    }
  }

  /// Calls `visit` for each element with the variables set, until it returns false; each pays a unit.
  @inline(__always)
  private func forEach(
    _ state: inout EvaluationState, _ visit: (inout EvaluationState) throws(RuleFault) -> Bool
  ) throws(RuleFault) {
    let collection = try range(&state)
    switch collection {
    case .list(let elements):
      for (index, element) in elements.enumerated() {
        try state.meter.spend(Meter.unit)
        if let secondSlot {
          state.locals[slot] = .int(Int64(index))
          state.locals[secondSlot] = element
        } else {
          state.locals[slot] = element
        }
        guard try visit(&state) else { return }
      }
    case .map(let map):
      for entry in map.entries {
        try state.meter.spend(Meter.unit)
        state.locals[slot] = entry.key
        if let secondSlot { state.locals[secondSlot] = entry.value }
        guard try visit(&state) else { return }
      }
    default: throw RuleFault.noOverload("macro over", collection).located(at: offset)
    }
  }

  /// `all` and `exists`: a deciding element absorbs the errors of the others.
  private func quantifier(deciding: Bool) -> EvaluationStep {
    { state throws(RuleFault) in
      var first: RuleFault?
      var isDecided = false
      try forEach(&state) { state throws(RuleFault) in
        do throws(RuleFault) {
          let value = try body(&state)
          if case .bool(let value) = value {
            isDecided = value == deciding
          } else if first == nil {
            first = RuleFault.noOverload(deciding ? "exists()" : "all()", value).located(at: offset)
          }
        } catch {
          if error.isFinal { throw error }
          if first == nil { first = error }
        }
        return !isDecided
      }
      if isDecided { return .bool(deciding) }
      if let first { throw first }
      return .bool(!deciding)
    }
  }

  private func holds(_ step: EvaluationStep, _ state: inout EvaluationState) throws(RuleFault) -> Bool {
    let value = try step(&state)
    guard case .bool(let holds) = value else { throw RuleFault.noOverload("condition", value).located(at: offset) }
    return holds
  }

  private var existsOne: EvaluationStep {
    { state throws(RuleFault) in
      var count = 0
      try forEach(&state) { state throws(RuleFault) in
        if try holds(body, &state) { count += 1 }
        return true
      }
      return .bool(count == 1)
    }
  }

  private var list: EvaluationStep {
    { state throws(RuleFault) in
      try state.meter.spend(Meter.listCost)
      var values: [RuleValue] = []
      try forEach(&state) { state throws(RuleFault) in
        if let condition, !(try holds(condition, &state)) { return true }
        values.append(try body(&state))
        try state.meter.allocate(values: 1)
        return true
      }
      return .list(values)
    }
  }

  private var filter: EvaluationStep {
    { state throws(RuleFault) in
      try state.meter.spend(Meter.listCost)
      var values: [RuleValue] = []
      try forEach(&state) { state throws(RuleFault) in
        let element = state.locals[slot]
        if try holds(body, &state) {
          values.append(element)
          try state.meter.allocate(values: 1)
        }
        return true
      }
      return .list(values)
    }
  }

  private func transformMap(isEntry: Bool) -> EvaluationStep {
    { state throws(RuleFault) in
      try state.meter.spend(Meter.mapCost)
      var builder = MapBuilder(capacity: 0)
      try forEach(&state) { state throws(RuleFault) in
        if let condition, !(try holds(condition, &state)) { return true }
        let key = state.locals[slot]
        let value = try body(&state)
        try state.meter.allocate(values: 2)
        do throws(RuleFault) {
          guard isEntry else {
            try state.meter.walk(key: key)
            try builder.add(key, value)
            return true
          }
          guard case .map(let map) = value else { throw RuleFault.noOverload("transformMapEntry()", value) }
          for entry in map.entries {
            try state.meter.walk(key: entry.key)
            try builder.add(entry.key, entry.value)
          }
        } catch { throw error.located(at: offset) }
        return true
      }
      return .map(builder.map)
    }
  }
}
