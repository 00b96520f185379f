// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAudit
package import NexusCore
package import NexusKernel

/// The one durable memory of a project: journal, effects, ledger.
///
/// Every implementation passes `StoreConformance`; the in-memory one is the oracle. Not an API for others to implement.
package protocol Store: Sendable {
  /// Commits all mutations of the transaction or none, and calls `completion` once, after COMMIT or as its class allows.
  ///
  /// Transactions take effect in the order of the calls. `completion` may run on the calling thread before `submit`
  /// returns (a logged transaction, a written one while the writer is idle) or on the writer's thread; it must not block.
  func submit(_ transaction: StoreTransaction, completion: @escaping @Sendable (Result<Void, StoreError>) -> Void)

  // Reads see every transaction whose completion was called before the read began.

  func run(_ id: RunID) async throws(StoreError) -> RunRecord?
  func run(named name: String, idempotencyKey: String) async throws(StoreError) -> RunRecord?
  /// Newest first.
  func runs(_ query: RunQuery) async throws(StoreError) -> [RunRecord]
  /// How many runs there are of each status that occurs; with names, only those of these agents and flows.
  func runCounts(of names: Set<String>?) async throws(StoreError) -> [RunStatus: Int]
  func journal(of run: RunID, after: JournalSequence, limit: Int) async throws(StoreError) -> [JournalEntry]
  /// The whole journals of many runs at once, as recovery needs them; of a run that is missing, an empty one.
  ///
  /// They are those of the first runs, at least of one, until they have `bytes` together. A journal that cannot be read is
  /// a failure of its own and does not fail the others.
  func journals(
    of runs: [RunID], upTo bytes: Int64
  ) async throws(StoreError) -> [RunID: Result<[JournalEntry], StoreError>]
  /// Which runs got entries behind an earlier end of all journals, the latest `limit` of them; nil asks for the end alone.
  func changes(after end: Int64?, limit: Int) async throws(StoreError) -> JournalChanges
  func definition(_ hash: DefinitionHash) async throws(StoreError) -> [UInt8]?

  /// In the order of their ordinals, without payloads.
  func effects(of run: RunID) async throws(StoreError) -> [EffectRow]
  /// Those of one step, in the order of their ordinals, without payloads.
  func effects(of run: RunID, step: StepPath) async throws(StoreError) -> [EffectRow]
  /// What the effects of each run came to, without those that another run has paid for.
  func spent(by runs: [RunID]) async throws(StoreError) -> [RunID: Spend]
  func outcome(of effect: EffectID) async throws(StoreError) -> EffectOutcome?
  /// What was asked, if it was kept.
  func request(of effect: EffectID) async throws(StoreError) -> [UInt8]?

  /// All counters of all windows that were ever charged.
  func counters() async throws(StoreError) -> [CounterRow]
  /// Holds that are neither settled nor released.
  func openHolds() async throws(StoreError) -> [HoldRow]
  /// What was settled, newest first.
  func charges(_ query: ChargeQuery) async throws(StoreError) -> [ChargeRow]
  /// How much the charges of a scope come to beyond what its counter says: nobody counted there when they were made.
  func missing(from scope: CounterScope) async throws(StoreError) -> Spend

  func approval(_ id: ApprovalID) async throws(StoreError) -> ApprovalRecord?
  /// Newest first.
  func approvals(_ query: ApprovalQuery) async throws(StoreError) -> [ApprovalRecord]
  /// How many of these statuses there are.
  func approvalCount(_ statuses: Set<ApprovalStatus>) async throws(StoreError) -> Int

  /// What is kept under these keys of the project's state, by key; nothing for one that there is not.
  func context(_ keys: [String]) async throws(StoreError) -> [String: ContextRecord]
  /// The keys behind one, in their order.
  func contextKeys(after key: String?, limit: Int) async throws(StoreError) -> [String]
  /// How many keys there are.
  func contextCount() async throws(StoreError) -> Int

  func agents() async throws(StoreError) -> [AgentRow]
  /// Those of one kind, by name.
  func components(_ kind: ComponentRow.Kind) async throws(StoreError) -> [ComponentRow]
  func restarts(since: WallTime) async throws(StoreError) -> [RestartRow]
  /// The newest boot on record: read it before recording this one, and it is the boot before this one.
  func lastBoot() async throws(StoreError) -> BootRow?

  /// How the audit log stands; nil where none was begun.
  func auditStanding() async throws(StoreError) -> AuditStanding?
  /// Its entries from a number on.
  func auditRows(from sequence: Int64, limit: Int) async throws(StoreError) -> [AuditRow]
  /// The checkpoints that are kept with it, oldest first.
  func auditCheckpoints() async throws(StoreError) -> [AuditCheckpointRow]
  /// What is kept under a digest; nil where nothing is, or it was erased.
  func auditPayload(_ digest: String) async throws(StoreError) -> AuditPayload?
  /// The digests of what is kept of a run's entries.
  func auditPayloads(of run: RunID) async throws(StoreError) -> [String]

  /// Commits what was submitted, writes everything to its place and closes; later calls fail with `closed`.
  func close() async
}

extension Store {
  package func runCounts() async throws(StoreError) -> [RunStatus: Int] { try await runCounts(of: nil) }

  /// Commits all mutations of the transaction or none; returns after COMMIT.
  ///
  /// - Throws: `StoreError`; nothing was written then, except after `unknownOutcome`.
  package func commit(_ transaction: StoreTransaction) async throws(StoreError) {
    let result: Result<Void, StoreError> = await withCheckedContinuation { continuation in
      submit(transaction) { continuation.resume(returning: $0) }
    }
    try result.get()
  }

  package func effects(of run: RunID, step: StepPath) async throws(StoreError) -> [EffectRow] {
    try await effects(of: run).filter { $0.step == step }
  }

  package func spent(by runs: [RunID]) async throws(StoreError) -> [RunID: Spend] {
    var spent: [RunID: Spend] = [:]
    for run in runs {
      spent[run] = try await effects(of: run).filter { !$0.record.isKept }.reduce(.zero) { sum, effect in
        sum + Spend(cost: effect.cost, tokens: effect.inputTokens + effect.outputTokens)
      }
    }
    return spent
  }

  package func journals(
    of runs: [RunID], upTo bytes: Int64
  ) async throws(StoreError) -> [RunID: Result<[JournalEntry], StoreError>] {
    var journals: [RunID: Result<[JournalEntry], StoreError>] = [:]
    var read: Int64 = 0
    for run in runs where read < bytes {
      do throws(StoreError) {
        let entries = try await journal(of: run, after: .none, limit: .max)
        read += try EncodedEntries(entries, of: run).byteCount
        journals[run] = .success(entries)
      } catch {
        guard error.code == .corrupt else { throw error }
        journals[run] = .failure(error)
      }
    }
    return journals
  }

  /// Hands on the whole journal of each run, in their order; so many are in memory together as have
  /// `StoreLimits.journalsAtOnceBytes`, and the last of them whole.
  package func forEachJournal(
    of runs: [RunID], upTo bytes: Int64 = StoreLimits.journalsAtOnceBytes,
    _ body: (RunID, Result<[JournalEntry], StoreError>) async throws(StoreError) -> Void
  ) async throws(StoreError) {
    var rest = runs[...]
    while !rest.isEmpty {
      let journals = try await journals(of: Array(rest), upTo: bytes)
      precondition(!journals.isEmpty, "of many journals at least one is read")
      while let run = rest.first, let journal = journals[run] {
        rest.removeFirst()
        try await body(run, journal)
      }
    }
  }
}

/// What the store guarantees once it has acknowledged a transaction.
package enum CommitClass: Sendable, Hashable {
  /// Survives kill -9 of the node, not power loss, and may be acknowledged before COMMIT: model intents, holds, model
  /// outcomes.
  ///
  /// Whoever submits it has decided already that it fits: there is a run, nobody has the id. If it is acknowledged ahead
  /// and turns out not to fit, the mutations that do not are left out and the others stand.
  case logged
  /// Survives kill -9 of the node, not power loss.
  case written
  /// Survives power loss: everything else. With `durability: relaxed`, at the latest 100 ms afterwards.
  case synced
}

/// A group of mutations that happen together or not at all.
package struct StoreTransaction: Sendable {
  package var commitClass: CommitClass
  package var mutations: [Mutation]

  package init(_ commitClass: CommitClass, _ mutations: [Mutation]) {
    self.commitClass = commitClass
    self.mutations = mutations
  }
}

/// One change; mutations apply in order within their transaction.
///
/// The large ones are boxed: a transaction passes through many hands before it is written.
package enum Mutation: Sendable {
  /// Fails with `duplicate` if the id, or the name with the idempotency key, exists.
  indirect case insertRun(RunRecord)
  /// Appends to a run's journal and renews the row that lists show. Fails with `staleGuard` unless the run's fence is
  /// `fence` and its head is the entry before the first, and with `tooLarge` if the journal would be longer than it may
  /// be. Without entries it only renews the row.
  indirect case append(run: RunID, fence: FencingToken, entries: [JournalEntry], summary: RunSummary)
  /// Takes the right to write for a run: the fence becomes `to`. Fails with `staleGuard` unless it is `from`.
  case takeFence(run: RunID, from: FencingToken, to: FencingToken)
  /// Removes a final run with its journal and effects; its charges stay. Fails with `notFound`, or with `staleGuard`
  /// if the run is not final.
  case deleteRun(RunID)
  /// Removes a final run bit by bit, so that a long one never holds the writer up: at most so many rows of its journal and
  /// effects, and with the last of them the run itself. With what is left nobody can go on: the run is `halted`, with the
  /// error `RunError.pruned`. Fails with `notFound`, or with `staleGuard` if it is not final.
  case pruneRun(RunID, rows: Int)

  /// Announces an effect. Fails with `duplicate` if the step of the run already has one of the same digest and
  /// occurrence that is not rewound, and with `notFound` if there is no such run.
  case insertEffect(EffectRow)
  /// Replaces the outcome of an effect. Fails with `notFound`.
  case setOutcome(EffectID, EffectState, EffectOutcome)
  /// For `unknown` and `rewound`, which carry no outcome. Fails with `notFound` if any of the effects is missing.
  case setEffectState([EffectID], EffectState)

  /// Fails with `duplicate` if the id has a hold or was settled.
  case placeHold(HoldRow)
  /// Ends a hold: adds what it came to, to the counters of its admission, and keeps the charge. Settling an id twice
  /// changes nothing the second time.
  case settleHold(ChargeRow)
  /// Raises or lowers the power-loss marks of counters.
  case setMarks([CounterMark])
  /// Adds to a counter what belongs in it and was charged before anybody counted there.
  case raiseCounter(CounterKey, by: Spend)

  /// Adds to the record of an approval. Fails with `duplicate` if it begins one that exists, and with `staleGuard` if the
  /// record has not as many entries as it says.
  case noteApproval(ApprovalWrite)

  /// Renews what is kept under a key of the project's state. Fails with `duplicate` if it begins one that exists, and with
  /// `staleGuard` if the key has another revision.
  indirect case putContext(ContextWrite)
  /// Changes nothing. Fails with `staleGuard` unless each key has that version.
  case holdContext([ContextHold])

  /// Keeps a definition under its hash; one that is there stays as it is.
  case putDefinition(DefinitionHash, [UInt8])
  case putAgent(AgentRow)
  case deleteAgent(AgentName)
  case putComponent(ComponentRow)
  case logRestart(RestartRow)
  case insertBoot(BootRow)
  /// Fails with `corrupt` where the log is not as this node left it; nothing of the transaction is written then.
  case audit(AuditChange)
}

/// Why the store did not do as asked.
package struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
  package enum Code: String, Sendable {
    /// Someone else has the right to write for the run. NX-STO-001.
    case staleGuard
    /// NX-STO-002.
    case duplicate
    /// Another process holds the database. NX-STO-003.
    case locked
    /// No space is left on the device; reads still work. NX-STO-004.
    case full
    /// The file is damaged or is not a database. NX-STO-005.
    case corrupt
    /// The database was written by a newer version. NX-STO-006.
    case newerSchema
    /// Reading or writing failed. NX-STO-007.
    case inputOutput
    /// An entry or a journal is larger than its limit. NX-STO-008.
    case tooLarge
    /// NX-STO-009.
    case notFound
    /// The store is closed. NX-STO-010.
    case closed
    /// The commit failed in a way that leaves open whether it happened. NX-STO-011.
    case unknownOutcome
  }
  package let code: Code
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { "\(code.rawValue): \(message)" }
}
