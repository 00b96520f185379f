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
///
/// A pool that the configuration no longer has keeps its last known limits until its last task is through.
package final class PoolDesk: Sendable {
  fileprivate struct Pool {
    var machine: QueuePoolMachine
    /// Whether the configuration has it.
    var isConfigured: Bool
    /// The runs of the pool that are not over.
    var runs: Set<RunID> = []
    /// The crashes of runs that crashed.
    var crashes: [RunID: RestartWindow] = [:]
    var doors: [RunID: AttemptTicket] = [:]
  }

  fileprivate struct Book {
    var pools: [PoolName: Pool] = [:]
    /// What is known of pools, also of those that are gone.
    var memories: [PoolName: QueuePoolMemory] = [:]

    func wish(_ pool: PoolName) -> QueuePoolWish { memories[pool]?.wish ?? QueuePoolWish() }
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
  private let book = Mutex(Book())

  init(services: RuntimeServices, work: WorkHost) {
    store = services.store
    clock = services.clock
    alarm = Alarm("pools", clock: services.clock, work: work)
  }

  // MARK: The configuration

  /// Begins with what is known of the pools of before.
  func restore(_ specs: [QueuePoolSpec]) async throws(StoreError) {
    var memories: [PoolName: QueuePoolMemory] = [:]
    for row in try await store.components(.queuePool) {
      let name = PoolName(row.name)
      memories[name] = try QueuePoolFormat.decode(row.state, of: name)
    }
    let known = memories
    book.withLock { $0.memories = known }
    let news = take(specs)
    if !news.isEmpty { try await store.commit(StoreTransaction(.synced, news)) }
  }

  /// Takes the pools of a changed configuration.
  func reload(_ specs: [QueuePoolSpec]) async {
    let news = take(specs)
    guard !news.isEmpty else { return }
    do { try await store.commit(StoreTransaction(.synced, news)) } catch {
      // This node knows the limits. One that begins without the pool in its configuration goes by older ones, or does one
      // task after the other: that is safe, so it is no reason to refuse the configuration. The next reload writes again.
      book.withLock { book in for spec in specs { book.memories[spec.name]?.spec = nil } }
    }
  }

  /// - Returns: what is to be written down.
  private func take(_ specs: [QueuePoolSpec]) -> [Mutation] {
    let (now, seed) = (clock.now(), seed)
    let (admitted, news) = book.withLock { book in
      var admitted: [AttemptTicket] = []
      var news: [Mutation] = []
      for spec in specs {
        let name = spec.name
        if let begun = book.pools[name]?.machine.take(spec, at: now) {
          book.pools[name]?.isConfigured = true
          admitted += book.pools[name]?.open(begun) ?? []
        } else {
          book.pools[name] = Pool(
            machine: QueuePoolMachine(spec, wish: book.wish(name), seed: seed, at: now), isConfigured: true)
        }
        guard book.memories[name]?.spec != spec.abandoned else { continue }
        book.memories[name, default: QueuePoolMemory()].spec = spec.abandoned
        if let memory = book.memories[name] { news.append(Self.row(name, memory)) }
      }
      let named = Set(specs.map(\.name))
      for (name, pool) in book.pools where !named.contains(name) {
        book.pools[name]?.isConfigured = false
        let begun = book.pools[name]?.machine.take(pool.machine.spec.abandoned, at: now) ?? []
        admitted += book.pools[name]?.open(begun) ?? []
        book.dropIfThrough(name)
      }
      return (admitted, news)
    }
    settle(admitted)
    return news
  }

  /// What the strategy `random` draws from.
  private var seed: UInt64 { UInt64(bitPattern: clock.wallNow().microseconds) }

  private static func row(_ pool: PoolName, _ memory: QueuePoolMemory) -> Mutation {
    .putComponent(ComponentRow(kind: .queuePool, name: pool.text, state: QueuePoolFormat.encode(memory)))
  }

  // MARK: Runs

  /// Takes a run on.
  ///
  /// - Throws: `RuntimeRefusal`: the pool drains, or as much waits as may.
  func accept(_ run: RunID, _ pool: PoolName) throws(RuntimeRefusal) {
    let (now, seed) = (clock.now(), seed)
    try book.withLock { (book) throws(RuntimeRefusal) in
      guard !book.wish(pool).isDraining else {
        throw RuntimeRefusal(
          .conflict, code: "NX-POL-002", message: "the pool \(pool) drains: it takes no more work",
          hint: "naos pool resume \(pool)")
      }
      let found = book.pool(pool, seed: seed, at: now)
      let limit = found.machine.spec.maxQueue
      guard found.runs.count - found.machine.busyCount < limit || found.hasFreeWorker else {
        throw RuntimeRefusal(
          .unavailable, code: "NX-POL-003", message: "\(limit) tasks wait for the pool \(pool) already",
          hint: "naos pool show \(pool)")
      }
      book.pools[pool]?.runs.insert(run)
    }
  }

  /// The run was taken on by a node that is gone: nobody refuses it now.
  func goesOn(_ run: RunID, _ pool: PoolName) {
    let (now, seed) = (clock.now(), seed)
    book.withLock { book in
      _ = book.pool(pool, seed: seed, at: now)
      book.pools[pool]?.runs.insert(run)
    }
  }

  /// The run is over here.
  func forget(_ run: RunID, _ pool: PoolName) {
    book.withLock { book in
      book.pools[pool]?.runs.remove(run)
      book.pools[pool]?.crashes[run] = nil
      book.dropIfThrough(pool)
    }
  }

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

  private func handle(_ name: PoolName, _ body: (inout Pool, Instant) -> [QueuePoolMachine.Assignment]) {
    let (now, seed) = (clock.now(), seed)
    let (admitted, next) = book.withLock { book -> ([AttemptTicket], Instant?) in
      var pool = book.pool(name, seed: seed, at: now)
      // Else the assignment below would copy all of it.
      book.pools[name] = nil
      let admitted = pool.open(body(&pool, now))
      let next = pool.machine.nextTick
      book.pools[name] = pool
      book.dropIfThrough(name)
      return (admitted, next)
    }
    settle(admitted)
    if let next { alarm.ring(at: next) { [self] in tick() } }
  }

  /// Opens the doors; one that was withdrawn at this very moment gives its worker back by itself.
  private func settle(_ admitted: [AttemptTicket]) { for door in admitted { door.settle(.admitted) } }

  private func tick() {
    for name in book.withLock({ Array($0.pools.keys) }) {
      handle(name) { pool, now in pool.machine.handle(.tick, at: now) }
    }
  }

  /// Counts a crash of a run for itself.
  ///
  /// - Returns: false if it crashed too often to be tried again; nil if it is no run of a pool.
  func crashed(_ run: RunID, _ intensity: RestartIntensity, because reason: String) -> Bool? {
    let now = clock.now()
    return book.withLock { book in
      guard let name = book.pools.first(where: { $0.value.runs.contains(run) })?.key else { return nil }
      return book.pools[name]?.crashes[run, default: RestartWindow(intensity: intensity)].count(
        at: now, because: reason)
    }
  }

  // MARK: What people want

  package func standing(of pool: PoolName) -> Standing? {
    book.withLock { book in
      book.pools[pool].map {
        Standing(
          size: $0.machine.size, isDraining: book.wish(pool).isDraining,
          waiting: max(0, $0.runs.count - $0.machine.busyCount), busy: $0.machine.busyCount, loads: $0.machine.loads)
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
    if let spec = book.withLock({ $0.pools[pool]?.machine.spec }) { return spec }
    throw RuntimeRefusal(
      .notFound, code: "NX-POL-005", message: "no queue pool is named `\(pool)`", hint: "naos pool list")
  }

  /// Takes the wish to heart, then writes it down; what could not be written is not wanted.
  private func want(_ pool: PoolName, _ change: (inout QueuePoolWish) -> Void) async throws(RuntimeRefusal) {
    let (before, after) = book.withLock { book -> (QueuePoolWish, QueuePoolMemory) in
      let before = book.wish(pool)
      var after = book.memories[pool] ?? QueuePoolMemory()
      change(&after.wish)
      book.memories[pool] = after
      return (before, after)
    }
    do { try await store.commit(StoreTransaction(.synced, [Self.row(pool, after)])) } catch {
      book.withLock { $0.memories[pool]?.wish = before }
      throw RunExecutor.storage(error)
    }
  }
}

extension PoolDesk.Book {
  /// The pool; one that the configuration does not have goes by what is known of it.
  mutating func pool(_ name: PoolName, seed: UInt64, at now: Instant) -> PoolDesk.Pool {
    if let pool = pools[name] { return pool }
    let spec = memories[name]?.spec?.abandoned ?? .forgotten(name)
    let machine = QueuePoolMachine(spec, wish: wish(name), seed: seed, at: now)
    let pool = PoolDesk.Pool(machine: machine, isConfigured: false)
    pools[name] = pool
    return pool
  }

  /// Lets a pool go that the configuration does not have, once its last task is through.
  mutating func dropIfThrough(_ name: PoolName) {
    guard let pool = pools[name], !pool.isConfigured, pool.runs.isEmpty, pool.machine.busyCount == 0,
      pool.machine.waitingCount == 0
    else { return }
    pools[name] = nil
  }
}

extension PoolDesk.Pool {
  var hasFreeWorker: Bool { machine.busyCount < machine.size * machine.spec.capacity && machine.waitingCount == 0 }

  /// The doors of those whose turn it is.
  mutating func open(_ begun: [QueuePoolMachine.Assignment]) -> [AttemptTicket] {
    begun.compactMap { doors.removeValue(forKey: $0.task) }
  }
}
