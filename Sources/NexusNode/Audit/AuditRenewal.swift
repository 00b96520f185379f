// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
internal import NexusAudit
internal import NexusCore
internal import NexusStore
internal import NexusStoreSQLite

/// Begins a new log where the old one is broken or its key is lost, and keeps what is left of the old one.
package enum AuditRenewal {
  /// What was done.
  package struct Report: Sendable {
    /// Where the entries of the old log are now; nil if there were none.
    package let kept: String?
    package let origin: String
    package let epoch: Int64
  }

  /// - Parameters:
  ///   - project: its folder; no node may run in it.
  ///   - name: the project's name.
  ///   - anchor: the second place of checkpoints, from the configuration.
  /// - Throws: `OperationError`: a node runs, or a file cannot be written.
  /// - Returns: what was done.
  package static func perform(
    project: String, name: String, anchor: String?
  ) async throws(OperationError) -> Report {
    let state = ProjectState(project: project)
    do {
      let lock = try ProjectLock.take(state)
      defer { lock.release() }
      return try await renew(state, name, anchor)
    } catch let error as OperationError {
      throw error
    } catch let error as StoreError {
      throw OperationError(error)
    } catch let held as ProjectLock.Held {
      throw OperationError(
        .conflict, code: "NX-RUN-007", title: "Another node holds this project",
        detail: "\(held.pid.map { "Process \($0)" } ?? "Another process") is the node of \(project).",
        hint: "naos down stops it.")
    } catch {
      throw .internalFailure("\(error)")
    }
  }

  private static func renew(_ state: ProjectState, _ name: String, _ anchor: String?) async throws -> Report {
    let random = SystemRandom()
    let files = AuditFiles(state, anchor: anchor)
    let key = try AuditFiles.freshKey(project: name, random: random)
    try state.prepareDatabase()
    let store = try await SQLiteStore.open(path: state.database, clock: SystemClock(), seal: AuditSeal(key))
    do {
      let report = try await renew(state, files, key, store)
      await store.close()
      return report
    } catch {
      await store.close()
      throw error
    }
  }

  private static func renew(
    _ state: ProjectState, _ files: AuditFiles, _ key: SignerKey, _ store: SQLiteStore
  ) async throws -> Report {
    let old = try? await store.auditStanding()
    let epoch = (old?.head.epoch ?? 0) + 1
    let kept = try await keep(state, store, epoch: epoch - 1)
    let head = AuditHead(origin: key.name, epoch: epoch)
    guard let note = SignedNote(head.checkpoint.text, by: key) else {
      throw OperationError.internalFailure("The audit log cannot be signed.")
    }
    var details = JSONObject()
    if let old {
      details = [
        "previous": .string(old.head.origin), "size": .int(old.head.tree.size),
        "root": .string("\(old.head.tree.root)"),
      ]
    }
    let opened = AuditRecord(
      .logOpened, by: AuditActor("owner", .operator, .files), subject: head.origin, details: details)
    // The new key and anchor first: cut off in between, the next start finds another log than its own, and says so.
    try files.keep(key)
    for error in files.anchor(note.description) { throw error }
    try await store.commit(StoreTransaction(.synced, [.audit(.begin(head)), .audit(.append([opened]))]))
    return Report(kept: kept, origin: head.origin, epoch: epoch)
  }

  /// Moves the key and the anchor of the old log into a folder and copies its entries and checkpoints there.
  private static func keep(_ state: ProjectState, _ store: SQLiteStore, epoch: Int64) async throws -> String? {
    var lines: [UInt8] = []
    var next = Int64.min
    while true {
      let rows = try await store.auditRows(from: next, limit: AuditBook.pageRows)
      for row in rows { lines += row.entry + [0x0A] }
      guard let last = rows.last, rows.count == AuditBook.pageRows, last.sequence < .max else { break }
      next = last.sequence + 1
    }
    let notes = try await store.auditCheckpoints().map(\.note).joined(separator: "\n")
    let sources = [state.auditKey, state.auditVerifier, state.auditAnchor].filter(Files.exists)
    guard !lines.isEmpty || !sources.isEmpty else { return nil }
    let folder = freeFolder(state.directory + "/audit-\(epoch)")
    try Files.makeDirectory(folder, mode: 0o700)
    try Files.write(lines, to: folder + "/entries.jsonl", mode: 0o600)
    try Files.write(Array(notes.utf8), to: folder + "/checkpoints", mode: 0o600)
    for source in sources {
      let name = source.split(separator: "/").last.map(String.init) ?? "file"
      try Files.write(try Files.read(source, limit: SignedNote.maxBytes), to: folder + "/" + name, mode: 0o600)
    }
    return folder
  }

  private static func freeFolder(_ wanted: String) -> String {
    guard Files.exists(wanted) else { return wanted }
    return (2...1000).lazy.map { "\(wanted)-\($0)" }.first { !Files.exists($0) } ?? wanted
  }
}
