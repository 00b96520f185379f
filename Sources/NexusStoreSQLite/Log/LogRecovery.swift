// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusStore

extension SQLiteConnection {
  /// The opening whose records the written log holds, and the number of the last one that the database has.
  func logState() throws(StoreError) -> (epoch: Int64, settled: Int64) {
    (try meta("openedAt") ?? 0, try meta("logSettled") ?? 0)
  }

  private func meta(_ key: String) throws(StoreError) -> Int64? {
    try first(.readMeta, [.text(key)]) { row throws(StoreError) in row.integer(0) }
  }

  /// How far the database is with the written log.
  func logSettled() throws(StoreError) -> Int64 { try meta("logSettled") ?? 0 }

  func setLogSettled(_ sequence: Int64) throws(StoreError) {
    try run(.setMeta, [.text("logSettled"), .integer(sequence)])
  }

  /// Brings what an earlier process acknowledged and did not commit into the database, all or nothing.
  ///
  /// Other processes may do the same at the same time: the number in the database tells what is done.
  func settleLog() throws(StoreError) {
    try run(.begin)
    do throws(StoreError) {
      let state = try logState()
      let tail = try LogTail(self, epoch: state.epoch, settled: state.settled)
      var fold = LedgerFold()
      for mutations in tail.transactions {
        _ = try fold.write(try Submission(StoreTransaction(.logged, mutations)) { _ in }, to: self)
      }
      _ = try fold.unfold(to: self)
      if !tail.transactions.isEmpty { try setLogSettled(state.settled + Int64(tail.transactions.count)) }
      try run(.commit)
    } catch {
      if isInTransaction { _ = try? run(.rollback) }
      throw error
    }
  }

  /// Whether the written log holds what the database has not got.
  func hasUnsettledLog() throws(StoreError) -> Bool {
    let state = try logState()
    return try !LogTail(self, epoch: state.epoch, settled: state.settled).transactions.isEmpty
  }
}
