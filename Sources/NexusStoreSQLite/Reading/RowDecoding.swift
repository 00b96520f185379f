// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

extension SQLiteRow {
  func spend(_ column: Int32) -> Spend {
    Spend(
      cost: NanoUSD(integer(column)), tokens: TokenCount(integer(column + 1)), requests: integer(column + 2))
  }

  func tokens(_ column: Int32) -> TokenCount { TokenCount(integer(column)) }

  func money(_ column: Int32) -> NanoUSD { NanoUSD(integer(column)) }

  func small(_ column: Int32) -> Int { Int(integer(column)) }

  func run(_ column: Int32) -> RunID? { optionalText(column).map(RunID.init(_:)) }
}

extension SQLiteConnection {
  /// The bytes of a payload, fetched by their digest where they are kept apart.
  func bytes(of payload: StoredPayload) throws(StoreError) -> [UInt8] {
    switch payload {
    case .inline(let bytes): return bytes
    case .reference(let digest):
      let found = try first(.blob, [.id(digest)]) { row throws(StoreError) in row.blob(0) }
      guard let found else { throw StoreError(.corrupt, "the payload \(digest) is missing") }
      return found
    }
  }

  func value(of payload: StoredPayload) throws(StoreError) -> JSONValue {
    try EntryFormat.decode(value: try bytes(of: payload))
  }

  /// Decodes the columns of `SQL.runByID` and its siblings.
  func runRecord(_ row: SQLiteRow) throws(StoreError) -> RunRecord {
    guard let input = row.payload(4) else { throw StoreError(.corrupt, "a run has no input") }
    var summary = RunSummary(status: try row.choice(9), updatedAt: row.time(18))
    if !row.isNull(10) { summary.pauseReason = try row.choice(10) }
    if let output = row.payload(11) { summary.output = try value(of: output) }
    if let code = row.optionalText(12) {
      summary.error = RunError(
        code: code, message: row.text(13), isRetryable: row.integer(14) != 0,
        exit: row.optionalInteger(20).map(Int32.init(clamping:)),
        retryAfter: row.optionalInteger(21).map(Duration.nanoseconds(_:)),
        wasApplied: row.optionalInteger(22).map { $0 != 0 })
    }
    summary.attempts = row.small(15)
    summary.tokens = row.tokens(16)
    summary.cost = row.money(17)
    summary.endedAt = row.optionalTime(19)
    return RunRecord(
      id: RunID(row.text(0)), kind: try row.choice(1), name: row.text(2), definition: DefinitionHash(row.text(3)),
      input: try value(of: input), idempotencyKey: row.optionalText(5), createdAt: row.time(6),
      fence: FencingToken(row.integer(7)), head: JournalSequence(row.integer(8)), summary: summary, parent: row.run(23))
  }

  func effectRow(_ row: SQLiteRow) throws(StoreError) -> EffectRow {
    let record = EffectRecord(
      id: EffectID(row.text(0)), kind: try row.choice(2), digest: RequestDigest(row.text(3)),
      occurrence: row.small(4), ordinal: row.integer(5), attempt: AttemptNumber(row.small(6)),
      state: try row.choice(7))
    var effect = EffectRow(
      record: record, run: RunID(row.text(1)), step: StepPath(row.text(8)), agent: AgentName(row.text(9)),
      name: row.text(10), detail: row.text(11), startedAt: row.time(12), request: nil)
    effect.endedAt = row.optionalTime(13)
    effect.inputTokens = row.tokens(14)
    effect.outputTokens = row.tokens(15)
    effect.cost = row.money(16)
    return effect
  }

  func outcome(_ row: SQLiteRow) throws(StoreError) -> EffectOutcome {
    guard let body = row.payload(2) else { throw StoreError(.corrupt, "an outcome has no body") }
    return EffectOutcome(
      status: row.small(0), headers: try ListColumns.headers(row.text(1)), body: try bytes(of: body),
      isStream: row.integer(3) != 0, endedAt: row.time(4), inputTokens: row.tokens(5), outputTokens: row.tokens(6),
      cost: row.money(7))
  }

  func holdRow(_ row: SQLiteRow) throws(StoreError) -> HoldRow {
    HoldRow(
      id: EffectID(row.text(0)), boot: BootID(row.text(1)), agent: AgentName(row.text(2)), run: row.run(3),
      model: row.text(4), bound: row.spend(5), counters: try ListColumns.counters(row.text(8)), at: row.time(9),
      price: try row.optionalText(10).map(ListColumns.price))
  }

  func chargeRow(_ row: SQLiteRow) throws(StoreError) -> ChargeRow {
    ChargeRow(
      id: EffectID(row.text(0)), agent: AgentName(row.text(1)), run: row.run(2), model: row.text(3),
      basis: try row.choice(4), inputTokens: row.tokens(5), outputTokens: row.tokens(6), cachedTokens: row.tokens(7),
      spend: row.spend(8), counters: try ListColumns.counters(row.text(11)), at: row.time(12),
      price: try row.optionalText(13).map(ListColumns.price))
  }
}
