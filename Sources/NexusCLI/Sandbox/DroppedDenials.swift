// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Denials that came too fast to be written one by one, so that nobody knows what would let them through.
package enum DroppedDenials {
  /// How many the entries of an audit log say there were.
  package static func count(_ entries: [JSONValue]) -> Int64 {
    entries.filter {
      $0["event"]?.stringValue == AuditEvent.accessFlooded.rawValue
        && $0["subject"]?.stringValue == AuditEvent.sandboxDenied.rawValue
    }.reduce(0) { $0 + ($1["details"]?["dropped"]?.intValue ?? 0) }
  }
}
