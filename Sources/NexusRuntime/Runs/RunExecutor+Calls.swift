// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel
internal import NexusStore

/// What an agent asks another one to do.
struct AgentCallOrder: Sendable {
  let name: String
  let input: JSONValue
  /// Made of run, step and path: the same call finds the same run.
  let key: String
  let caller: RunID
  /// Who works for the caller.
  let agent: AgentName
  /// It goes on by itself when its caller ends, and counts for itself alone.
  let isAbandoned: Bool
}

// Runs that agents call.
extension RunExecutor {
  /// How deep calls of calls may go.
  static let maxCallDepth = 16
  /// How deep runs may lie below each other at most, each call with flows within flows.
  static let maxRunDepth = 1_000
  /// How many calls the agents of one run may begin.
  static let maxCalls = 1_000
  /// How many of the runs that an ended run has called are told to end at a time.
  private static let maxClosed = 256

  /// Starts a run for an agent, or finds the one that it started before.
  ///
  /// One that ended only because its caller had ended goes on: the caller was retried.
  func call(_ call: AgentCallOrder) async throws(RuntimeRefusal) -> RunRecord {
    let subject = try defined(call.name)
    var order = RunOrder(
      name: call.name, subject: subject, input: call.input, idempotencyKey: call.key,
      parent: call.isAbandoned ? nil : call.caller)
    var found = try await existing(order)
    var lives = 1
    // What has gone back cannot go on: it is begun anew, under a key of its own.
    while let record = found, record.summary.status == .compensated, try await wasClosed(record, by: call.caller) {
      lives += 1
      order.idempotencyKey = "\(call.key)#\(lives)"
      found = try await existing(order)
    }
    if let record = found, record.input != call.input {
      throw RuntimeRefusal(
        .conflict, code: "NX-RUN-053", message: "`\(call.name)` was called here before, with another input")
    }
    let isClosed = if let found { try await wasClosed(found, by: call.caller) } else { false }
    if let found, !isClosed { return found }
    try hasRoom()
    try mayStartOthers(call.caller)
    try await permit(subject)
    let record: RunRecord
    if let found {
      let event = DurableEvent.retry(by: Self.closer(call.caller), newKeys: false)
      try await revive(found.id, event, verb: "be called again", allowed: [.cancelled])
      record = try await known(found.id)
    } else {
      try mayCall(call, subject)
      try await checkDepth(of: call)
      record = try await create(order)
    }
    // Whoever closed the calls of a caller that ended meanwhile may not have seen this one.
    if !call.isAbandoned, await isOver(call.caller) { closeCalls(of: call.caller) }
    return record
  }

  /// Refuses a call of an agent for which there is a limit of each run that the other run would not count in.
  ///
  /// What is called counts in the caller's budgets of each run. One that is let go goes on after them; and what a saga keeps
  /// for going back is kept in its own budgets alone.
  private func mayCall(_ call: AgentCallOrder, _ subject: RunSubject) throws(RuntimeRefusal) {
    guard let agent = plan.agent(call.agent) else { return }
    var limits: [String] = agent.loops.maxCalls == nil ? [] : ["`maxCalls`"]
    if call.isAbandoned || subject.keepsReserve {
      let scopes = [.agent(agent.name)] + plan.supervisors(above: agent).map(BudgetScope.supervisor) + [.global]
      limits += plan.budgets
        .filter { $0.window == .run && $0.onLimit != .alert && scopes.contains($0.scope) }
        .map { "the budget per run of \($0.scope.text)" }
    }
    if call.isAbandoned, let driver = drivers[call.caller] {
      // Once it is let go, nothing says any more which flows it belongs to.
      let flows = Set(driver.payers.flows.map(\.scope))
      limits += plan.budgets
        .filter { budget in
          if case .step(let flow, _) = budget.scope { return budget.onLimit != .alert && flow == driver.name }
          return budget.onLimit != .alert && flows.contains(budget.scope.text)
        }
        .map { "the budget of \($0.scope.text)" }
    }
    guard let limit = limits.first else { return }
    throw RuntimeRefusal(
      .refused, code: "NX-RUN-060",
      message: "agent \(agent.name) is bound by \(limit), which `\(call.name)`, called like this, would not count in",
      hint: "a budget of another window holds for all runs together")
  }

  private func checkDepth(of call: AgentCallOrder) async throws(RuntimeRefusal) {
    var above = call.caller
    for _ in 0..<Self.maxCallDepth {
      let record: RunRecord?
      do { record = try await services.store.run(above) } catch { throw Self.storage(error) }
      // Whoever is not kept any more is over, and nobody knows what was above it.
      guard let caller = record?.caller else { return }
      above = caller
    }
    throw RuntimeRefusal(
      .refused, code: "NX-RUN-056", message: "calls may go \(Self.maxCallDepth) deep: `\(call.name)` is not begun")
  }

  /// Who has called the run, or a run above it, and which flows they are runs of: in whose budgets it counts, the nearest
  /// first.
  func payers(of record: RunRecord) async throws(StoreError) -> RunPayers {
    var payers = RunPayers()
    if let own = Caller.FlowPart(record) { payers.flows.append(own) }
    var run = record
    while let parent = run.parent {
      if let driver = drivers[parent] {
        if let step = run.callingStep, let agent = driver.subject.agent(at: step) {
          payers.agents.append(Caller.Payer(agent: agent, run: parent))
        }
        if driver.subject.kind != .agent, let step = run.parentStep,
          let part = Caller.FlowPart(stepAt: step, of: driver.name, run: parent)
        {
          payers.flows.append(part)
        }
        payers.agents += driver.payers.agents
        payers.flows += driver.payers.flows
        return payers
      }
      guard let above = try await services.store.run(parent) else { break }
      if let step = run.callingStep, let agent = try await subject(of: above).agent(at: step) {
        payers.agents.append(Caller.Payer(agent: agent, run: parent))
      }
      if let flow = Caller.FlowPart(above) {
        if let step = run.parentStep, let part = Caller.FlowPart(stepAt: step, of: above.name, run: parent) {
          payers.flows.append(part)
        }
        payers.flows.append(flow)
      }
      run = above
    }
    return payers
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

  /// As whom a run ends what it has called.
  private static func closer(_ caller: RunID) -> String { "run \(caller)" }

  /// Whether a run was ended for no reason but that its caller had ended.
  func wasClosed(_ run: RunRecord, by caller: RunID) async throws(RuntimeRefusal) -> Bool {
    guard [.cancelled, .compensated].contains(run.summary.status) else { return false }
    let journal: [JournalEntry]
    do {
      journal = try await services.store.journal(of: run.id, after: .none, limit: .max)
    } catch {
      throw Self.storage(error)
    }
    for entry in journal.reversed() {
      switch entry.entry {
      case .cancelRequested(let who): return who == Self.closer(caller)
      case .killRequested, .killed, .retried: return false
      default: continue
      }
    }
    return false
  }

  /// False also if nobody can say now: what is left open then, recovery closes.
  private func isOver(_ run: RunID) async -> Bool {
    let isFinal: Bool
    do { isFinal = try await services.store.run(run)?.summary.status.isFinal ?? true } catch { return false }
    return isFinal && drivers[run]?.hasResult ?? true
  }

  /// Asks everything that the agents of a run have called to end, unless the run goes on by now.
  package func endCalls(of run: RunID) async {
    var before: RunID?
    while !isStopping {
      let query = RunQuery(
        statuses: RunStatus.unfinished.union([.paused]), parent: run, before: before, limit: Self.maxClosed)
      // What a store that cannot be read leaves open, recovery closes.
      guard let page = try? await services.store.runs(query), let last = page.last else { return }
      for child in page where child.isCalled {
        // Whoever has retried the run meanwhile goes on with what it has called.
        guard await isOver(run) else { return }
        // It may end by itself meanwhile.
        do throws(RuntimeRefusal) { try await cancel(child.id, by: Self.closer(run)) } catch { continue }
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
