// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What a project wants its runs to be halted for, and how their checkpoints are sealed.
package struct IntegrityRules: Sendable {
  /// By so much the wall clock may be set back without a doubt about anything.
  package static let clockTolerance = Duration.seconds(1)

  package var stopWhen: Set<StopCondition>
  /// The hash of the rules about actions; nil where there are none.
  package var policy: String?
  /// When the audit log was begun anew, because the one before was broken or its key lost; nil where it was not.
  package var auditBegunAt: WallTime?
  /// SHA-256, in hexadecimal; nil where checkpoints are not sealed.
  package var digest: (@Sendable ([UInt8]) -> String)?

  package init(
    stopWhen: Set<StopCondition> = [], policy: String? = nil, digest: (@Sendable ([UInt8]) -> String)? = nil
  ) {
    self.stopWhen = stopWhen
    self.policy = policy
    self.digest = digest
  }

  /// What the run did so far stands in an audit log that is not to be trusted: its journal ended, when it was taken up,
  /// before the log was begun anew.
  func auditDoubt(_ journaledUntil: WallTime?) -> IntegrityDoubt? {
    guard stopWhen.contains(.auditBroken), let auditBegunAt, let journaledUntil, journaledUntil < auditBegunAt else {
      return nil
    }
    return IntegrityDoubt(
      .auditBroken,
      note: "the audit log was begun anew at \(auditBegunAt.iso8601), and what the run did before is not in it")
  }
}

/// Why a run is halted.
package struct IntegrityDoubt: Sendable, Hashable {
  package var condition: StopCondition
  /// Nil: it is about the run as a whole.
  package var step: StepPath?
  package var note: String

  package init(_ condition: StopCondition, step: StepPath? = nil, note: String = "") {
    self.condition = condition
    self.step = step
    self.note = note
  }

  /// What lists show of the run.
  package var error: RunError {
    var message = "\(condition.rawValue): \(note.isEmpty ? condition.words : note)"
    if let step, step != .main { message = "step \(step): \(message)" }
    return RunError(code: RunError.halted, message: message, isRetryable: false)
  }
}

extension RunError {
  /// The state of the run is in doubt.
  package static let halted = "NX-GAT-100"
  /// A person has the run go back to a checkpoint.
  package static let rolledBack = "NX-GAT-110"
}

extension AttemptOutcome {
  /// How an attempt is written down whose run was halted meanwhile, whatever it came to.
  package static let halted = "the run was halted"
}

extension GateJudgement {
  /// A validator that does not only observe could not be asked.
  var hasEvaluatorError: Bool {
    findings.contains { finding in
      !finding.isObserved && finding.errors.contains { $0["code"]?.stringValue == "evaluatorError" }
    }
  }
}
