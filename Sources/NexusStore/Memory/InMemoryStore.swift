// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAudit
package import NexusCore
package import NexusKernel
internal import Synchronization

/// The store in memory: the oracle of every other store, and the store of simulations.
///
/// It is as simple as the port allows: one lock, one state, completions on the calling thread.
package final class InMemoryStore: Store {
  private let state = Mutex(MemoryState())

  package init() {}

  package func submit(
    _ transaction: StoreTransaction, completion: @escaping @Sendable (Result<Void, StoreError>) -> Void
  ) {
    let result = state.withLock { state in
      Result { () throws(StoreError) in
        guard !state.isClosed else { throw StoreError(.closed, "the store is closed") }
        try state.apply(transaction, payloads: TransactionPayloads(transaction))
      }
    }
    completion(result)
  }

  func read<Answer: Sendable>(
    _ body: (borrowing MemoryState) throws(StoreError) -> Answer
  ) throws(StoreError) -> Answer {
    try state.withLock { state throws(StoreError) in
      guard !state.isClosed else { throw StoreError(.closed, "the store is closed") }
      return try body(state)
    }
  }

  package func close() async { state.withLock { $0.isClosed = true } }
}

extension InMemoryStore {
  package func run(_ id: RunID) async throws(StoreError) -> RunRecord? { try read { $0.runs[id] } }

  package func run(named name: String, idempotencyKey: String) async throws(StoreError) -> RunRecord? {
    try read { state in state.idempotency[IdempotencyIndex(name, idempotencyKey)].flatMap { state.runs[$0] } }
  }

  package func runs(_ query: RunQuery) async throws(StoreError) -> [RunRecord] {
    try read { state in
      let matching = state.runs.values.filter(query.matches)
      return Array(matching.sorted { $0.id > $1.id }.prefix(max(0, query.limit)))
    }
  }

  package func runCounts(of names: Set<String>?) async throws(StoreError) -> [RunStatus: Int] {
    try read { state in
      var counts: [RunStatus: Int] = [:]
      for run in state.runs.values where names?.contains(run.name) ?? true {
        counts[run.summary.status, default: 0] += 1
      }
      return counts
    }
  }

  package func journal(
    of run: RunID, after: JournalSequence, limit: Int
  ) async throws(StoreError) -> [JournalEntry] {
    try read { state in
      Array((state.journals[run] ?? []).filter { $0.sequence > after }.prefix(max(0, limit)))
    }
  }

  package func changes(after end: Int64?, limit: Int) async throws(StoreError) -> JournalChanges {
    try read { state in
      guard let end else { return JournalChanges(end: state.journalEnd) }
      let changed = state.changedAt.filter { $0.value > end }.sorted { $0.value < $1.value }
      return JournalChanges(
        end: state.journalEnd, runs: changed.suffix(max(0, limit)).compactMap { state.runs[$0.key] },
        isCut: changed.count > limit)
    }
  }

  package func definition(_ hash: DefinitionHash) async throws(StoreError) -> [UInt8]? {
    try read { $0.definitions[hash] }
  }

  package func effects(of run: RunID) async throws(StoreError) -> [EffectRow] {
    try read { state in
      let rows = (state.effectsByRun[run] ?? []).compactMap { state.effects[$0]?.row }
      return rows.sorted { $0.record.ordinal < $1.record.ordinal }.map { row in
        var row = row
        row.request = nil
        return row
      }
    }
  }

  package func outcome(of effect: EffectID) async throws(StoreError) -> EffectOutcome? {
    try read { $0.effects[effect]?.outcome }
  }

  package func request(of effect: EffectID) async throws(StoreError) -> [UInt8]? {
    try read { $0.effects[effect]?.row.request }
  }

  package func counters() async throws(StoreError) -> [CounterRow] {
    try read { state in
      state.counters.values.sorted { left, right in
        (left.key.scope, left.key.window, left.key.index) < (right.key.scope, right.key.window, right.key.index)
      }
    }
  }

  package func openHolds() async throws(StoreError) -> [HoldRow] {
    try read { state in state.holds.values.sorted { $0.id < $1.id } }
  }

  package func charges(_ query: ChargeQuery) async throws(StoreError) -> [ChargeRow] {
    try read { state in
      let matching = state.charges.reversed().filter { charge in
        if let id = query.id { return id == charge.id }
        return (query.agent.map { $0 == charge.agent } ?? true) && (query.run.map { $0 == charge.run } ?? true)
      }
      return Array(matching.prefix(max(0, query.limit)))
    }
  }

  package func missing(from scope: CounterScope) async throws(StoreError) -> Spend {
    let (charges, counted) = try read { state in (state.charges, state.counters[scope.key]?.spent) }
    var sum = Spend.zero
    for charge in charges {
      let isCalled = scope.isMeant(charge.id, of: charge.run)
      guard isCalled || scope.run == nil || scope.run == charge.run else { continue }
      let counters = charge.counters
      if try scope.holds(
        charge.agent, charge.basis, at: charge.at, isCalled: isCalled, counters: { counters })
      {
        sum = sum + charge.spend
      }
    }
    return scope.missing(from: sum, counted: counted)
  }

  package func agents() async throws(StoreError) -> [AgentRow] {
    try read { state in state.agents.values.sorted { $0.name < $1.name } }
  }

  package func components(_ kind: ComponentRow.Kind) async throws(StoreError) -> [ComponentRow] {
    try read { state in (state.components[kind] ?? [:]).values.sorted { $0.name < $1.name } }
  }

  package func restarts(since: WallTime) async throws(StoreError) -> [RestartRow] {
    try read { state in state.restarts.filter { $0.at >= since } }
  }

  package func lastBoot() async throws(StoreError) -> BootRow? { try read { $0.boots.last } }

  package func auditStanding() async throws(StoreError) -> AuditStanding? {
    try read { state in
      state.audit.head.map {
        AuditStanding(head: $0, seal: [], last: state.audit.rows.last?.sequence ?? $0.base.size - 1)
      }
    }
  }

  package func auditRows(from sequence: Int64, limit: Int) async throws(StoreError) -> [AuditRow] {
    try read { state in Array(state.audit.rows.filter { $0.sequence >= sequence }.prefix(max(0, limit))) }
  }

  package func auditCheckpoints() async throws(StoreError) -> [AuditCheckpointRow] {
    try read { $0.audit.checkpoints }
  }

  package func auditPayload(_ digest: String) async throws(StoreError) -> AuditPayload? {
    try read { $0.audit.payloads[digest]?.payload }
  }

  package func auditPayloads(of run: RunID) async throws(StoreError) -> [String] {
    try read { state in state.audit.payloads.filter { $0.value.run == run }.keys.sorted() }
  }
}
