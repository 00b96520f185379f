// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusAudit
internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// Takes up the audit log when a node starts, or refuses to start on one that is not as the last node left it.
struct AuditOpening: Sendable {
  /// A log of up to so many entries is checked as a whole before the node starts; of a longer one its end is, and the
  /// whole while the node runs.
  static let checkedEntries: Int64 = 1_000

  let files: AuditFiles
  /// The key of the log; of one that is yet to begin, the one that it will have.
  let key: SignerKey
  /// Whether the key was there already.
  private let isKept: Bool

  /// Reads the key or makes one; nothing is written yet.
  init(_ options: NodeOptions, random: any RandomSource) throws {
    files = AuditFiles(options.state, anchor: options.plan.audit.anchor)
    let found = try files.key()
    isKept = found != nil
    key = try found ?? AuditFiles.freshKey(project: options.plan.name, random: random)
  }

  /// Begins the log, or checks it.
  ///
  /// - Returns: what the anchors said before this node tells them anything; nothing of a log that has just begun.
  /// - Throws: `OperationError`: the log is broken, or its key is missing.
  func open(_ store: any Store) async throws -> [LogCheck.Anchor] {
    guard let standing = try await store.auditStanding() else {
      try await begin(store)
      return []
    }
    guard isKept else {
      throw OperationError.noAuditKey("The log \(standing.head.origin) is there, and its key is not.")
    }
    let anchors = files.readAnchors()
    let faults = try await check(standing, anchors, store)
    guard faults.isEmpty else { throw OperationError.brokenAudit(faults) }
    return anchors
  }

  /// When a person began the log anew; nil for the first log of a project.
  func renewedAt(_ store: any Store) async throws -> WallTime? {
    guard let head = try await store.auditStanding()?.head, head.epoch > 1,
      let first = try await store.auditRows(from: head.base.size, limit: 1).first
    else { return nil }
    // Of a log whose beginning was removed in order, the time of what is left: later, and long ago all the same.
    return try JSONValue(parsing: first.entry)["at"]?.stringValue.flatMap(WallTime.init(iso8601:))
  }

  /// The key and the first anchor come before the log: whatever is cut off in between, the next start goes on from it.
  private func begin(_ store: any Store) async throws {
    for anchor in files.readAnchors() where !anchor.note.isEmpty {
      guard let note = SignedNote(parsing: anchor.note), let checkpoint = Checkpoint(text: note.text) else { continue }
      // The log that it tells of is gone with the database.
      if checkpoint.size > 0 || checkpoint.origin != key.name {
        throw OperationError.brokenAudit([.tailCut(0, checkpoint.size)])
      }
    }
    try files.keep(key)
    let head = AuditHead(origin: key.name, epoch: 1)
    guard let note = SignedNote(head.checkpoint.text, by: key) else {
      throw OperationError.internalFailure("The audit log cannot be signed.")
    }
    for error in files.anchor(note.description) { throw error }
    try await store.commit(
      StoreTransaction(
        .synced,
        [.audit(.begin(head)), .audit(.append([AuditRecord(.logOpened, subject: head.origin)]))]))
  }

  private func check(
    _ standing: AuditStanding, _ anchors: [LogCheck.Anchor], _ store: any Store
  ) async throws -> [LogFault] {
    let head = standing.head
    if head.origin != key.name { return [.replaced(expected: key.name, found: head.origin)] }
    let checkpoints = try await store.auditCheckpoints()
    let isShort = head.tree.size - head.base.size <= Self.checkedEntries
    var check = LogCheck(
      head, key: key.verifier, checkpoints: isShort ? checkpoints : [], anchors: anchors,
      from: isShort ? head.base.size : head.tree.size - Self.checkedEntries)
    var next = isShort ? Int64.min : head.tree.size - Self.checkedEntries
    while !check.isDone {
      let rows = try await store.auditRows(from: next, limit: AuditBook.pageRows)
      for row in rows { check.take(row) }
      guard let last = rows.last, rows.count == AuditBook.pageRows, last.sequence < .max else { break }
      next = last.sequence + 1
    }
    return check.finish(isSealed: AuditSeal(key).accepts(standing.seal, of: head))
  }
}

extension AuditOpening {
  /// Checks the whole log.
  ///
  /// - Parameters:
  ///   - store: where the log is.
  ///   - isFirst: a log that is short enough was checked at the start just now.
  ///   - anchors: what was kept outside, as it was when the node started: of a long log only its very end was held against
  ///     it then.
  /// - Throws: `OperationError`: the log cannot be read.
  /// - Returns: nil if the check was cut off, or entries were removed meanwhile.
  func checkWhole(
    _ store: any Store, isFirst: Bool, against anchors: [LogCheck.Anchor]
  ) async throws(OperationError) -> [LogFault]? {
    do throws(StoreError) {
      guard let standing = try await store.auditStanding() else { return [.noLog] }
      if isFirst, standing.head.tree.size - standing.head.base.size <= Self.checkedEntries { return [] }
      // Only what was there at the start: the rest is written by this node.
      let rows = try await store.auditCheckpoints().filter { $0.size <= standing.head.tree.size }
      var check = LogCheck(standing.head, key: key.verifier, checkpoints: rows, anchors: anchors)
      var next = standing.head.base.size
      while !check.isDone, !Task.isCancelled, next < standing.head.tree.size {
        let page = try await store.auditRows(from: next, limit: AuditBook.pageRows)
        for row in page where row.sequence < standing.head.tree.size { check.take(row) }
        guard let last = page.last, last.sequence < .max else { break }
        next = last.sequence + 1
      }
      if Task.isCancelled { return nil }
      let now = try await store.auditStanding()
      if now?.head.base.size != standing.head.base.size { return nil }
      return check.finish(isSealed: nil)
    } catch {
      throw OperationError(error)
    }
  }
}
