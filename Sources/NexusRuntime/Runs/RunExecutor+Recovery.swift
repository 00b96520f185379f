// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel
package import NexusStore

// How runs of a node that is gone go on.
extension RunExecutor {
  /// How many runs are taken over at a time.
  private static let page = 256

  /// What came of taking over unfinished runs.
  package struct Recovery: Sendable {
    package var resumed = 0
    package var unreadable: [(run: RunID, error: StoreError)] = []
  }

  /// Takes over the unfinished runs of a node that is gone.
  ///
  /// - Parameters:
  ///   - only: nil for all of them.
  ///   - trapped: the run on which the last node trapped.
  /// - Throws: `StoreError`; what was claimed before goes on.
  /// - Returns: how many go on, and which cannot be read: one damaged run does not keep the others down.
  package func recover(only: Set<RunID>? = nil, trapped: RunID? = nil) async throws(StoreError) -> Recovery {
    defer { hasTakenOver() }
    var recovery = Recovery()
    var subjects: [Pin: RunSubject] = [:]
    var before: RunID?
    while true {
      let page = try await services.store.runs(
        RunQuery(statuses: RunStatus.unfinished, before: before, limit: Self.page))
      guard let last = page.last else { break }
      let mine = page.filter { only?.contains($0.id) ?? true }
      try await take(mine, trapped: trapped, &subjects, &recovery)
      try await closeOrphanedCalls(among: mine)
      before = last.id
    }
    try await closePausedCalls(only: only)
    return recovery
  }

  /// Nobody takes up a run that is paused; one whose caller is over ends all the same.
  private func closePausedCalls(only: Set<RunID>?) async throws(StoreError) {
    var before: RunID?
    while true {
      let page = try await services.store.runs(RunQuery(statuses: [.paused], before: before, limit: Self.page))
      guard let last = page.last else { return }
      try await closeOrphanedCalls(among: page.filter { only?.contains($0.id) ?? true })
      before = last.id
    }
  }

  /// What runs have in common that were begun from one definition.
  private struct Pin: Hashable {
    let kind: RunKind
    let name: String
    let definition: DefinitionHash
  }

  /// Takes many runs over with few commits, and reads their journals at once.
  private func take(
    _ found: [RunRecord], trapped: RunID?, _ subjects: inout [Pin: RunSubject], _ recovery: inout Recovery
  ) async throws(StoreError) {
    let free = found.filter { reserve($0.id) }
    defer { for record in free { unreserve(record.id) } }
    var payers: [RunID: RunPayers] = [:]
    for record in free {
      let pin = Pin(kind: record.kind, name: record.name, definition: record.definition)
      if subjects[pin] == nil { subjects[pin] = try await subject(of: record) }
      payers[record.id] = try await self.payers(of: record)
    }
    let won = try await services.store.takeFences(
      free.map { FenceClaim(run: $0.id, from: $0.fence, to: $0.fence.next) })
    let records = Dictionary(free.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    try await services.store.forEachJournal(of: won) { run, journal throws(StoreError) in
      guard var record = records[run] else { return }
      switch journal {
      case .failure(let error): recovery.unreadable.append((run, error))
      case .success(let entries):
        let pin = Pin(kind: record.kind, name: record.name, definition: record.definition)
        guard let subject = subjects[pin] else { return }
        record.fence = record.fence.next
        let doubt = doubt(about: entries, of: record)
        record.head = max(record.head, entries.last?.sequence ?? .none)
        begin(
          record, subject, payers[run] ?? .none, from: .journal(entries),
          first: .event(doubt.map { .doubted($0) } ?? .claimed(trapped: run == trapped)))
        recovery.resumed += 1
      }
    }
  }

  /// Takes the right to write for a run and goes on with it.
  ///
  /// - Returns: false if the run is driven here, or somebody else was faster.
  func claim(
    _ found: RunRecord, first: RunDriver.Message = .event(.claimed(trapped: false))
  ) async throws(StoreError) -> Bool {
    guard reserve(found.id) else { return false }
    defer { unreserve(found.id) }
    var record = found
    let subject = try await subject(of: record)
    let payers = try await payers(of: record)
    record.fence = found.fence.next
    do {
      try await services.store.commit(
        StoreTransaction(.synced, [.takeFence(run: found.id, from: found.fence, to: record.fence)]))
    } catch {
      if error.code == .staleGuard { return false }
      throw error
    }
    let journal = try await services.store.journal(of: record.id, after: .none, limit: .max)
    record.head = max(record.head, journal.last?.sequence ?? .none)
    guard let doubt = doubt(about: journal, of: found), !first.isOfPersonInDoubt else {
      begin(record, subject, payers, from: .journal(journal), first: first)
      return true
    }
    begin(record, subject, payers, from: .journal(journal), first: .event(.doubted(doubt)))
    RunDriver.refuse(first)
    return true
  }

  /// What is missing of a journal, if the project wants the run halted for that.
  private func doubt(about journal: [JournalEntry], of record: RunRecord) -> IntegrityDoubt? {
    integrity.stopWhen.contains(.journalGap) ? JournalCheck.gap(in: journal, head: record.head) : nil
  }

  /// What the run executes, as it was when the run began.
  func subject(of record: RunRecord) async throws(StoreError) -> RunSubject {
    let bytes = try await services.store.definition(record.definition)
    let definition = bytes.flatMap { try? JSONValue(parsing: $0) }
    switch record.kind {
    case .agent:
      // The environment is that of today.
      let current = plan.agent(AgentName(record.name)) ?? .forgotten(AgentName(record.name))
      return .agent(definition.flatMap { current.pinned(to: $0) } ?? current)
    case .workflow, .saga, .pool:
      guard let flow = definition.flatMap(FlowDefinition.init(pinned:)) else { return .unreadable(record.kind) }
      return .flow(flow)
    }
  }
}
