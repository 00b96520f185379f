// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusAudit
internal import NexusCore

/// The files of the audit log beside the database: its key, and the anchors.
struct AuditFiles: Sendable {
  /// Where the newest checkpoint is kept, the project's own place first.
  let anchors: [String]
  private let state: ProjectState

  /// - Parameters:
  ///   - state: the project's.
  ///   - anchor: another place, from the configuration.
  init(_ state: ProjectState, anchor: String?) {
    self.state = state
    anchors = [state.auditAnchor] + (anchor.map { [$0] } ?? [])
  }

  // MARK: The key

  /// The key that is there; nil if none is.
  ///
  /// - Throws: `FileError`, or `OperationError` for a file that holds no key.
  func key() throws -> SignerKey? {
    guard Files.exists(state.auditKey) else { return nil }
    try Files.restrict(state.auditKey, mode: 0o600)
    let text = String(decoding: try Files.read(state.auditKey, limit: 4096, followsLink: false), as: UTF8.self)
    guard let key = SignerKey(String(text.prefix { !$0.isNewline })) else {
      throw OperationError.noAuditKey("\(state.auditKey) holds no key.")
    }
    return key
  }

  /// A key for a new log of the project.
  static func freshKey(project: String, random: any RandomSource) throws(OperationError) -> SignerKey {
    let name = "naos/\(project)/\(Hexadecimal.encode(random.bytes(8)))"
    guard let key = SignerKey(name: name, seed: random.bytes(SignerKey.seedBytes)) else {
      throw .internalFailure("The system made no key for the audit log.")
    }
    return key
  }

  func keep(_ key: SignerKey) throws(FileError) {
    try Files.write(Array((key.secretText + "\n").utf8), to: state.auditKey, mode: 0o600)
    try Files.write(Array("\(key.verifier)\n".utf8), to: state.auditVerifier)
  }

  // MARK: Anchors

  /// Writes a checkpoint to all places, each whole or not at all.
  ///
  /// - Returns: where that failed, and why.
  func anchor(_ note: String) -> [FileError] {
    anchors.compactMap { path -> FileError? in
      do throws(FileError) {
        try Files.write(Array(note.utf8), to: path)
        return nil
      } catch {
        return error
      }
    }
  }

  /// What the places hold.
  ///
  /// The project's own is expected to be there; a place from the configuration may be new.
  func readAnchors() -> [LogCheck.Anchor] { Self.read(anchors, expected: [state.auditAnchor]) }

  /// What the places hold; one that is expected and not there holds nothing that is signed.
  static func read(_ paths: [String], expected: Set<String>) -> [LogCheck.Anchor] {
    paths.compactMap { path in
      guard expected.contains(path) || Files.exists(path) else { return nil }
      let bytes = (try? Files.read(path, limit: SignedNote.maxBytes)) ?? []
      return LogCheck.Anchor(place: path, note: String(decoding: bytes, as: UTF8.self))
    }
  }
}

extension OperationError {
  /// The log is there and its key is not, or is another.
  static func noAuditKey(_ detail: String) -> OperationError {
    OperationError(
      .halted, code: "NX-STO-031", title: "The key of the audit log is missing", detail: detail,
      hint: "Restore .naos/audit.key from a backup, or begin a new log: naos audit renew")
  }

  /// The log is not as the node left it.
  static func brokenAudit(_ faults: [LogFault]) -> OperationError {
    let words = faults.prefix(3).map(\.words).joined(separator: "; ")
    let more = faults.count > 3 ? "; and \(faults.count - 3) more" : ""
    return OperationError(
      .halted, code: "NX-STO-030", title: "The audit log is broken", detail: words + more + ".",
      hint: "naos audit verify shows all of it; naos audit renew keeps what is left and begins a new log")
  }
}
