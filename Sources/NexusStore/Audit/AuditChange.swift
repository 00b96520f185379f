// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAudit
package import NexusCore

/// A change of the audit log; it happens in the commit of the transaction that carries it.
package enum AuditChange: Sendable {
  /// Begins a log; what there is of another one is removed, but for its payloads.
  case begin(AuditHead)
  /// Appends entries. Where no log was begun they are dropped: not every store has one.
  case append([AuditRecord])
  /// Keeps a signed checkpoint.
  case checkpoint(AuditCheckpointRow)
  /// Removes the entries before the base, with their payloads.
  case prune(CompactRange)
  /// Erases payloads; their digests stay in the log.
  case erase([String])
}

/// How the audit log stands.
package struct AuditStanding: Sendable, Hashable {
  package var head: AuditHead
  /// Empty where the store has no key to seal with.
  package var seal: [UInt8]
  /// The number of the last entry that is there; -1 for none.
  package var last: Int64

  package init(head: AuditHead, seal: [UInt8], last: Int64) {
    self.head = head
    self.seal = seal
    self.last = last
  }
}

extension StoreLimits {
  /// Checkpoints that are kept with the log; the anchors have the newest one, too.
  package static let auditCheckpoints = 1024
}
