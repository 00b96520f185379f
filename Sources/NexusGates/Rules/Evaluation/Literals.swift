// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Lists and maps that a rule builds.
enum Literals {
  static func list(_ elements: [(EvaluationStep, isOptional: Bool)], at offset: Int) -> EvaluationStep {
    { state throws(RuleFault) in
      try state.meter.spend(Meter.listCost)
      try state.meter.allocate(values: elements.count)
      var values: [RuleValue] = []
      values.reserveCapacity(elements.count)
      for (step, isOptional) in elements {
        let value = try step(&state)
        if let value = try present(value, isOptional, at: offset) { values.append(value) }
      }
      return .list(values)
    }
  }

  static func map(
    _ entries: [(key: EvaluationStep, value: EvaluationStep, isOptional: Bool)], at offset: Int
  ) -> EvaluationStep {
    { state throws(RuleFault) in
      try state.meter.spend(Meter.mapCost)
      try state.meter.allocate(values: 2 * entries.count)
      var builder = MapBuilder(capacity: entries.count)
      for entry in entries {
        let key = try entry.key(&state)
        let value = try entry.value(&state)
        do throws(RuleFault) {
          try state.meter.walk(key: key)
          if let value = try present(value, entry.isOptional, at: offset) { try builder.add(key, value) }
        } catch { throw error.located(at: offset) }
      }
      return .map(builder.map)
    }
  }

  private static func present(_ value: RuleValue, _ isOptional: Bool, at offset: Int) throws(RuleFault) -> RuleValue? {
    guard isOptional else { return value }
    guard case .boxed(.optional(let content)) = value else {
      throw RuleFault.noOverload("?", value).located(at: offset)
    }
    return content
  }
}

/// Collects entries and refuses a key that is there already.
struct MapBuilder {
  private var entries: [RuleMap.Entry] = []
  private var keys: Set<MapKey> = []

  init(capacity: Int) {
    entries.reserveCapacity(capacity)
    keys.reserveCapacity(capacity)
  }

  var map: RuleMap { RuleMap(distinct: entries) }

  mutating func add(_ key: RuleValue, _ value: RuleValue) throws(RuleFault) {
    guard MapKey.isAllowed(key), let exact = MapKey(key) else {
      throw .invalid("a value of type \(key.typeName) is no key of a map")
    }
    guard keys.insert(exact).inserted else { throw RuleFault(.duplicateKey, "a key of the map is there twice") }
    entries.append(RuleMap.Entry(key: key, value: value))
  }
}
