// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import Synchronization

/// Hands the runs of service agents to the processes that ask for work, and takes their answers.
///
/// Whatever happens here is a few look-ups under one short lock: a step of a run passes it three times.
final class ServiceDesk: Sendable {
  /// How many tasks may wait for one agent.
  static let maxQueued = 10_000
  /// The longest that `next` waits.
  static let maxWait = Duration.seconds(60)

  /// What became of a task.
  struct Answer: Sendable {
    let outcome: AttemptOutcome
    let output: JSONValue?

    static let takenBack = Answer(outcome: .interrupted("taken back from the service"), output: nil)
    /// No process ever saw it, so it has no effects.
    static let neverTaken = Answer(outcome: .interrupted(AttemptOutcome.neverBegan), output: nil)
  }

  private let clock: any NexusClock
  private let state: Mutex<TaskQueues>

  init(clock: any NexusClock, health: HealthDesk) {
    self.clock = clock
    state = Mutex(TaskQueues(health: health))
  }

  /// Changes the queues, then tells those who wait for an answer, who may ask for the next thing at once.
  private func change<Result>(_ body: (inout TaskQueues) -> Result) -> Result where Result: Sendable {
    let (result, settled) = state.withLock { queues in (body(&queues), queues.takeSettled()) }
    for (assignment, answer) in settled { assignment.answered(answer) }
    return result
  }

  /// Whether the service is given tasks; what it holds it keeps.
  func setReady(_ isReady: Bool, _ agent: AgentName) { change { $0.setReady(isReady, agent) } }

  // MARK: Attempts

  /// Has one attempt done by the agent's service; returns when it answered, died or was told to stop.
  func run(
    _ order: AttemptRunner.Order, services: RuntimeServices, stops: AttemptStops,
    opened: @Sendable (VirtualKey) -> Void, began: @escaping @Sendable () -> Void
  ) async -> AttemptRunner.Report {
    let opening: (access: AttemptAccess, dropped: Int)
    do {
      opening = try await services.boundary.openAttempt(order.caller, rewind: order.rewind)
    } catch {
      let end = AttemptEnd(outcome: .interrupted("the boundary did not open: \(error)"))
      return AttemptRunner.Report(end: end, output: nil, dropped: 0)
    }
    opened(opening.access.key)
    let answer = await withCheckedContinuation { continuation in
      enqueue(order, opening.access, stops, began: began, answered: { continuation.resume(returning: $0) })
    }
    return Self.report(answer, opening.access, dropped: opening.dropped, services.boundary)
  }

  /// Has one attempt done whose boundary is open; `ended` is called once, by whoever brings its end about.
  func hand(
    _ order: AttemptRunner.Order, _ access: AttemptAccess, boundary: any EffectBoundary, stops: AttemptStops,
    ended: @escaping @Sendable (AttemptRunner.Report) -> Void
  ) {
    enqueue(order, access, stops, began: {}, answered: { ended(Self.report($0, access, dropped: 0, boundary)) })
  }

  /// An attempt that is told to stop is taken back, and a late answer of it refused.
  private func enqueue(
    _ order: AttemptRunner.Order, _ access: AttemptAccess, _ stops: AttemptStops,
    began: @escaping @Sendable () -> Void, answered: @escaping @Sendable (Answer) -> Void
  ) {
    guard stops.wasRequested == nil else { return answered(.neverTaken) }
    change { $0.enqueue(TaskQueues.Assignment(order: order, access: access, began: began, answered: answered)) }
    // One that was asked to stop meanwhile is handled at once.
    stops.handle { [self] _ in change { $0.withdraw(order.address, order.attempt) } }
  }

  private static func report(
    _ answer: Answer, _ access: AttemptAccess, dropped: Int, _ boundary: any EffectBoundary
  ) -> AttemptRunner.Report {
    let tally = boundary.closeAttempt(access.key)
    var outcome = answer.outcome
    if let refusal = tally.refusal, refusal.action != .alert {
      switch outcome {
      case .crashed, .interrupted: outcome = .budgetStopped(refusal)
      case .succeeded, .askedRetry, .budgetStopped, .cancelled, .timedOut: break
      }
    }
    let end = AttemptEnd(
      outcome: outcome, passed: tally.passed, replayed: tally.replayed, tokens: tally.tokens, cost: tally.cost)
    return AttemptRunner.Report(end: end, output: answer.output, dropped: dropped)
  }

  // MARK: Who asks

  /// The next task of the agent, waiting for one at most `wait`; nil if none came.
  func next(for agent: AgentName, wait: Duration) async -> JSONValue? {
    if Task.isCancelled { return nil }
    if let task = change({ $0.takeQueued(agent) }) { return delivered(task) }
    guard wait > .zero else { return nil }
    let deadline = clock.now() + min(wait, Self.maxWait)
    let number = change { $0.newPoller() }
    let task = await withTaskGroup(of: Void.self) { group in
      group.addTask(name: "poll-limit:\(agent)") { [self] in
        // Cancelled or due, it is over; a task that is handed over at this moment is not lost.
        do { try await clock.sleep(until: deadline) } catch {}
        change { $0.dismiss(number, of: agent) }
      }
      let task = await withCheckedContinuation { continuation in change { $0.poll(agent, number, continuation) } }
      group.cancelAll()
      return task
    }
    change { $0.forget(number) }
    return task.flatMap(delivered)
  }

  /// The task, unless its asker hung up while it was on its way: then it waits for the next one.
  private func delivered(_ task: JSONValue) -> JSONValue? {
    guard Task.isCancelled else { return task }
    change { $0.putBack(task) }
    return nil
  }

  /// Takes the answer to a task.
  ///
  /// - Returns: false if the task is not the agent's, or is over.
  func answer(_ task: String, of agent: AgentName, with result: Result<JSONValue, RunError>) -> Bool {
    change { $0.answer(task, of: agent, with: result) }
  }

  /// The service's process has ended: what it worked on has crashed; what only waits goes on waiting.
  func serviceEnded(_ agent: AgentName, because reason: String) {
    change { $0.serviceEnded(agent, because: reason) }
  }
}
