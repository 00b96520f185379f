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

  /// What a match costs: the length of the text times that of the pattern, each by its own scale.
  static func cost(textBytes: Int, patternBytes: Int) -> Int {
    let (cost, overflows) = (textBytes / Meter.charactersPerUnit + 1).multipliedReportingOverflow(
      by: patternBytes / Meter.patternCharactersPerUnit + 1)
    return overflows ? .max : cost
  }

  static func matches(_ text: String, _ pattern: Pattern, _ meter: inout Meter) throws(RuleFault) -> Bool {
    try meter.spend(cost(textBytes: text.utf8.count, patternBytes: pattern.text.utf8.count))
    return pattern.matches(text)
  }

  @Sendable static func matches(_ text: RuleValue, _ pattern: RuleValue, _ state: inout EvaluationState)
    throws(RuleFault) -> RuleValue
  {
    guard case .string(let text) = text, case .string(let pattern) = pattern else {
      throw .noOverload("matches()", text, pattern)
    }
    try state.meter.spend(compileCost)
    switch compile(pattern) {
    case .success(let compiled): return .bool(try matches(text, compiled, &state.meter))
    case .failure(let fault): throw fault
    }
  }
}
