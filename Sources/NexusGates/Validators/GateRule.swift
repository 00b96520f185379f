// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// One clause of a validator, as it is written: an expression of the rule language that has to hold.
package struct GateRule: Sendable, Hashable {
  /// By which verdicts name it.
  package var id: String
  /// Where it does not hold, the rule is passed over; nil: the rule always counts.
  package var precondition: String?
  package var expression: String
  /// What is said when it does not hold; nil: that it does not.
  package var message: String?
  /// Makes the message instead, from the same values.
  package var messageExpression: String?
  /// A JSON Pointer to what the rule is about; empty for the whole output.
  package var path: String
  /// What its failure means; never `pass`.
  package var onFail: Verdict

  package init(
    id: String, expression: String, precondition: String? = nil, message: String? = nil,
    messageExpression: String? = nil, path: String = "", onFail: Verdict = .stop
  ) {
    self.id = id
    self.precondition = precondition
    self.expression = expression
    self.message = message
    self.messageExpression = messageExpression
    self.path = path
    self.onFail = onFail
  }
}

/// Why a rule cannot be used.
package struct GateRuleProblem: Error, Sendable, Hashable {
  /// The text of a rule that is wrong.
  package enum Part: String, Sendable, CaseIterable {
    case precondition = "when"
    case expression = "expr"
    case messageExpression = "messageExpr"
    /// Of no rule: what says how sure an output is.
    case confidence = "value"
  }

  /// From 0, as the rules were given; of the confidence their number.
  package let rule: Int
  package let part: Part
  package let diagnostic: RuleDiagnostic
}

/// Everything that is wrong with the rules of a validator; never empty.
package struct GateRuleProblems: Error, Sendable, Hashable {
  package let all: [GateRuleProblem]
}

/// A rule made ready.
struct CompiledGateRule: Sendable {
  let rule: GateRule
  let precondition: CompiledRule?
  let expression: CompiledRule
  let messageExpression: CompiledRule?

  /// Compiles the parts of a rule, each of which must be of its type as far as that is known.
  ///
  /// - Returns: nil if there are problems, which are added.
  init?(_ rule: GateRule, at index: Int, in environment: RuleEnvironment, problems: inout [GateRuleProblem]) {
    func compile(_ text: String, _ part: GateRuleProblem.Part, as type: RuleType) -> CompiledRule? {
      do {
        let compiled = try CompiledRule(text, in: environment)
        if compiled.type == type || compiled.type == .dyn || compiled.type == .error { return compiled }
        let complaint = LocatedComplaint(
          .type, "`\(part.rawValue)` has to be a \(Self.word(type)), and this is another type", at: 0)
        problems += RuleDiagnostics([complaint], in: text).all.map { .init(rule: index, part: part, diagnostic: $0) }
      } catch {
        problems += error.all.map { .init(rule: index, part: part, diagnostic: $0) }
      }
      return nil
    }
    let before = problems.count
    let precondition = rule.precondition.flatMap { compile($0, .precondition, as: .bool) }
    let expression = compile(rule.expression, .expression, as: .bool)
    let messageExpression = rule.messageExpression.flatMap { compile($0, .messageExpression, as: .string) }
    guard problems.count == before, let expression else { return nil }
    self.rule = rule
    self.precondition = precondition
    self.expression = expression
    self.messageExpression = messageExpression
  }

  private static func word(_ type: RuleType) -> String { type == .bool ? "bool" : "string" }
}
