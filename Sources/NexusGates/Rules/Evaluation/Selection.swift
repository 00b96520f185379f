// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Fields and elements of values.
enum Selection {
  static func select(_ operand: @escaping EvaluationStep, _ field: String, isOptional: Bool, at offset: Int)
    -> EvaluationStep
  {
    let key = RuleValue.string(field)
    if isOptional {
      return { state throws(RuleFault) in
        let value = try operand(&state)
        try state.meter.spend(Meter.unit)
        do throws(RuleFault) { return .optional(try find(key, in: value)) } catch { throw error.located(at: offset) }
      }
    }
    return { state throws(RuleFault) in
      let value = try operand(&state)
      try state.meter.spend(Meter.unit)
      if case .map(let map) = value {
        if let found = map.value(named: field) { return found }
        throw RuleFault(.noSuchKey, "no such key: '\(field)'", at: offset)
      }
      do throws(RuleFault) {
        if case .boxed(.optional) = value { return .optional(try find(key, in: value)) }
        throw RuleFault.noOverload("field '\(field)'", value)
      } catch { throw error.located(at: offset) }
    }
  }

  /// The same for a field of a variable of a macro, which is what most rules over lists read.
  static func select(local slot: Int, _ field: String, at offset: Int) -> EvaluationStep {
    let read: EvaluationStep = { state throws(RuleFault) in
      try state.meter.spend(Meter.unit)
      return state.locals[slot]
    }
    let rare = select(read, field, isOptional: false, at: offset)
    return { state throws(RuleFault) in
      guard case .map(let map) = state.locals[slot] else { return try rare(&state) }
      try state.meter.spend(2 * Meter.unit)
      guard let found = map.value(named: field) else {
        throw RuleFault(.noSuchKey, "no such key: '\(field)'", at: offset)
      }
      return found
    }
  }

  static func has(_ operand: @escaping EvaluationStep, _ field: String, at offset: Int) -> EvaluationStep {
    { state throws(RuleFault) in
      var value = try operand(&state)
      try state.meter.spend(Meter.unit)
      if case .boxed(.optional(let content)) = value {
        guard let content else { return .bool(false) }
        value = content
      }
      guard case .map(let map) = value else { throw RuleFault.noOverload("has()", value).located(at: offset) }
      return .bool(map.value(named: field) != nil)
    }
  }

  static func index(
    _ operand: @escaping EvaluationStep, _ index: @escaping EvaluationStep, isOptional: Bool, at offset: Int
  ) -> EvaluationStep {
    { state throws(RuleFault) in
      let value = try operand(&state)
      let key = try index(&state)
      try state.meter.spend(Meter.unit)
      try state.meter.walk(key: key)
      do throws(RuleFault) {
        if case .boxed(.optional) = value { return .optional(try find(key, in: value)) }
        let found = try find(key, in: value)
        if isOptional { return .optional(found) }
        guard let found else { throw missing(key, in: value) }
        return found
      } catch { throw error.located(at: offset) }
    }
  }

  /// `or` and `orValue`: the alternative is evaluated only if it is needed.
  static func alternative(
    _ operand: @escaping EvaluationStep, _ other: @escaping EvaluationStep, unwraps: Bool, at offset: Int
  ) -> EvaluationStep {
    { state throws(RuleFault) in
      let value = try operand(&state)
      try state.meter.spend(Meter.unit)
      guard case .boxed(.optional(let content)) = value else {
        throw RuleFault.noOverload(unwraps ? "orValue()" : "or()", value).located(at: offset)
      }
      if let content { return unwraps ? content : value }
      let alternative = try other(&state)
      if unwraps { return alternative }
      guard case .boxed(.optional) = alternative else {
        throw RuleFault.noOverload("or()", value, alternative).located(at: offset)
      }
      return alternative
    }
  }

  /// What is under a key or at a position, also inside of an optional; nil if there is nothing.
  private static func find(_ key: RuleValue, in value: RuleValue) throws(RuleFault) -> RuleValue? {
    switch value {
    case .map(let map): return map.value(for: key)
    case .list(let elements):
      guard let position = position(key) else { throw .invalid("a list is indexed by a whole number") }
      return elements.indices.contains(position) ? elements[position] : nil
    case .boxed(.optional(let content)):
      guard let content else { return nil }
      // What is in an optional is no optional again, or one level deeper: the depth of values is bounded.
      return try find(key, in: content)
    default: throw .noOverload("index", value, key)
    }
  }

  private static func position(_ key: RuleValue) -> Int? {
    switch key {
    case .int(let index): Int(index)
    case .uint(let index): Int(exactly: index) ?? .max
    case .double(let index): Int(exactly: index)
    default: nil
    }
  }

  private static func missing(_ key: RuleValue, in value: RuleValue) -> RuleFault {
    if case .list(let elements) = value {
      return .outOfRange("index out of range of \(elements.count) elements")
    }
    return switch key {
    case .string(let name): RuleFault(.noSuchKey, "no such key: \(RuleFault.quote(name))")
    case .int(let number): RuleFault(.noSuchKey, "no such key: \(number)")
    default: RuleFault(.noSuchKey, "no such key")
    }
  }
}
