// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import HeapModule
package import NexusCore

/// Shares the tasks of a queue among the workers of a pool, and says how many workers there should be.
///
/// A task is a run. Tasks begin in the order in which their runs were created. It knows no clock: whoever drives it says what time it is, and asks
/// again at `nextTick`.
package struct QueuePoolMachine: Sendable {
  package enum Event: Sendable {
    /// A task waits for a worker. One that is known already changes nothing.
    case arrived(RunID)
    /// A task is over, or is wanted no longer.
    case left(RunID)
    /// A person or a changed configuration wants so many workers; kept between `minSize` and `maxSize`.
    case scale(Int)
    /// Time has passed.
    case tick
  }

  package struct Assignment: Sendable, Hashable {
    package var task: RunID
    /// From 1 on.
    package var worker: Int
  }

  private struct Worker: Sendable {
    var load = 0
    /// The number of the assignment that it got last.
    var lastAssignment: UInt64 = 0
    var idleSince: Instant
  }

  package private(set) var spec: QueuePoolSpec
  /// How many workers get tasks; those above have none, or finish what they have.
  package private(set) var size: Int
  private var workers: [Worker]
  /// Also tasks that left before their turn: those that are not in `waiting`.
  private var queue: Heap<RunID> = []
  private var waiting: Set<RunID> = []
  private var holders: [RunID: Int] = [:]
  private var assignments: UInt64 = 0
  private var lastWorker: Int
  private var random: UInt64
  private var overloadedSince: Instant?
  private var lastChange: Instant?

  /// A pool without tasks.
  ///
  /// - Parameters:
  ///   - spec: what the configuration says of it.
  ///   - wish: what a person wants of it.
  ///   - seed: what the strategy `random` draws from.
  ///   - now: when it begins; its workers are idle from then on.
  package init(_ spec: QueuePoolSpec, wish: QueuePoolWish = QueuePoolWish(), seed: UInt64, at now: Instant) {
    self.spec = spec
    size = wish.size(of: spec)
    workers = Array(repeating: Worker(idleSince: now), count: size)
    lastWorker = -1
    random = seed
  }

  package var waitingCount: Int { waiting.count }
  package var busyCount: Int { holders.count }
  /// How many tasks each worker has, also of those that get no more.
  package var loads: [Int] { workers.map(\.load) }
  /// Who does a task; nil if nobody does.
  package func worker(of task: RunID) -> Int? { holders[task].map { $0 + 1 } }

  /// Takes what happened.
  ///
  /// - Returns: the tasks that begin now, in order.
  package mutating func handle(_ event: Event, at now: Instant) -> [Assignment] {
    switch event {
    case .arrived(let task):
      guard holders[task] == nil, waiting.insert(task).inserted else { return [] }
      queue.insert(task)
    case .left(let task):
      if let worker = holders.removeValue(forKey: task) {
        workers[worker].load -= 1
        if workers[worker].load == 0 { workers[worker].idleSince = now }
        dropRetired()
      } else {
        waiting.remove(task)
      }
    case .scale(let wanted): resize(to: wanted, at: now)
    case .tick: break
    }
    let begun = assign(at: now)
    autoScale(at: now)
    return begun + assign(at: now)
  }

  /// Takes a changed specification; its size counts where it differs from that of before.
  package mutating func take(_ spec: QueuePoolSpec, at now: Instant) -> [Assignment] {
    let wanted = spec.size == self.spec.size ? size : spec.size
    self.spec = spec
    return handle(.scale(wanted), at: now)
  }

  // MARK: Workers

  private mutating func assign(at now: Instant) -> [Assignment] {
    var begun: [Assignment] = []
    while !waiting.isEmpty, let worker = freeWorker() {
      guard let task = queue.popMin() else { break }
      guard waiting.remove(task) != nil else { continue }
      assignments += 1
      workers[worker].load += 1
      workers[worker].lastAssignment = assignments
      lastWorker = worker
      holders[task] = worker
      begun.append(Assignment(task: task, worker: worker + 1))
    }
    if waiting.isEmpty { queue = [] }
    return begun
  }

  private mutating func freeWorker() -> Int? {
    let free = workers.indices.prefix(size).filter { workers[$0].load < spec.capacity }
    switch spec.strategy {
    case .roundRobin: return free.first { $0 > lastWorker } ?? free.first
    case .leastBusy:
      return free.min {
        (workers[$0].load, workers[$0].lastAssignment) < (workers[$1].load, workers[$1].lastAssignment)
      }
    case .random: return free.isEmpty ? nil : free[Int(draw() % UInt64(free.count))]
    }
  }

  /// The next number of splitmix64 (Steele, Lea and Flood, 2014).
  private mutating func draw() -> UInt64 {
    random &+= 0x9E37_79B9_7F4A_7C15
    var mixed = random
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  private mutating func resize(to wanted: Int, at now: Instant) {
    let wanted = min(max(wanted, spec.minSize), spec.maxSize)
    guard wanted != size else { return }
    size = wanted
    lastChange = now
    overloadedSince = nil
    while workers.count < size { workers.append(Worker(idleSince: now)) }
    // One that is to go and got no task yet may come back with all its rights.
    for index in workers.indices where index < size && workers[index].load == 0 { workers[index].idleSince = now }
    dropRetired()
  }

  /// Forgets workers beyond the size once they have nothing left to do.
  private mutating func dropRetired() {
    while workers.count > size, workers.last?.load == 0 { workers.removeLast() }
  }

  // MARK: Growing and shrinking

  private mutating func autoScale(at now: Instant) {
    guard let rule = spec.autoScale else { return }
    let wanted = wantedSize(rule)
    if wanted > size { overloadedSince = overloadedSince ?? now } else { overloadedSince = nil }
    guard lastChange.map({ now - $0 >= rule.cooldown }) ?? true else { return }
    if let since = overloadedSince, now - since >= rule.scaleUpAfter {
      resize(to: wanted, at: now)
    } else if waiting.isEmpty, size > spec.minSize {
      let idle = workers.prefix(size).reversed().prefix { $0.load == 0 && now - $0.idleSince >= rule.scaleDownAfter }
      if !idle.isEmpty { resize(to: size - idle.count, at: now) }
    }
  }

  /// As many workers as it takes to have no more than the target waiting for each.
  private func wantedSize(_ rule: AutoScaleSpec) -> Int {
    let target = max(rule.targetQueuePerWorker, 1)
    return min(max(size, (waiting.count + target - 1) / target), spec.maxSize)
  }

  /// When something may change by time alone; nil if nothing does.
  package var nextTick: Instant? {
    guard let rule = spec.autoScale else { return nil }
    var due: [Instant] = []
    if let since = overloadedSince { due.append(since + rule.scaleUpAfter) }
    if size > spec.minSize, let last = workers.prefix(size).last, last.load == 0 {
      due.append(last.idleSince + rule.scaleDownAfter)
    }
    guard let first = due.min() else { return nil }
    return lastChange.map { max(first, $0 + rule.cooldown) } ?? first
  }
}
