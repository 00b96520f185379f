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
    let rested = !isFlow && endsRest()
    if isFlow { shown.withLock { if !$0.contains(agent.name) { $0.append(agent.name) } } }
    board.update(agent.name) {
      if agent.mode == .task { ($0.state, $0.reason) = (.starting, "") }
      if isFlow { $0.runningRuns += 1 }
      if rested { $0.restingRuns -= 1 }
      $0.run = run
      $0.attempt = attempt
      $0.step = .linked(isFlow ? step.text : "", isFlow ? ", attempt " : "attempt ", String(attempt.value))
    }
  }

  /// What a run does between two attempts.
  enum Rest: Sendable { case none, backoff, suspended }

  /// An agent that waits for its next attempt says so, unless another run of it is at work.
  func showWait(of delay: Duration) {
    guard delay > .zero, rest.withLock({ $0 }) != .suspended else { return }
    showRest(.backoff) { status, mode in
      if mode == .task { status.state = .backoff }
      status.step = "next attempt in \(DurationText.wait(delay))"
    }
  }

  /// Tells the census whether the run is at work, and the board if it waits for a time or for people.
  func noteActivity(_ outlook: RunOutlook, isNews: Bool, _ cursor: inout Cursor) {
    let isActive = outlook.status != .suspended
    if !isActive {
      // Not a failure that is tried again soon: hours may pass, and nothing is wrong.
      showRest(.suspended) { status, mode in
        guard mode == .task else { return }
        (status.state, status.reason) = (.waiting, outlook.error?.message ?? "waits for a decision")
        (status.step, status.attempt) = (nil, nil)
      }
    }
    guard isNews, isActive != cursor.isActive else { return }
    cursor.isActive = isActive
    executor.census.note(run, isActive: isActive)
  }

  private func showRest(_ kind: Rest, _ change: (inout AgentStatus, AgentMode) -> Void) {
    guard let spec = subject.agent else { return }
    let begins = rest.withLock { rest in
      defer { rest = kind }
      return rest == .none
    }
    board.update(spec.name) { status in
      if begins { status.restingRuns += 1 }
      if status.restingRuns >= status.runningRuns { change(&status, spec.mode) }
    }
  }

  /// The run is at work again, or over; true if it rested before.
  func endsRest() -> Bool {
    rest.withLock { rest in
      defer { rest = .none }
      return rest != .none
    }
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
    case .askedRetry(let error) where isRetried && error.isSleep: (.waiting, error.message)
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
        guard status.runningRuns == 0 else { return }
        if status.state == .backoff || status.state == .waiting { (status.state, status.reason) = (.idle, "") }
      }
    }
  }
}
