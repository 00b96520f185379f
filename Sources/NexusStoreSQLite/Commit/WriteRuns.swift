// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

extension MutationWriter {
  /// The row of the run, from memory if it is known.
  func find(_ run: RunID) throws(StoreError) -> KnownRun? {
    if let known = connection.memory.run(run) { return known }
    let found = try connection.first(.findRun, [.id(run)]) { row throws(StoreError) in
      KnownRun(
        key: row.integer(0), fence: row.integer(1), head: row.integer(2), journalBytes: row.integer(3),
        facet: RunFacet(
          name: row.text(5), kind: try row.choice(6), isTop: row.integer(7) != 0, status: try row.choice(8),
          reason: row.isNull(9) ? nil : try row.choice(9) as PauseReason, code: row.optionalText(10)),
        facetKey: row.integer(4), input: row.reference(11), output: row.reference(12))
    }
    if let found { connection.memory.know(run, found) }
    return found
  }

  /// The key of a facet, which is made if there is none yet.
  func key(of wanted: RunFacet) throws(StoreError) -> Int64 {
    if let known = connection.memory.facets[wanted] { return known }
    var facet = wanted
    func find() throws(StoreError) -> Int64? {
      try connection.first(.findFacet, facet.columns) { row throws(StoreError) in row.integer(0) }
    }
    var found = try find()
    if found == nil, facet.code != nil, facet.code != RunFacet.otherCode {
      let count = try connection.first(.facetCount) { row throws(StoreError) in row.integer(0) } ?? 0
      if count >= RunFacet.limit {
        facet.code = RunFacet.otherCode
        found = try find()
      }
    }
    if found == nil {
      try connection.run(.insertFacet, facet.columns)
      found = try find()
    }
    guard let found else { throw StoreError(.corrupt, "a row that was just written is not there") }
    connection.memory.know(wanted, found)
    return found
  }

  mutating func insert(_ record: RunRecord) throws(StoreError) {
    guard let input = payloads.nextValue() else { preconditionFailure("every run has an input") }
    let output = payloads.nextValue()
    let facet = RunFacet(of: record)
    let facetKey = try key(of: facet)
    let columns: [SQLiteValue] = [
      .text(record.summary.status.rawValue), .text(record.summary.pauseReason?.rawValue), .id(record.id),
      .text(record.kind.rawValue), .text(record.name), .id(record.definition), input.column,
      .text(record.idempotencyKey), .time(record.createdAt), .integer(record.fence.value), .integer(record.head.value),
      .text(record.parent?.text),
    ]
    do throws(StoreError) {
      _ = try connection.run(.insertRun) { binding throws(StoreError) in
        try bind(record.summary, facet: facetKey, output: output, to: &binding)
        for column in columns { try binding.next(column) }
      }
    } catch {
      guard error.code == .duplicate else { throw error }
      throw StoreError(.duplicate, "\(record.id), or a run of \(record.name) with its idempotency key, exists")
    }
    // Nearly every run is appended to at once. Of one with an error its facet may not be the one that it stands in.
    if record.summary.error == nil {
      let known = KnownRun(
        key: connection.lastRow, fence: record.fence.value, head: record.head.value, journalBytes: 0, facet: facet,
        facetKey: facetKey, input: input.digest.map { .reference($0) }, output: output?.digest.map { .reference($0) })
      connection.memory.know(record.id, known)
    }
    try keep(input)
    try keep(output)
  }

  /// Binds the first columns of the statements that write a run's row.
  private func bind(
    _ summary: RunSummary, facet: Int64, output: PreparedPayload?, to binding: inout SQLiteBinding
  ) throws(StoreError) {
    try binding.next(facet)
    try binding.next(output?.column ?? .null)
    if let error = summary.error {
      try binding.next(.text(error.code))
      try binding.next(.text(error.message))
      try binding.next(.bool(error.isRetryable))
      try binding.next(error.exit.map { .integer(Int64($0)) } ?? .null)
      try binding.next(error.retryAfter.map { .integer($0.wholeNanoseconds) } ?? .null)
      try binding.next(error.wasApplied.map { .bool($0) } ?? .null)
    } else {
      try binding.nextNull(6)
    }
    try binding.next(Int64(summary.attempts))
    try binding.next(summary.tokens.value)
    try binding.next(summary.cost.value)
    try binding.next(summary.updatedAt.microseconds)
    try binding.next(.time(summary.endedAt))
  }

  mutating func append(
    to run: RunID, fence: FencingToken, entries: [JournalEntry], summary: RunSummary
  ) throws(StoreError) {
    let append = payloads.nextAppend()
    let output = payloads.nextValue()
    guard let known = try find(run), known.fence == fence.value else { throw Self.stale(run) }
    guard entries.isEmpty || known.head + 1 == entries[0].sequence.value else { throw Self.stale(run) }
    var (head, journalBytes) = (known.head, known.journalBytes)
    if let last = entries.last {
      head = last.sequence.value
      journalBytes += append.byteCount
      try StoreLimits.check(journalBytes: journalBytes, of: run, status: summary.status)
    }
    let isSame = known.facet.stands(as: summary)
    let facet = isSame ? nil : known.facet.with(summary)
    let facetKey = if let facet { try key(of: facet) } else { known.facetKey }
    let changed = try connection.run(isSame ? .updateRunOfSameFacet : .updateRun) { binding throws(StoreError) in
      try bind(summary, facet: facetKey, output: output, to: &binding)
      if isSame {
        try binding.nextNull(2)
      } else {
        try binding.next(.text(summary.status.rawValue))
        try binding.next(.text(summary.pauseReason?.rawValue))
      }
      try binding.next(head)
      try binding.next(journalBytes)
      try binding.next(known.key)
      try binding.next(fence.value)
      try binding.next(known.head)
    }
    guard changed == 1 else {
      connection.memory.forget(run)
      throw Self.stale(run)
    }
    for row in append.rows {
      _ = try connection.run(.insertEntry) { binding throws(StoreError) in
        try binding.next(known.key)
        try binding.next(row.sequence.value)
        try binding.next(row.at.microseconds)
        try binding.next(row.payload.column)
      }
      try keep(row.payload)
    }
    try keep(output)
    try drop(known.output)
    (known.head, known.journalBytes, known.facetKey) = (head, journalBytes, facetKey)
    if let facet { known.facet = facet }
    known.output = output?.digest.map { .reference($0) }
  }

  func delete(_ run: RunID) throws(StoreError) {
    guard let found = try find(run) else { throw StoreError(.notFound, "there is no run \(run)") }
    guard found.facet.isOver else {
      throw StoreError(.staleGuard, "\(run) is not final")
    }
    let key = SQLiteValue.integer(found.key)
    var references = [found.input, found.output]
    for sql in [SQL.journalReferences, .effectReferences] {
      references += try connection.all(sql, [key]) { row throws(StoreError) in row.payload(0) }
    }
    for reference in references { try drop(reference) }
    try connection.run(.deleteApprovalEntries, [.id(run)])
    try connection.run(.deleteApprovals, [.id(run)])
    try connection.run(.deleteJournal, [key])
    try connection.run(.deleteEffects, [key])
    try connection.run(.deleteRun, [key])
    connection.memory.forget(run)
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
