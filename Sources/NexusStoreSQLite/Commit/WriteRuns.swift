// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// The row of a run as a guard needs it.
private struct FoundRun {
  let key: Int64
  let fence: Int64
  let head: Int64
  let status: String
  let input: StoredPayload?
  let output: StoredPayload?
}

extension MutationWriter {
  private func find(_ run: RunID) throws(StoreError) -> FoundRun? {
    try connection.first(.findRun, [.id(run)]) { row throws(StoreError) in
      FoundRun(
        key: row.integer(0), fence: row.integer(1), head: row.integer(2), status: row.text(3),
        input: row.reference(4), output: row.reference(5))
    }
  }

  mutating func insert(_ record: RunRecord) throws(StoreError) {
    guard let input = payloads.nextValue() else { preconditionFailure("every run has an input") }
    let output = payloads.nextValue()
    let summary = summaryColumns(record.summary, output: output)
    do throws(StoreError) {
      try connection.run(
        .insertRun,
        [
          .id(record.id), .text(record.kind.rawValue), .text(record.name), .id(record.definition), input.column,
          .text(record.idempotencyKey), .time(record.createdAt), .integer(record.fence.value),
          .integer(record.head.value),
        ] + summary)
    } catch {
      guard error.code == .duplicate else { throw error }
      throw StoreError(.duplicate, "\(record.id), or a run of \(record.name) with its idempotency key, exists")
    }
    try keep(input)
    try keep(output)
  }

  private func summaryColumns(_ summary: RunSummary, output: PreparedPayload?) -> [SQLiteValue] {
    [
      .text(summary.status.rawValue), .text(summary.pauseReason?.rawValue), output?.column ?? .null,
      .text(summary.error?.code), .text(summary.error?.message), summary.error.map { .bool($0.isRetryable) } ?? .null,
      .integer(Int64(summary.attempts)), .integer(summary.tokens.value), .integer(summary.cost.value),
      .time(summary.updatedAt), .time(summary.endedAt),
    ]
  }

  mutating func append(
    to run: RunID, fence: FencingToken, entries: [JournalEntry], summary: RunSummary
  ) throws(StoreError) {
    let stored = entries.map { _ in payloads.nextEntry() }
    let output = payloads.nextValue()
    guard let found = try find(run), found.fence == fence.value else { throw Self.stale(run) }
    guard entries.isEmpty || found.head + 1 == entries[0].sequence.value else { throw Self.stale(run) }
    let head = entries.last?.sequence.value ?? found.head
    let changed = try connection.run(
      found.status == summary.status.rawValue ? .updateRunOfSameStatus : .updateRun,
      [.integer(found.key), .integer(fence.value), .integer(found.head), .integer(head)]
        + summaryColumns(summary, output: output))
    guard changed == 1 else { throw Self.stale(run) }
    for (entry, payload) in zip(entries, stored) {
      try connection.run(
        .insertEntry,
        [.integer(found.key), .integer(entry.sequence.value), .time(entry.at), payload.column])
      try keep(payload)
    }
    try keep(output)
    try drop(found.output)
  }

  func delete(_ run: RunID) throws(StoreError) {
    guard let found = try find(run) else { throw StoreError(.notFound, "there is no run \(run)") }
    guard let status = RunStatus(rawValue: found.status), status.isFinal else {
      throw StoreError(.staleGuard, "\(run) is not final")
    }
    let key = SQLiteValue.integer(found.key)
    var references = [found.input, found.output]
    for sql in [SQL.journalReferences, .effectReferences] {
      references += try connection.all(sql, [key]) { row throws(StoreError) in row.payload(0) }
    }
    for reference in references { try drop(reference) }
    try connection.run(.deleteJournal, [key])
    try connection.run(.deleteEffects, [key])
    try connection.run(.deleteRun, [key])
  }
}

extension MutationWriter {
  mutating func insert(_ row: EffectRow) throws(StoreError) {
    let request = payloads.nextEffect()
    guard let run = try find(row.run) else { throw StoreError(.notFound, "there is no run \(row.run)") }
    let record = row.record
    do throws(StoreError) {
      try connection.run(
        .insertEffect,
        [
          .id(record.id), .integer(run.key), .text(record.kind.rawValue), .id(record.digest),
          .integer(Int64(record.occurrence)), .integer(record.ordinal), .integer(Int64(record.attempt.value)),
          .text(record.state.rawValue), .id(row.step), .id(row.agent), .text(row.name), .text(row.detail),
          .time(row.startedAt), request?.column ?? .null, .time(row.endedAt), .integer(row.inputTokens.value),
          .integer(row.outputTokens.value), .integer(row.cost.value),
        ])
    } catch {
      guard error.code == .duplicate else { throw error }
      throw StoreError(.duplicate, "\(row.run) has the effect \(record.id) or one of the same request")
    }
    try keep(request)
  }

  mutating func set(_ outcome: EffectOutcome, state: EffectState, of id: EffectID) throws(StoreError) {
    let body = payloads.nextEffect()
    let found = try connection.first(.findEffect, [.id(id)]) { row throws(StoreError) in
      (key: row.integer(0), body: row.reference(1))
    }
    guard let found else { throw Self.missing(id) }
    try connection.run(
      .setOutcome,
      [
        .integer(found.key), .text(state.rawValue), .time(outcome.endedAt), .integer(outcome.inputTokens.value),
        .integer(outcome.outputTokens.value), .integer(outcome.cost.value), .integer(Int64(outcome.status)),
        .text(ListColumns.encode(headers: outcome.headers)), body?.column ?? .null, .bool(outcome.isStream),
      ])
    try keep(body)
    try drop(found.body)
  }
}
