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
  /// - Returns: why they were not written; the machine is ahead of the journal then, and must be thrown away.
  func append(
    _ entries: [RunEntry], at now: WallTime, _ outlook: RunOutlook, _ cursor: inout Cursor
  ) async -> StoreError? {
    guard !entries.isEmpty else { return nil }
    var sequence = cursor.head
    var journal: [JournalEntry] = []
    journal.reserveCapacity(entries.count)
    for entry in entries {
      sequence = sequence.next
      journal.append(JournalEntry(sequence: sequence, at: now, entry: entry))
    }
    let summary = RunSummary(of: outlook, at: now)
    var mutations = [Mutation.append(run: run, fence: fence, entries: journal, summary: summary)]
    do throws(StoreError) { mutations += try await forgotten(by: entries, cursor.machine) } catch {
      // The run is taken up anew, with what its journal holds.
      return error.mayPass ? StoreError(.unknownOutcome, error.message) : error
    }
    let failure = await StorePatience(clock: services.clock)
      .failure(of: StoreTransaction(.synced, mutations), in: services.store, isLeaving: { self.leaves })
    if failure == nil {
      (cursor.head, cursor.committed) = (sequence, summary.status)
      count(entries, cursor.machine)
    }
    return failure
  }

  /// Ends a run whose next entries are more than its journal may hold: it fails, and says so.
  ///
  /// A saga that has not begun to go back, and is not past its pivot, begins to, for which its journal has a reserve: it
  /// is taken up anew, with what its journal holds.
  /// What is under way is not waited for. Whoever retries the run begins where its journal ends.
  ///
  /// - Returns: how the run stands then; nil if not even that could be written.
  func fail(because error: StoreError, at now: WallTime, _ cursor: inout Cursor) async -> RunOutlook? {
    let reason = RunError(code: error.code.problemCode, message: error.message, isRetryable: false)
    var outlook = cursor.machine.outlook
    // Also if what is not written any more is that its pivot has succeeded.
    let isBehindReturn = (cursor.machine as? FlowMachine)?.isBehindReturn ?? false
    let goesBack = subject.kind == .saga && cursor.committed != .compensating && !isBehindReturn
    (outlook.status, outlook.pauseReason, outlook.output, outlook.error) =
      (goesBack ? .compensating : .failed, nil, nil, reason)
    let entries = goesBack ? [RunEntry.compensationStarted(reason)] : [.failed(reason)]
    guard await append(entries, at: now, outlook, &cursor) == nil else { return nil }
    announce(entries, outlook)
    return outlook
  }

  func announce(_ entries: [RunEntry], _ outlook: RunOutlook, _ actions: [DurableAction] = []) {
    guard !entries.isEmpty, services.events.isWatched else { return }
    let notes = entries.compactMap { waitNote(of: $0, actions) ?? RunNote.text(of: $0, subject) }
    for (index, note) in notes.enumerated() {
      // What came before the wait is not what is waited for.
      let isLast = index == notes.count - 1
      let status = outlook.status == .suspended && !isLast ? RunStatus.running : outlook.status
      services.events.publish(
        .run(RunEvent(run: run, agent: AgentName(name), status: status.rawValue, note: note)))
    }
  }

  /// What a person has to know of an attempt that begins only once its service is started; nil if nothing is in its way.
  private func waitNote(of entry: RunEntry, _ actions: [DurableAction]) -> String? {
    guard case .attemptStarted(let step, _, _) = entry else { return nil }
    for case .startAttempt(let order) in actions where order.step == step {
      guard let agent = executor.catalogue.agent(for: order, of: subject, pinnedBy: definition),
        agent.mode == .service, let idleness = supervisors.idleness(of: agent.name)
      else { return nil }
      return subject.agent == nil ? "\(step): waits: \(idleness)" : "waits: \(idleness)"
    }
    return nil
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
