// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// `&&`, `||` and `?:`.
enum Logic {
  /// Evaluates from left to right until a value decides.
  ///
  /// The language lets a deciding value absorb an error of any other side. If none decides, the first error stands, so
  /// that the same rule on the same input always says the same.
  static func chain(_ operands: [EvaluationStep], deciding: Bool, at offset: Int) -> EvaluationStep {
    { state throws(RuleFault) in
      var first: RuleFault?
      for operand in operands {
        do throws(RuleFault) {
          let value = try operand(&state)
          if case .bool(let value) = value {
            if value == deciding { return .bool(deciding) }
          } else if first == nil {
            first = RuleFault.noOverload(deciding ? "||" : "&&", value).located(at: offset)
          }
        } catch {
          if error.isFinal { throw error }
          if first == nil { first = error }
        }
      }
      if let first { throw first }
      return .bool(!deciding)
    }
  }

  static func conditional(
    _ condition: @escaping EvaluationStep, _ whenTrue: @escaping EvaluationStep,
    _ whenFalse: @escaping EvaluationStep, at offset: Int
  ) -> EvaluationStep {
    { state throws(RuleFault) in
      let value = try condition(&state)
      guard case .bool(let holds) = value else { throw RuleFault.noOverload("?:", value).located(at: offset) }
      return holds ? try whenTrue(&state) : try whenFalse(&state)
    }
  }
}
