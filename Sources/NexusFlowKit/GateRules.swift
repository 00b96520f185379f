// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

// What must hold of validators, told by the journal of a run that is over.
extension FlowRules {
  /// Nothing that was rejected became a result, unless a person accepted it; and no output was asked for more often than
  /// its validators say.
  func checkGates() -> String? {
    var last: [StepPath: GateJudgement] = [:]
    var decisions: [StepPath: GateDecision] = [:]
    for entry in journal {
      switch entry.entry {
      case .judged(let path, let judgement):
        if gates(at: path).isEmpty { return "\(path) was judged, and has no validator" }
        if let problem = checkCount(judgement, at: path) { return problem }
        last[path] = judgement
        decisions[path] = nil
      case .gateDecided(let path, _, let decision, _):
        if last[path]?.consequence != .escalate { return "\(path) was decided about, and nobody had asked" }
        if decisions.updateValue(decision, forKey: path) != nil { return "\(path) was decided about twice" }
      case .attemptStarted(let path, _, _):
        if last[path]?.consequence == .escalate, decisions[path] != .retry {
          return "\(path) was tried again while a person was asked: \(words)"
        }
      // Whoever has it tried again after that knows that it was stopped.
      case .stepFailed(let path, _): last[path] = nil
      case .stepCompleted(let path, let output) where !gates(at: path).isEmpty:
        guard let judgement = last[path] else { return "\(path) has a result that nobody judged: \(words)" }
        if judgement.mayProceed { continue }
        if decisions[path] != .accept { return "a rejected value became the result of \(path): \(words)" }
        if output != judgement.rejected { return "another value than the accepted one became the result of \(path)" }
      default: break
      }
    }
    return nil
  }

  private func checkCount(_ judgement: GateJudgement, at path: StepPath) -> String? {
    guard judgement.consequence == .retry else { return nil }
    for gate in gates(at: path)
    where judgement.findings.contains(where: {
      $0.validator == gate.name && $0.verdict == .retry && !$0.isObserved
    }) {
      if judgement.number >= gate.retry.maxAttempts { return "\(path) was asked for too often: \(words)" }
    }
    return nil
  }

  private func gates(at path: StepPath) -> [GateDefinition] {
    guard !path.text.contains(".") else { return [] }
    let name = String(path.text.prefix { $0 != "[" })
    guard let step = definition.steps.first(where: { $0.name == name }) else { return [] }
    return step.gates.compactMap { definition.gates[$0] }
  }
}

extension String {
  /// The key of an effect without what tells the retries of validators apart.
  package var withoutGateRetry: String {
    guard let mark = firstRange(of: "#g") else { return self }
    return String(self[..<mark.lowerBound])
  }
}
