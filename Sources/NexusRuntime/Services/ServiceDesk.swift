// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
internal import NexusCore
internal import NexusKernel

/// Hands the runs of service agents to the processes that ask for work, and takes their answers.
actor ServiceDesk {
  /// How many tasks may wait for one agent.
  static let maxQueued = 10_000
  /// The longest that `next` waits.
  static let maxWait = Duration.seconds(60)

  /// One attempt that a service works on.
  private struct Assignment {
    let order: AttemptRunner.Order
    let access: AttemptAccess
    let continuation: CheckedContinuation<Answer, Never>
    /// Called when a process takes the task.
    let began: @Sendable () -> Void
  }

  private struct Answer: Sendable {
    let outcome: AttemptOutcome
    let output: JSONValue?
  }

  private struct Poller {
    let number: Int
    let continuation: CheckedContinuation<JSONValue?, Never>
  }

  private let clock: any NexusClock
  private let health: HealthDesk
  /// The services that are given no task now.
  private var notReady: Set<AgentName> = []
  /// How many tasks each service holds.
  private var held: [AgentName: Int] = [:]
  private var queued: [AgentName: Deque<StepAddress>] = [:]
  private var pollers: [AgentName: Deque<Poller>] = [:]
  private var assignments: [StepAddress: Assignment] = [:]
  /// Whose attempt a task is.
  private var tasks: [String: StepAddress] = [:]
  private var taken: Set<StepAddress> = []
  /// Steps whose attempt was told to stop before it came to wait.
  private var revoked: Set<StepAddress> = []
  private var nextPoller = 0
  /// Polls whose time was over before they came to wait.
  private var dismissed: Set<Int> = []

  init(clock: any NexusClock, health: HealthDesk) {
    self.clock = clock
    self.health = health
  }

  /// Whether the service is given tasks; what it holds it keeps.
  func setReady(_ isReady: Bool, _ agent: AgentName) {
    guard isReady else {
      notReady.insert(agent)
      return
    }
    notReady.remove(agent)
    serve(agent)
  }

  /// Somebody who holds a task is at work, and shows it.
  private func hold(_ step: StepAddress, _ agent: AgentName) {
    guard taken.insert(step).inserted else { return }
    held[agent, default: 0] += 1
    if held[agent] == 1 { health.setWorking(true, service: agent) }
  }

  private func release(_ step: StepAddress, _ agent: AgentName) -> Bool {
    guard taken.remove(step) != nil else { return false }
    held[agent, default: 1] -= 1
    if held[agent] == 0 {
      held[agent] = nil
      health.setWorking(false, service: agent)
    }
    return true
  }

  /// Has one attempt done by the agent's service; returns when it answered, died or was told to stop.
  nonisolated func run(
    _ order: AttemptRunner.Order, services: RuntimeServices, stops: AttemptStops,
    opened: @Sendable (VirtualKey) -> Void, began: @escaping @Sendable () -> Void
  ) async -> AttemptRunner.Report {
    let caller = order.caller
    let opening: (access: AttemptAccess, dropped: Int)
    do {
      opening = try await services.boundary.openAttempt(caller, rewind: order.rewind)
    } catch {
      let end = AttemptEnd(outcome: .interrupted("the boundary did not open: \(error)"))
      return AttemptRunner.Report(end: end, output: nil, dropped: 0)
    }
    opened(opening.access.key)
    let answer = await answer(order, opening.access, stops, began)
    let tally = await services.boundary.closeAttempt(opening.access.key)
    var outcome = answer.outcome
    if let refusal = tally.refusal, refusal.action != .alert {
      switch outcome {
      case .crashed, .interrupted: outcome = .budgetStopped(refusal)
      case .succeeded, .askedRetry, .budgetStopped, .cancelled, .timedOut: break
      }
    }
    let end = AttemptEnd(
      outcome: outcome, passed: tally.passed, replayed: tally.replayed, tokens: tally.tokens, cost: tally.cost)
    return AttemptRunner.Report(end: end, output: answer.output, dropped: opening.dropped)
  }

  /// What the service answers; an attempt that is told to stop is taken back, and a late answer of it refused.
  private nonisolated func answer(
    _ order: AttemptRunner.Order, _ access: AttemptAccess, _ stops: AttemptStops,
    _ began: @escaping @Sendable () -> Void
  ) async -> Answer {
    let answer = await withTaskGroup(of: Answer?.self) { group in
      group.addTask(name: "task:\(order.run)") { await self.enqueue(order, access, began) }
      group.addTask(name: "stop:\(order.run)") {
        for await _ in stops.requests { await self.withdraw(order.address) }
        return nil
      }
      for await answer in group {
        guard let answer else { continue }
        group.cancelAll()
        return answer
      }
      preconditionFailure("the wait for a service ended without an answer")
    }
    await settle(order.address)
    return answer
  }

  private func settle(_ step: StepAddress) { revoked.remove(step) }

  private static let takenBack = Answer(outcome: .interrupted("taken back from the service"), output: nil)
  /// No process ever saw it, so it has no effects.
  private static let neverTaken = Answer(outcome: .interrupted(AttemptOutcome.neverBegan), output: nil)

  private func enqueue(
    _ order: AttemptRunner.Order, _ access: AttemptAccess, _ began: @escaping @Sendable () -> Void
  ) async -> Answer {
    let agent = order.spec.name
    guard revoked.remove(order.address) == nil else { return Self.neverTaken }
    guard queued[agent, default: []].count < Self.maxQueued else {
      return Answer(
        outcome: .crashed(RunError(code: "NX-AGT-006", message: "too many tasks wait for service \(agent)")),
        output: nil)
    }
    return await withCheckedContinuation { continuation in
      assignments[order.address] = Assignment(order: order, access: access, continuation: continuation, began: began)
      tasks[order.taskName] = order.address
      queued[agent, default: []].append(order.address)
      serve(agent)
    }
  }

  /// The next task of the agent, waiting for one at most `wait`; nil if none came.
  nonisolated func next(for agent: AgentName, wait: Duration) async -> JSONValue? {
    if Task.isCancelled { return nil }
    if let task = await takeQueued(agent) { return await delivered(task) }
    guard wait > .zero else { return nil }
    let deadline = clock.now() + min(wait, Self.maxWait)
    let number = await newPoller()
    return await withTaskGroup(of: JSONValue?.self) { group in
      group.addTask(name: "poll:\(agent)") { await self.poll(agent, number) }
      group.addTask(name: "poll-limit:\(agent)") { [clock] in
        // Cancelled or due, it is over; a task that is handed over at this moment is not lost.
        do { try await clock.sleep(until: deadline) } catch {}
        await self.dismiss(number, of: agent)
        return nil
      }
      var task: JSONValue?
      for await answer in group {
        task = task ?? answer
        group.cancelAll()
      }
      await forget(number)
      guard let task else { return nil }
      return await delivered(task)
    }
  }

  /// The task, unless its asker hung up while it was on its way: then it waits for the next one.
  private nonisolated func delivered(_ task: JSONValue) async -> JSONValue? {
    guard Task.isCancelled else { return task }
    await putBack(task)
    return nil
  }

  private func putBack(_ task: JSONValue) {
    guard let step = task["task"]?.stringValue.flatMap({ tasks[$0] }), let assignment = assignments[step],
      release(step, assignment.order.spec.name)
    else { return }
    queued[assignment.order.spec.name, default: []].prepend(step)
    serve(assignment.order.spec.name)
  }

  private func forget(_ number: Int) { dismissed.remove(number) }

  private func takeQueued(_ agent: AgentName) -> JSONValue? {
    notReady.contains(agent) ? nil : queued[agent]?.popFirst().flatMap(take)
  }

  private func newPoller() -> Int {
    nextPoller += 1
    return nextPoller
  }

  private func poll(_ agent: AgentName, _ number: Int) async -> JSONValue? {
    if let task = takeQueued(agent) { return task }
    guard dismissed.remove(number) == nil else { return nil }
    return await withCheckedContinuation { continuation in
      pollers[agent, default: []].append(Poller(number: number, continuation: continuation))
    }
  }

  private func dismiss(_ number: Int, of agent: AgentName) {
    guard let index = pollers[agent]?.firstIndex(where: { $0.number == number }) else {
      dismissed.insert(number)
      return
    }
    pollers[agent]?.remove(at: index).continuation.resume(returning: nil)
  }

  private func serve(_ agent: AgentName) {
    guard !notReady.contains(agent) else { return }
    while let step = queued[agent]?.first, let poller = pollers[agent]?.popFirst() {
      queued[agent]?.removeFirst()
      poller.continuation.resume(returning: take(step))
    }
  }

  private func take(_ step: StepAddress) -> JSONValue? {
    guard let assignment = assignments[step] else { return nil }
    let order = assignment.order
    hold(step, order.spec.name)
    assignment.began()
    return [
      "task": .string(order.taskName), "run": .string(order.run.text), "step": .string(order.step.text),
      "attempt": .int(Int64(order.attempt.value)), "input": order.input, "key": .string(assignment.access.key.secret),
      "idempotencyKey": .string(order.idempotencyKey),
    ]
  }

  /// Takes the answer to a task.
  ///
  /// - Returns: false if the task is not the agent's, or is over.
  func answer(_ task: String, of agent: AgentName, with result: Result<JSONValue, RunError>) -> Bool {
    guard let step = tasks[task], let assignment = assignments[step], assignment.order.spec.name == agent,
      taken.contains(step)
    else { return false }
    switch result {
    case .success(let output): finish(step, assignment, Answer(outcome: .succeeded, output: output))
    case .failure(let error): finish(step, assignment, Answer(outcome: .crashed(error), output: nil))
    }
    return true
  }

  /// The service's process has ended: what it worked on has crashed; what only waits goes on waiting.
  func serviceEnded(_ agent: AgentName, because reason: String) {
    notReady.remove(agent)
    for (step, assignment) in assignments where assignment.order.spec.name == agent && taken.contains(step) {
      let error = RunError(code: "NX-AGT-001", message: "the service ended: \(reason)")
      finish(step, assignment, Answer(outcome: .crashed(error), output: nil))
    }
    while let poller = pollers[agent]?.popFirst() { poller.continuation.resume(returning: nil) }
  }

  private func withdraw(_ step: StepAddress) {
    guard let assignment = assignments[step] else {
      revoked.insert(step)
      return
    }
    queued[assignment.order.spec.name]?.removeAll { $0 == step }
    finish(step, assignment, taken.contains(step) ? Self.takenBack : Self.neverTaken)
  }

  private func finish(_ step: StepAddress, _ assignment: Assignment, _ answer: Answer) {
    assignments[step] = nil
    tasks[assignment.order.taskName] = nil
    _ = release(step, assignment.order.spec.name)
    assignment.continuation.resume(returning: answer)
  }
}
