// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What one evaluation reads, holds and spends.
struct EvaluationState {
  var meter: Meter
  /// By slot, as the declarations number them; nil is not bound.
  let globals: [RuleValue?]
  /// The variables of macros: each has a slot of its own in the whole rule.
  var locals: [RuleValue]
  let zones: TimeZoneSource
}

/// A part of a rule, ready to be carried out.
typealias EvaluationStep = @Sendable (inout EvaluationState) throws(RuleFault) -> RuleValue
