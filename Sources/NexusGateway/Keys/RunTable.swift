// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore
internal import Synchronization

/// The records of the runs that are being worked on, or have calls under way.
final class RunTable: Sendable {
  private let sessions = Mutex<[RunKey: RunSession]>([:])
  private let store: any Store
  private let clock: any NexusClock
  /// What calls came to whose attempt had closed when they ended.
  private let owed = Mutex<[RunKey: (tokens: TokenCount, cost: NanoUSD)]>([:])

  /// Of the runs whose steps count together.
  private let counts = Mutex<[RunID: CallCounts]>([:])
  /// When there are more, those are forgotten of which nothing is in memory, and read again when they are needed.
  private static let countedRuns = 256

  /// Runs beyond have their late calls in the ledger only.
  private static let maxOwing = 4096

  init(store: any Store, clock: any NexusClock) {
    self.store = store
    self.clock = clock
  }

  /// Opens an attempt over the run's record: from memory while something of it is under way, else from the store.
  ///
  /// The effects that the rewind drops, and those whose node died, are written down as such before the attempt begins.
  func begin(_ key: RunKey, _ attempt: AttemptNumber, rewind: Int) async throws(StoreError) -> (
    RunSession, dropped: Int
  ) {
    let known = sessions.withLock { sessions in
      sessions[key].map { ($0, $0.begin(attempt, rewind: rewind)) }
    }
    let (session, dropped) = if let known { known } else { try await load(key, attempt, rewind: rewind) }
    let orphans = known == nil ? session.orphans : []
    do {
      var mutations: [Mutation] = []
      if !orphans.isEmpty { mutations.append(.setEffectState(orphans, .unknown)) }
      if !dropped.isEmpty { mutations.append(.setEffectState(dropped, .rewound)) }
      if !mutations.isEmpty { try await store.commit(StoreTransaction(.synced, mutations)) }
    } catch {
      // Memory and store disagree now, so memory is forgotten; the next attempt reads what the store has.
      session.end(attempt)
      sessions.withLock { $0[key] = nil }
      throw error
    }
    return (session, dropped.count)
  }

  /// Opens the first attempt of a step, of which the store knows nothing; nil if something of it is under way.
  func beginFirst(_ key: RunKey) -> RunSession? {
    let session = RunSession(key: key, records: [])
    _ = session.begin(AttemptNumber(1), rewind: 0)
    return sessions.withLock { sessions in
      guard sessions[key] == nil else { return nil }
      sessions[key] = session
      return session
    }
  }

  private func load(_ key: RunKey, _ attempt: AttemptNumber, rewind: Int) async throws(StoreError)
    -> (RunSession, [EffectID])
  {
    let rows = try await store.effects(of: key.run, step: key.step)
    let now = ClockReading(wall: clock.wallNow(), monotonic: clock.now())
    let past = try await RunPast.read(rows, from: store, at: now)
    let fresh = RunSession(key: key, records: rows.map(\.record), past: past)
    return sessions.withLock { sessions in
      // Whoever came first while the store was read is the one truth in memory.
      let session = sessions[key] ?? fresh
      sessions[key] = session
      return (session, session.begin(attempt, rewind: rewind))
    }
  }

  // MARK: Calls of all steps

  /// Whether the steps of a run are counted together.
  func countsCalls(of run: RunID) -> Bool { counts.withLock { $0[run] != nil } }

  /// Begins to count the model calls of all steps of a run together.
  func countCalls(of run: RunID) async throws(StoreError) {
    if countsCalls(of: run) { return }
    // Nobody sees a count that is not whole.
    let fresh = CallCounts()
    fresh.take(try await store.effects(of: run))
    counts.withLock { counts in
      if counts[run] != nil { return }
      if counts.count >= Self.countedRuns { counts = counts.filter { !$0.value.isIdle } }
      counts[run] = fresh
    }
  }

  /// Model calls that an agent has announced in the whole run, as far as its steps are counted together.
  func modelCalls(_ session: RunSession, by agent: AgentName) -> Int {
    guard let counts = counts.withLock({ $0[session.key.run] }) else { return session.modelCalls }
    return max(session.modelCalls, counts.calls(by: agent))
  }

  // MARK: Late calls

  /// The attempt is open; what earlier attempts left unpaid counts as its own.
  func opened(_ session: AttemptSession) {
    guard let run = session.run else { return }
    run.pays(session)
    counts.withLock { $0[run.key.run] }?.opened(run, by: session.caller.agent)
    let owed = owed.withLock { $0.isEmpty ? nil : $0.removeValue(forKey: run.key) }
    if let owed { session.charge(tokens: owed.tokens, cost: owed.cost) }
  }

  func closed(_ session: AttemptSession) { session.run?.paysNoLonger(session) }

  /// Counts a call for its attempt, or for the next one of the run if that has closed.
  func charge(_ session: AttemptSession, tokens: TokenCount, cost: NanoUSD) {
    guard let run = session.run else { return session.charge(tokens: tokens, cost: cost) }
    // The run may have a new record since the call began.
    let payer = sessions.withLock { $0[run.key] }?.payer ?? run.payer
    if let payer { return payer.charge(tokens: tokens, cost: cost) }
    owed.withLock { owed in
      guard owed.count < Self.maxOwing || owed[run.key] != nil else { return }
      owed[run.key, default: (.zero, .zero)].tokens += tokens
      owed[run.key, default: (.zero, .zero)].cost += cost
    }
  }

  /// Forgets a record that nobody works on.
  func release(_ session: RunSession) {
    sessions.withLock { sessions in
      guard sessions[session.key] === session, session.isIdle else { return }
      sessions[session.key] = nil
      counts.withLock { $0[session.key.run] }?.closed(session)
    }
  }
}
