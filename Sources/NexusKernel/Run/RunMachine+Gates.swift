// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The validators of an agent's runs, and who judges by them.
package struct AgentGates: Sendable {
  package var agent: String
  /// The run's input.
  package var input: JSONValue
  package var output: [GateDefinition]
  /// Those of what goes in.
  package var entrance: [GateDefinition]
  /// The agent does not take up its own conversation where it was told what is wrong: a retry asks its last models anew.
  package var asksAnew: Bool
  /// Nil: nobody can judge, and whatever would have to be judged is stopped.
  package var judge: (any OutputJudge)?

  package init(
    agent: String = "", input: JSONValue = .null, output: [GateDefinition] = [],
    entrance: [GateDefinition] = [], asksAnew: Bool = false, judge: (any OutputJudge)? = nil
  ) {
    self.entrance = entrance
    self.asksAnew = asksAnew
    self.agent = agent
    self.input = input
    self.output = output
    self.judge = judge
  }
}

// What validators make of the agent's outputs, and what follows.
extension RunMachine {
  /// An attempt has come to an output: it is judged before it becomes the run's.
  ///
  /// What the attempt was told meanwhile holds if the output is not taken.
  func produced(_ output: JSONValue, cost: NanoUSD, insteadOf stopping: Stopping?, at now: WallTime?) -> Decision {
    if let doubt = readDoubt(at: now) { return Decision([.halted(doubt)], [.settle]) }
    guard !gates.output.isEmpty else { return Decision([.completed(output: output)], [.settle]) }
    let judgement = judgement(of: output, .output, by: gates.output, spent: state.cost + cost, at: now)
    let entry = RunEntry.judged(path: step, judgement)
    switch judgement.consequence {
    case .pass, .warn: return Decision([entry, .completed(output: output)], [.settle])
    case .stop:
      if let doubt = doubt(about: judgement) { return Decision([entry, .halted(doubt)], [.settle]) }
      return Decision([entry, .stopped(judgement.refusal)], [.settle])
    case .retry, .escalate:
      if judgement.consequence == .escalate, let doubt = doubt(about: judgement) {
        return Decision([entry, .halted(doubt)], [.settle])
      }
      if let stopping { return Decision([entry] + [ending(after: stopping)].compactMap(\.self), [.settle]) }
      return Decision([entry], judgement.retryAfter.map { [.retryAfter($0)] } ?? [])
    }
  }

  /// What is to go in is judged once, before the first attempt.
  ///
  /// - Returns: what follows instead of the attempt, or before it; and whether it may begin.
  func entrance(at now: WallTime?) -> (decision: Decision, isOpen: Bool) {
    guard !gates.entrance.isEmpty, !state.gate.inputIsLetIn else { return (Decision(), true) }
    let judgement = judgement(of: gates.input, .input, by: gates.entrance, spent: state.cost, at: now)
    let entry = RunEntry.judged(path: step, judgement)
    guard judgement.consequence == .stop else { return (Decision([entry]), judgement.mayProceed) }
    if let doubt = doubt(about: judgement) { return (Decision([entry, .halted(doubt)], [.settle]), false) }
    return (Decision([entry, .stopped(judgement.refusal)], [.settle]), false)
  }

  private func judgement(
    of value: JSONValue, _ subject: GateSubject, by gates: [GateDefinition], spent: NanoUSD, at now: WallTime?
  ) -> GateJudgement {
    var asked = GateAsking(
      gates: gates, judge: self.gates.judge, subject: subject, value: value, now: now ?? WallTime(microseconds: 0))
    if subject == .output { asked.read = readSet }
    let findings = asked.findings { variable in
      switch variable {
      case .input: self.gates.input
      // There are none but this one.
      case .steps: [:]
      case .context: readSet?.variable(at: now ?? WallTime(microseconds: 0)) ?? .object(JSONObject())
      case .run:
        [
          "id": .string(run?.text ?? ""), "kind": .string(RunKind.agent.rawValue), "name": .string(self.gates.agent),
          "step": .string(step.text), "attempt": .int(Int64(state.gate.rejections + 1)), "input": self.gates.input,
          "tokens": .int(state.tokens.value), "nanoUSD": .int(spent.value),
        ]
      }
    }
    return state.gate.judgement(
      of: value, subject, by: gates, findings, spent: spent, leeway: GateLeeway(canRetry: subject == .output))
  }

  /// A person decides about a value that a validator has escalated.
  func decided(_ decision: GateDecision, by who: String, note: String, at now: WallTime?) -> Decision {
    guard state.gate.isEscalated, !state.status.isFinal, state.status != .halted, state.openAttempt == nil,
      let output = state.gate.rejected
    else {
      // Nobody drives what rests, so whoever took it up to decide lets it go again.
      return state.status.isFinal || state.status.standsStill ? Decision([], [.settle]) : Decision()
    }
    let entry = RunEntry.gateDecided(path: step, by: who, decision, note: note)
    // The same input would be asked about again.
    if state.gate.asksAboutInput, decision == .retry { return Decision() }
    switch decision {
    case .accept where state.gate.asksAboutInput:
      var after = self
      after.apply(entry)
      return Decision([entry]) + (state.status == .paused ? Decision([], [.settle]) : after.start(at: now))
    case .accept: return Decision([entry, .completed(output: output)], [.settle])
    case .stop: return Decision([entry, .stopped(.stopped(by: who, note: note))], [.settle])
    case .retry:
      var after = self
      after.apply(entry)
      return Decision([entry]) + (state.status == .paused ? Decision([], [.settle]) : after.start(at: now))
    }
  }
}

extension RunError {
  /// A person has stopped what a validator had escalated to them.
  static func stopped(by who: String, note: String) -> RunError {
    RunError(
      code: stoppedByPerson, message: "the output was stopped by \(who)" + (note.isEmpty ? "" : ": \(note)"),
      isRetryable: false)
  }
}
