// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel
package import NexusStore

// How runs of a node that is gone go on.
extension RunExecutor {
  /// How many runs are read at a time.
  private static let page = 500

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
    var recovery = Recovery()
    var before: RunID?
    while true {
      let page = try await services.store.runs(
        RunQuery(statuses: RunStatus.unfinished, before: before, limit: Self.page))
      guard let last = page.last else { return recovery }
      for record in page where only?.contains(record.id) ?? true {
        do throws(StoreError) {
          let first = RunDriver.Message.event(.claimed(trapped: record.id == trapped))
          if try await claim(record, first: first) { recovery.resumed += 1 }
        } catch {
          guard error.code == .corrupt else { throw error }
          recovery.unreadable.append((record.id, error))
        }
      }
      before = last.id
    }
  }

  /// Takes the right to write for a run and goes on with it.
  ///
  /// - Returns: false if the run is driven here, or somebody else was faster.
  func claim(
    _ found: RunRecord, first: RunDriver.Message = .event(.claimed(trapped: false))
  ) async throws(StoreError) -> Bool {
    guard drivers[found.id] == nil, claiming.insert(found.id).inserted else { return false }
    defer { claiming.remove(found.id) }
    var record = found
    let subject = try await subject(of: record)
    record.fence = found.fence.next
    do {
      try await services.store.commit(
        StoreTransaction(.synced, [.takeFence(run: found.id, from: found.fence, to: record.fence)]))
    } catch {
      if error.code == .staleGuard { return false }
      throw error
    }
    let journal = try await services.store.journal(of: record.id, after: .none, limit: .max)
    record.head = journal.last?.sequence ?? .none
    begin(record, subject, journal: journal, first: first)
    return true
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
