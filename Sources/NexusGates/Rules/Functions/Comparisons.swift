// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension StandardFunctions {
  private static let numbers: [RuleType] = [.int, .uint, .double]

  /// Numbers of different types compare by their value.
  private static let mixed: [FunctionSignature] = numbers.flatMap { left in
    numbers.filter { $0 != left }.map { FunctionSignature([left, $0], .bool) }
  }

  private static let ordered: [FunctionSignature] =
    [.bool, .int, .uint, .double, .string, .bytes, .timestamp, .duration].map { FunctionSignature([$0, $0], .bool) }
    + mixed

  private static let any = RuleType.parameter("A")
  private static let equatable: [FunctionSignature] = [FunctionSignature([any, any], .bool)] + mixed

  static let comparisons: [RuleFunction] = [
    RuleFunction(
      Operator.equal,
      .binary(equatable) { left, right, state throws(RuleFault) in
        .bool(try RuleValue.areEqual(left, right, &state.meter))
      }),
    RuleFunction(
      Operator.notEqual,
      .binary(equatable) { left, right, state throws(RuleFault) in
        .bool(!(try RuleValue.areEqual(left, right, &state.meter)))
      }),
    RuleFunction(
      Operator.less,
      .binary(ordered) { left, right, state throws(RuleFault) in
        .bool(try Ordering.of(left, right, "<", &state.meter) == .less)
      }),
    RuleFunction(
      Operator.lessOrEqual,
      .binary(ordered) { left, right, state throws(RuleFault) in
        let order = try Ordering.of(left, right, "<=", &state.meter)
        return .bool(order == .less || order == .equal)
      }),
    RuleFunction(
      Operator.greater,
      .binary(ordered) { left, right, state throws(RuleFault) in
        .bool(try Ordering.of(left, right, ">", &state.meter) == .greater)
      }),
    RuleFunction(
      Operator.greaterOrEqual,
      .binary(ordered) { left, right, state throws(RuleFault) in
        let order = try Ordering.of(left, right, ">=", &state.meter)
        return .bool(order == .greater || order == .equal)
      }),
    RuleFunction(
      Operator.contains,
      .binary(
        [
          FunctionSignature([any, .list(any)], .bool), FunctionSignature([any, .map(any, .parameter("B"))], .bool),
          FunctionSignature([.dyn, .list(.dyn)], .bool), FunctionSignature([.dyn, .map(.dyn, .dyn)], .bool),
        ], Ordering.contains)),
  ]
}

/// How values are ordered: those of one type, and numbers of all types.
enum Ordering {
  static func of(_ left: RuleValue, _ right: RuleValue, _ operation: String, _ meter: inout Meter) throws(RuleFault)
    -> NumberOrder
  {
    if let order = NumberOrder(left, right) { return order }
    switch (left, right) {
    case (.string(let left), .string(let right)):
      try meter.walk(min(left.utf8.count, right.utf8.count))
      return left.hasSameScalars(as: right) ? .equal : left.precedesByScalars(right) ? .less : .greater
    case (.bytes(let left), .bytes(let right)):
      try meter.walk(min(left.count, right.count))
      return left == right ? .equal : left.lexicographicallyPrecedes(right) ? .less : .greater
    case (.bool(let left), .bool(let right)): return left == right ? .equal : right ? .less : .greater
    case (.timestamp(let left), .timestamp(let right)): return left == right ? .equal : left < right ? .less : .greater
    case (.duration(let left), .duration(let right)): return left == right ? .equal : left < right ? .less : .greater
    default: throw .noOverload(operation, left, right)
    }
  }

  @Sendable static func contains(_ value: RuleValue, _ collection: RuleValue, _ state: inout EvaluationState)
    throws(RuleFault) -> RuleValue
  {
    switch collection {
    case .list(let elements):
      for element in elements {
        try state.meter.spend(1)
        if try RuleValue.areEqual(value, element, &state.meter) { return .bool(true) }
      }
      return .bool(false)
    case .map(let map):
      try state.meter.walk(key: value)
      return .bool(map.value(for: value) != nil)
    default: throw .noOverload("in", value, collection)
    }
  }
}
