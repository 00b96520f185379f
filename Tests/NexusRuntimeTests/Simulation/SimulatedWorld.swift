// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import NexusStore
import NexusTestKit
import Synchronization

/// What outlives every node of a simulation: the disk, the time, the dice, and what happened outside.
final class SimulatedWorld: Sendable {
  let disk = InMemoryStore()
  let clock = ManualClock()
  let ids: IdentifierSource
  let directory: String

  struct Launch: Hashable, Sendable {
    let key: String
    let attempt: String
  }

  private struct State {
    var random: SplitMix
    var pids: Int32 = 1_000
    /// Idempotency keys under which something happened outside, and the processes that made it happen.
    var effects: [String: Set<Int32>] = [:]
    /// Every process that was ever started: the key and the number of its attempt.
    var launches: [Launch] = []
    /// What nodes were told is written, by run.
    var acknowledged: [RunID: [JournalEntry]] = [:]
    var faultsLeft: Int
    var faults = 0
  }
  private let state: Mutex<State>

  init(seed: UInt64, directory: String) {
    var random = SplitMix(seed: seed)
    let faults = Int.random(in: 0...12, using: &random)
    state = Mutex(State(random: random, faultsLeft: faults))
    ids = IdentifierSource(clock: clock, random: SeededRandom(seed: seed))
    self.directory = directory
  }

  func chance(_ oneIn: Int) -> Bool { below(oneIn) == 0 }
  func below(_ bound: Int) -> Int { state.withLock { Int.random(in: 0..<bound, using: &$0.random) } }

  func nextPID() -> Int32 {
    state.withLock { state in
      state.pids += 1
      return state.pids
    }
  }

  /// How often the disk has failed.
  var faults: Int { state.withLock { $0.faults } }
  /// How many processes made it happen, by idempotency key.
  var effects: [String: Int] { state.withLock { $0.effects.mapValues(\.count) } }
  var launches: [Launch] { state.withLock { $0.launches } }
  var acknowledged: [RunID: [JournalEntry]] { state.withLock { $0.acknowledged } }

  /// An attempt may have its effect the moment it starts, and may not care to be asked to end.
  func started(_ process: FakeProcess) {
    let launch = Launch(
      key: (process.environment("NAOS_IDEMPOTENCY_KEY") ?? "").withoutGateRetry,
      attempt: process.environment("NAOS_ATTEMPT") ?? "")
    state.withLock { $0.launches.append(launch) }
    if chance(3) { hasEffect(process) }
    if chance(4) { process.ignoreTerminate() }
  }

  func hasEffect(_ process: FakeProcess) {
    let key = process.environment("NAOS_IDEMPOTENCY_KEY") ?? ""
    state.withLock { _ = $0.effects[key, default: []].insert(process.pid) }
  }

  func hasEffect(under key: String) { state.withLock { _ = $0.effects[key, default: []].insert(0) } }

  /// The disk as one node sees it.
  func store() -> FaultyStore {
    FaultyStore(
      disk, fate: { [self] _ in fate() }, isUnreadable: { [self] in fails(oneIn: 25) },
      acknowledged: { [self] in acknowledge($0) })
  }

  private func fails(oneIn: Int) -> Bool {
    guard chance(oneIn) else { return false }
    return state.withLock { state in
      guard state.faultsLeft > 0 else { return false }
      state.faultsLeft -= 1
      state.faults += 1
      return true
    }
  }

  private func fate() -> FaultyStore.Fate {
    if chance(8) { return .waits }
    guard fails(oneIn: 12) else { return .done }
    return switch below(4) {
    case 0: .fails(.busy)
    case 1: .fails(.full)
    case 2: .fails(.refused)
    default: .fails(.lostAcknowledgement)
    }
  }

  private func acknowledge(_ transaction: StoreTransaction) {
    state.withLock { state in
      for case .append(let run, _, let entries, _) in transaction.mutations {
        state.acknowledged[run, default: []] += entries
      }
    }
  }
}
