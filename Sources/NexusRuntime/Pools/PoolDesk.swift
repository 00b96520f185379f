// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel
internal import NexusStore
internal import Synchronization

/// Keeps the tasks of queue pools waiting until a worker is free, and counts what each pool has taken on.
///
/// A task is a run of the pool. A worker of a task agent is a place in which one attempt at a time runs; of a service, a
/// task that its process may hold.
package final class PoolDesk: Sendable {
  fileprivate struct Pool {
    var machine: QueuePoolMachine
    var wish: QueuePoolWish
    /// The runs of the pool that are not over.
    var runs: Set<RunID> = []
    var doors: [RunID: AttemptTicket] = [:]
  }

  /// How a pool stands.
  package struct Standing: Sendable {
    package var size: Int
    package var isDraining: Bool
    package var waiting: Int
    package var busy: Int
    /// How many tasks each worker has, the first one's first.
    package var loads: [Int]
    package init(size: Int, isDraining: Bool, waiting: Int, busy: Int, loads: [Int]) {
      self.size = size
      self.isDraining = isDraining
      self.waiting = waiting
      self.busy = busy
      self.loads = loads
    }
  }

  private let store: any Store
  private let clock: any NexusClock
  private let alarm: Alarm
  private let pools = Mutex<[PoolName: Pool]>([:])

  init(services: RuntimeServices, work: WorkHost) {
    store = services.store
    clock = services.clock
    alarm = Alarm("pools", clock: services.clock, work: work)
  }

  // MARK: The configuration

  /// Begins with what people wanted of the pools before.
  func restore(_ specs: [QueuePoolSpec]) async throws(StoreError) {
    var wishes: [PoolName: QueuePoolWish] = [:]
    for row in try await store.components(.queuePool) {
      wishes[PoolName(row.name)] = try QueuePoolFormat.decode(row.state)
    }
    take(specs, wishes)
  }

  /// Takes the pools of a changed configuration; one that is gone lets everything pass that still waits.
  func reload(_ specs: [QueuePoolSpec]) { take(specs, [:]) }

  private func take(_ specs: [QueuePoolSpec], _ wishes: [PoolName: QueuePoolWish]) {
    let now = clock.now()
    let admitted = pools.withLock { pools in
      var admitted: [AttemptTicket] = []
      for spec in specs {
        if pools[spec.name] == nil {
          let wish = wishes[spec.name] ?? QueuePoolWish()
          let seed = UInt64(bitPattern: clock.wallNow().microseconds)
          pools[spec.name] = Pool(
            machine: QueuePoolMachine(spec, wish: wish, seed: seed, at: now), wish: wish)
        } else if let begun = pools[spec.name]?.machine.take(spec, at: now) {
          admitted += pools[spec.name]?.open(begun) ?? []
        }
      }
      let named = Set(specs.map(\.name))
      for name in pools.keys where !named.contains(name) {
        admitted += pools.removeValue(forKey: name).map { Array($0.doors.values) } ?? []
      }
      return admitted
    }
    settle(admitted)
  }

  // MARK: Runs

  /// Takes a run on.
  ///
  /// - Throws: `RuntimeRefusal`: the pool drains, or as much waits as may.
  func accept(_ run: RunID, _ pool: PoolName) throws(RuntimeRefusal) {
    try pools.withLock { (pools) throws(RuntimeRefusal) in
      guard let found = pools[pool] else { return }
      guard !found.wish.isDraining else {
        throw RuntimeRefusal(
          .conflict, code: "NX-POL-002", message: "the pool \(pool) drains: it takes no more work",
          hint: "naos pool resume \(pool)")
      }
      let limit = found.machine.spec.maxQueue
      guard found.runs.count - found.machine.busyCount < limit || found.hasFreeWorker else {
        throw RuntimeRefusal(
          .unavailable, code: "NX-POL-003", message: "\(limit) tasks wait for the pool \(pool) already",
          hint: "naos pool show \(pool)")
      }
      pools[pool]?.runs.insert(run)
    }
  }

  /// The run was taken on by a node that is gone: nobody refuses it now.
  func goesOn(_ run: RunID, _ pool: PoolName) { pools.withLock { _ = $0[pool]?.runs.insert(run) } }

  /// The run is over here.
  func forget(_ run: RunID, _ pool: PoolName) { pools.withLock { _ = $0[pool]?.runs.remove(run) } }

  // MARK: Tasks

  /// Waits for a worker.
  ///
  /// - Returns: `withdrawn` if the attempt was told to stop before one was free.
  func enter(_ run: RunID, _ pool: PoolName, _ stops: AttemptStops) async -> Admission {
    let door = AttemptTicket()
    stops.guards(door)
    handle(pool) { pool, now in
      pool.doors[run] = door
      return pool.machine.handle(.arrived(run), at: now)
    } orElse: {
      // The pool is no longer in the configuration; its runs go on by the definition that they began with.
      door.settle(.admitted)
    }
    let answer = await door.answer()
    if answer != .admitted { leave(run, pool) }
    return answer
  }

  /// The task is over, or is wanted no longer.
  func leave(_ run: RunID, _ pool: PoolName) {
    handle(pool) { pool, now in
      pool.doors[run] = nil
      return pool.machine.handle(.left(run), at: now)
    }
  }

  private func handle(
    _ name: PoolName, _ body: (inout Pool, Instant) -> [QueuePoolMachine.Assignment], orElse: () -> Void = {}
  ) {
    let now = clock.now()
    let (admitted, isKnown, next) = pools.withLock { pools -> ([AttemptTicket], Bool, Instant?) in
      guard var pool = pools.removeValue(forKey: name) else { return ([], false, nil) }
      let admitted = pool.open(body(&pool, now))
      let next = pool.machine.nextTick
      pools[name] = pool
      return (admitted, true, next)
    }
    if !isKnown { orElse() }
    settle(admitted)
    if let next { alarm.ring(at: next) { [self] in tick() } }
  }

  /// Opens the doors; one that was withdrawn at this very moment gives its worker back by itself.
  private func settle(_ admitted: [AttemptTicket]) { for door in admitted { door.settle(.admitted) } }

  private func tick() {
    for name in pools.withLock({ Array($0.keys) }) {
      handle(name) { pool, now in pool.machine.handle(.tick, at: now) }
    }
  }

  // MARK: What people want

  package func standing(of pool: PoolName) -> Standing? {
    pools.withLock { pools in
      pools[pool].map {
        Standing(
          size: $0.machine.size, isDraining: $0.wish.isDraining, waiting: max(0, $0.runs.count - $0.machine.busyCount),
          busy: $0.machine.busyCount, loads: $0.machine.loads)
      }
    }
  }

  /// Wants so many workers from now on, also on the next node.
  package func scale(_ pool: PoolName, to size: Int) async throws(RuntimeRefusal) {
    let spec = try known(pool)
    guard (spec.minSize...spec.maxSize).contains(size) else {
      throw RuntimeRefusal(
        .invalid, code: "NX-POL-004",
        message: "\(size) workers are not between \(spec.minSize) and \(spec.maxSize)",
        hint: "change `minSize` and `maxSize` of the pool \(pool), then naos reload")
    }
    try await want(pool) { $0.size = .init(wanted: size, configured: spec.size) }
    handle(pool) { pool, now in pool.machine.handle(.scale(size), at: now) }
  }

  /// Takes no more work, or takes work again, also on the next node.
  package func drain(_ pool: PoolName, _ isDraining: Bool) async throws(RuntimeRefusal) {
    _ = try known(pool)
    try await want(pool) { $0.isDraining = isDraining }
  }

  private func known(_ pool: PoolName) throws(RuntimeRefusal) -> QueuePoolSpec {
    if let spec = pools.withLock({ $0[pool]?.machine.spec }) { return spec }
    throw RuntimeRefusal(
      .notFound, code: "NX-POL-005", message: "no queue pool is named `\(pool)`", hint: "naos pool list")
  }

  /// Takes the wish to heart, then writes it down; what could not be written is not wanted.
  private func want(_ pool: PoolName, _ change: (inout QueuePoolWish) -> Void) async throws(RuntimeRefusal) {
    let (before, after) = pools.withLock { pools -> (QueuePoolWish, QueuePoolWish) in
      let before = pools[pool]?.wish ?? QueuePoolWish()
      var after = before
      change(&after)
      pools[pool]?.wish = after
      return (before, after)
    }
    let row = ComponentRow(kind: .queuePool, name: pool.text, state: QueuePoolFormat.encode(after))
    do { try await store.commit(StoreTransaction(.synced, [.putComponent(row)])) } catch {
      pools.withLock { $0[pool]?.wish = before }
      throw RunExecutor.storage(error)
    }
  }
}

extension PoolDesk.Pool {
  var hasFreeWorker: Bool { machine.busyCount < machine.size * machine.spec.capacity && machine.waitingCount == 0 }

  /// The doors of those whose turn it is.
  mutating func open(_ begun: [QueuePoolMachine.Assignment]) -> [AttemptTicket] {
    begun.compactMap { doors.removeValue(forKey: $0.task) }
  }
}
