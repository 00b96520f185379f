// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// One entry of a run's journal, as people and programs read it.
package struct JournalItem: Sendable, Hashable {
  package var sequence: JournalSequence
  package var at: WallTime
  /// For example `attempt-started`.
  package var kind: String
  /// A few words for people.
  ///
  /// Untrusted text.
  package var summary: String
  /// The entry's own members.
  package var entry: JSONValue

  package init(sequence: JournalSequence, at: WallTime, kind: String, summary: String, entry: JSONValue) {
    self.sequence = sequence
    self.at = at
    self.kind = kind
    self.summary = summary
    self.entry = entry
  }
}

extension JournalItem: WireValue {
  package var json: JSONValue {
    [
      "sequence": .int(sequence.value), "at": .of(at), "kind": .string(kind), "summary": .string(summary),
      "entry": entry,
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "entry")
    sequence = JournalSequence(try reader.integer("sequence"))
    at = try reader.time("at")
    kind = try reader.text("kind")
    summary = try reader.optionalText("summary") ?? ""
    entry = reader.value("entry") ?? .null
  }
}

/// A stretch of a run's journal, oldest first.
package struct JournalPage: Sendable, Hashable {
  /// The most entries of one page.
  package static let maxLimit = 1000

  package var run: RunID
  package var entries: [JournalItem]
  /// Ask again with this as `after`, if there is more.
  package var next: JournalSequence?
  package var head: JournalSequence

  package init(run: RunID, entries: [JournalItem], next: JournalSequence? = nil, head: JournalSequence) {
    self.run = run
    self.entries = entries
    self.next = next
    self.head = head
  }
}

extension JournalPage: WireValue {
  package var json: JSONValue {
    [
      "run": .string(run.text), "entries": .of(entries), "next": .of(next?.value), "head": .int(head.value),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "journal")
    run = RunID(try reader.text("run"))
    entries = try reader.list("entries")
    next = try reader.optionalInteger("next").map { JournalSequence($0) }
    head = JournalSequence(try reader.integer("head"))
  }
}
