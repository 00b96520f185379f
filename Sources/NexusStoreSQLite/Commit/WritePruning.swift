// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

// How runs leave the database.
extension MutationWriter {
  /// The most bytes that go at a time, but for the last payload: what is freed is work, too.
  static let pruneBytes: Int64 = 1 << 20

  private struct Part {
    let key: Int64
    let bytes: Int64
    let payloads: [StoredPayload?]
  }

  func prune(_ run: RunID, _ rows: Int) throws(StoreError) {
    guard let found = try find(run) else { throw StoreError(.notFound, "there is no run \(run)") }
    guard found.facet.isOver else { throw StoreError(.staleGuard, "\(run) is not final") }
    var left = (rows: rows, bytes: Self.pruneBytes)
    for (select, delete) in [(SQL.effectsToPrune, SQL.deleteEffect), (.entriesToPrune, .deleteEntry)] {
      guard left.rows > 0, left.bytes > 0 else { break }
      let parts = try connection.all(select, [.integer(found.key), .integer(Int64(left.rows))]) {
        row throws(StoreError) in
        Part(key: row.integer(0), bytes: row.integer(1), payloads: [row.reference(2), row.reference(3)])
      }
      for part in parts where left.bytes > 0 {
        try connection.run(delete, [.integer(part.key)])
        for payload in part.payloads { try drop(payload) }
        left.rows -= 1
        left.bytes -= part.bytes
      }
    }
    guard left.rows > 0, left.bytes > 0 else { return try markPruned(run, found) }
    for payload in [found.input, found.output] { try drop(payload) }
    try connection.run(.deleteApprovalEntries, [.id(run)])
    try connection.run(.deleteApprovals, [.id(run)])
    try connection.run(.deleteRun, [.integer(found.key)])
    connection.memory.forget(run)
  }

  /// What is left of the run is no run any more that anybody could go on with.
  private func markPruned(_ run: RunID, _ found: KnownRun) throws(StoreError) {
    var facet = found.facet
    (facet.status, facet.reason, facet.code) = (.halted, nil, RunFacet.indexed(RunError.pruned.code))
    try connection.run(
      .markPruned,
      [
        .integer(found.key), .integer(try key(of: facet)), .text(RunError.pruned.code),
        .text(RunError.pruned.message),
      ])
    connection.memory.forget(run)
  }
}
