// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// A run's name with the key of the request that made it, compared by code unit as a database compares.
struct IdempotencyIndex: Hashable {
  let name: String
  let key: [UInt8]
  init(_ name: String, _ key: String) {
    self.name = name
    self.key = Array(key.utf8)
  }
}

/// Everything the in-memory store knows.
struct MemoryState {
  struct StoredEffect {
    var row: EffectRow
    var outcome: EffectOutcome?
  }

  var isClosed = false
  var runs: [RunID: RunRecord] = [:]
  var idempotency: [IdempotencyIndex: RunID] = [:]
  var journals: [RunID: [JournalEntry]] = [:]
  var journalBytes: [RunID: Int64] = [:]
  /// How many appends there were, and which of them was the latest of a run.
  var journalEnd: Int64 = 0
  var changedAt: [RunID: Int64] = [:]
  var definitions: [DefinitionHash: [UInt8]] = [:]
  var effects: [EffectID: StoredEffect] = [:]
  var effectsByRun: [RunID: [EffectID]] = [:]
  var counters: [CounterKey: CounterRow] = [:]
  var holds: [EffectID: HoldRow] = [:]
  var charges: [ChargeRow] = []
  var charged: Set<EffectID> = []
  var agents: [AgentName: AgentRow] = [:]
  var components: [ComponentRow.Kind: [String: ComponentRow]] = [:]
  var approvals: [ApprovalID: ApprovalRecord] = [:]
  var context: [String: ContextRecord] = [:]
  var restarts: [RestartRow] = []
  var boots: [BootRow] = []
  var audit = MemoryAudit()

  /// Undoes one mutation; a transaction that fails takes its steps back in reverse.
  typealias Undo = (inout MemoryState) -> Void

  /// Applies the whole transaction or nothing; the payloads have been checked against the limits.
  mutating func apply(_ transaction: StoreTransaction, payloads: TransactionPayloads) throws(StoreError) {
    var undo: [Undo] = []
    var appends = payloads.appends[...]
    do throws(StoreError) {
      for mutation in transaction.mutations { try apply(mutation, &appends, &undo) }
    } catch {
      for step in undo.reversed() { step(&self) }
      throw error
    }
  }

  /// `appends` are the encoded entries of this and later mutations.
  private mutating func apply(
    _ mutation: Mutation, _ appends: inout ArraySlice<EncodedEntries>, _ undo: inout [Undo]
  ) throws(StoreError) {
    switch mutation {
    case .insertRun(let record): try insert(record, &undo)
    case .append(let run, let fence, let entries, let summary):
      let bytes = appends.popFirst()?.byteCount ?? 0
      try append(to: run, fence: fence, entries: entries, bytes: bytes, summary: summary, &undo)
    case .takeFence(let run, let from, let to):
      guard var record = runs[run], record.fence == from else { throw Self.stale(run) }
      record.fence = to
      set(\.runs, run, record, &undo)
    case .deleteRun(let run): try delete(run, &undo)
    case .pruneRun(let run, let rows): try prune(run, rows, &undo)
    case .insertEffect(let row): try insert(row, &undo)
    case .setOutcome(let id, let state, let outcome): try set(outcome, state: state, of: id, &undo)
    case .setEffectState(let ids, let state):
      for id in ids {
        guard var effect = effects[id] else { throw Self.missing(id) }
        effect.row.record.state = state
        try replace(effect, &undo)
      }
    case .placeHold(let hold):
      guard holds[hold.id] == nil, !charged.contains(hold.id) else {
        throw StoreError(.duplicate, "\(hold.id) has a hold or a charge")
      }
      set(\.holds, hold.id, hold, &undo)
    case .settleHold(let charge): settle(charge, &undo)
    case .setMarks(let marks):
      for mark in marks {
        var row = counters[mark.key] ?? CounterRow(key: mark.key, spent: .zero, mark: .zero)
        row.mark = mark.mark
        set(\.counters, mark.key, row, &undo)
      }
    case .raiseCounter(let key, let amount):
      var row = counters[key] ?? CounterRow(key: key, spent: .zero, mark: .zero)
      row.spent = row.spent + amount
      set(\.counters, key, row, &undo)
    case .noteApproval(let write): set(\.approvals, write.id, try record(after: write), &undo)
    case .putContext(let write): set(\.context, write.record.key, try record(after: write), &undo)
    case .holdContext(let holds): for hold in holds { try check(hold) }
    case .putDefinition(let hash, let bytes):
      if definitions[hash] == nil { set(\.definitions, hash, bytes, &undo) }
    case .putAgent(let agent): set(\.agents, agent.name, agent, &undo)
    case .deleteAgent(let name): set(\.agents, name, nil, &undo)
    case .putComponent(let row):
      var named = components[row.kind] ?? [:]
      named[row.name] = row
      set(\.components, row.kind, named, &undo)
    case .logRestart(let row):
      keep(\.restarts, (restarts + [row]).suffix(StoreLimits.restartRows), &undo)
    case .insertBoot(let row): keep(\.boots, (boots + [row]).suffix(StoreLimits.bootRows), &undo)
    case .audit(let change):
      let before = audit
      undo.append { state in state.audit = before }
      audit.apply(change)
    }
  }

  static func stale(_ run: RunID) -> StoreError {
    StoreError(.staleGuard, "the right to write for \(run) was lost")
  }

  static func missing(_ effect: EffectID) -> StoreError { StoreError(.notFound, "there is no effect \(effect)") }

  /// Sets or removes one value of a dictionary and remembers what was there.
  private mutating func set<Key: Hashable, Value>(
    _ path: WritableKeyPath<MemoryState, [Key: Value]>, _ key: Key, _ value: Value?, _ undo: inout [Undo]
  ) {
    let before = self[keyPath: path][key]
    undo.append { state in state[keyPath: path][key] = before }
    self[keyPath: path][key] = value
  }

  private mutating func keep<Row>(
    _ path: WritableKeyPath<MemoryState, [Row]>, _ rows: ArraySlice<Row>, _ undo: inout [Undo]
  ) {
    let before = self[keyPath: path]
    undo.append { state in state[keyPath: path] = before }
    self[keyPath: path] = Array(rows)
  }
}

extension MemoryState {
  private mutating func insert(_ record: RunRecord, _ undo: inout [Undo]) throws(StoreError) {
    guard runs[record.id] == nil else { throw StoreError(.duplicate, "\(record.id) exists") }
    if let key = record.idempotencyKey {
      let index = IdempotencyIndex(record.name, key)
      guard idempotency[index] == nil else {
        throw StoreError(.duplicate, "a run of \(record.name) with this idempotency key exists")
      }
      set(\.idempotency, index, record.id, &undo)
    }
    set(\.runs, record.id, record, &undo)
  }

  private mutating func append(
    to run: RunID, fence: FencingToken, entries: [JournalEntry], bytes: Int64, summary: RunSummary,
    _ undo: inout [Undo]
  ) throws(StoreError) {
    guard var record = runs[run], record.fence == fence else { throw Self.stale(run) }
    if let first = entries.first {
      guard record.head.next == first.sequence else { throw Self.stale(run) }
    }
    let journalBytes = (journalBytes[run] ?? 0) + bytes
    if !entries.isEmpty { try StoreLimits.check(journalBytes: journalBytes, of: run, status: summary.status) }
    set(\.journalBytes, run, journalBytes, &undo)
    record.head = entries.last?.sequence ?? record.head
    record.summary = summary
    set(\.runs, run, record, &undo)
    let count = entries.count
    journals[run, default: []].append(contentsOf: entries)
    undo.append { state in state.journals[run]?.removeLast(count) }
    guard count > 0 else { return }
    journalEnd += 1
    undo.append { state in state.journalEnd -= 1 }
    set(\.changedAt, run, journalEnd, &undo)
  }

  private mutating func delete(_ run: RunID, _ undo: inout [Undo]) throws(StoreError) {
    guard let record = runs[run] else { throw StoreError(.notFound, "there is no run \(run)") }
    guard record.summary.isOver else { throw StoreError(.staleGuard, "\(run) is not final") }
    if let key = record.idempotencyKey { set(\.idempotency, IdempotencyIndex(record.name, key), nil, &undo) }
    for effect in effectsByRun[run] ?? [] { set(\.effects, effect, nil, &undo) }
    set(\.effectsByRun, run, nil, &undo)
    for (id, record) in approvals where record.machine?.request.subject.run == run { set(\.approvals, id, nil, &undo) }
    set(\.journals, run, nil, &undo)
    set(\.journalBytes, run, nil, &undo)
    set(\.changedAt, run, nil, &undo)
    set(\.runs, run, nil, &undo)
  }

  private mutating func prune(_ run: RunID, _ rows: Int, _ undo: inout [Undo]) throws(StoreError) {
    guard var record = runs[run] else { throw StoreError(.notFound, "there is no run \(run)") }
    guard record.summary.isOver else { throw StoreError(.staleGuard, "\(run) is not final") }
    let entries = journals[run] ?? []
    let gone = (effectsByRun[run] ?? []).prefix(rows)
    let isLast = gone.count + entries.count < rows && gone.count == effectsByRun[run]?.count ?? 0
    if isLast { return try delete(run, &undo) }
    for effect in gone { set(\.effects, effect, nil, &undo) }
    set(\.effectsByRun, run, Array((effectsByRun[run] ?? []).dropFirst(gone.count)), &undo)
    set(\.journals, run, entries.dropLast(rows - gone.count), &undo)
    (record.summary.status, record.summary.pauseReason, record.summary.error) = (.halted, nil, .pruned)
    set(\.runs, run, record, &undo)
  }

  private mutating func insert(_ row: EffectRow, _ undo: inout [Undo]) throws(StoreError) {
    guard runs[row.run] != nil else { throw StoreError(.notFound, "there is no run \(row.run)") }
    guard effects[row.record.id] == nil else { throw StoreError(.duplicate, "\(row.record.id) exists") }
    try checkMatch(of: row)
    set(\.effects, row.record.id, StoredEffect(row: row, outcome: nil), &undo)
    set(\.effectsByRun, row.run, (effectsByRun[row.run] ?? []) + [row.record.id], &undo)
  }

  /// Among the effects of a step that are not rewound, digest and occurrence are unique.
  private func checkMatch(of row: EffectRow) throws(StoreError) {
    guard row.record.state != .rewound else { return }
    for id in effectsByRun[row.run] ?? [] where id != row.record.id {
      guard let other = effects[id]?.row.record, other.state != .rewound, effects[id]?.row.step == row.step else {
        continue
      }
      guard other.digest != row.record.digest || other.occurrence != row.record.occurrence else {
        throw StoreError(.duplicate, "\(row.run) has this effect as \(id)")
      }
    }
  }

  private mutating func replace(_ effect: StoredEffect, _ undo: inout [Undo]) throws(StoreError) {
    try checkMatch(of: effect.row)
    set(\.effects, effect.row.record.id, effect, &undo)
  }

  private mutating func set(
    _ outcome: EffectOutcome, state: EffectState, of id: EffectID, _ undo: inout [Undo]
  ) throws(StoreError) {
    guard var effect = effects[id] else { throw Self.missing(id) }
    effect.row.record.state = state
    effect.row.endedAt = outcome.endedAt
    effect.row.inputTokens = outcome.inputTokens
    effect.row.outputTokens = outcome.outputTokens
    effect.row.cost = outcome.cost
    effect.outcome = outcome
    try replace(effect, &undo)
  }

  private mutating func settle(_ charge: ChargeRow, _ undo: inout [Undo]) {
    guard !charged.contains(charge.id) else { return }
    charged.insert(charge.id)
    charges.append(charge)
    undo.append { state in
      state.charged.remove(charge.id)
      state.charges.removeLast()
    }
    set(\.holds, charge.id, nil, &undo)
    for key in charge.counters {
      var row = counters[key] ?? CounterRow(key: key, spent: .zero, mark: .zero)
      row.spent = row.spent + charge.spend
      set(\.counters, key, row, &undo)
    }
  }
}
