// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

// What is written down of a run, and who is told.
extension RunDriver {
  /// Journals entries that the machine has applied already.
  ///
  /// An error of the store that may pass (a full disk) is waited out; the run stands still.
  ///
  /// - Returns: false if they were not written; the machine is ahead of the journal then, and must be thrown away.
  func append(_ entries: [RunEntry], at now: WallTime, _ cursor: inout Cursor) async -> Bool {
    guard !entries.isEmpty else { return true }
    var sequence = cursor.head
    var journal: [JournalEntry] = []
    journal.reserveCapacity(entries.count)
    for entry in entries {
      sequence = sequence.next
      journal.append(JournalEntry(sequence: sequence, at: now, entry: entry))
    }
    let mutation = Mutation.append(
      run: run, fence: fence, entries: journal, summary: RunSummary(of: cursor.machine.outlook, at: now))
    let patience = StorePatience(clock: services.clock)
    guard
      await patience.commit(StoreTransaction(.synced, [mutation]), to: services.store, isLeaving: { self.leaves })
    else { return false }
    cursor.head = sequence
    return true
  }

  func announce(_ entries: [RunEntry], _ outlook: RunOutlook) {
    for entry in entries {
      guard let note = RunNote.text(of: entry, subject) else { continue }
      services.events.publish(
        .run(RunEvent(run: run, agent: AgentName(name), status: outlook.status.rawValue, note: note)))
    }
  }
}

extension RunSummary {
  /// The row that lists show, from what the journal adds up to.
  init(of outlook: RunOutlook, at time: WallTime) {
    self.init(status: outlook.status, updatedAt: time)
    pauseReason = outlook.pauseReason
    output = outlook.output
    error = outlook.error
    attempts = outlook.attempts
    tokens = outlook.tokens
    cost = outlook.cost
    endedAt = outlook.status.isFinal ? time : nil
  }
}
