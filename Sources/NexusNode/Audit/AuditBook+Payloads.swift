// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
internal import NexusAudit
package import NexusCore
internal import NexusStore

extension AuditBook {
  /// Checks that what is kept beside the log is what its entries name.
  func checkPayloads() async throws(OperationError) -> [LogFault] {
    var check = PayloadCheck()
    var next = Int64.min
    while true {
      let rows = try await rows(from: next)
      for row in rows {
        switch PayloadCheck.note(of: row.entry) {
        case .keeps(let digest): check.take(row.sequence, keeps: digest, try await payload(digest))
        case .erases(let digest): check.erased(digest)
        case nil: break
        }
      }
      guard rows.count == Self.pageRows, let last = rows.last, last.sequence < .max else { break }
      next = last.sequence + 1
    }
    // What retention has removed since it was read is gone with its payload.
    var gone: Set<Int64> = []
    for sequence in check.unexplained.prefix(LogCheck.maxFaults) {
      if try await row(sequence) == nil { gone.insert(sequence) }
    }
    return check.faults(except: gone)
  }

  /// An entry, and what is kept beside it.
  ///
  /// - Throws: `OperationError`: there is no such entry.
  /// - Returns: the entry; its payload as text, nil if it has none or it was erased.
  package func show(_ sequence: Int64) async throws(OperationError) -> (entry: JSONValue, payload: String?) {
    let standing = try await standing()
    guard let row = try await row(sequence), let entry = try? JSONValue(parsing: row.entry) else {
      throw OperationError(
        .notFound, code: "NX-STO-035", title: "There is no such entry",
        detail: "The log has the entries \(standing.head.base.size) to \(standing.head.tree.size - 1).",
        hint: "naos audit tail shows the newest.")
    }
    guard case .keeps(let digest)? = PayloadCheck.note(of: row.entry) else { return (entry, nil) }
    return (entry, try await payload(digest).map { String(decoding: $0.bytes, as: UTF8.self) })
  }

  private func rows(from sequence: Int64) async throws(OperationError) -> [AuditRow] {
    try await reading { () async throws(StoreError) in
      try await store.auditRows(from: sequence, limit: Self.pageRows)
    }
  }

  private func row(_ sequence: Int64) async throws(OperationError) -> AuditRow? {
    let rows = try await reading { () async throws(StoreError) in try await store.auditRows(from: sequence, limit: 1) }
    return rows.first.flatMap { $0.sequence == sequence ? $0 : nil }
  }

  private func payload(_ digest: String) async throws(OperationError) -> AuditPayload? {
    try await reading { () async throws(StoreError) in try await store.auditPayload(digest) }
  }
}
