// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Which entries of the audit log are wanted.
package struct AuditQuery: Sendable, Hashable {
  /// The most entries of one page.
  package static let maxLimit = 1000
  /// No log is longer.
  private static let maxSequence: Int64 = 1 << 60

  /// The beginning of the event's name: `run`, `operator.request`.
  package var event: String?
  package var run: RunID?
  package var agent: AgentName?
  /// The id of the actor.
  package var actor: String?
  /// A text that occurs in the entry.
  package var text: String?
  /// Entries behind this number, the oldest first.
  package var after: Int64?
  /// Without `after`: the newest ones before this number.
  package var before: Int64?
  package var limit: Int

  package init(
    event: String? = nil, run: RunID? = nil, agent: AgentName? = nil, actor: String? = nil, text: String? = nil,
    after: Int64? = nil, before: Int64? = nil, limit: Int = 100
  ) {
    self.event = event
    self.run = run
    self.agent = agent
    self.actor = actor
    self.text = text
    self.after = after.map { min(max($0, -1), Self.maxSequence) }
    self.before = before.map { min(max($0, 0), Self.maxSequence) }
    self.limit = min(max(limit, 1), Self.maxLimit)
  }

  package func matches(_ entry: JSONValue) -> Bool {
    if let event, entry["event"]?.stringValue?.hasPrefix(event) != true { return false }
    if let run, entry["run"]?.stringValue != run.text { return false }
    if let agent, entry["agent"]?.stringValue != agent.text { return false }
    if let actor, entry["actor"]?["id"]?.stringValue != actor { return false }
    if let text, !entry.text(.canonical).lowercased().contains(text.lowercased()) { return false }
    return true
  }
}

/// Some entries, the oldest first.
package struct AuditPage: Sendable, Hashable {
  /// As they stand in the log.
  package var entries: [JSONValue]
  /// How many entries the log has had.
  package var size: Int64
  /// Ask with this as `after` for what came later.
  package var next: Int64

  package init(entries: [JSONValue], size: Int64, next: Int64) {
    self.entries = entries
    self.size = size
    self.next = next
  }
}

extension AuditPage: WireValue {
  package var json: JSONValue { ["entries": .array(entries), "size": .int(size), "next": .int(next)] }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "audit")
    self.init(
      entries: reader.value("entries")?.arrayValue ?? [], size: try reader.integer("size"),
      next: try reader.integer("next"))
  }
}
