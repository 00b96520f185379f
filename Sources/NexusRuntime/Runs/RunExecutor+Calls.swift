// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// What an agent asks another one to do.
struct AgentCallOrder: Sendable {
  /// Part of the keys of all runs that agents call, and of no other.
  static let mark = "/.call/"

  let name: String
  let input: JSONValue
  /// Made of run, step and path: the same call finds the same run.
  let key: String
  let caller: RunID
  /// It goes on by itself when its caller ends, and counts for itself alone.
  let isAbandoned: Bool
}

// Runs that agents call.
extension RunExecutor {
  /// How deep calls of calls may go.
  static let maxCallDepth = 16
  /// How many of the runs that an ended run has called are told to end at a time.
  private static let maxClosed = 256

  /// Starts a run for an agent, or finds the one that it started before.
  func call(_ call: AgentCallOrder) async throws(RuntimeRefusal) -> RunRecord {
    let subject = try defined(call.name)
    let order = RunOrder(
      name: call.name, subject: subject, input: call.input, idempotencyKey: call.key,
      parent: call.isAbandoned ? nil : call.caller)
    var record = try await existing(order)
    if record == nil {
      try hasRoom()
      try await permit(subject)
      try await checkDepth(of: call)
      record = try await create(order)
    }
    guard let record, record.input == call.input else {
      throw RuntimeRefusal(
        .conflict, code: "NX-RUN-053", message: "`\(call.name)` was called here before, with another input")
    }
    return record
  }

  private func checkDepth(of call: AgentCallOrder) async throws(RuntimeRefusal) {
    var above = call.caller
    for _ in 0..<Self.maxCallDepth {
      guard let parent = try await known(above).parent else { return }
      above = parent
    }
    throw RuntimeRefusal(
      .refused, code: "NX-RUN-056", message: "calls may go \(Self.maxCallDepth) deep: `\(call.name)` is not begun")
  }

  /// How a run stands once it is over, or after a while; nil if that cannot be read.
  func end(of run: RunRecord, within wait: Duration, _ clock: any NexusClock) async -> RunRecord? {
    let deadline = clock.now() + wait
    while true {
      if wait > .zero { await waitForResult(of: run.id, until: deadline, clock) }
      // A store that cannot be read now is asked again by whoever asks again.
      guard let found = try? await services.store.run(run.id) else { return nil }
      if found.summary.status.isFinal || clock.now() >= deadline || Task.isCancelled { return found }
      // Nobody works on it here, so nobody tells of its end either.
      do { try await clock.sleep(until: min(deadline, clock.now() + RunDriver.childPause)) } catch { return found }
    }
  }

  private func waitForResult(of run: RunID, until deadline: Instant, _ clock: any NexusClock) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask(name: "call:\(run)") { await self.wait(for: run, until: .result) }
      group.addTask(name: "call-limit:\(run)") {
        do { try await clock.sleep(until: deadline) } catch { return }
      }
      await group.next()
      group.cancelAll()
    }
  }

  /// The run is over: what its agents have called and nobody waits for any more is asked to end.
  nonisolated func closeCalls(of run: RunID) { work.spawn("close:\(run)") { await self.endCalls(of: run) } }

  private func endCalls(of run: RunID) async {
    var before: RunID?
    while !isStopping {
      let query = RunQuery(
        statuses: RunStatus.unfinished.union([.paused]), parent: run, before: before, limit: Self.maxClosed)
      // What a store that cannot be read leaves open, recovery closes.
      guard let page = try? await services.store.runs(query), let last = page.last else { return }
      for child in page where child.isCalled {
        // It may end by itself meanwhile.
        do throws(RuntimeRefusal) { try await cancel(child.id, by: "run \(run)") } catch { continue }
      }
      before = last.id
    }
  }

  /// Called runs that go on although their callers are over: the node ended in between.
  func closeOrphanedCalls(among runs: [RunRecord]) async throws(StoreError) {
    var parents: Set<RunID> = []
    for run in runs where run.isCalled { if let parent = run.parent { parents.insert(parent) } }
    for parent in parents where try await services.store.run(parent)?.summary.status.isFinal ?? true {
      closeCalls(of: parent)
    }
  }
}

extension RunRecord {
  /// An agent started it, not a step.
  var isCalled: Bool { parent != nil && (idempotencyKey?.contains(AgentCallOrder.mark) ?? false) }
}
