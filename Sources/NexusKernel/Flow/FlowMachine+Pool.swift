// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

// How a pool becomes one result.
extension FlowMachine {
  /// Looks whether the results so far suffice, or never will.
  mutating func decidePool(_ turn: inout Turn) {
    guard let decision = definition.decision else { return }
    let votes = state.completed.map { key in
      PoolVote(member: key.step, output: state.units[key]?.outcome?.output ?? .null)
    }
    let failed = silentMembers
    var result = Agreement.decide(decision, votes: votes, failed: failed, members: definition.steps.count)
    // The judge is asked only where that can still make a difference.
    if case .undecided = result, case .agent = decision.equality {
      guard votes.count + failed == definition.steps.count, let groups = judgement(&turn) else { return }
      result = Agreement.decide(
        decision, votes: votes, failed: failed, members: definition.steps.count, judged: groups)
    }
    switch result {
    case .undecided: return
    case .decided(let winners, let output):
      note(.decided(winners: winners.map { state.paths.path(of: UnitKey($0)) }), &turn)
      // Of all, each answer stands under its member's name.
      note(.completed(output: decision.strategy == .all ? .object(state.votes) : output), &turn)
    case .impossible(let reason):
      note(.failed(RunError(code: "NX-POL-001", message: judgeFailure ?? reason, isRetryable: false)), &turn)
    }
    stopTheRest(&turn)
  }

  /// Why nobody says who agrees.
  private var judgeFailure: String? {
    guard let failure = state.units[.judge]?.failure, let judge = agent(of: .judge) else { return nil }
    return "the judge `\(judge)` did not say who agrees: \(failure.message)"
  }

  /// Members that will not answer: they failed, or a person does without them.
  private var silentMembers: Int {
    definition.steps.indices.count { step in
      if case .skipped? = state.outcome(of: step) { return true }
      return state.units[UnitKey(step)]?.failure != nil
    }
  }

  /// What is still under way is not needed any more.
  private mutating func stopTheRest(_ turn: inout Turn) {
    for key in state.open.sorted(by: Self.before) where stops[key] == nil {
      stops[key] = .notNeeded
      turn.act(.stopAttempt(state.paths.path(of: key), .notNeeded))
    }
  }

  // MARK: The judge

  /// Which members agree, by the word of an agent that is asked once all have answered.
  ///
  /// - Returns: nil while that is not known.
  private mutating func judgement(_ turn: inout Turn) -> [[Int]]? {
    if state.units[.judge]?.failure != nil { return [] }
    guard case .completed(let answer)? = state.units[.judge]?.outcome else {
      if !state.open.contains(.judge), !handedOver.contains(.judge), !state.active.contains(.judge) {
        startAttempt(.judge, &turn)
      }
      return nil
    }
    return (answer["groups"]?.arrayValue ?? []).map { group in
      (group.arrayValue ?? []).compactMap { $0.stringValue.flatMap(state.paths.index(of:)) }
    }
  }

  /// What the judge is asked.
  var judgeInput: JSONValue { ["votes": .object(state.votes)] }
}

extension FlowState {
  /// What the members of a pool answered, by name.
  var votes: JSONObject {
    var votes = JSONObject()
    for key in completed.sorted(by: { $0.step < $1.step }) {
      votes[definition.steps[key.step].name] = units[key]?.outcome?.output ?? .null
    }
    return votes
  }
}
