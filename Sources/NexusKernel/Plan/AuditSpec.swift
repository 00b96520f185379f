// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// How the audit log is signed and kept.
package struct AuditSpec: Sendable, Hashable {
  /// A second place for the newest checkpoint, absolute; nil for the project's own alone.
  package var anchor: String?
  /// The time between two checkpoints, while there is something new.
  package var every: Duration
  /// How long entries are kept; nil for always.
  package var retention: Duration?
  /// Whether the node's log says each checkpoint.
  package var announces: Bool

  package static let standard = AuditSpec(
    anchor: nil, every: .seconds(10), retention: .seconds(180 * 86_400), announces: false)

  package init(anchor: String?, every: Duration, retention: Duration?, announces: Bool) {
    self.anchor = anchor
    self.every = every
    self.retention = retention
    self.announces = announces
  }
}
