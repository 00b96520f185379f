// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusStore

extension MutationWriter {
  func place(_ hold: HoldRow) throws(StoreError) {
    let changed: Int
    do throws(StoreError) {
      changed = try connection.run(
        .insertHold,
        [
          .id(hold.id), .id(hold.boot), .id(hold.agent), .text(hold.run?.text), .text(hold.model),
          .integer(hold.bound.cost.value), .integer(hold.bound.tokens.value), .integer(hold.bound.requests),
          .text(ListColumns.encode(counters: hold.counters)), .time(hold.at),
          .text(hold.price.map(ListColumns.encode(price:))),
        ])
    } catch {
      guard error.code == .duplicate else { throw error }
      throw Self.spent(hold.id)
    }
    guard changed == 1 else { throw Self.spent(hold.id) }
  }

  private static func spent(_ id: EffectID) -> StoreError {
    StoreError(.duplicate, "\(id) has a hold or a charge")
  }

  func settle(_ charge: ChargeRow) throws(StoreError) {
    guard try self.charge(charge) else { return }
    for key in charge.counters { try changeCounter(key) { $0.spent = $0.spent + charge.spend } }
  }

  /// Keeps the charge and ends its hold, without the counters; false if it was charged before.
  func charge(_ charge: ChargeRow) throws(StoreError) -> Bool {
    let inserted = try connection.run(
      .insertCharge,
      [
        .id(charge.id), .id(charge.agent), .text(charge.run?.text), .text(charge.model), .text(charge.basis.rawValue),
        .integer(charge.inputTokens.value), .integer(charge.outputTokens.value), .integer(charge.cachedTokens.value),
        .integer(charge.spend.cost.value), .integer(charge.spend.tokens.value), .integer(charge.spend.requests),
        .text(ListColumns.encode(counters: charge.counters)), .time(charge.at),
        .text(charge.price.map(ListColumns.encode(price:))),
      ])
    guard inserted == 1 else { return false }
    try connection.run(.deleteHold, [.id(charge.id)])
    return true
  }

  /// Reads, changes and writes one counter; the sums saturate, which SQL's own arithmetic would not.
  func changeCounter(_ key: CounterKey, _ change: (inout CounterRow) -> Void) throws(StoreError) {
    let place: [SQLiteValue] = [.text(key.scope), .text(key.window), .integer(key.index)]
    let found = try connection.first(.readCounter, place) { row throws(StoreError) in
      CounterRow(key: key, spent: row.spend(0), mark: row.spend(3))
    }
    var row = found ?? CounterRow(key: key, spent: .zero, mark: .zero)
    change(&row)
    try connection.run(
      .writeCounter,
      place + [
        .integer(row.spent.cost.value), .integer(row.spent.tokens.value), .integer(row.spent.requests),
        .integer(row.mark.cost.value), .integer(row.mark.tokens.value), .integer(row.mark.requests),
      ])
  }
}
