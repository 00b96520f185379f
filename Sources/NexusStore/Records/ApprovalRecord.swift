// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel

/// All that was written down about an approval, the oldest first.
package struct ApprovalRecord: Sendable, Hashable {
  package struct Note: Sendable, Hashable {
    package var at: WallTime
    package var entry: ApprovalEntry
    package init(at: WallTime, entry: ApprovalEntry) {
      self.at = at
      self.entry = entry
    }
  }

  package var notes: [Note]
  package init(_ notes: [Note]) { self.notes = notes }

  /// What the next write has to know, so that nobody writes past another.
  package var version: Int { notes.count }

  /// How it stands; nil if it does not begin with a request.
  package var machine: ApprovalMachine? { ApprovalMachine(notes.map { (at: $0.at, entry: $0.entry) }) }
}

/// What is added to the record of an approval; the first write of all begins it.
package struct ApprovalWrite: Sendable, Hashable {
  package var id: ApprovalID
  /// How many entries there are before; 0 begins the record.
  package var after: Int
  package var at: WallTime
  package var entries: [ApprovalEntry]
  /// How it stands then.
  package var status: ApprovalStatus

  package init(id: ApprovalID, after: Int, at: WallTime, entries: [ApprovalEntry], status: ApprovalStatus) {
    self.id = id
    self.after = after
    self.at = at
    self.entries = entries
    self.status = status
  }

  /// What the record begins with.
  package var request: ApprovalRequest? {
    guard after == 0, case .requested(let request)? = entries.first else { return nil }
    return request
  }
}

/// Which approvals are wanted, the newest first.
package struct ApprovalQuery: Sendable, Hashable {
  /// Empty for all.
  package var statuses: Set<ApprovalStatus>
  package var run: RunID?
  /// Of the run: those of one call of one step.
  package var place: Place?
  /// Only older ones than this.
  package var before: ApprovalID?
  package var limit: Int

  package struct Place: Sendable, Hashable {
    package var step: StepPath
    package var slot: String
    package init(step: StepPath, slot: String) {
      self.step = step
      self.slot = slot
    }
  }

  package init(
    statuses: Set<ApprovalStatus> = [], run: RunID? = nil, place: Place? = nil, before: ApprovalID? = nil, limit: Int
  ) {
    self.statuses = statuses
    self.run = run
    self.place = place
    self.before = before
    self.limit = limit
  }

  package static let live: Set<ApprovalStatus> = Set(ApprovalStatus.allCases.filter(\.isLive))

  func matches(_ machine: ApprovalMachine) -> Bool {
    let subject = machine.request.subject
    if !statuses.isEmpty, !statuses.contains(machine.status) { return false }
    if let run, subject.run != run { return false }
    if let place, place.step != subject.step || place.slot != machine.request.slot { return false }
    return before.map { machine.request.id < $0 } ?? true
  }
}
