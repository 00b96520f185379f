// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What became of the runs that changed while somebody was away, read back from their journals.
package struct RunHappenings: Sendable {
  /// A run as it stands, and since when.
  package struct Change: Sendable {
    package let at: WallTime
    package let event: RunEvent

    package init(at: WallTime, event: RunEvent) {
      self.at = at
      self.event = event
    }
  }

  /// Where the journals end, to go on from.
  package var end: Int64
  /// Each run once, in the order of their latest entries.
  package var changes: [Change]
  /// Whether earlier ones were left out.
  package var isCut: Bool

  package init(end: Int64, changes: [Change] = [], isCut: Bool = false) {
    self.end = end
    self.changes = changes
    self.isCut = isCut
  }

  /// As the events of a stream, with their times.
  package var json: JSONValue {
    let events = changes.map { change -> JSONValue in
      var object = NodeEvent.run(change.event).json.objectValue ?? JSONObject()
      object["at"] = .of(change.at)
      return .object(object)
    }
    return ["events": .array(events), "skipped": 0, "missed": true, "isCut": .bool(isCut)]
  }
}
