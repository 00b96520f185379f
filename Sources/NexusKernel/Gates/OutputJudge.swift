// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Says what a validator makes of a value.
///
/// The answer is a function of the question alone: no clock, no I/O, no randomness. So a machine may ask it while it
/// decides, and what it answered stands in the journal in the same commit as what followed from it.
package protocol OutputJudge: Sendable {
  func judge(_ question: GateQuestion) -> GateFinding
}

/// A value that a validator is asked about, with everything that its rules may read.
package struct GateQuestion: Sendable, Hashable {
  package var gate: GateDefinition
  package var subject: GateSubject
  package var value: JSONValue
  /// By the names of the variables.
  package var variables: [GateVariable: JSONValue]
  package var now: WallTime

  package init(
    gate: GateDefinition, subject: GateSubject = .output, value: JSONValue, variables: [GateVariable: JSONValue],
    now: WallTime
  ) {
    self.gate = gate
    self.subject = subject
    self.value = value
    self.variables = variables
    self.now = now
  }
}

/// What is judged.
package enum GateSubject: String, Sendable, CaseIterable { case input, output }

/// What one validator found.
package struct GateFinding: Sendable, Hashable {
  package var validator: String
  package var verdict: Verdict
  /// Each with `path`, `code`, `keyword` and `message`, in an order that depends on nothing but the value; what stands
  /// in them may be the agent's own words.
  package var errors: [JSONValue]
  /// There were more than are told.
  package var isCutOff: Bool
  /// The validator only observes: nothing follows from its verdict.
  package var isObserved: Bool

  package init(
    validator: String, verdict: Verdict, errors: [JSONValue] = [], isCutOff: Bool = false, isObserved: Bool = false
  ) {
    self.validator = validator
    self.verdict = verdict
    self.errors = errors
    self.isCutOff = isCutOff
    self.isObserved = isObserved
  }

  /// What stands in for an answer that nobody can give: it blocks.
  package static func blocked(_ gate: GateDefinition, _ why: String) -> GateFinding {
    GateFinding(
      validator: gate.name, verdict: .stop,
      errors: [["path": "", "code": "evaluatorError", "keyword": "", "message": .string(why), "verdict": "stop"]])
  }

  /// The places and kinds of what is wrong, without the words: whether a retry made anything better.
  var signature: Set<String> {
    Set(
      errors.map { error in ["path", "code", "keyword"].map { error[$0]?.stringValue ?? "" }.joined(separator: " ") })
  }
}
