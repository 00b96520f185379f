// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What validators made of the values of one step so far, and what follows from the next one.
///
/// `apply` is the only way in which it changes, live and in recovery alike.
package struct GateHistory: Sendable, Hashable {
  /// What is told an agent of a rejected output at most, as JSON.
  package static let maxFeedbackBytes = 4 << 10
  package static let maxFeedbackErrors = 20
  /// How many outputs before the last one the agent is told of.
  package static let maxEarlier = 8
  private static let maxRewindDoublings = 16

  /// The last judgement; what it rejected is kept while nobody has decided and no better one has come.
  package private(set) var last: GateJudgement?
  /// What was said of the rejected outputs before the last, without them.
  private var earlier: [GateJudgement] = []
  /// Outputs that were rejected since a person last had the step tried again.
  package private(set) var rejections = 0
  /// Attempts that were made because an output was rejected, ever: their effects are known by keys of their own.
  package private(set) var retries = 0
  /// How many of the last model answers the next attempt asks for anew, if its agent does not read what was wrong.
  ///
  /// It is 1 first, then 2, 4, 8 and so on.
  package private(set) var pendingRewind = 0
  /// A person is to decide.
  package private(set) var isEscalated = false
  /// What came out was stopped, by a rule or by a person.
  private var isStopped = false
  /// A person has let the input pass.
  package private(set) var inputIsAccepted = false

  package init() {}

  package mutating func apply(_ judgement: GateJudgement) {
    if var before = last, before.subject == .output, !before.mayProceed {
      before.rejected = nil
      earlier.append(before)
      if earlier.count > Self.maxEarlier { earlier.removeFirst() }
    }
    last = judgement
    isEscalated = judgement.consequence == .escalate
    guard judgement.subject == .output else { return }
    isStopped = judgement.consequence == .stop
    switch judgement.consequence {
    case .pass, .warn: break
    case .retry:
      pendingRewind = 1 << min(rejections, Self.maxRewindDoublings)
      rejections += 1
      retries += 1
    case .escalate, .stop: rejections += 1
    }
  }

  package mutating func apply(_ decision: GateDecision) {
    isEscalated = false
    isStopped = decision == .stop && last?.subject == .output
    if decision == .retry {
      pendingRewind = 1
      rejections = 0
      retries += 1
    }
    if decision == .accept, last?.subject == .input { inputIsAccepted = true }
  }

  package mutating func started() { pendingRewind = 0 }

  /// A person has it tried again: what was rejected before does not count any more.
  package mutating func forgive() { rejections = 0 }

  /// As `forgive`, for a step that was over: if what came out of it was stopped, the next attempt is another effect.
  package mutating func reopen() {
    forgive()
    if isStopped { retries += 1 }
    isStopped = false
  }

  /// What waits for a person's word, or was rejected last; nil if nothing is.
  package var rejected: JSONValue? { last?.rejected }

  /// The effects of the next attempt are known by keys of their own, for it is to do something else than the one before.
  package var keySuffix: String { retries == 0 ? "" : "#g\(retries)" }
}

// MARK: Judging

/// What may follow from a verdict at one step.
package struct GateLeeway: Sendable, Hashable {
  /// The step can be asked for another output.
  package var canRetry: Bool
  /// The step cannot be undone, so nothing but a person stops it.
  package var mustAsk: Bool
  package init(canRetry: Bool = true, mustAsk: Bool = false) {
    self.canRetry = canRetry
    self.mustAsk = mustAsk
  }
}

extension GateHistory {
  /// What follows from what the validators found.
  ///
  /// - Parameters:
  ///   - value: what was judged.
  ///   - subject: what it is.
  ///   - gates: the validators, each of which has a finding.
  ///   - findings: theirs, in the same order.
  ///   - spent: what the attempts of the step have cost.
  ///   - leeway: what may follow at all.
  /// - Returns: what is written down of it.
  package func judgement(
    of value: JSONValue, _ subject: GateSubject, by gates: [GateDefinition], _ findings: [GateFinding],
    spent: NanoUSD, leeway: GateLeeway
  ) -> GateJudgement {
    var findings = findings
    for index in findings.indices { findings[index].isObserved = gates[index].observes }
    let binding = zip(gates, findings).filter { !$0.1.isObserved }
    let verdict = binding.map(\.1.verdict).max() ?? .pass
    var judgement = GateJudgement(
      subject: subject, number: subject == .output ? rejections + 1 : 0, findings: findings, verdict: verdict,
      consequence: verdict)
    if verdict == .retry {
      // Each of those that ask for a retry has its own limits; the strictest one holds.
      let asking = binding.filter { $0.1.verdict == .retry }.map(\.0)
      for gate in asking {
        let (consequence, reason) = self.consequence(of: value, findings, gate, spent: spent, leeway)
        guard consequence > judgement.consequence else { continue }
        (judgement.consequence, judgement.reason) = (consequence, reason)
      }
      if judgement.consequence == .retry { judgement.retryAfter = asking.map(\.retry.backoff).max() }
    }
    if judgement.consequence == .stop, leeway.mustAsk {
      (judgement.consequence, judgement.reason) = (.escalate, .cannotUndo)
    }
    if !judgement.mayProceed { judgement.rejected = value }
    return judgement
  }

  private func consequence(
    of value: JSONValue, _ findings: [GateFinding], _ gate: GateDefinition, spent: NanoUSD, _ leeway: GateLeeway
  ) -> (Verdict, GateJudgement.Reason?) {
    guard leeway.canRetry else { return (gate.onExhausted, .cannotRetry) }
    if rejections > 0, let last, isNoBetter(value, findings, than: last) {
      switch gate.retry.noProgress {
      case .stop: return (.stop, .noProgress)
      case .escalate: return (.escalate, .noProgress)
      case .ignore: break
      }
    }
    if rejections + 1 >= gate.retry.maxAttempts { return (gate.onExhausted, .exhausted) }
    if let most = gate.retry.maxCost, spent >= most { return (gate.onExhausted, .cost) }
    return (.retry, nil)
  }

  private func isNoBetter(_ value: JSONValue, _ findings: [GateFinding], than last: GateJudgement) -> Bool {
    guard last.subject == .output, let rejected = last.rejected else { return false }
    if rejected == value { return true }
    func signature(_ findings: [GateFinding]) -> [String: Set<String>] {
      Dictionary(
        findings.filter { !$0.isObserved && $0.verdict > .warn }.map { ($0.validator, $0.signature) },
        uniquingKeysWith: { first, _ in first })
    }
    // Where not all is told, what is told says nothing of the rest.
    guard !findings.contains(where: \.isCutOff), !last.findings.contains(where: \.isCutOff) else { return false }
    return signature(findings) == signature(last.findings)
  }

  // MARK: Feedback

  /// What the agent of the next attempt is told of the output before, and of those before that; nil if it is told nothing.
  ///
  /// It is data, and of a bounded size: parts of it are the agent's own words.
  package func feedback(by gates: [GateDefinition]) -> JSONValue? {
    guard retries > 0, let last, last.subject == .output, !last.mayProceed, !isEscalated,
      var feedback = Self.feedback(of: last, gates)
    else { return nil }
    let before = earlier.compactMap { Self.feedback(of: $0, gates) }
    if !before.isEmpty { feedback["earlier"] = .array(before.map { .object($0) }) }
    return .object(feedback)
  }

  private static func feedback(of judgement: GateJudgement, _ gates: [GateDefinition]) -> JSONObject? {
    guard let gate = gates.first(where: { $0.name == judgement.validator }), gate.retry.hasFeedback else { return nil }
    var room = maxFeedbackBytes
    var errors: [JSONValue] = []
    for error in judgement.complaints.prefix(maxFeedbackErrors) {
      room -= error.text().utf8.count
      guard room >= 0 else { break }
      errors.append(error)
    }
    return [
      "validator": .string(gate.name), "attempt": .int(Int64(judgement.number)),
      "of": .int(Int64(gate.retry.maxAttempts)), "errors": .array(errors),
    ]
  }
}
