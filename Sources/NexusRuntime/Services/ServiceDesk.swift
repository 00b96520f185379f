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
  private let checks: SchemaChecks
  private let state: Mutex<TaskQueues>
  /// Rings when the first of those who wait for a task has waited long enough.
  private let alarm: Alarm

  init(clock: any NexusClock, health: HealthDesk, checks: SchemaChecks, work: WorkHost) {
    self.clock = clock
    self.checks = checks
    state = Mutex(TaskQueues(health: health))
    alarm = Alarm("polls", clock: clock, work: work)
  }

  /// Whether the service is given tasks; what it holds it keeps.
  func setReady(_ isReady: Bool, _ agent: AgentName) { deliver(state.withLock { $0.setReady(isReady, agent) }) }

  private func deliver(_ deliveries: [TaskQueues.Delivery]) { for delivery in deliveries { deliver(delivery) } }

  private func deliver(_ delivery: TaskQueues.Delivery) {
    delivery.assignment.began()
    delivery.asker.resume(returning: delivery.assignment)
  }

  // MARK: Attempts

  /// Has one attempt done by the agent's service; returns when it answered, died or was told to stop.
  ///
  /// `isNeeded` is called, once the task waits, if its supervisor is to be told of the need.
  func run(
    _ order: AttemptRunner.Order, services: RuntimeServices, stops: AttemptStops,
    opened: @Sendable (VirtualKey) -> Void, began: @escaping @Sendable () -> Void, isNeeded: @Sendable () -> Void
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
      let isExpected = enqueue(
        order, opening.access, stops, began: began, answered: { continuation.resume(returning: $0) })
      if !isExpected { isNeeded() }
    }
    return Self.report(answer, opening.access, dropped: opening.dropped, services.boundary)
  }

  /// Has one attempt done whose boundary is open; `ended` is called once, by whoever brings its end about.
  ///
  /// - Returns: whether a process has the task, or will; else the supervisor of the service is to be told of the need.
  func hand(
    _ order: AttemptRunner.Order, _ access: AttemptAccess, boundary: any EffectBoundary, stops: AttemptStops,
    began: @escaping @Sendable () -> Void, ended: @escaping @Sendable (AttemptRunner.Report) -> Void
  ) -> Bool {
    enqueue(order, access, stops, began: began, answered: { ended(Self.report($0, access, dropped: 0, boundary)) })
  }

  /// An attempt that is told to stop is taken back, and a late answer of it refused.
  ///
  /// - Returns: whether nothing more has to be done for it to be taken.
  private func enqueue(
    _ order: AttemptRunner.Order, _ access: AttemptAccess, _ stops: AttemptStops,
    began: @escaping @Sendable () -> Void, answered: @escaping @Sendable (Answer) -> Void
  ) -> Bool {
    guard stops.wasRequested == nil else {
      answered(.neverTaken)
      return true
    }
    if let refusal = checks.refusal(of: order.input, for: order.agent) {
      answered(Answer(outcome: .crashed(refusal), output: nil))
      return true
    }
    let assignment = TaskQueues.Assignment(order: order, access: access, began: began, answered: answered)
    var isExpected = true
    switch state.withLock({ $0.enqueue(assignment) }) {
    case .waits(let expected): isExpected = expected
    case .delivered(let delivery, let expected):
      isExpected = expected
      deliver(delivery)
    case .tooMany:
      let error = RunError(code: "NX-AGT-006", message: "too many tasks wait for service \(order.agent.name)")
      answered(Answer(outcome: .crashed(error), output: nil))
      return true
    }
    // One that was asked to stop meanwhile is handled at once.
    stops.handle { [self] _ in
      if let answer = state.withLock({ $0.withdraw(assignment) }) { assignment.answered(answer) }
    }
    return isExpected
  }

  private static func report(
    _ answer: Answer, _ access: AttemptAccess, dropped: Int, _ boundary: any EffectBoundary
  ) -> AttemptRunner.Report {
    let tally = boundary.closeAttempt(access.key)
    var outcome = answer.outcome
    if let refusal = tally.refusal, refusal.action != .alert {
      switch outcome {
      case .crashed, .interrupted: outcome = .budgetStopped(refusal)
      case .succeeded where refusal.endsRun: outcome = .budgetStopped(refusal)
      case .succeeded, .askedRetry, .budgetStopped, .cancelled, .timedOut: break
      }
    }
    let end = AttemptEnd(
      outcome: outcome.asRecorded(tally), passed: tally.passed, replayed: tally.replayed, tokens: tally.tokens,
      cost: tally.cost)
    return AttemptRunner.Report(end: end, output: answer.output, dropped: dropped)
  }

  // MARK: Who asks

  /// The next task of the agent, waiting for one at most `wait`; nil if none came.
  func next(for agent: AgentName, wait: Duration) async -> JSONValue? {
    if Task.isCancelled { return nil }
    switch state.withLock({ $0.ask(agent) }) {
    case .task(let assignment):
      assignment.began()
      return delivered(assignment)
    case .nothing(let number):
      guard wait > .zero else { return nil }
      return await poll(agent, number, until: clock.now() + min(wait, Self.maxWait)).flatMap(delivered)
    }
  }

  private func poll(_ agent: AgentName, _ number: Int, until deadline: Instant) async -> TaskQueues.Assignment? {
    let assignment = await withTaskCancellationHandler {
      await withCheckedContinuation { (asker: TaskQueues.Asker) in
        var task: TaskQueues.Assignment?
        if state.withLock({ $0.poll(agent, number, until: deadline, asker, &task) }) {
          // Set before, it could go off for others and not see this one.
          return alarm.ring(at: deadline, dismissDue)
        }
        task?.began()
        asker.resume(returning: task)
      }
    } onCancel: {
      // A task that is handed over at this moment is not lost.
      state.withLock { $0.dismiss(number, of: agent) }?.resume(returning: nil)
    }
    if Task.isCancelled { state.withLock { $0.forget(number) } }
    return assignment
  }

  /// One alarm is for all who wait: most are given a task long before their time, and leave nothing behind.
  private func dismissDue() {
    let (askers, next) = state.withLock { $0.dismissDue(at: clock.now()) }
    for asker in askers { asker.resume(returning: nil) }
    if let next { alarm.ring(at: next, dismissDue) }
  }

  /// The task, unless its asker hung up while it was on its way: then it waits for the next one.
  private func delivered(_ assignment: TaskQueues.Assignment) -> JSONValue? {
    guard Task.isCancelled else { return assignment.task }
    deliver(state.withLock { $0.putBack(assignment) })
    return nil
  }

  /// Takes the answer to a task.
  ///
  /// - Returns: false if the task is not the agent's, is over, or has another key than the one that is given.
  func answer(
    _ task: String, of agent: AgentName, by key: VirtualKey?, with result: Result<JSONValue, RunError>
  ) -> Bool {
    guard let assignment = state.withLock({ $0.end(task, of: agent, by: key) }) else { return false }
    switch result {
    case .success(let output):
      let (outcome, output) = checks.judged(.succeeded, output, of: assignment.order.agent)
      assignment.answered(Answer(outcome: outcome, output: output))
    case .failure(let error): assignment.answered(Answer(outcome: .crashed(error), output: nil))
    }
    return true
  }

  /// What a service leaves behind when its process has ended.
  struct Estate: Sendable {
    fileprivate let held: [TaskQueues.Assignment]
    /// Tasks wait for the next process.
    let isMissed: Bool
  }

  /// A process of the service is about to start: it will take what waits, or its end show that it did not.
  func serviceBegins(_ agent: AgentName) { state.withLock { $0.serviceBegins(agent) } }

  /// Whether a task came since the last process of the service ended, and no other has begun.
  func hasLateTasks(_ agent: AgentName) -> Bool { state.withLock { $0.hasLateTasks(agent) } }

  /// The service's process has ended: what it worked on is taken from it, and what only waits goes on waiting.
  func serviceEnded(_ agent: AgentName) -> Estate {
    let (held, askers, isMissed) = state.withLock { $0.serviceEnded(agent) }
    for asker in askers { asker.resume(returning: nil) }
    return Estate(held: held, isMissed: isMissed)
  }

  /// What the process worked on has crashed with it.
  ///
  /// Its supervisor knows of its end by now: what is tried again at once finds the service as it stands.
  func crash(_ estate: Estate, because reason: String) {
    for assignment in estate.held {
      let error = RunError(code: "NX-AGT-001", message: "the service ended: \(reason)")
      assignment.answered(Answer(outcome: .crashed(error), output: nil))
    }
  }
}
