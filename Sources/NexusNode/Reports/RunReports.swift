// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// Turns what the store keeps of runs into what operators read; the same with and without a node.
struct RunReports: Sendable {
  let store: any Store
  /// Which of these runs, that are to go on, no node has.
  var waiting: @Sendable ([RunID]) async -> Set<RunID> = { _ in [] }

  /// What goes on by itself where a node has it; of what is paused or halted a person decides.
  private static let underWay: Set<RunStatus> = [.queued, .running, .suspended, .compensating]

  private func waiting(_ records: some Sequence<RunRecord>) async -> Set<RunID> {
    let runs = records.filter { Self.underWay.contains($0.summary.status) }.map(\.id)
    return runs.isEmpty ? [] : await waiting(runs)
  }

  func page(_ filter: RunFilter) async throws(StoreError) -> RunPage {
    var query = RunQuery(
      name: filter.name, statuses: Set(filter.statuses.compactMap(RunStatus.init(rawValue:))),
      before: filter.cursor.map { RunID($0) }, limit: filter.limit + 1)
    query.kinds = Set(filter.kinds.compactMap(RunKind.init(rawValue:)))
    query.reasons = Set(filter.reasons.compactMap(PauseReason.init(rawValue:)))
    // By themselves, lists show the runs that no run started.
    query.topLevelOnly = filter.parent == nil
    if let parent = filter.parent, parent != "any" { query.parent = RunID(parent) }
    let records = try await store.runs(query)
    let waiting = await waiting(records)
    let rows = try await withLateCalls(Array(records.prefix(filter.limit))).map { record in
      var row = Self.row(record)
      row.waitsForNode = waiting.contains(record.id)
      return row
    }
    return RunPage(runs: rows, next: records.count > filter.limit ? rows.last?.id.text : nil)
  }

  /// The runs with what their effects cost.
  ///
  /// A run's own sum is that of its attempts. A call that was under way when its attempt was killed has come to its end
  /// afterwards, was paid for, and stands in no attempt.
  func withLateCalls(_ records: [RunRecord]) async throws(StoreError) -> [RunRecord] {
    let cut = records.filter { $0.summary.attempts > 1 || $0.summary.status != .completed }
    guard !cut.isEmpty else { return records }
    let spent = try await store.spent(by: cut.map(\.id))
    return records.map { record in
      guard let all = spent[record.id] else { return record }
      var record = record
      // Effects are removed before their run is.
      record.summary.tokens = max(record.summary.tokens, all.tokens)
      record.summary.cost = max(record.summary.cost, all.cost)
      return record
    }
  }

  static func row(_ record: RunRecord) -> RunRow {
    let summary = record.summary
    return RunRow(
      id: record.id, kind: record.kind.rawValue, name: record.name, status: summary.status.rawValue,
      attempts: summary.attempts, tokens: summary.tokens, cost: summary.cost, createdAt: record.createdAt,
      updatedAt: summary.updatedAt, endedAt: summary.endedAt, error: failure(summary),
      pauseReason: summary.pauseReason?.rawValue)
  }

  private static func failure(_ summary: RunSummary) -> RunFailure? {
    // The error of an attempt that is being tried again is not the run's.
    guard summary.status.isFinal || summary.status == .halted, summary.status != .completed, let error = summary.error
    else { return nil }
    return RunFailure(code: error.code, message: error.message)
  }

  func report(of record: RunRecord, budgets: [BudgetStatus]) async throws(StoreError) -> RunReport {
    let effects = try await store.effects(of: record.id)
    // Without effects there is nothing that could have been answered from the journal, which may be long.
    let journal = effects.isEmpty ? [] : try await store.journal(of: record.id, after: .none, limit: .max)
    let cost = try await withChildren(Self.cost(effects, journal), of: record.id, budgets)
    return Self.report(of: record, cost: cost)
  }

  /// The most runs below one whose costs are added up; those of more are left out.
  static let maxDescendants = 10_000

  /// Adds what the runs cost that this one started, and those that they started.
  private func withChildren(
    _ own: RunCost, of run: RunID, _ budgets: [BudgetStatus]
  ) async throws(StoreError) -> RunCost {
    var cost = own
    var parents = [run]
    while let parent = parents.popLast(), cost.children.runs < Self.maxDescendants {
      let children = try await withLateCalls(
        store.runs(RunQuery(parent: parent, limit: Self.maxDescendants - cost.children.runs)))
      for child in children {
        cost.children.runs += 1
        cost.children.tokens += child.summary.tokens
        cost.children.cost += child.summary.cost
        parents.append(child.id)
      }
    }
    cost.tokens += cost.children.tokens
    cost.cost += cost.children.cost
    // What an agent calls counts in its own budgets of each run.
    cost.budget = SpendView.nearest(in: budgets.map { Self.counted($0, for: cost) })
    return cost
  }

  private static func report(of record: RunRecord, cost: RunCost) -> RunReport {
    RunReport(
      id: record.id, kind: record.kind.rawValue, name: record.name, status: record.summary.status.rawValue,
      output: record.summary.output, error: failure(record.summary), cost: cost,
      pauseReason: record.summary.pauseReason?.rawValue, startedAt: record.createdAt, endedAt: record.summary.endedAt)
  }

  /// What the effects add up to, with the answers that the attempts got from the journal.
  private static func cost(_ effects: [EffectRow], _ journal: [JournalEntry]) -> RunCost {
    var cost = RunCost()
    // What the run began with another one has paid for.
    for effect in effects where !effect.record.isKept {
      cost.inputTokens += effect.inputTokens
      cost.outputTokens += effect.outputTokens
      cost.cost += effect.cost
      if effect.record.kind == .model, effect.record.state != .intent { cost.modelCalls += 1 }
    }
    cost.tokens = cost.inputTokens + cost.outputTokens
    for entry in journal {
      if case .attemptEnded(_, _, let end) = entry.entry { cost.replayed += end.replayed }
    }
    return cost
  }

  /// A budget of each run counts anew in this one; all others have one counter, which is known.
  private static func counted(_ budget: BudgetStatus, for cost: RunCost) -> BudgetStatus {
    guard budget.per == BudgetWindow.run.rawValue else { return budget }
    var own = budget
    (own.usedTokens, own.usedNanoUSD, own.heldNanoUSD) = (cost.tokens, cost.cost, .zero)
    own.usedRequests = Int64(cost.modelCalls)
    own.isExhausted =
      own.maxTokens.map { cost.tokens >= $0 } ?? false || own.maxNanoUSD.map { cost.cost >= $0 } ?? false
      || own.maxRequests.map { own.usedRequests >= $0 } ?? false
    return own
  }

  func detail(of record: RunRecord, budgets: [BudgetStatus]) async throws(StoreError) -> RunDetail {
    let effects = try await store.effects(of: record.id)
    let journal = try await store.journal(of: record.id, after: .none, limit: .max)
    let cost = try await withChildren(Self.cost(effects, journal), of: record.id, budgets)
    let report = Self.report(of: record, cost: cost)
    var steps: [StepReport]?
    var checkpoints: [CheckpointReport] = []
    if record.kind != .agent {
      let definition = try await store.definition(record.definition)
      let found = FlowReports.steps(of: record.id, definition: definition, input: record.input, journal: journal)
      (steps, checkpoints) = (found?.steps, found?.checkpoints ?? [])
    }
    var detail = RunDetail(
      report: report, input: record.input, steps: steps ?? Self.steps(record, journal, report),
      effects: try await explained(Self.effects(effects, record.kind)), journalEntries: Int64(journal.count),
      journalHead: record.head, attempts: record.summary.attempts)
    detail.parent = record.parent
    detail.checkpoints = checkpoints
    detail.waitsForNode = await !waiting([record]).isEmpty
    if record.summary.status == .paused { detail.pauseNote = Self.pauseNote(journal) }
    return detail
  }

  private static func pauseNote(_ journal: [JournalEntry]) -> String? {
    for entry in journal.reversed() { if case .paused(_, let note) = entry.entry { return note } }
    return nil
  }

  /// The one step of the agent itself, then the durable steps that it recorded.
  private static func steps(_ record: RunRecord, _ journal: [JournalEntry], _ report: RunReport) -> [StepReport] {
    var main = StepReport(
      path: .main, status: record.summary.status.rawValue, attempts: record.summary.attempts, cost: report.cost.own,
      output: record.summary.output)
    main.endedAt = record.summary.endedAt
    var recorded: [StepReport] = []
    for entry in journal {
      switch entry.entry {
      case .judged(_, let judgement): GateWords.show(judgement, in: &main)
      case .attemptStarted: if main.startedAt == nil { main.startedAt = entry.at }
      case .stepRecorded(let path, let value) where !path.marksCall:
        var step = StepReport(path: path, status: "completed", attempts: 1, endedAt: entry.at, output: value)
        if path.text.hasPrefix(".call/") { step.child = value["run"]?.stringValue.map { RunID($0) } }
        recorded.append(step)
      default: break
      }
    }
    return [main] + recorded
  }

  /// The newest effects, with the places to fork from.
  private static func effects(_ rows: [EffectRow], _ kind: RunKind) -> [EffectReport] {
    var numbers: [EffectID: Int] = [:]
    for (_, rows) in Dictionary(grouping: rows, by: \.step) {
      numbers.merge(RecordedCalls.numbers(rows.map(\.record))) { first, _ in first }
    }
    return rows.suffix(RunDetail.maxEffects).map { row in
      var report = effect(row)
      let step = kind == .agent ? nil : row.step.text
      report.place = numbers[row.record.id].map { ForkOrder.place(step: step, call: $0) }
      return report
    }
  }

  private static func effect(_ row: EffectRow) -> EffectReport {
    EffectReport(
      id: row.record.id, kind: row.record.kind.rawValue, name: row.name,
      status: row.record.state == .intent ? "pending" : row.record.state.rawValue, attempt: row.record.attempt.value,
      inputTokens: row.inputTokens, outputTokens: row.outputTokens, cost: row.cost, at: row.startedAt,
      milliseconds: row.endedAt.map { ($0 - row.startedAt).wholeMilliseconds })
  }

  /// The effects, the newest failed ones with what they got instead of an answer.
  private func explained(_ reports: [EffectReport]) async throws(StoreError) -> [EffectReport] {
    var reports = reports
    let failed = reports.indices.filter { reports[$0].status == EffectState.failed.rawValue }
    for index in failed.suffix(Self.maxExplained) {
      guard let outcome = try await store.outcome(of: reports[index].id) else { continue }
      reports[index].error = EffectFailure.read(outcome)
    }
    return reports
  }

  /// Of so many failed effects the recorded answer is read, which may be long.
  static let maxExplained = 20

  func journal(of record: RunRecord, after: JournalSequence, limit: Int) async throws(StoreError) -> JournalPage {
    let entries = try await store.journal(of: record.id, after: after, limit: limit + 1)
    let shown = entries.prefix(limit)
    return JournalPage(
      run: record.id, entries: shown.map(JournalWords.item),
      next: entries.count > limit ? shown.last?.sequence : nil, head: record.head)
  }

  /// How many runs there are of each status; with names, only those of these agents and flows.
  func counts(of names: Set<String>? = nil) async throws(StoreError) -> RunCounts {
    let counts = try await store.runCounts(of: names)
    return RunCounts(
      RunStatus.allCases.compactMap { status in
        counts[status].map { RunCounts.StatusCount(status: status.rawValue, count: $0) }
      })
  }
}
