// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// `matches()`: RE2 patterns, searched for anywhere in the text, in time linear in it.
enum PatternMatching {
  /// What compiling a pattern costs that is no literal: the machine behind it is built anew each time.
  static let compileCost = 2000

  static func compile(_ pattern: String) -> Result<Pattern, RuleFault> {
    do { return .success(try Pattern(parsing: pattern, syntax: .re2)) } catch {
      return .failure(.invalid("the pattern does not parse: \(error)"))
    }
  }

  /// What each part of a text costs: the length of the pattern, or of the machine behind it, which `{1000}` makes long
  /// in a few characters.
  static func factor(of pattern: Pattern) -> Int {
    max(pattern.text.utf8.count, pattern.instructionCount) / Meter.patternCharactersPerUnit + 1
  }

  static func matches(_ text: String, _ pattern: Pattern, _ meter: inout Meter) throws(RuleFault) -> Bool {
    let (cost, overflows) = (text.utf8.count / Meter.charactersPerUnit + 1).multipliedReportingOverflow(
      by: factor(of: pattern))
    try meter.spend(overflows ? .max : cost)
    return pattern.matches(text)
  }

  @Sendable static func matches(_ text: RuleValue, _ pattern: RuleValue, _ state: inout EvaluationState)
    throws(RuleFault) -> RuleValue
  {
    guard case .string(let text) = text, case .string(let pattern) = pattern else {
      throw .noOverload("matches()", text, pattern)
    }
    try state.meter.spend(compileCost)
    try state.meter.walk(pattern.utf8.count)
    switch compile(pattern) {
    case .success(let compiled):
      try state.meter.spend(compiled.instructionCount)
      return .bool(try matches(text, compiled, &state.meter))
    case .failure(let fault): throw fault
    }
  }
}
