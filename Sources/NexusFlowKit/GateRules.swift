// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

// What must hold of validators, told by the journal of a run that is over.
extension FlowRules {
  /// Nothing that was rejected became a result or went into an attempt, unless a person accepted it; and no output was
  /// asked for more often than its validators say.
  func checkGates() -> String? {
    var last: [StepPath: GateJudgement] = [:]
    var decisions: [StepPath: GateDecision] = [:]
    var letIn: Set<StepPath> = []
    for entry in journal {
      switch entry.entry {
      case .judged(let path, let judgement):
        if gates(at: path, judgement.subject).isEmpty { return "\(path) was judged, and has no validator" }
        if let problem = checkCount(judgement, at: path) { return problem }
        last[path] = judgement
        decisions[path] = nil
        if judgement.subject == .input, judgement.mayProceed { letIn.insert(path) }
      case .gateDecided(let path, _, let decision, _):
        if last[path]?.consequence != .escalate { return "\(path) was decided about, and nobody had asked" }
        if decisions.updateValue(decision, forKey: path) != nil { return "\(path) was decided about twice" }
        if last[path]?.subject == .input, decision == .accept { letIn.insert(path) }
      case .attemptStarted(let path, _, _):
        if !gates(at: path, .input).isEmpty, !letIn.contains(path) {
          return "\(path) began with an input that was not let in: \(words)"
        }
        if last[path]?.subject == .output, last[path]?.consequence == .escalate, decisions[path] != .retry {
          return "\(path) was tried again while a person was asked: \(words)"
        }
      // Whoever has it tried again after that knows that it was stopped.
      case .stepFailed(let path, _): last[path] = nil
      case .stepCompleted(let path, let output) where !gates(at: path, .output).isEmpty:
        if let problem = checkResult(output, at: path, last[path], decisions[path]) { return problem }
      default: break
      }
    }
    return nil
  }

  private func checkResult(
    _ output: JSONValue, at path: StepPath, _ judgement: GateJudgement?, _ decision: GateDecision?
  ) -> String? {
    guard let judgement, judgement.subject == .output else {
      return "\(path) has a result that nobody judged: \(words)"
    }
    if judgement.mayProceed { return nil }
    if decision != .accept { return "a rejected value became the result of \(path): \(words)" }
    return output == judgement.rejected
      ? nil : "another value than the accepted one became the result of \(path): \(words)"
  }

  private func checkCount(_ judgement: GateJudgement, at path: StepPath) -> String? {
    guard judgement.consequence == .retry else { return nil }
    for finding in judgement.findings where finding.verdict == .retry && !finding.isObserved {
      guard let gate = definition.gates[finding.validator] else { return "\(finding.validator) is unknown" }
      if judgement.number >= gate.retry.maxAttempts { return "\(path) was asked for too often: \(words)" }
    }
    return nil
  }

  private func gates(at path: StepPath, _ subject: GateSubject) -> [String] {
    guard !path.text.contains(".") else { return [] }
    let name = String(path.text.prefix { $0 != "[" })
    guard let step = definition.steps.first(where: { $0.name == name }) else { return [] }
    return subject == .output ? step.gates : step.inputGates
  }
}

extension String {
  /// The key of an effect without what tells the retries of validators apart.
  package var withoutGateRetry: String {
    guard let mark = firstRange(of: "#g") else { return self }
    return String(self[..<mark.lowerBound])
  }
}
