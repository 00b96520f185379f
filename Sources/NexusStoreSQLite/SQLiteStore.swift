// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
package import NexusAudit
package import NexusCore
package import NexusKernel
package import NexusStore

/// The store in one SQLite file: one writer with natural group commit, one reader on snapshots.
///
/// The caller owns the file alone, by a lock of its own; another process in the way gives `locked`.
package final class SQLiteStore: Store {
  private let engine: CommitEngine?
  private let reader: StoreReader
  /// Tells the time of the entries that commits add to the audit log; nil for a store that adds none.
  private let auditClock: (any NexusClock)?

  /// Opens the database for writing, creates it or brings it to the newest schema.
  ///
  /// With a `seal` its commits are audited: what `AuditSources` finds in them joins them, once a log was begun.
  ///
  /// - Throws: `locked`, `corrupt`, `newerSchema`, `full` or `inputOutput`.
  package static func open(
    path: String, durability: StoreDurability = .sync, clock: any NexusClock, vfs: String? = nil,
    seal: AuditSeal? = nil, meter: NodeMeter? = nil
  ) async throws(StoreError) -> SQLiteStore {
    let engine = CommitEngine(clock: clock, meter: meter)
    try await engine.open(path: path, durability: durability, vfs: vfs, seal: seal)
    let reader = StoreReader(vfs: vfs)
    do throws(StoreError) {
      try await reader.open(path: path)
    } catch {
      await engine.close()
      throw error
    }
    return SQLiteStore(engine: engine, reader: reader, auditClock: seal == nil ? nil : clock)
  }

  /// Opens an existing database for reading only, for commands that look at a project without a node.
  ///
  /// What a node that was killed left in its written log is brought into the database first.
  ///
  /// - Throws: `notFound` if there is none, `locked`, `corrupt`, `newerSchema` or `inputOutput`.
  package static func openReadOnly(path: String) async throws(StoreError) -> SQLiteStore {
    guard unsafe access(path, F_OK) == 0 else { throw StoreError(.notFound, "there is no database at \(path)") }
    let reader = StoreReader(vfs: nil)
    try await reader.open(path: path, settlesLog: true)
    return SQLiteStore(engine: nil, reader: reader, auditClock: nil)
  }

  private init(engine: CommitEngine?, reader: StoreReader, auditClock: (any NexusClock)?) {
    self.engine = engine
    self.reader = reader
    self.auditClock = auditClock
  }

  deinit { engine?.abandon() }

  package func submit(
    _ transaction: StoreTransaction, completion: @escaping @Sendable (Result<Void, StoreError>) -> Void
  ) {
    guard let engine else {
      return completion(.failure(StoreError(.closed, "the store was opened for reading only")))
    }
    do throws(StoreError) {
      let transaction =
        auditClock.map { AuditSources.audited(transaction, clock: $0) } ?? transaction
      let submission = try Submission(transaction, completion: completion)
      var record = transaction.commitClass == .logged ? submission.record() : nil
      engine.submit(submission, &record)
    } catch {
      completion(.failure(error))
    }
  }

  /// Reads what logged transactions change: after all that were acknowledged are in the database.
  private func settledRead<Answer: Sendable>(
    _ body: @Sendable (SQLiteConnection) throws(StoreError) -> Answer
  ) async throws(StoreError) -> Answer {
    try await engine?.settle()
    return try await reader.read(body)
  }

  func read<Answer: Sendable>(
    _ body: @Sendable (SQLiteConnection) throws(StoreError) -> Answer
  ) async throws(StoreError) -> Answer {
    try await reader.read(body)
  }

  package func close() async {
    await reader.close()
    await engine?.close()
  }
}

extension SQLiteStore {
  package func run(_ id: RunID) async throws(StoreError) -> RunRecord? {
    try await reader.read { connection throws(StoreError) in
      try connection.first(.runByID, [.id(id)], connection.runRecord)
    }
  }

  package func run(named name: String, idempotencyKey: String) async throws(StoreError) -> RunRecord? {
    try await reader.read { connection throws(StoreError) in
      try connection.first(.runByRequest, [.text(name), .text(idempotencyKey)], connection.runRecord)
    }
  }

  package func runs(_ query: RunQuery) async throws(StoreError) -> [RunRecord] {
    try await reader.read { connection throws(StoreError) in try connection.runs(query) }
  }

  package func runCounts(of names: Set<String>?) async throws(StoreError) -> [RunStatus: Int] {
    try await reader.read { connection throws(StoreError) in
      let rows = try connection.all(.runCounts) { row throws(StoreError) in
        (name: row.text(0), status: row.text(1), count: Int(row.integer(2)))
      }
      var counts: [RunStatus: Int] = [:]
      for row in rows where names?.contains(row.name) ?? true {
        guard let status = RunStatus(rawValue: row.status) else {
          throw StoreError(.corrupt, "a run is `\(row.status)`")
        }
        counts[status, default: 0] += row.count
      }
      return counts
    }
  }

  package func journal(
    of run: RunID, after: JournalSequence, limit: Int
  ) async throws(StoreError) -> [JournalEntry] {
    let rows = try await reader.read { connection throws(StoreError) in
      try connection.journalRows(of: run, after: after, limit: limit)
    }
    return Array(try StoredRow.entries(of: rows).drop { $0.sequence <= after }.prefix(limit))
  }

  package func journals(
    of runs: [RunID], upTo bytes: Int64
  ) async throws(StoreError) -> [RunID: Result<[JournalEntry], StoreError>] {
    let stored = try await reader.read { connection throws(StoreError) in
      var stored: [RunID: Result<[StoredRow], StoreError>] = [:]
      var read: Int64 = 0
      for run in runs where read < bytes {
        do throws(StoreError) {
          let rows = try connection.journalRows(of: run, after: .none, limit: .max)
          read += rows.reduce(0) { $0 + Int64($1.bytes.count) }
          stored[run] = .success(rows)
        } catch {
          guard error.code == .corrupt else { throw error }
          stored[run] = .failure(error)
        }
      }
      return stored
    }
    return await StoredRow.journals(stored)
  }

  package func changes(after end: Int64?, limit: Int) async throws(StoreError) -> JournalChanges {
    try await reader.read { connection throws(StoreError) in try connection.changes(after: end, limit: limit) }
  }

  package func definition(_ hash: DefinitionHash) async throws(StoreError) -> [UInt8]? {
    try await reader.read { connection throws(StoreError) in
      try connection.first(.definition, [.id(hash)]) { row throws(StoreError) in row.blob(0) }
    }
  }

  package func effects(of run: RunID) async throws(StoreError) -> [EffectRow] {
    try await settledRead { connection throws(StoreError) in
      try connection.all(.effects, [.id(run)], connection.effectRow)
    }
  }

  package func effects(of run: RunID, step: StepPath) async throws(StoreError) -> [EffectRow] {
    try await settledRead { connection throws(StoreError) in
      try connection.all(.effectsOfStep, [.id(run), .id(step)], connection.effectRow)
    }
  }

  package func spent(by runs: [RunID]) async throws(StoreError) -> [RunID: Spend] {
    try await settledRead { connection throws(StoreError) in
      var spent: [RunID: Spend] = [:]
      for run in runs {
        spent[run] = try connection.first(.effectSums, [.id(run)]) { row throws(StoreError) in
          Spend(cost: row.money(1), tokens: row.tokens(0))
        }
      }
      return spent
    }
  }

  package func outcome(of effect: EffectID) async throws(StoreError) -> EffectOutcome? {
    try await settledRead { connection throws(StoreError) in
      try connection.first(.outcome, [.id(effect)], connection.outcome)
    }
  }

  package func request(of effect: EffectID) async throws(StoreError) -> [UInt8]? {
    try await settledRead { connection throws(StoreError) in
      let found = try connection.first(.request, [.id(effect)]) { row throws(StoreError) in row.payload(0) }
      guard let payload = found ?? nil else { return nil }
      return try connection.bytes(of: payload)
    }
  }
}

extension SQLiteStore {
  package func counters() async throws(StoreError) -> [CounterRow] {
    try await settledRead { connection throws(StoreError) in
      try connection.all(.counters) { row throws(StoreError) in
        CounterRow(
          key: CounterKey(scope: row.text(0), window: row.text(1), index: row.integer(2)), spent: row.spend(3),
          mark: row.spend(6))
      }
    }
  }

  package func openHolds() async throws(StoreError) -> [HoldRow] {
    try await settledRead { connection throws(StoreError) in try connection.all(.holds, [], connection.holdRow) }
  }

  package func charges(_ query: ChargeQuery) async throws(StoreError) -> [ChargeRow] {
    try await settledRead { connection throws(StoreError) in try connection.charges(query) }
  }

  package func missing(from scope: CounterScope) async throws(StoreError) -> Spend {
    try await settledRead { connection throws(StoreError) in try connection.missing(from: scope) }
  }

  package func agents() async throws(StoreError) -> [AgentRow] {
    try await reader.read { connection throws(StoreError) in
      try connection.all(.agents) { row throws(StoreError) in
        AgentRow(
          name: AgentName(row.text(0)), stoppedByOperator: row.integer(1) != 0, lastState: row.optionalText(2),
          lastActivity: row.optionalTime(3))
      }
    }
  }

  package func components(_ kind: ComponentRow.Kind) async throws(StoreError) -> [ComponentRow] {
    try await reader.read { connection throws(StoreError) in
      try connection.all(.components, [.text(kind.rawValue)]) { row throws(StoreError) in
        ComponentRow(kind: kind, name: row.text(0), state: row.blob(1))
      }
    }
  }

  package func restarts(since: WallTime) async throws(StoreError) -> [RestartRow] {
    try await reader.read { connection throws(StoreError) in
      try connection.all(.restarts, [.time(since)]) { row throws(StoreError) in
        RestartRow(
          supervisor: SupervisorName(row.text(0)), child: AgentName(row.text(1)), at: row.time(2), reason: row.text(3))
      }
    }
  }

  /// How SQLite carries out each statement that reads or changes rows, by its name: for tests and for diagnosis.
  package func plans() async throws(StoreError) -> [String: [String]] {
    try await reader.read { connection throws(StoreError) in
      var plans: [String: [String]] = [:]
      for sql in SQL.allCases where sql.hasPlan { plans["\(sql)"] = try connection.plan(of: sql) }
      return plans
    }
  }

  package func lastBoot() async throws(StoreError) -> BootRow? {
    try await reader.read { connection throws(StoreError) in
      try connection.first(.lastBoot) { row throws(StoreError) in
        BootRow(
          id: BootID(row.text(0)), pid: Int32(clamping: row.integer(1)), startedAt: row.time(2),
          kernelBoot: row.text(3), version: row.text(4))
      }
    }
  }
}
