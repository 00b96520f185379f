// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// What a journal entry says to someone who watches the run.
enum RunNote {
  static func text(of entry: RunEntry, spec: AgentSpec) -> String? {
    switch entry {
    case .created, .stepRecorded: nil
    case .attemptStarted(_, let attempt, let dropped):
      (dropped > 0 ? "attempt \(attempt), the last \(dropped) model answers asked anew" : "attempt \(attempt)")
        + (attempt.value == 1 ? model(of: spec) : "")
    case .attemptEnded(_, let attempt, let end): ended(attempt, end)
    case .cancelRequested(let who): "cancel asked by \(who)"
    case .paused(let reason, let note): "paused (\(reason.rawValue)): \(note)"
    case .resumed(let who): "resumed by \(who)"
    case .retried(let who): "retried by \(who)"
    case .completed: "completed"
    case .failed(let error): "failed: \(error.code) \(error.message)"
    case .cancelled: "cancelled"
    default: nil
    }
  }

  /// Which model answers, and that the built-in one is none.
  private static func model(of spec: AgentSpec) -> String {
    guard case .llm(let llm) = spec.kind else { return "" }
    return " · " + llm.model
      + (llm.model == "local/extractive" ? " (offline, quotes its sources; set a provider for an LLM)" : "")
  }

  private static func ended(_ attempt: AttemptNumber, _ end: AttemptEnd) -> String? {
    switch end.outcome {
    case .succeeded: nil
    case .crashed(let error), .askedRetry(let error): "attempt \(attempt): \(error.message)"
    case .interrupted(let note): "attempt \(attempt) interrupted: \(note)"
    case .budgetStopped(let refusal): "attempt \(attempt) stopped by the budget: \(refusal.message)"
    case .cancelled: "attempt \(attempt) cancelled"
    case .timedOut: "attempt \(attempt) timed out"
    }
  }
}

extension RunSummary {
  /// The row that lists show, from the state that the journal adds up to.
  init(of state: RunState, at time: WallTime) {
    self.init(status: state.status, updatedAt: time)
    pauseReason = state.pauseReason
    output = state.output
    error = state.error
    attempts = state.attempts
    tokens = state.tokens
    cost = state.cost
    endedAt = state.status.isFinal ? time : nil
  }
}
