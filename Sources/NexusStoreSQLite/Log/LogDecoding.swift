// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// Reads what `LogEncoding` wrote.
///
/// A record comes here with its checksum in order; what cannot be read then is no torn end but an error.
struct LogDecoding {
  private let bytes: [UInt8]
  private var index: Int
  private let end: Int

  /// - Throws: `corrupt`.
  static func mutations(in bytes: [UInt8], _ body: Range<Int>) throws(StoreError) -> [Mutation] {
    var decoding = LogDecoding(bytes: bytes, index: body.lowerBound, end: body.upperBound)
    var mutations: [Mutation] = []
    while decoding.index < decoding.end { mutations.append(try decoding.mutation()) }
    return mutations
  }

  private static let damaged = StoreError(.corrupt, "a record of the written log cannot be read")

  private mutating func mutation() throws(StoreError) -> Mutation {
    guard let tag = LogTag(rawValue: bytes[index]) else { throw Self.damaged }
    index += 1
    switch tag {
    case .insertEffect: return .insertEffect(try effect())
    case .setOutcome: return try setOutcome()
    case .placeHold: return .placeHold(try hold())
    case .placePricedHold:
      var hold = try hold()
      hold.price = ChargePrice(source: try text(), rates: try text())
      return .placeHold(hold)
    case .settleHold: return .settleHold(try charge())
    case .settlePricedHold:
      var charge = try charge()
      charge.price = ChargePrice(source: try text(), rates: try text())
      return .settleHold(charge)
    case .setMarks:
      var marks: [CounterMark] = []
      for _ in 0..<(try count()) { marks.append(CounterMark(key: try counter(), mark: try spend())) }
      return .setMarks(marks)
    }
  }

  private mutating func hold() throws(StoreError) -> HoldRow {
    HoldRow(
      id: EffectID(try text()), boot: BootID(try text()), agent: AgentName(try text()), run: try run(),
      model: try text(), bound: try spend(), counters: try counters(), at: try time())
  }

  private mutating func effect() throws(StoreError) -> EffectRow {
    let record = EffectRecord(
      id: EffectID(try text()), kind: try choice(), digest: RequestDigest(try text()), occurrence: Int(try number()),
      ordinal: try number(), attempt: AttemptNumber(Int(try number())), state: try choice())
    var row = EffectRow(
      record: record, run: RunID(try text()), step: StepPath(try text()), agent: AgentName(try text()),
      name: try text(), detail: try text(), startedAt: try time(), request: try optionalPayload())
    let isOver = try number() != 0
    let endedAt = try time()
    row.endedAt = isOver ? endedAt : nil
    row.inputTokens = try tokens()
    row.outputTokens = try tokens()
    row.cost = NanoUSD(try number())
    return row
  }

  private mutating func charge() throws(StoreError) -> ChargeRow {
    ChargeRow(
      id: EffectID(try text()), agent: AgentName(try text()), run: try run(), model: try text(),
      basis: try choice(), inputTokens: try tokens(), outputTokens: try tokens(), cachedTokens: try tokens(),
      spend: try spend(), counters: try counters(), at: try time())
  }

  private mutating func setOutcome() throws(StoreError) -> Mutation {
    let id = EffectID(try text())
    let state: EffectState = try choice()
    let status = Int(try number())
    var headers: [EnvironmentVariable] = []
    for _ in 0..<(try count()) { headers.append(EnvironmentVariable(try text(), try text())) }
    let outcome = EffectOutcome(
      status: status, headers: headers, body: try payload(try count()), isStream: try number() != 0,
      endedAt: try time(), inputTokens: try tokens(), outputTokens: try tokens(), cost: NanoUSD(try number()))
    return .setOutcome(id, state, outcome)
  }

  // MARK: Parts

  private mutating func number() throws(StoreError) -> Int64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard index < end else { throw Self.damaged }
      let byte = bytes[index]
      index += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }
    }
    throw Self.damaged
  }

  /// A number of things that follow, of a byte each at the least.
  private mutating func count() throws(StoreError) -> Int {
    guard let count = Int(exactly: try number()), (0...(end - index)).contains(count) else { throw Self.damaged }
    return count
  }

  private mutating func payload(_ count: Int) throws(StoreError) -> [UInt8] {
    guard count <= end - index else { throw Self.damaged }
    defer { index += count }
    return Array(bytes[index..<index + count])
  }

  private mutating func optionalPayload() throws(StoreError) -> [UInt8]? {
    guard let count = Int(exactly: try number()), (0...(end - index + 1)).contains(count) else { throw Self.damaged }
    return count == 0 ? nil : try payload(count - 1)
  }

  private mutating func text() throws(StoreError) -> String {
    String(decoding: try payload(try count()), as: UTF8.self)
  }

  private mutating func run() throws(StoreError) -> RunID? {
    try optionalPayload().map { RunID(String(decoding: $0, as: UTF8.self)) }
  }

  private mutating func choice<Choice: RawRepresentable<String>>() throws(StoreError) -> Choice {
    guard let choice = Choice(rawValue: try text()) else { throw Self.damaged }
    return choice
  }

  private mutating func time() throws(StoreError) -> WallTime { WallTime(microseconds: try number()) }
  private mutating func tokens() throws(StoreError) -> TokenCount { TokenCount(try number()) }

  private mutating func spend() throws(StoreError) -> Spend {
    Spend(cost: NanoUSD(try number()), tokens: try tokens(), requests: try number())
  }

  private mutating func counter() throws(StoreError) -> CounterKey {
    CounterKey(scope: try text(), window: try text(), index: try number())
  }

  private mutating func counters() throws(StoreError) -> [CounterKey] {
    var keys: [CounterKey] = []
    for _ in 0..<(try count()) { keys.append(try counter()) }
    return keys
  }
}
