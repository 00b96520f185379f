// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

extension FlowMachine {
  package var outlook: RunOutlook {
    var status = state.status
    // Nothing is at work, and something will go on by itself: the run is suspended, not paused.
    if status == .running, state.isWaiting, halt == nil, !isLeaving { status = .suspended }
    var output = state.output
    if definition.isFanOut, state.status == .failed { output = .object(state.votes) }
    return RunOutlook(
      status: status, pauseReason: state.pauseReason, output: output, error: state.error, attempts: state.attempts,
      tokens: state.tokens, cost: state.cost)
  }

  package var calls: Int { state.calls }

  package var epoch: Int { state.epoch }

  package var rollbacks: Int { state.rollbacks }

  package var policy: String? { state.policy }

  package var kept: KeptEffects? { state.kept }

  package var limitCountsFrom: WallTime? { state.limitCountsFrom }

  package var openSteps: Set<StepPath> {
    Set(state.open.lazy.filter { !orphans.contains($0) }.map { state.paths.path(of: $0) })
  }

  package func recorded(_ path: StepPath) -> JSONValue? { state.recorded[path] }

  package func wouldRetry(_ path: StepPath, after end: AttemptEnd) -> Bool {
    guard let error = end.outcome.error, let key = state.key(at: path), stops[key] == nil,
      var history = state.units[key]?.history
    else { return false }
    history.ended(end)
    return isTriedAgain(key, error, failures: history.failures)
  }

  package func isStopping(_ path: StepPath) -> Bool {
    !stops.isEmpty && (state.key(at: path).map { stops[$0] != nil } ?? false)
  }
}

extension FlowDefinition {
  /// Who makes the attempts of a step, a compensation or a probe; nil if the path names none of them.
  package func agent(at path: StepPath) -> AgentName? {
    let state = FlowState(definition: self, input: .null)
    return state.paths.key(of: path).flatMap { state.agent(of: $0) }
  }
}
