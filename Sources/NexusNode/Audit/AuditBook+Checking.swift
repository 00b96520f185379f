// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
internal import NexusAudit
package import NexusCore
internal import NexusStore

extension AuditBook {
  /// Checks the whole log.
  ///
  /// - Parameters:
  ///   - text: what to check signatures with; nil for what the project has.
  ///   - anchors: more places with a checkpoint, which have to be there.
  /// - Throws: `OperationError`: there is no log, or no key to check it with.
  /// - Returns: how the log stands, and what is wrong with it.
  package func check(key text: String? = nil, anchors: [String] = []) async throws(OperationError) -> AuditCheckReport {
    let (verifier, signer) = try keys(text)
    // A node may go on meanwhile: what the log is held against is read before the log.
    let own = AuditFiles.read([state.auditAnchor], expected: [state.auditAnchor])
    let found = own + AuditFiles.read(anchors, expected: Set(anchors))
    let checkpoints = try await reading { () async throws(StoreError) in try await store.auditCheckpoints() }
    let kept = try await reading { () async throws(StoreError) in try await store.auditStanding() }
    guard let standing = kept else { return try await checkWithoutLog(verifier, found) }
    var faults: [LogFault] = []
    if verifier.name != standing.head.origin {
      faults.append(.replaced(expected: verifier.name, found: standing.head.origin))
    }
    var check = LogCheck(standing.head, key: verifier, checkpoints: checkpoints, anchors: found)
    try await forEach(from: .min) { row throws(OperationError) in
      guard row.sequence < standing.head.tree.size else { return false }
      check.take(row)
      return !check.isDone
    }
    for row in try await entriesBehind(standing) { check.take(row) }
    let isSealed = signer.map { AuditSeal($0).accepts(standing.seal, of: standing.head) }
    faults += check.finish(isSealed: isSealed)
    faults += try await checkPayloads()
    return AuditCheckReport(
      origin: standing.head.origin, size: standing.head.tree.size, first: standing.head.base.size,
      root: "\(standing.head.tree.root)", checkpoints: checkpoints.count, anchors: found.map(\.place),
      key: "\(verifier)", checkedSeal: isSealed != nil, faults: faults.map(Self.fault))
  }

  /// Where the log itself is gone, what is left of it shows that there was one.
  private func checkWithoutLog(
    _ key: VerifierKey, _ anchors: [LogCheck.Anchor]
  ) async throws(OperationError) -> AuditCheckReport {
    let rows = try await reading { () async throws(StoreError) in try await store.auditRows(from: .min, limit: 1) }
    let notes = anchors.compactMap { SignedNote(parsing: $0.note) }.filter { $0.isSigned(by: key) }
    let seen = notes.compactMap { Checkpoint(text: $0.text)?.size }.max() ?? 0
    var faults: [LogFault] = rows.isEmpty ? [] : [.noLog]
    if seen > 0 { faults.append(.tailCut(0, seen)) }
    guard !faults.isEmpty else { throw .noAuditLog(state.project) }
    return AuditCheckReport(
      origin: key.name, size: 0, first: 0, root: "\(CompactRange().root)", checkpoints: 0,
      anchors: anchors.map(\.place), key: "\(key)", checkedSeal: false, faults: faults.map(Self.fault))
  }

  /// Entries behind the end of the log, where no node has moved the end on.
  private func entriesBehind(_ standing: AuditStanding) async throws(OperationError) -> [AuditRow] {
    let rows = try await reading { () async throws(StoreError) in
      try await store.auditRows(from: standing.head.tree.size, limit: LogCheck.maxFaults)
    }
    guard !rows.isEmpty, try await self.standing().head.tree.size == standing.head.tree.size else { return [] }
    return rows
  }

  static func fault(_ fault: LogFault) -> AuditCheckReport.Fault {
    AuditCheckReport.Fault(kind: fault.kind, entry: fault.sequence, message: fault.words)
  }

  /// The key to check with, and the secret one where this process may read it.
  private func keys(_ text: String?) throws(OperationError) -> (VerifierKey, SignerKey?) {
    let signer = try? AuditFiles(state, anchor: nil).key()
    if let text {
      guard let key = VerifierKey(text) else {
        throw OperationError(
          .usage, code: "NX-STO-033", title: "This is no key", detail: "A key reads name+hash+base64.",
          hint: "It stands in .naos/audit.pub of the project.")
      }
      return (key, signer?.verifier == key ? signer : nil)
    }
    if let signer { return (signer.verifier, signer) }
    let bytes = (try? Files.read(state.auditVerifier, limit: 4096)) ?? []
    guard let key = VerifierKey(String(String(decoding: bytes, as: UTF8.self).prefix { !$0.isNewline })) else {
      throw .noAuditKey("Neither \(state.auditKey) nor \(state.auditVerifier) can be read.")
    }
    return (key, nil)
  }

  // MARK: Proofs

  /// What shows somebody who has only the key that an entry is in the log.
  package func prove(_ sequence: Int64) async throws(OperationError) -> JSONValue {
    let standing = try await standing()
    let signed = try await newestCheckpoint()
    guard sequence >= standing.head.base.size, sequence < signed.size else {
      throw OperationError(
        .notFound, code: "NX-STO-034", title: "There is no proof of that entry",
        detail: sequence >= signed.size
          ? "The newest checkpoint has \(signed.size) entries." : "Entry \(sequence) was removed.",
        hint: "A running node signs a checkpoint every few seconds.")
    }
    let tree = try await tree(standing.head.base, size: signed.size)
    let row = try await reading { () async throws(StoreError) in
      try await store.auditRows(from: sequence, limit: 1).first
    }
    guard let proof = tree.inclusionProof(of: sequence, size: signed.size), let row, row.sequence == sequence else {
      throw .brokenAudit([.missing(sequence, sequence + 1)])
    }
    return [
      "entry": .string(String(decoding: row.entry, as: UTF8.self)), "index": .int(sequence),
      "leaf": .string("\(row.leaf)"), "checkpoint": .string(signed.note), "proof": .of(proof.map(\.description)),
    ]
  }

  private func newestCheckpoint() async throws(OperationError) -> AuditCheckpointRow {
    let rows = try await reading { () async throws(StoreError) in try await store.auditCheckpoints() }
    guard let newest = rows.last else { throw .noAuditLog(state.project) }
    return newest
  }

  private func tree(_ base: CompactRange, size: Int64) async throws(OperationError) -> MerkleTree {
    var tree = MerkleTree(base: base)
    try await forEach(from: base.size) { row throws(OperationError) in
      guard tree.size < size else { return false }
      tree.append(row.leaf)
      return true
    }
    return tree
  }

  // MARK: Export

  /// Writes what another tool needs to check the log into a new folder: the entries up to the newest checkpoint, a line
  /// each, the checkpoint, the key, and the hashes of what was removed before.
  ///
  /// - Throws: `OperationError`, or `FileError` for the folder.
  /// - Returns: how many entries there are.
  package func export(to folder: String) async throws -> AuditExport {
    let standing = try await standing()
    let signed = try await newestCheckpoint()
    let (key, _) = try keys(nil)
    try Files.makeDirectory(folder, mode: 0o700)
    let file = try AppendingFile(folder + "/entries.jsonl")
    var count: Int64 = 0
    var next = standing.head.base.size
    while next < signed.size {
      let rows = try await reading { () async throws(StoreError) in
        try await store.auditRows(from: next, limit: Self.pageRows)
      }
      guard let last = rows.last, last.sequence < .max else { break }
      let kept = rows.filter { $0.sequence < signed.size }
      try file.append(kept.flatMap { $0.entry + [0x0A] })
      count += Int64(kept.count)
      next = last.sequence + 1
    }
    try file.close()
    let base: JSONValue = [
      "size": .int(standing.head.base.size), "hashes": .of(standing.head.base.hashes.map(\.description)),
    ]
    try Files.write(Array(signed.note.utf8), to: folder + "/checkpoint")
    try Files.write(Array("\(key)\n".utf8), to: folder + "/key.pub")
    try Files.write(base.encoded(.canonical) + [0x0A], to: folder + "/base.json")
    return AuditExport(entries: count)
  }
}

/// What was exported.
package struct AuditExport: Sendable {
  package let entries: Int64
}
