// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusServer

/// Where a project keeps its state: `.naos` in its folder, for the owner alone.
package struct ProjectState: Sendable, Hashable {
  /// The project's folder, absolute.
  package let project: String

  package init(project: String) { self.project = project }

  package var directory: String { project + "/.naos" }
  package var database: String { directory + "/nexus.db" }
  package var socket: String { directory + "/node.sock" }
  package var token: String { directory + "/token" }
  /// Digests of the dashboard's open sessions.
  package var sessions: String { directory + "/sessions" }
  /// What the audit log is signed with.
  var auditKey: String { directory + "/audit.key" }
  /// What its signatures are checked with.
  var auditVerifier: String { directory + "/audit.pub" }
  /// Its newest checkpoint, outside the database.
  var auditAnchor: String { directory + "/audit.anchor" }
  /// Certificates of gates, while the sandbox that is to trust them is made.
  var trust: String { directory + "/trust" }
  package var lock: String { directory + "/lock" }
  package var logs: String { directory + "/logs" }
  /// What a detached node writes to its standard error.
  package var nodeLog: String { directory + "/logs/node.log" }
  /// The entry that was being applied when the last node trapped.
  package var trap: String { directory + "/trap" }

  /// Makes the folder, 0700.
  package func prepare() throws(FileError) {
    try Files.makeDirectory(directory, mode: 0o700)
    try Files.makeDirectory(logs, mode: 0o700)
    try Files.restrict(directory, mode: 0o700)
  }

  /// Makes the database the owner's alone; SQLite gives its log files the same permissions.
  package func prepareDatabase() throws(FileError) {
    if Files.exists(database) {
      try Files.restrict(database, mode: 0o600)
    } else {
      try Files.write([], to: database, mode: 0o600)
    }
  }

  /// The operator's token, 0600: made on first use, and anew where what is there was cut short.
  package func operatorToken(ids: IdentifierSource) throws(FileError) -> String {
    if Files.exists(token) {
      let text = String(decoding: try Files.read(token, limit: 4096), as: UTF8.self)
      let trimmed = String(text.prefix { !$0.isNewline })
      if trimmed.utf8.count >= Credentials.shortestToken {
        try Files.restrict(token, mode: 0o600)
        return trimmed
      }
    }
    let fresh = ids.secret(prefix: MintedSecret.operatorToken.rawValue)
    try Files.write(Array((fresh + "\n").utf8), to: token, mode: 0o600)
    return fresh
  }
}
