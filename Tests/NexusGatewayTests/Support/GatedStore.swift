// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAudit
import NexusCore
import NexusKernel
import NexusStore
import Synchronization

/// A store that can hold outcomes back, and fail chosen transactions.
final class GatedStore: Store {
  typealias Completion = @Sendable (Result<Void, StoreError>) -> Void

  private struct State {
    var holdsOutcomes = false
    var held: [(StoreTransaction, Completion)] = []
    var submissions = 0
    var failing: Set<Int> = []
    var written: [StoreTransaction] = []
    var whenHolding: (@Sendable () -> Void)?
  }

  private let store: any Store
  private let state = Mutex(State())
  private let held = Signal()

  init(_ store: any Store) { self.store = store }

  func holdOutcomes() { state.withLock { $0.holdsOutcomes = true } }
  /// Called once, on the event loop of the call, before the next hold is written.
  func whenHolding(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.whenHolding = body } }
  func outcomeHeld() async { await held.wait() }

  func letGo() {
    let waiting = state.withLock { state in
      state.holdsOutcomes = false
      defer { state.held = [] }
      return state.held
    }
    for (transaction, completion) in waiting { store.submit(transaction, completion: completion) }
  }

  /// The transactions of these numbers, counted from now on from 0, fail.
  func fail(_ numbers: Set<Int>) {
    state.withLock {
      $0.submissions = 0
      $0.failing = numbers
    }
  }

  var submissions: Int { state.withLock { $0.submissions } }
  /// What was committed, in order.
  var written: [StoreTransaction] { state.withLock { $0.written } }

  func submit(_ transaction: StoreTransaction, completion: @escaping Completion) {
    let isOutcome = transaction.mutations.contains { if case .setOutcome = $0 { true } else { false } }
    if transaction.mutations.contains(where: { if case .placeHold = $0 { true } else { false } }) {
      let body = state.withLock { state in
        defer { state.whenHolding = nil }
        return state.whenHolding
      }
      body?()
    }
    let (fails, holds) = state.withLock { state in
      defer { state.submissions += 1 }
      if state.failing.contains(state.submissions) { return (true, false) }
      if isOutcome, state.holdsOutcomes {
        state.held.append((transaction, completion))
        return (false, true)
      }
      state.written.append(transaction)
      return (false, false)
    }
    if fails { return completion(.failure(StoreError(.full, "the disk is full"))) }
    if holds { return held.set() }
    store.submit(transaction, completion: completion)
  }

  func run(_ id: RunID) async throws(StoreError) -> RunRecord? { try await store.run(id) }
  func run(named name: String, idempotencyKey: String) async throws(StoreError) -> RunRecord? {
    try await store.run(named: name, idempotencyKey: idempotencyKey)
  }
  func runs(_ query: RunQuery) async throws(StoreError) -> [RunRecord] { try await store.runs(query) }
  func journal(of run: RunID, after: JournalSequence, limit: Int) async throws(StoreError) -> [JournalEntry] {
    try await store.journal(of: run, after: after, limit: limit)
  }
  func changes(after end: Int64?, limit: Int) async throws(StoreError) -> JournalChanges {
    try await store.changes(after: end, limit: limit)
  }
  func definition(_ hash: DefinitionHash) async throws(StoreError) -> [UInt8]? { try await store.definition(hash) }
  func effects(of run: RunID) async throws(StoreError) -> [EffectRow] { try await store.effects(of: run) }
  func outcome(of effect: EffectID) async throws(StoreError) -> EffectOutcome? { try await store.outcome(of: effect) }
  func request(of effect: EffectID) async throws(StoreError) -> [UInt8]? { try await store.request(of: effect) }
  func approval(_ id: ApprovalID) async throws(StoreError) -> ApprovalRecord? { try await store.approval(id) }
  func approvalCount(_ statuses: Set<ApprovalStatus>) async throws(StoreError) -> Int {
    try await store.approvalCount(statuses)
  }
  func approvals(_ query: ApprovalQuery) async throws(StoreError) -> [ApprovalRecord] {
    try await store.approvals(query)
  }
  func counters() async throws(StoreError) -> [CounterRow] { try await store.counters() }
  func openHolds() async throws(StoreError) -> [HoldRow] { try await store.openHolds() }
  func missing(from scope: CounterScope) async throws(StoreError) -> Spend { try await store.missing(from: scope) }
  func charges(_ query: ChargeQuery) async throws(StoreError) -> [ChargeRow] { try await store.charges(query) }
  func context(_ keys: [String]) async throws(StoreError) -> [String: ContextRecord] { try await store.context(keys) }
  func contextKeys(after key: String?, limit: Int) async throws(StoreError) -> [String] {
    try await store.contextKeys(after: key, limit: limit)
  }
  func contextCount() async throws(StoreError) -> Int { try await store.contextCount() }
  func agents() async throws(StoreError) -> [AgentRow] { try await store.agents() }
  func components(_ kind: ComponentRow.Kind) async throws(StoreError) -> [ComponentRow] {
    try await store.components(kind)
  }
  func runCounts(of names: Set<String>?) async throws(StoreError) -> [RunStatus: Int] {
    try await store.runCounts(of: names)
  }
  func restarts(since: WallTime) async throws(StoreError) -> [RestartRow] { try await store.restarts(since: since) }
  func lastBoot() async throws(StoreError) -> BootRow? { try await store.lastBoot() }
  func auditStanding() async throws(StoreError) -> AuditStanding? { try await store.auditStanding() }
  func auditRows(from sequence: Int64, limit: Int) async throws(StoreError) -> [AuditRow] {
    try await store.auditRows(from: sequence, limit: limit)
  }
  func auditCheckpoints() async throws(StoreError) -> [AuditCheckpointRow] { try await store.auditCheckpoints() }
  func auditPayload(_ digest: String) async throws(StoreError) -> AuditPayload? {
    try await store.auditPayload(digest)
  }
  func auditPayloads(of run: RunID) async throws(StoreError) -> [String] { try await store.auditPayloads(of: run) }
  func close() async { await store.close() }
}
