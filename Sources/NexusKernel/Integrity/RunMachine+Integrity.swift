// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

// What halts the run of an agent, and how it goes on again.
extension RunMachine {
  /// Nothing of the run goes on from here: it is written down first, and what is under way is killed.
  mutating func halted(for doubt: IntegrityDoubt) -> Decision {
    guard !state.status.isFinal, state.status != .halted else {
      return hasAttempt ? Decision() : Decision([], [.settle])
    }
    guard hasAttempt else { return Decision(closing() + [.halted(doubt)], [.settle]) }
    stopping = .halted
    return Decision([.halted(doubt)], [.stopAttempt(.killed)])
  }

  /// The clock stands before the last entry: what follows from times cannot be trusted.
  mutating func clockHalt(at now: WallTime) -> Decision {
    guard rules.stopWhen.contains(.clockRegressed), let lastAt, lastAt - now > IntegrityRules.clockTolerance,
      !state.status.isFinal, !state.status.standsStill
    else { return Decision() }
    let doubt = IntegrityDoubt(
      .clockRegressed, note: "it is \(now.iso8601), and the journal has an entry of \(lastAt.iso8601)")
    return halted(for: doubt)
  }

  /// What the run did is in no audit log that can be trusted, or the rules are not those under which it began, and the
  /// project wants it halted for that.
  var trustDoubt: IntegrityDoubt? {
    if let doubt = rules.auditDoubt(journaledUntil) { return doubt }
    return rules.stopWhen.contains(.definitionChanged) && state.policy != rules.policy
      ? IntegrityDoubt(.definitionChanged) : nil
  }

  /// A validator could not be asked, and the project wants the run halted for that.
  func doubt(about judgement: GateJudgement) -> IntegrityDoubt? {
    guard rules.stopWhen.contains(.evaluatorError), judgement.hasEvaluatorError else { return nil }
    return IntegrityDoubt(
      .evaluatorError, step: step, note: judgement.firstComplaint ?? "a validator could not be asked")
  }

  /// A person takes the doubt upon themselves: the run goes on as it would have without it.
  mutating func acceptHalt(by who: String, reason: String, at now: WallTime?) -> Decision {
    guard state.status == .halted else { return hasAttempt ? Decision() : Decision([], [.settle]) }
    journaledUntil = now
    let entries = closing() + [.integrity(.haltAccepted(by: who, reason: reason, policy: rules.policy))]
    if state.haltedFor == .evaluatorError, let last = state.gate.last, last.consequence == .stop {
      return Decision(entries + [.stopped(last.refusal)], [.settle])
    }
    return Decision(entries) + start(at: now)
  }
}
