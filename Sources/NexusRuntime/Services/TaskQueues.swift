// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
internal import NexusCore
internal import NexusKernel

/// The tasks of service agents, those that wait and those that are held, and the processes that ask for one.
///
/// Nothing here calls anybody: who is to be told of what is the answer of each change, for after the lock.
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

  typealias Asker = CheckedContinuation<Assignment?, Never>

  /// A task on its way to who asked for it.
  struct Delivery: Sendable {
    let asker: Asker
    let assignment: Assignment
  }

  /// What becomes of a new task.
  enum Queued: Sendable {
    /// Whether the process that runs will take it, or its end be seen to leave it behind.
    case waits(isExpected: Bool)
    case tooMany
    /// `isExpected` is false where the process of who asked has ended.
    case delivered(Delivery, isExpected: Bool)
  }

  /// What somebody who asks gets at once.
  enum Asked: Sendable {
    case task(Assignment)
    /// The number to wait by.
    case nothing(Int)
  }

  /// A process that waits for a task.
  private struct Poller: Sendable {
    let number: Int
    /// When it waits no longer.
    let deadline: Instant
    let asker: Asker
  }

  /// A task, from its order to its end.
  private struct Entry: Sendable {
    let assignment: Assignment
    let lane: Int
    /// A process has it.
    var isTaken: Bool
  }

  /// What concerns one service.
  private struct Lane: Sendable {
    let agent: AgentName
    /// It is given tasks.
    var isReady = true
    /// A process of it runs.
    var isServed = false
    /// How many tasks it holds.
    var held = 0
    /// The process that runs now was given a task.
    var wasGiven = false
    /// A task came since the last process ended.
    var cameLate = false
    /// What was withdrawn meanwhile is gone from here.
    var queued: Deque<Assignment> = []
    var pollers: Deque<Poller> = []
  }

  private static let maxCompared = 8

  private let health: HealthDesk
  private var lanes: [Lane] = []
  /// Where each agent's lane is; there are as many as the node has had services.
  private var indexes: [AgentName: Int] = [:]
  private var tasks: [String: Entry] = [:]
  private var lastPoller = 0
  /// Polls that were given up before they came to wait.
  private var dismissed: Set<Int> = []

  init(health: HealthDesk) { self.health = health }

  private mutating func lane(of agent: AgentName) -> Int {
    // Mostly there are few: to compare them costs less than a hash.
    if lanes.count <= Self.maxCompared {
      if let known = lanes.firstIndex(where: { $0.agent == agent }) { return known }
    } else if let known = indexes[agent] {
      return known
    }
    indexes[agent] = lanes.count
    lanes.append(Lane(agent: agent))
    return lanes.count - 1
  }

  mutating func setReady(_ isReady: Bool, _ agent: AgentName) -> [Delivery] {
    let lane = lane(of: agent)
    lanes[lane].isReady = isReady
    return isReady ? serve(lane) : []
  }

  // MARK: Tasks

  mutating func enqueue(_ assignment: Assignment) -> Queued {
    let lane = lane(of: assignment.order.agent.name)
    if !lanes[lane].isServed { lanes[lane].cameLate = true }
    if lanes[lane].isReady, lanes[lane].queued.isEmpty, let poller = lanes[lane].pollers.popFirst() {
      tasks[assignment.taskName] = Entry(assignment: assignment, lane: lane, isTaken: true)
      hold(lane)
      return .delivered(Delivery(asker: poller.asker, assignment: assignment), isExpected: lanes[lane].isServed)
    }
    guard lanes[lane].queued.count < ServiceDesk.maxQueued else { return .tooMany }
    tasks[assignment.taskName] = Entry(assignment: assignment, lane: lane, isTaken: false)
    lanes[lane].queued.append(assignment)
    return .waits(isExpected: lanes[lane].isServed && lanes[lane].wasGiven)
  }

  /// Takes a task back; nil if it is over.
  mutating func withdraw(_ assignment: Assignment) -> ServiceDesk.Answer? {
    guard let index = tasks.index(forKey: assignment.taskName), tasks[index].value.assignment === assignment else {
      return nil
    }
    let entry = tasks.remove(at: index).value
    if entry.isTaken { release(entry.lane) } else { lanes[entry.lane].queued.removeAll { $0 === assignment } }
    return entry.isTaken ? .takenBack : .neverTaken
  }

  /// Ends a task that the agent has; nil if it has none of that name, or that is another key's.
  mutating func end(_ task: String, of agent: AgentName, by key: VirtualKey?) -> Assignment? {
    guard let index = tasks.index(forKey: task) else { return nil }
    let entry = tasks[index].value
    guard entry.isTaken, lanes[entry.lane].agent == agent else { return nil }
    if let key, key != entry.assignment.access.key { return nil }
    tasks.remove(at: index)
    release(entry.lane)
    return entry.assignment
  }

  /// A process of the service is about to start.
  mutating func serviceBegins(_ agent: AgentName) {
    let lane = lane(of: agent)
    (lanes[lane].isServed, lanes[lane].cameLate) = (true, false)
  }

  /// A task came since the last process ended, and no other has begun.
  mutating func hasLateTasks(_ agent: AgentName) -> Bool {
    let lane = lane(of: agent)
    return !lanes[lane].isServed && lanes[lane].cameLate
  }

  /// The service's process has ended.
  ///
  /// - Returns: what it worked on, who waits for its next task, and whether there is more for one like it to do: one that
  ///   was given nothing would not take that either.
  mutating func serviceEnded(_ agent: AgentName) -> (held: [Assignment], askers: [Asker], isMissed: Bool) {
    let lane = lane(of: agent)
    lanes[lane].isReady = true
    let held = tasks.values.filter { $0.lane == lane && $0.isTaken }.map(\.assignment)
    for assignment in held {
      tasks[assignment.taskName] = nil
      release(lane)
    }
    defer { (lanes[lane].pollers, lanes[lane].wasGiven, lanes[lane].isServed) = ([], false, false) }
    return (held, lanes[lane].pollers.map(\.asker), lanes[lane].wasGiven && !lanes[lane].queued.isEmpty)
  }

  // MARK: Who asks

  /// The next task of the agent, or a number to wait for one.
  mutating func ask(_ agent: AgentName) -> Asked {
    if let task = takeQueued(lane(of: agent)) { return .task(task) }
    lastPoller += 1
    return .nothing(lastPoller)
  }

  /// Has who asks wait.
  ///
  /// - Returns: false if it need not: there is a task, or it has given up; it gets that then.
  mutating func poll(
    _ agent: AgentName, _ number: Int, until deadline: Instant, _ asker: Asker, _ task: inout Assignment?
  ) -> Bool {
    let lane = lane(of: agent)
    task = takeQueued(lane)
    if task != nil { return false }
    guard dismissed.isEmpty || dismissed.remove(number) == nil else { return false }
    lanes[lane].pollers.append(Poller(number: number, deadline: deadline, asker: asker))
    return true
  }

  /// Who asked has hung up.
  mutating func dismiss(_ number: Int, of agent: AgentName) -> Asker? {
    let lane = lane(of: agent)
    guard let index = lanes[lane].pollers.firstIndex(where: { $0.number == number }) else {
      dismissed.insert(number)
      return nil
    }
    return lanes[lane].pollers.remove(at: index).asker
  }

  mutating func forget(_ number: Int) { dismissed.remove(number) }

  /// Those who have waited long enough, and when the next of the others will have.
  mutating func dismissDue(at now: Instant) -> (askers: [Asker], next: Instant?) {
    var askers: [Asker] = []
    var next: Instant?
    for lane in lanes.indices {
      askers += lanes[lane].pollers.filter { $0.deadline <= now }.map(\.asker)
      lanes[lane].pollers.removeAll { $0.deadline <= now }
      let first = lanes[lane].pollers.map(\.deadline).min()
      next = [next, first].compactMap(\.self).min()
    }
    return (askers, next)
  }

  /// Who was given the task did not get it: it waits for the next one who asks.
  mutating func putBack(_ assignment: Assignment) -> [Delivery] {
    guard let entry = tasks[assignment.taskName], entry.assignment === assignment, entry.isTaken else { return [] }
    tasks[assignment.taskName]?.isTaken = false
    release(entry.lane)
    lanes[entry.lane].queued.prepend(assignment)
    return serve(entry.lane)
  }

  private mutating func serve(_ lane: Int) -> [Delivery] {
    var deliveries: [Delivery] = []
    while !lanes[lane].pollers.isEmpty, let assignment = takeQueued(lane) {
      guard let poller = lanes[lane].pollers.popFirst() else { break }
      deliveries.append(Delivery(asker: poller.asker, assignment: assignment))
    }
    return deliveries
  }

  private mutating func takeQueued(_ lane: Int) -> Assignment? {
    guard lanes[lane].isReady, let assignment = lanes[lane].queued.popFirst() else { return nil }
    tasks[assignment.taskName]?.isTaken = true
    hold(lane)
    return assignment
  }

  /// Somebody who holds a task is at work, and shows it.
  private mutating func hold(_ lane: Int) {
    lanes[lane].held += 1
    lanes[lane].wasGiven = true
    if lanes[lane].held == 1 { health.setWorking(true, service: lanes[lane].agent) }
  }

  private mutating func release(_ lane: Int) {
    lanes[lane].held -= 1
    if lanes[lane].held == 0 { health.setWorking(false, service: lanes[lane].agent) }
  }
}

extension TaskQueues.Assignment {
  /// The task as its process is given it.
  var task: JSONValue {
    var members = JSONObject(uniqueMembers: [
      .init(key: "task", value: .string(taskName)), .init(key: "run", value: .string(order.run.text)),
      .init(key: "step", value: .string(order.step.text)),
      .init(key: "attempt", value: .int(Int64(order.attempt.value))), .init(key: "input", value: order.input),
      .init(key: "key", value: .string(access.key.secret)),
      .init(key: "idempotencyKey", value: .string(order.idempotencyKey)),
    ])
    members["feedback"] = order.feedback
    return .object(members)
  }
}
