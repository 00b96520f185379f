// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What became of one value at its validators, as the journal keeps it.
package struct GateJudgement: Sendable, Hashable {
  /// Why something else follows than the verdict says.
  package enum Reason: String, Sendable, CaseIterable {
    /// As many outputs were judged as may be.
    case exhausted
    /// The output is as wrong as the one before.
    case noProgress
    /// The attempts have cost as much as they may.
    case cost
    /// What came out of this step cannot be asked for anew.
    case cannotRetry
    /// The step cannot be undone, so a person decides.
    case cannotUndo
  }

  package var subject: GateSubject
  /// Which of the outputs since a person last had it tried again this is, from 1; 0 of an input.
  package var number: Int
  /// In the order of the validators.
  package var findings: [GateFinding]
  /// The most severe verdict of those that do not only observe.
  package var verdict: Verdict
  /// What follows: `pass` and `warn` let the value proceed.
  package var consequence: Verdict
  package var reason: Reason?
  /// How long to wait before the retry.
  package var retryAfter: Duration?
  /// The value, if it does not proceed: it is kept here and nowhere else.
  package var rejected: JSONValue?

  package init(
    subject: GateSubject = .output, number: Int, findings: [GateFinding], verdict: Verdict, consequence: Verdict,
    reason: Reason? = nil, retryAfter: Duration? = nil, rejected: JSONValue? = nil
  ) {
    self.subject = subject
    self.number = number
    self.findings = findings
    self.verdict = verdict
    self.consequence = consequence
    self.reason = reason
    self.retryAfter = retryAfter
    self.rejected = rejected
  }

  package var mayProceed: Bool { consequence <= .warn }

  /// The validator whose verdict it is: the first of the most severe.
  package var validator: String? {
    findings.first { !$0.isObserved && $0.verdict == verdict }?.validator
  }

  /// What those complain of that do not only observe, as far as the limits of what is told allow.
  package var complaints: [JSONValue] {
    findings.filter { !$0.isObserved && $0.verdict > .pass }.flatMap(\.errors)
  }

  /// The first complaint of the validator whose verdict it is, in words.
  package var firstComplaint: String? {
    let finding = findings.first { !$0.isObserved && $0.verdict == verdict }
    return finding?.errors.first { $0["verdict"]?.stringValue == verdict.rawValue }.map(Self.sentence)
      ?? finding?.errors.first.map(Self.sentence)
  }

  private static func sentence(_ error: JSONValue) -> String {
    let message = error["message"]?.stringValue ?? error["code"]?.stringValue ?? "it is rejected"
    guard let path = error["path"]?.stringValue, !path.isEmpty else { return message }
    return "\(path): \(message)"
  }

  /// The error of a step whose value was stopped.
  package var refusal: RunError {
    let word = subject == .output ? "output" : "input"
    var message = "the \(word) was stopped by validator `\(validator ?? "?")`"
    switch reason {
    case .exhausted: message = "the \(word) was rejected \(number) times by validator `\(validator ?? "?")`"
    case .noProgress: message = "a retry made the \(word) no better for validator `\(validator ?? "?")`"
    case .cost: message = "the retries for validator `\(validator ?? "?")` have cost what they may"
    case .cannotRetry, .cannotUndo, nil: break
    }
    if let firstComplaint { message += ": \(firstComplaint)" }
    return RunError(
      code: subject == .output ? RunError.stoppedOutput : RunError.stoppedInput, message: message, isRetryable: false,
      wasApplied: subject == .input ? false : nil)
  }
}

extension RunError {
  /// A validator has stopped what came out of a step.
  package static let stoppedOutput = "NX-GAT-070"
  /// A person has, to whom a validator had escalated it.
  package static let stoppedByPerson = "NX-GAT-071"
  /// A validator has stopped what was to go into a step.
  package static let stoppedInput = "NX-GAT-072"

  /// A rule said no: the run is stopped, it has not failed.
  package var isStop: Bool {
    [Self.stoppedOutput, Self.stoppedByPerson, Self.stoppedInput].contains(code) || Self.forbidden.contains(code)
  }

  /// What the rules about actions say no with: nobody declared the tool, nothing permits the action, a boundary forbids
  /// it, or has no answer.
  package static let forbidden: Set<String> = [
    "NX-GAT-090", "NX-GAT-091", "NX-GAT-092", "NX-GAT-094", "NX-GAT-111", staleContext,
  ]

  /// What a step goes out from does not hold any more, so what it wants to do is not done.
  package static let staleContext = "NX-GAT-108"
}

/// What a person decides of a value that a validator has escalated.
package enum GateDecision: String, Sendable, CaseIterable {
  /// It proceeds as it is.
  case accept
  /// The step is tried again, with a new count of attempts.
  case retry
  case stop
}
