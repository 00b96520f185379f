// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import Synchronization

// What people see of the agents that a run makes attempts of.
//
// The run of an agent shows how the agent is from its beginning to its end; of a flow each attempt does that by itself.
extension RunDriver {
  /// Shows how the task is; of a service that is for its process and its supervisor to say, whatever becomes of a run.
  func show(_ state: AgentState, of agent: AgentName, _ mode: AgentMode) {
    guard mode == .task else { return }
    board.update(agent) { $0.state = state }
  }

  func showStart(of agent: PinnedAgent, _ attempt: AttemptNumber, at step: StepPath) {
    let isFlow = subject.agent == nil
    if isFlow { shown.withLock { if !$0.contains(agent.name) { $0.append(agent.name) } } }
    board.update(agent.name) {
      if agent.mode == .task { ($0.state, $0.reason) = (.starting, "") }
      if isFlow { $0.runningRuns += 1 }
      $0.run = run
      $0.attempt = attempt
      $0.step = .linked(isFlow ? step.text : "", isFlow ? ", attempt " : "attempt ", String(attempt.value))
    }
  }

  /// An agent that waits for its next attempt says so.
  func showWait(of delay: Duration) {
    guard delay > .zero, let spec = subject.agent else { return }
    show(.backoff, of: spec.name, spec.mode)
    // In whole seconds, rounded up: nobody wants to read more of it.
    let seconds = (delay + .seconds(1) - .nanoseconds(1)).components.seconds
    board.update(spec.name) { $0.step = "next attempt in \(seconds) s" }
  }

  /// An attempt of a flow is over; the next one of the agent may belong to another run.
  func showEnd(of agent: PinnedAgent, _ end: AttemptEnd, isRetried: Bool) {
    guard subject.agent == nil else { return }
    board.update(agent.name) { status in
      status.runningRuns -= 1
      if agent.mode == .service, status.run == run { status.run = nil }
      guard status.runningRuns == 0 else { return }
      status.step = nil
      guard agent.mode == .task else { return }
      status.attempt = nil
      let (word, reason) = Self.rest(after: end, isRetried: isRetried)
      // What the supervisor said of the agent stays said.
      if status.state != .failed || word != .idle { (status.state, status.reason) = (word, reason) }
    }
  }

  private static func rest(after end: AttemptEnd, isRetried: Bool) -> (AgentState, String) {
    switch end.outcome {
    case .succeeded, .interrupted, .cancelled: (.idle, "")
    case .crashed(let error), .askedRetry(let error): (isRetried ? .backoff : .failed, "\(error.code) \(error.message)")
    case .timedOut: (isRetried ? .backoff : .failed, "the attempt took longer than it may")
    case .budgetStopped(let refusal) where refusal.isOfBudget: (.exhausted, refusal.message)
    case .budgetStopped(let refusal): (refusal.action == .pause ? .paused : .failed, refusal.message)
    }
  }

  /// The agents whose state the run has shown.
  var shownAgents: [AgentName] {
    if let agent = subject.agent { [agent.name] } else { shown.withLock { $0 } }
  }

  /// The run has settled: nothing that it showed as still to come will come.
  func showRest() {
    for agent in shownAgents {
      guard subject.agent == nil else { return }
      board.update(agent) { status in
        if status.runningRuns == 0, status.state == .backoff { (status.state, status.reason) = (.idle, "") }
      }
    }
  }
}
