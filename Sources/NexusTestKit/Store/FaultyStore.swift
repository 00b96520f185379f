// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
package import NexusStore
internal import Synchronization

/// A store that fails at chosen submissions, so that a test can fail each one in turn until none is left to fail.
package final class FaultyStore: Store {
  /// What goes wrong.
  package enum Fault: Sendable, CaseIterable {
    /// The transaction is refused by the disk; nothing is written.
    case refused
    /// There is no space; nothing is written.
    case full
    /// The transaction is written, and the answer says that nobody knows.
    case lostAcknowledgement
    /// The journal would be longer than it may be; nothing is written.
    case tooLarge
  }

  private let base: any Store
  private let fault: Fault
  private let unreadable = Mutex(0)
  private let plan: Mutex<(submissions: Int, failing: Int, lasts: Bool, fired: Int)>

  /// Fails the `failing`th submission, from 1, and all later ones if the fault `lasts`.
  package init(_ base: any Store, _ fault: Fault, at failing: Int, lasts: Bool = false) {
    self.base = base
    self.fault = fault
    plan = Mutex((0, failing, lasts, 0))
  }

  /// How often the fault fired; a loop over `at` is through when it no longer fires.
  package var fired: Int { plan.withLock { $0.fired } }

  package func submit(
    _ transaction: StoreTransaction, completion: @escaping @Sendable (Result<Void, StoreError>) -> Void
  ) {
    let fires = plan.withLock { plan in
      plan.submissions += 1
      let fires = plan.submissions == plan.failing || (plan.lasts && plan.submissions > plan.failing)
      if fires { plan.fired += 1 }
      return fires
    }
    guard fires else { return base.submit(transaction, completion: completion) }
    switch fault {
    case .refused: completion(.failure(StoreError(.inputOutput, "an injected fault")))
    case .full: completion(.failure(StoreError(.full, "an injected fault")))
    case .tooLarge: completion(.failure(StoreError(.tooLarge, "an injected fault")))
    case .lostAcknowledgement:
      base.submit(transaction) { _ in completion(.failure(StoreError(.unknownOutcome, "an injected fault"))) }
    }
  }

  package func close() async { await base.close() }
}

extension FaultyStore {
  /// The next looks at a run fail, so many of them.
  package func failLooks(_ count: Int) { unreadable.withLock { $0 = count } }

  package func run(_ id: RunID) async throws(StoreError) -> RunRecord? {
    let fails = unreadable.withLock { left in
      defer { left = max(0, left - 1) }
      return left > 0
    }
    if fails { throw StoreError(.inputOutput, "an injected fault") }
    return try await base.run(id)
  }

  package func run(named name: String, idempotencyKey: String) async throws(StoreError) -> RunRecord? {
    try await base.run(named: name, idempotencyKey: idempotencyKey)
  }

  package func runs(_ query: RunQuery) async throws(StoreError) -> [RunRecord] { try await base.runs(query) }

  package func journal(
    of run: RunID, after: JournalSequence, limit: Int
  ) async throws(StoreError) -> [JournalEntry] {
    try await base.journal(of: run, after: after, limit: limit)
  }

  package func definition(_ hash: DefinitionHash) async throws(StoreError) -> [UInt8]? {
    try await base.definition(hash)
  }

  package func effects(of run: RunID) async throws(StoreError) -> [EffectRow] { try await base.effects(of: run) }

  package func outcome(of effect: EffectID) async throws(StoreError) -> EffectOutcome? {
    try await base.outcome(of: effect)
  }

  package func request(of effect: EffectID) async throws(StoreError) -> [UInt8]? {
    try await base.request(of: effect)
  }

  package func counters() async throws(StoreError) -> [CounterRow] { try await base.counters() }
  package func openHolds() async throws(StoreError) -> [HoldRow] { try await base.openHolds() }

  package func charges(_ query: ChargeQuery) async throws(StoreError) -> [ChargeRow] {
    try await base.charges(query)
  }

  package func agents() async throws(StoreError) -> [AgentRow] { try await base.agents() }

  package func components(_ kind: ComponentRow.Kind) async throws(StoreError) -> [ComponentRow] {
    try await base.components(kind)
  }

  package func runCounts() async throws(StoreError) -> [RunStatus: Int] { try await base.runCounts() }

  package func restarts(since: WallTime) async throws(StoreError) -> [RestartRow] {
    try await base.restarts(since: since)
  }

  package func lastBoot() async throws(StoreError) -> BootRow? { try await base.lastBoot() }
}
