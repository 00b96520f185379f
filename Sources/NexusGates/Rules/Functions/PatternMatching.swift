// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// `matches()`.
enum PatternMatching {
  struct Compiled: Sendable {}

  static func compile(_ pattern: String) -> Result<Compiled, RuleFault> {
    .failure(.invalid("patterns are not available"))
  }

  static func matches(_ text: String, _ pattern: Compiled, _ meter: inout Meter) throws(RuleFault) -> Bool { false }

  @Sendable static func matches(_ text: RuleValue, _ pattern: RuleValue, _ state: inout EvaluationState)
    throws(RuleFault) -> RuleValue
  {
    guard case .string(let text) = text, case .string(let pattern) = pattern else {
      throw .noOverload("matches()", text, pattern)
    }
    switch compile(pattern) {
    case .success(let compiled): return .bool(try matches(text, compiled, &state.meter))
    case .failure(let fault): throw fault
    }
  }
}
