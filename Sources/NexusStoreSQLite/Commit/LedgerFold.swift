// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusStore

/// What the acknowledged transactions of one commit come to in the ledger.
///
/// Most calls are held and settled between two commits: their holds never need to be written, and each counter once.
struct LedgerFold {
  private struct Change {
    var spent = Spend.zero
    var mark: Spend?
  }

  private var holds: [EffectID: HoldRow] = [:]
  private var changes: [CounterKey: Change] = [:]

  /// Writes the mutations of an acknowledged transaction, or keeps them to be written by `unfold`; answers whether all of
  /// it fitted so far.
  ///
  /// A mutation that is refused now is left out, and the others stand: what was paid is never lost with what it was for.
  /// An effect whose run is gone counts as fitting.
  mutating func write(_ submission: Submission, to connection: SQLiteConnection) throws(StoreError) -> Bool {
    var writer = MutationWriter(connection: connection, payloads: PayloadCursor(submission.payloads))
    var fits = true
    for mutation in submission.mutations {
      switch mutation {
      case .placeHold(let hold):
        if holds[hold.id] == nil { holds[hold.id] = hold } else { fits = false }
      case .settleHold(let charge):
        holds[charge.id] = nil
        guard try writer.charge(charge) else { continue }
        for key in charge.counters { changes[key, default: Change()].spent = spent(key) + charge.spend }
      case .setMarks(let marks): for mark in marks { changes[mark.key, default: Change()].mark = mark.mark }
      default:
        do throws(StoreError) { try writer.write(mutation) } catch {
          guard error.isRefusal else { throw error }
          if error.code != .notFound { fits = false }
        }
      }
    }
    return fits
  }

  private func spent(_ key: CounterKey) -> Spend { changes[key]?.spent ?? .zero }

  /// Writes what was kept; nothing else of the ledger may be written before.
  mutating func unfold(to connection: SQLiteConnection) throws(StoreError) -> Bool {
    defer { self = LedgerFold() }
    let writer = MutationWriter(connection: connection, payloads: PayloadCursor(.none))
    var fits = true
    for hold in holds.values {
      do throws(StoreError) { try writer.place(hold) } catch {
        guard error.isRefusal else { throw error }
        fits = false
      }
    }
    for (key, change) in changes {
      try writer.changeCounter(key) { row in
        row.spent = row.spent + change.spent
        if let mark = change.mark { row.mark = mark }
      }
    }
    return fits
  }
}
