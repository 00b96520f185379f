// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What a changed configuration means for a running node, or has meant.
package struct ReloadReport: Sendable, Hashable {
  /// One difference between the configuration that holds and the file.
  package struct Change: Sendable, Hashable {
    /// One of `added`, `removed`, `changed` and `moved`.
    package var kind: String
    /// What it is: `agent`, `supervisor`, `provider`, `model`, `budget`, `price`, `server`, `store` or `project`.
    package var subject: String
    package var name: String
    /// What differs, for people: `restart: transient → permanent`.
    package var detail: String
    /// When it applies: `now`, `next restart`, `next run`, `next naos up`, `only with --prune`.
    package var applies: String

    package init(kind: String, subject: String, name: String, detail: String, applies: String) {
      self.kind = kind
      self.subject = subject
      self.name = name
      self.detail = detail
      self.applies = applies
    }
  }

  package var changes: [Change]
  /// False if it was only asked what would change.
  package var isApplied: Bool

  package init(changes: [Change], isApplied: Bool) {
    self.changes = changes
    self.isApplied = isApplied
  }
}

extension ReloadReport.Change: WireValue {
  package var json: JSONValue {
    [
      "kind": .string(kind), "subject": .string(subject), "name": .string(name), "detail": .string(detail),
      "applies": .string(applies),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "change")
    kind = try reader.text("kind")
    subject = try reader.text("subject")
    name = try reader.text("name")
    detail = try reader.text("detail")
    applies = try reader.text("applies")
  }
}

extension ReloadReport: WireValue {
  package var json: JSONValue { ["changes": .of(changes), "applied": .bool(isApplied)] }
  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "reload")
    changes = try reader.list("changes")
    isApplied = try reader.flag("applied")
  }
}
