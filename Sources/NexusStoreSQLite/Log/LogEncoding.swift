// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// Writes the mutations of a transaction into a record of the written log.
///
/// Numbers are of variable length, seven bits a byte, the sign in the lowest bit; texts and payloads have their length in
/// front.
struct LogEncoding {
  private var bytes: [UInt8]
  /// What a mutation takes without its payload, unless its names are long.
  private static let usualBytes = 256

  /// The record of a transaction; nil for one that the log does not take: too long, or with mutations that change more
  /// than effects and the ledger.
  static func record(of mutations: [Mutation], about byteCount: Int) -> LogRecord? {
    guard byteCount <= WrittenLog.recordBytes else { return nil }
    var encoding = LogEncoding(capacity: byteCount + usualBytes * mutations.count)
    for mutation in mutations { guard encoding.put(mutation) else { return nil } }
    guard encoding.bytes.count <= WrittenLog.recordBytes else { return nil }
    return LogRecord(encoding.bytes)
  }

  private init(capacity: Int) {
    bytes = []
    bytes.reserveCapacity(capacity)
    bytes.append(contentsOf: repeatElement(0, count: LogRecord.headBytes))
  }

  private mutating func put(_ mutation: Mutation) -> Bool {
    switch mutation {
    case .insertEffect(let row): put(row)
    case .setOutcome(let id, let state, let outcome): put(outcome, state, of: id)
    case .placeHold(let hold): put(hold)
    case .settleHold(let charge): put(charge)
    case .setMarks(let marks):
      bytes.append(LogTag.setMarks.rawValue)
      put(marks.count)
      for mark in marks {
        put(mark.key)
        put(mark.mark)
      }
    default: return false
    }
    return true
  }

  private mutating func put(_ row: EffectRow) {
    bytes.append(LogTag.insertEffect.rawValue)
    let record = row.record
    put(record.id.text)
    put(record.kind.rawValue)
    put(record.digest.text)
    put(record.occurrence)
    put(record.ordinal)
    put(record.attempt.value)
    put(record.state.rawValue)
    put(row.run.text)
    put(row.step.text)
    put(row.agent.text)
    put(row.name)
    put(row.detail)
    put(row.startedAt.microseconds)
    put(optional: row.request)
    put(row.endedAt == nil ? 0 : 1)
    put(row.endedAt?.microseconds ?? 0)
    put(row.inputTokens.value)
    put(row.outputTokens.value)
    put(row.cost.value)
  }

  private mutating func put(_ outcome: EffectOutcome, _ state: EffectState, of id: EffectID) {
    bytes.append(LogTag.setOutcome.rawValue)
    put(id.text)
    put(state.rawValue)
    put(outcome.status)
    put(outcome.headers.count)
    for header in outcome.headers {
      put(header.name)
      put(header.value)
    }
    put(outcome.body)
    put(outcome.isStream ? 1 : 0)
    put(outcome.endedAt.microseconds)
    put(outcome.inputTokens.value)
    put(outcome.outputTokens.value)
    put(outcome.cost.value)
  }

  private mutating func put(_ hold: HoldRow) {
    bytes.append((hold.price == nil ? LogTag.placeHold : .placePricedHold).rawValue)
    put(hold.id.text)
    put(hold.boot.text)
    put(hold.agent.text)
    put(optional: hold.run?.text)
    put(hold.model)
    put(hold.bound)
    put(hold.counters)
    put(hold.at.microseconds)
    if let price = hold.price { put(price) }
  }

  private mutating func put(_ charge: ChargeRow) {
    bytes.append((charge.price == nil ? LogTag.settleHold : .settlePricedHold).rawValue)
    put(charge.id.text)
    put(charge.agent.text)
    put(optional: charge.run?.text)
    put(charge.model)
    put(charge.basis.rawValue)
    put(charge.inputTokens.value)
    put(charge.outputTokens.value)
    put(charge.cachedTokens.value)
    put(charge.spend)
    put(charge.counters)
    put(charge.at.microseconds)
    if let price = charge.price { put(price) }
  }

  private mutating func put(_ price: ChargePrice) {
    put(price.source)
    put(price.rates)
  }

  // MARK: Parts

  private mutating func put(_ number: Int) { put(Int64(number)) }

  private mutating func put(_ number: Int64) {
    var left = UInt64(bitPattern: (number << 1) ^ (number >> 63))
    while left >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: left) | 0x80)
      left >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: left))
  }

  private mutating func put(_ text: String) {
    put(text.utf8.count)
    bytes.append(text: text)
  }

  private mutating func put(_ payload: [UInt8]) {
    put(payload.count)
    bytes.append(contentsOf: payload)
  }

  /// A length one higher than it is, so that 0 stands for none.
  private mutating func put(optional text: String?) {
    put(text.map { $0.utf8.count + 1 } ?? 0)
    if let text { bytes.append(text: text) }
  }

  private mutating func put(optional payload: [UInt8]?) {
    put(payload.map { $0.count + 1 } ?? 0)
    if let payload { bytes.append(contentsOf: payload) }
  }

  private mutating func put(_ spend: Spend) {
    put(spend.cost.value)
    put(spend.tokens.value)
    put(spend.requests)
  }

  private mutating func put(_ key: CounterKey) {
    put(key.scope)
    put(key.window)
    put(key.index)
  }

  private mutating func put(_ keys: [CounterKey]) {
    put(keys.count)
    for key in keys { put(key) }
  }
}

/// What kind of mutation follows.
enum LogTag: UInt8 {
  case insertEffect = 1
  case setOutcome, placeHold, settleHold, setMarks
  /// With the price of the charge behind it.
  case settlePricedHold
  /// With the price of the hold behind it.
  case placePricedHold
}
