// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Calls of functions.
enum Application {
  /// A step that evaluates the arguments from left to right, pays for the call and makes it; `last` is the value of the
  /// last argument where that is a literal.
  static func step(
    _ application: RuleFunction.Application, _ name: String, _ arguments: [EvaluationStep], last: RuleValue?,
    at offset: Int
  ) -> EvaluationStep {
    switch application {
    case .unary(let apply) where arguments.count == 1:
      let argument = arguments[0]
      return { state throws(RuleFault) in
        let value = try argument(&state)
        try state.meter.spend(Meter.unit)
        do throws(RuleFault) { return try apply(value, &state) } catch { throw error.located(at: offset) }
      }
    case .binary(let apply) where arguments.count == 2:
      let (left, right) = (arguments[0], arguments[1])
      if let last {
        return { state throws(RuleFault) in
          let first = try left(&state)
          try state.meter.spend(Meter.unit)
          do throws(RuleFault) { return try apply(first, last, &state) } catch { throw error.located(at: offset) }
        }
      }
      return { state throws(RuleFault) in
        let first = try left(&state)
        let second = try right(&state)
        try state.meter.spend(Meter.unit)
        do throws(RuleFault) { return try apply(first, second, &state) } catch { throw error.located(at: offset) }
      }
    case .variadic(let apply):
      return { state throws(RuleFault) in
        var values: [RuleValue] = []
        values.reserveCapacity(arguments.count)
        for argument in arguments { values.append(try argument(&state)) }
        try state.meter.spend(Meter.unit)
        do throws(RuleFault) { return try apply(values, &state) } catch { throw error.located(at: offset) }
      }
    case .unbound, .unary, .binary:
      return RuleCompiler.fault(.noSuchOverload, "the function '\(name)' is declared but not bound", at: offset)
    }
  }
}
