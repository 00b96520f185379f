// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// How sure an output has to be before it may go on by itself.
///
/// What a model says of its own certainty is too sure of itself more often than not: it is a reason to ask a person, and
/// no proof of anything.
package struct ConfidenceCheck: Sendable, Hashable {
  /// An expression of the rule language; its value is a number from 0 to 1.
  package var expression: String
  /// From here on the output passes.
  package var proceed: Double
  /// From here on a person is asked; below, the output is stopped.
  package var escalate: Double
  /// What it means that there is no such number; never `pass`.
  package var missing: Verdict

  package init(expression: String, proceed: Double, escalate: Double, missing: Verdict = .escalate) {
    self.expression = expression
    self.proceed = proceed
    self.escalate = escalate
    self.missing = missing
  }

  /// The word that verdicts tell of it by.
  static let keyword = "confidence"

  func compiled(
    in environment: RuleEnvironment, after rules: Int, problems: inout [GateRuleProblem]
  ) -> CompiledRule? {
    func complain(_ diagnostics: [RuleDiagnostic]) {
      problems += diagnostics.map { .init(rule: rules, part: .confidence, diagnostic: $0) }
    }
    do throws(RuleDiagnostics) {
      let compiled = try CompiledRule(expression, in: environment)
      switch compiled.type {
      case .double, .int, .uint, .dyn, .error: return compiled
      case let other:
        let complaint = LocatedComplaint(.type, "`value` has to be a number, and this is a \(other)", at: 0)
        complain(RuleDiagnostics([complaint], in: expression).all)
      }
    } catch {
      complain(error.all)
    }
    return nil
  }

  /// What the value means; nil if the output is sure enough.
  func error(for result: Result<RuleValue, RuleFault>) -> GateError? {
    let value: Double
    switch result {
    case .success(.double(let number)): value = number
    case .success(.int(let number)): value = Double(number)
    case .success(.uint(let number)): value = Double(number)
    case .success(let other): return missing("the confidence is a \(other.typeName), not a number", got: "")
    // A field that is not there is what `missing` is about, not a fault of the rule.
    case .failure(let fault): return missing("there is no confidence: \(fault.message)", got: "")
    }
    guard (0...1).contains(value) else { return missing("the confidence is not between 0 and 1", got: "\(value)") }
    guard value < proceed else { return nil }
    return error(
      "confidenceLow", "a confidence of \(value) is below \(value < escalate ? escalate : proceed)", got: "\(value)",
      value < escalate ? .stop : .escalate)
  }

  private func missing(_ message: String, got: String) -> GateError {
    error("confidenceMissing", message, got: got, missing)
  }

  private func error(_ code: String, _ message: String, got: String, _ verdict: Verdict) -> GateError {
    GateError(
      stage: .confidence, path: "", code: code, keyword: Self.keyword, expected: "at least \(proceed)", got: got,
      message: message, verdict: verdict)
  }
}
