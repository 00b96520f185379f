// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

// What validators make of what comes out of steps.
extension FlowMachine {
  /// Something came out of a unit; it is judged first, and only what may proceed becomes its result.
  mutating func produced(_ key: UnitKey, _ output: JSONValue, _ turn: inout Turn) {
    let path = state.paths.path(of: key)
    if doubtsReadSet(of: key, &turn) { return }
    let gates = gates(of: key)
    guard !gates.isEmpty else { return note(.stepCompleted(path: path, output: output), &turn) }
    let judgement = judgement(of: output, .output, key, gates, at: turn.now)
    note(.judged(path: path, judgement), &turn)
    switch judgement.consequence {
    case .pass, .warn: note(.stepCompleted(path: path, output: output), &turn)
    case .retry: retry(key, after: judgement.retryAfter ?? .zero, &turn)
    case .escalate: break
    case .stop: note(.stepFailed(path: path, judgement.refusal), &turn)
    }
    doubts(key, judgement, &turn)
  }

  /// What is to go into a unit is judged once, before its first attempt.
  ///
  /// - Returns: whether it may begin.
  mutating func letsIn(_ key: UnitKey, _ turn: inout Turn) -> Bool {
    let gates = definition.steps[key.step].inputGates.compactMap { definition.gates[$0] }
    guard !gates.isEmpty, state.gates[key]?.inputIsLetIn != true, !isEscalated(key) else { return !isEscalated(key) }
    // One that cannot be made is the error of the step itself.
    guard let input = try? state.input(of: key, run: run) else { return true }
    let path = state.paths.path(of: key)
    let judgement = judgement(of: input, .input, key, gates, at: turn.now)
    note(.judged(path: path, judgement), &turn)
    if judgement.consequence == .stop { note(.stepFailed(path: path, judgement.refusal), &turn) }
    doubts(key, judgement, &turn)
    return judgement.mayProceed
  }

  private func judgement(
    of value: JSONValue, _ subject: GateSubject, _ key: UnitKey, _ gates: [GateDefinition], at now: WallTime
  ) -> GateJudgement {
    var asking = GateAsking(gates: gates, judge: judge, subject: subject, value: value, now: now)
    if subject == .output { asking.read = readSet(of: key) }
    let findings = asking.findings { variable in
      variable == .context
        ? readSet(of: key)?.variable(at: now) ?? .object(JSONObject()) : self.value(of: variable, for: key)
    }
    // What goes in is the same however often it is asked for, and nothing has been done with it yet.
    let leeway = subject == .output ? leeway(at: key) : GateLeeway(canRetry: false)
    return (state.gates[key] ?? GateHistory()).judgement(
      of: value, subject, by: gates, findings, spent: state.units[key]?.cost ?? .zero, leeway: leeway)
  }

  /// Only agents are told what was wrong, and asked again; behind the point of no return nothing but a person stops.
  private func leeway(at key: UnitKey) -> GateLeeway {
    let commitment = definition.steps[key.step].commitment
    let isAgent = if case .agent = definition.steps[key.step].action { true } else { false }
    guard definition.kind == .saga else { return GateLeeway(canRetry: isAgent) }
    return GateLeeway(
      canRetry: isAgent && commitment != .pivot, mustAsk: state.isBehindPivot || commitment != .compensatable)
  }

  /// The validators of what comes out of a unit.
  func gates(of key: UnitKey) -> [GateDefinition] {
    guard key.role == .forward else { return [] }
    return definition.steps[key.step].gates.compactMap { definition.gates[$0] }
  }

  /// What rules read beside the output.
  private func value(of variable: GateVariable, for key: UnitKey) -> JSONValue {
    let unit = state.units[key]
    switch variable {
    // One that cannot be made any more is missing, and a rule that reads it has no value.
    case .input: return (try? state.input(of: key, run: run)) ?? .null
    case .steps:
      var steps = JSONObject()
      for index in definition.steps.indices {
        guard let outcome = state.outcome(of: index) else { continue }
        steps[definition.steps[index].name] = ["output": outcome.output, "status": .string(outcome.word)]
      }
      return .object(steps)
    case .run:
      return [
        "id": .string(run.text), "kind": .string(definition.kind.rawValue), "name": .string(definition.name),
        "step": .string(state.paths.path(of: key).text),
        "attempt": .int(Int64((state.gates[key]?.rejections ?? 0) + 1)), "input": state.input,
        "tokens": .int(unit?.tokens.value ?? 0), "nanoUSD": .int(unit?.cost.value ?? 0),
      ]
    case .context: return .object(JSONObject())
    }
  }

  // MARK: Another try

  /// How many of the last model answers an attempt drops.
  ///
  /// An `llm` agent goes through its conversation to where it was, and is told there what was wrong.
  func rewind(of key: UnitKey) -> Int {
    let own = state.units.look(at: key) { $0.history.pendingRewind } ?? 0
    guard let rejected = state.gates[key]?.pendingRewind, rejected > 0, let agent = agent(of: key),
      definition.agents[agent]?["llm"] == nil
    else { return own }
    return max(own, rejected)
  }

  func feedback(of key: UnitKey) -> JSONValue? {
    let gates = gates(of: key)
    return gates.isEmpty ? nil : state.gates[key]?.feedback(by: gates)
  }

  // MARK: Escalation

  /// What came out of the unit waits for a person's word.
  func isEscalated(_ key: UnitKey) -> Bool {
    state.gates[key]?.isEscalated == true && state.active.contains(key) && !state.open.contains(key)
  }

  /// The units that wait for a person's word.
  package var escalated: [StepPath] {
    state.active.filter(isEscalated).sorted(by: Self.before).map { state.paths.path(of: $0) }
  }

  /// A person decides about what a validator has escalated.
  mutating func decide(
    _ path: StepPath, by who: String, _ decision: GateDecision, note text: String, _ turn: inout Turn
  ) {
    guard !state.status.isFinal, state.status != .halted, let key = state.paths.key(of: path), isEscalated(key),
      let output = state.gates[key]?.rejected
    else { return }
    let asksAboutInput = state.gates[key]?.asksAboutInput == true
    // The same input would be asked about again.
    if asksAboutInput, decision == .retry { return }
    note(.gateDecided(path: path, by: who, decision, note: text), &turn)
    switch decision {
    case .accept where asksAboutInput: if !isResting { retry(key, after: .zero, &turn) }
    case .accept: note(.stepCompleted(path: path, output: output), &turn)
    case .stop: note(.stepFailed(path: path, .stopped(by: who, note: text)), &turn)
    case .retry: if !isResting { retry(key, after: .zero, &turn) }
    }
  }

  /// What a rule or a person has stopped comes before what only failed.
  var firstFailure: UnitKey? {
    state.failed.first { state.units[$0]?.failure?.isStop == true } ?? state.failed.first
  }
}

extension FlowState {
  mutating func applyJudgement(_ path: StepPath, _ judgement: GateJudgement, _ time: WallTime) {
    guard let key = key(of: path) else { return }
    gates[key, default: GateHistory()].apply(judgement)
    // A step whose input a person is asked about has begun; one whose input is stopped never does.
    guard !judgement.mayProceed, judgement.subject == .output || judgement.consequence == .escalate else { return }
    change(path, time) { unit in
      // Whatever was not known of it, there is an output now; so it did something, also where a run of its own did.
      unit.isUnknown = false
      if judgement.subject == .output { unit.mayHaveApplied = true }
      unit.dueAt = judgement.retryAfter.map { time + $0 }
    }
  }

  mutating func applyDecision(_ path: StepPath, _ decision: GateDecision, _ time: WallTime) {
    guard let key = key(of: path) else { return }
    gates[key, default: GateHistory()].apply(decision)
    if decision == .retry { dropChild(of: key) }
    // Whether a pivot was passed is found out by trying it again: what wants to go back waits for that.
    guard decision == .retry, definition.kind == .saga, definition.steps[key.step].commitment == .pivot else { return }
    change(path, time) { $0.wasCutOff = true }
  }
}
