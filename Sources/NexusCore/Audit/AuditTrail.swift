// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Where what happens outside of a commit is written into the audit log.
///
/// A decision that leads to a commit of its own carries its records there instead (`Mutation.audit`).
package protocol AuditTrail: Sendable {
  /// Writes a record down and returns once it is on disk: before what it tells of is done.
  ///
  /// - Throws: why it cannot be written; what it tells of must then not be done.
  func record(_ record: AuditRecord) async throws(AuditRefusal)
  /// Writes a record down soon; for what has happened already, and of what may come in floods: beyond a rate only
  /// their number is kept.
  func note(_ record: AuditRecord)
  /// What is to be kept beside the log.
  func payload(_ bytes: [UInt8]) -> AuditPayload?
  /// Ties a request to its outcome: unique within the log.
  func reference() -> String
}

/// The audit log takes nothing.
package struct AuditRefusal: Error, Sendable, Hashable {
  package let code: String
  package let message: String

  package init(code: String, message: String) {
    self.code = code
    self.message = message
  }
}
