// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
internal import NexusCore
internal import NexusKernel

/// The tasks of service agents, those that wait and those that are held, and the processes that ask for one.
///
/// Everything that waits is a continuation; resuming one runs nothing here.
struct TaskQueues: Sendable {
  /// One attempt that a service works on, or will.
  final class Assignment: Sendable {
    let order: AttemptRunner.Order
    let access: AttemptAccess
    /// Called when a process takes the task.
    let began: @Sendable () -> Void
    /// Called once with what became of it.
    let answered: @Sendable (ServiceDesk.Answer) -> Void
    let taskName: String

    init(
      order: AttemptRunner.Order, access: AttemptAccess, began: @escaping @Sendable () -> Void,
      answered: @escaping @Sendable (ServiceDesk.Answer) -> Void
    ) {
      self.order = order
      self.access = access
      self.began = began
      self.answered = answered
      taskName = order.taskName
    }
  }

  /// A process that waits for a task.
  private struct Poller: Sendable {
    let number: Int
    let continuation: CheckedContinuation<JSONValue?, Never>
  }

  private struct Entry: Sendable {
    let assignment: Assignment
    /// A process has it.
    var isTaken = false
  }

  private let health: HealthDesk
  /// The services that are given no task now.
  private var notReady: Set<AgentName> = []
  /// How many tasks each service holds.
  private var held: [AgentName: Int] = [:]
  private var queued: [AgentName: Deque<StepAddress>] = [:]
  private var pollers: [AgentName: Deque<Poller>] = [:]
  private var assignments: [StepAddress: Entry] = [:]
  /// Whose attempt a task is.
  private var tasks: [String: StepAddress] = [:]
  private var nextPoller = 0
  /// Polls whose time was over before they came to wait.
  private var dismissed: Set<Int> = []
  /// Whose tasks are over and who is not told yet.
  private var settled: [(Assignment, ServiceDesk.Answer)] = []

  init(health: HealthDesk) { self.health = health }

  mutating func setReady(_ isReady: Bool, _ agent: AgentName) {
    guard isReady else {
      notReady.insert(agent)
      return
    }
    notReady.remove(agent)
    serve(agent)
  }

  /// Those who are to be told, outside the lock, that their tasks are over.
  mutating func takeSettled() -> [(Assignment, ServiceDesk.Answer)] {
    defer { if !settled.isEmpty { settled = [] } }
    return settled
  }

  // MARK: Tasks

  mutating func enqueue(_ assignment: Assignment) {
    let agent = assignment.order.agent.name
    guard queued[agent, default: []].count < ServiceDesk.maxQueued else {
      let error = RunError(code: "NX-AGT-006", message: "too many tasks wait for service \(agent)")
      return settled.append((assignment, ServiceDesk.Answer(outcome: .crashed(error), output: nil)))
    }
    let address = assignment.order.address
    tasks[assignment.taskName] = address
    assignments[address] = Entry(assignment: assignment)
    queued[agent, default: []].append(address)
    serve(agent)
  }

  mutating func withdraw(_ step: StepAddress, _ attempt: AttemptNumber) {
    guard let entry = assignments[step], entry.assignment.order.attempt == attempt else { return }
    if !entry.isTaken { queued[entry.assignment.order.agent.name]?.removeAll { $0 == step } }
    finish(step, entry.isTaken ? .takenBack : .neverTaken)
  }

  mutating func answer(_ task: String, of agent: AgentName, with result: Result<JSONValue, RunError>) -> Bool {
    guard let step = tasks[task], let entry = assignments[step], entry.assignment.order.agent.name == agent,
      entry.isTaken
    else { return false }
    switch result {
    case .success(let output): finish(step, ServiceDesk.Answer(outcome: .succeeded, output: output))
    case .failure(let error): finish(step, ServiceDesk.Answer(outcome: .crashed(error), output: nil))
    }
    return true
  }

  mutating func serviceEnded(_ agent: AgentName, because reason: String) {
    notReady.remove(agent)
    for (step, entry) in assignments where entry.assignment.order.agent.name == agent && entry.isTaken {
      let error = RunError(code: "NX-AGT-001", message: "the service ended: \(reason)")
      finish(step, ServiceDesk.Answer(outcome: .crashed(error), output: nil))
    }
    while let poller = pollers[agent]?.popFirst() { poller.continuation.resume(returning: nil) }
  }

  private mutating func finish(_ step: StepAddress, _ answer: ServiceDesk.Answer) {
    guard let entry = assignments.removeValue(forKey: step) else { return }
    tasks[entry.assignment.taskName] = nil
    if entry.isTaken { release(entry.assignment.order.agent.name) }
    settled.append((entry.assignment, answer))
  }

  // MARK: Who asks

  mutating func takeQueued(_ agent: AgentName) -> JSONValue? {
    guard !notReady.contains(agent), let step = queued[agent]?.popFirst() else { return nil }
    return take(step)
  }

  mutating func newPoller() -> Int {
    nextPoller += 1
    return nextPoller
  }

  /// Gives the poller a task, or has it wait.
  mutating func poll(_ agent: AgentName, _ number: Int, _ continuation: CheckedContinuation<JSONValue?, Never>) {
    if let task = takeQueued(agent) { return continuation.resume(returning: task) }
    guard dismissed.remove(number) == nil else { return continuation.resume(returning: nil) }
    pollers[agent, default: []].append(Poller(number: number, continuation: continuation))
  }

  mutating func dismiss(_ number: Int, of agent: AgentName) {
    guard let index = pollers[agent]?.firstIndex(where: { $0.number == number }) else {
      dismissed.insert(number)
      return
    }
    pollers[agent]?.remove(at: index).continuation.resume(returning: nil)
  }

  mutating func forget(_ number: Int) { dismissed.remove(number) }

  mutating func putBack(_ task: JSONValue) {
    guard let step = task["task"]?.stringValue.flatMap({ tasks[$0] }), let entry = assignments[step], entry.isTaken
    else { return }
    let agent = entry.assignment.order.agent.name
    assignments[step]?.isTaken = false
    release(agent)
    queued[agent, default: []].prepend(step)
    serve(agent)
  }

  private mutating func serve(_ agent: AgentName) {
    guard !notReady.contains(agent) else { return }
    while queued[agent]?.isEmpty == false, let poller = pollers[agent]?.popFirst(),
      let step = queued[agent]?.popFirst()
    {
      poller.continuation.resume(returning: take(step))
    }
  }

  private mutating func take(_ step: StepAddress) -> JSONValue? {
    guard let assignment = assignments[step]?.assignment else { return nil }
    assignments[step]?.isTaken = true
    let order = assignment.order
    hold(order.agent.name)
    assignment.began()
    return .object(
      JSONObject(uniqueMembers: [
        .init(key: "task", value: .string(assignment.taskName)), .init(key: "run", value: .string(order.run.text)),
        .init(key: "step", value: .string(order.step.text)),
        .init(key: "attempt", value: .int(Int64(order.attempt.value))), .init(key: "input", value: order.input),
        .init(key: "key", value: .string(assignment.access.key.secret)),
        .init(key: "idempotencyKey", value: .string(order.idempotencyKey)),
      ]))
  }

  /// Somebody who holds a task is at work, and shows it.
  private mutating func hold(_ agent: AgentName) {
    held[agent, default: 0] += 1
    if held[agent] == 1 { health.setWorking(true, service: agent) }
  }

  private mutating func release(_ agent: AgentName) {
    held[agent, default: 1] -= 1
    guard held[agent] == 0 else { return }
    held[agent] = nil
    health.setWorking(false, service: agent)
  }
}
