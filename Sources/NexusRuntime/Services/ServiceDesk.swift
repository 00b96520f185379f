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
  private var queued: [AgentName: Deque<RunID>] = [:]
  private var pollers: [AgentName: Deque<Poller>] = [:]
  private var assignments: [RunID: Assignment] = [:]
  private var taken: Set<RunID> = []
  /// Runs whose attempt was told to stop before it came to wait.
  private var revoked: Set<RunID> = []
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
  private func hold(_ run: RunID, _ agent: AgentName) {
    guard taken.insert(run).inserted else { return }
    held[agent, default: 0] += 1
    if held[agent] == 1 { health.setWorking(true, service: agent) }
  }

  private func release(_ run: RunID, _ agent: AgentName) -> Bool {
    guard taken.remove(run) != nil else { return false }
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
    opened: @Sendable (VirtualKey) -> Void
  ) async -> AttemptRunner.Report {
    let caller = Caller(agent: order.spec.name, run: order.run, step: .main, attempt: order.attempt)
    let opening: (access: AttemptAccess, dropped: Int)
    do {
      opening = try await services.boundary.openAttempt(caller, rewind: order.rewind)
    } catch {
      let end = AttemptEnd(outcome: .interrupted("the boundary did not open: \(error)"))
      return AttemptRunner.Report(end: end, output: nil, dropped: 0)
    }
    opened(opening.access.key)
    let answer = await answer(order, opening.access, stops)
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
    _ order: AttemptRunner.Order, _ access: AttemptAccess, _ stops: AttemptStops
  ) async -> Answer {
    let answer = await withTaskGroup(of: Answer?.self) { group in
      group.addTask(name: "task:\(order.run)") { await self.enqueue(order, access) }
      group.addTask(name: "stop:\(order.run)") {
        for await _ in stops.requests { await self.withdraw(order.run) }
        return nil
      }
      for await answer in group {
        guard let answer else { continue }
        group.cancelAll()
        return answer
      }
      preconditionFailure("the wait for a service ended without an answer")
    }
    await settle(order.run)
    return answer
  }

  private func settle(_ run: RunID) { revoked.remove(run) }

  private static let takenBack = Answer(outcome: .interrupted("taken back from the service"), output: nil)

  private func enqueue(_ order: AttemptRunner.Order, _ access: AttemptAccess) async -> Answer {
    let agent = order.spec.name
    guard revoked.remove(order.run) == nil else { return Self.takenBack }
    guard queued[agent, default: []].count < Self.maxQueued else {
      return Answer(
        outcome: .crashed(RunError(code: "NX-AGT-006", message: "too many tasks wait for service \(agent)")),
        output: nil)
    }
    return await withCheckedContinuation { continuation in
      assignments[order.run] = Assignment(order: order, access: access, continuation: continuation)
      queued[agent, default: []].append(order.run)
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
    guard let run = task["run"]?.stringValue.map({ RunID($0) }), let assignment = assignments[run],
      task["task"]?.stringValue == Self.taskName(assignment.order), release(run, assignment.order.spec.name)
    else { return }
    queued[assignment.order.spec.name, default: []].prepend(run)
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
    while let run = queued[agent]?.first, let poller = pollers[agent]?.popFirst() {
      queued[agent]?.removeFirst()
      poller.continuation.resume(returning: take(run))
    }
  }

  private func take(_ run: RunID) -> JSONValue? {
    guard let assignment = assignments[run] else { return nil }
    let order = assignment.order
    hold(run, order.spec.name)
    return [
      "task": .string(Self.taskName(order)), "run": .string(run.text), "step": .string(StepPath.main.text),
      "attempt": .int(Int64(order.attempt.value)), "input": order.input, "key": .string(assignment.access.key.secret),
      "idempotencyKey": .string("\(run.text)/\(StepPath.main.text)"),
    ]
  }

  private static func taskName(_ order: AttemptRunner.Order) -> String { "\(order.run.text).\(order.attempt.value)" }

  /// Takes the answer to a task.
  ///
  /// - Returns: false if the task is not the agent's, or is over.
  func answer(_ task: String, of agent: AgentName, with result: Result<JSONValue, RunError>) -> Bool {
    guard
      let (run, assignment) = assignments.first(where: {
        Self.taskName($0.value.order) == task && $0.value.order.spec.name == agent
      }), taken.contains(run)
    else { return false }
    switch result {
    case .success(let output): finish(run, assignment, Answer(outcome: .succeeded, output: output))
    case .failure(let error): finish(run, assignment, Answer(outcome: .crashed(error), output: nil))
    }
    return true
  }

  /// The service's process has ended: what it worked on has crashed; what only waits goes on waiting.
  func serviceEnded(_ agent: AgentName, because reason: String) {
    notReady.remove(agent)
    for (run, assignment) in assignments where assignment.order.spec.name == agent && taken.contains(run) {
      let error = RunError(code: "NX-AGT-001", message: "the service ended: \(reason)")
      finish(run, assignment, Answer(outcome: .crashed(error), output: nil))
    }
    while let poller = pollers[agent]?.popFirst() { poller.continuation.resume(returning: nil) }
  }

  private func withdraw(_ run: RunID) {
    guard let assignment = assignments[run] else {
      revoked.insert(run)
      return
    }
    queued[assignment.order.spec.name]?.removeAll { $0 == run }
    finish(run, assignment, Self.takenBack)
  }

  private func finish(_ run: RunID, _ assignment: Assignment, _ answer: Answer) {
    assignments[run] = nil
    _ = release(run, assignment.order.spec.name)
    assignment.continuation.resume(returning: answer)
  }
}
