// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension StandardFunctions {
  private static func same(_ types: [RuleType]) -> [FunctionSignature] {
    types.map { FunctionSignature([$0, $0], $0) }
  }

  private static let element = RuleType.parameter("A")

  static let operators: [RuleFunction] = [
    RuleFunction(
      Operator.add,
      .binary(
        same([.int, .uint, .double, .string, .bytes, .list(element), .duration])
          + [
            FunctionSignature([.timestamp, .duration], .timestamp),
            FunctionSignature([.duration, .timestamp], .timestamp),
          ], Arithmetic.add)),
    RuleFunction(
      Operator.subtract,
      .binary(
        same([.int, .uint, .double, .duration])
          + [
            FunctionSignature([.timestamp, .duration], .timestamp),
            FunctionSignature([.timestamp, .timestamp], .duration),
          ], Arithmetic.subtract)),
    RuleFunction(Operator.multiply, .binary(same([.int, .uint, .double]), Arithmetic.multiply)),
    RuleFunction(Operator.divide, .binary(same([.int, .uint, .double]), Arithmetic.divide)),
    RuleFunction(Operator.modulo, .binary(same([.int, .uint]), Arithmetic.modulo)),
    RuleFunction(
      Operator.negate,
      .unary([FunctionSignature([.int], .int), FunctionSignature([.double], .double)], Arithmetic.negate)),
    RuleFunction(
      Operator.not,
      .unary([FunctionSignature([.bool], .bool)]) { value, _ throws(RuleFault) in
        guard case .bool(let value) = value else { throw .noOverload("!", value) }
        return .bool(!value)
      }),
  ]
}

/// Arithmetic of the language: of equal types, and an overflow is an error.
enum Arithmetic {
  @Sendable static func add(_ left: RuleValue, _ right: RuleValue, _ state: inout EvaluationState) throws(RuleFault)
    -> RuleValue
  {
    switch (left, right) {
    case (.int(let left), .int(let right)): return .int(try checked(left.addingReportingOverflow(right)))
    case (.double(let left), .double(let right)): return .double(left + right)
    case (.string(let left), .string(let right)):
      try state.meter.walk(left.utf8.count + right.utf8.count)
      try state.meter.allocate(left.utf8.count + right.utf8.count)
      return .string(left + right)
    case (.uint(let left), .uint(let right)): return .uint(try checked(left.addingReportingOverflow(right)))
    case (.list(let left), .list(let right)):
      try state.meter.walk(left.count + right.count)
      try state.meter.allocate(values: left.count + right.count)
      return .list(left + right)
    case (.bytes(let left), .bytes(let right)):
      try state.meter.walk(left.count + right.count)
      try state.meter.allocate(left.count + right.count)
      return .bytes(left + right)
    case (.duration(let left), .duration(let right)):
      let sum = try checked(left.nanoseconds.addingReportingOverflow(right.nanoseconds))
      return .duration(RuleDuration(nanoseconds: sum))
    case (.timestamp(let time), .duration(let duration)), (.duration(let duration), .timestamp(let time)):
      guard let sum = time.adding(duration) else { throw .overflow }
      return .timestamp(sum)
    default: throw .noOverload("+", left, right)
    }
  }

  @Sendable static func subtract(_ left: RuleValue, _ right: RuleValue, _ state: inout EvaluationState)
    throws(RuleFault) -> RuleValue
  {
    switch (left, right) {
    case (.int(let left), .int(let right)): return .int(try checked(left.subtractingReportingOverflow(right)))
    case (.double(let left), .double(let right)): return .double(left - right)
    case (.uint(let left), .uint(let right)): return .uint(try checked(left.subtractingReportingOverflow(right)))
    case (.duration(let left), .duration(let right)):
      let difference = try checked(left.nanoseconds.subtractingReportingOverflow(right.nanoseconds))
      return .duration(RuleDuration(nanoseconds: difference))
    case (.timestamp(let time), .duration(let duration)):
      let negated = try checked((0 as Int64).subtractingReportingOverflow(duration.nanoseconds))
      guard let result = time.adding(RuleDuration(nanoseconds: negated)) else { throw .overflow }
      return .timestamp(result)
    case (.timestamp(let left), .timestamp(let right)):
      guard let duration = left.since(right) else { throw .overflow }
      return .duration(duration)
    default: throw .noOverload("-", left, right)
    }
  }

  @Sendable static func multiply(_ left: RuleValue, _ right: RuleValue, _ state: inout EvaluationState)
    throws(RuleFault) -> RuleValue
  {
    switch (left, right) {
    case (.int(let left), .int(let right)): return .int(try checked(left.multipliedReportingOverflow(by: right)))
    case (.double(let left), .double(let right)): return .double(left * right)
    case (.uint(let left), .uint(let right)): return .uint(try checked(left.multipliedReportingOverflow(by: right)))
    default: throw .noOverload("*", left, right)
    }
  }

  @Sendable static func divide(_ left: RuleValue, _ right: RuleValue, _ state: inout EvaluationState)
    throws(RuleFault) -> RuleValue
  {
    switch (left, right) {
    case (.int(let left), .int(let right)):
      if right == 0 { throw RuleFault(.divisionByZero, "division by zero") }
      return .int(try checked(left.dividedReportingOverflow(by: right)))
    case (.double(let left), .double(let right)): return .double(left / right)
    case (.uint(let left), .uint(let right)):
      if right == 0 { throw RuleFault(.divisionByZero, "division by zero") }
      return .uint(left / right)
    default: throw .noOverload("/", left, right)
    }
  }

  @Sendable static func modulo(_ left: RuleValue, _ right: RuleValue, _ state: inout EvaluationState)
    throws(RuleFault) -> RuleValue
  {
    switch (left, right) {
    case (.int(let left), .int(let right)):
      if right == 0 { throw RuleFault(.divisionByZero, "remainder of a division by zero") }
      return .int(try checked(left.remainderReportingOverflow(dividingBy: right)))
    case (.uint(let left), .uint(let right)):
      if right == 0 { throw RuleFault(.divisionByZero, "remainder of a division by zero") }
      return .uint(left % right)
    default: throw .noOverload("%", left, right)
    }
  }

  @Sendable static func negate(_ value: RuleValue, _ state: inout EvaluationState) throws(RuleFault) -> RuleValue {
    switch value {
    case .int(let value): return .int(try checked((0 as Int64).subtractingReportingOverflow(value)))
    case .double(let value): return .double(-value)
    default: throw .noOverload("-", value)
    }
  }

  private static func checked<Number>(_ result: (partialValue: Number, overflow: Bool)) throws(RuleFault) -> Number {
    if result.overflow { throw .overflow }
    return result.partialValue
  }
}
