// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
package import NexusStore
internal import Synchronization

// Limits where nobody has counted yet: what was spent there before counts too.
//
// First calls are counted there, with those under way (`watch`). Then what the store has of the window beside that is
// added (`fill`), and only then a limit may hold. No call is left out, and none counts twice: a charge says on which
// counters it was booked.
extension Ledger {
  /// How many runs that are not over are looked through for what they have spent, and how many below each of them.
  static let mostRuns = 10_000

  /// Those of the places where calls are not counted, or not all: one that could not be filled is filled the next time.
  package func uncounted(_ places: some Sequence<BudgetPlace>) -> [BudgetPlace] {
    state.withLock { state in Array(Set(places)).filter { !state.machine.counts(at: $0) || state.watched.contains($0) }
    }
  }

  /// Counts calls there from now on, and those under way.
  ///
  /// - Parameters:
  ///   - places: where nobody has counted yet.
  ///   - plan: whose supervisors they may be; nil if they are those that are known.
  package func watch(_ places: [BudgetPlace], under plan: ProjectPlan? = nil) {
    if places.isEmpty { return }
    change { state, reading in
      if let plan { state.supervisors = Self.supervisors(of: plan) }
      state.watched.formUnion(places)
      state.applyRules()
      for (id, call) in state.open {
        state.machine.join(id, state.subject(of: call.request.caller), at: Set(places), reading)
      }
    }
  }

  /// Adds what was spent in the present windows of these places before calls were counted there.
  ///
  /// - Parameters:
  ///   - places: where calls are counted from now on.
  ///   - store: what has the charges.
  ///   - counted: counters of single runs in which all their calls were counted.
  /// - Throws: `StoreError`; what was not filled is the next time.
  package func fill(
    _ places: [BudgetPlace], from store: any Store, except counted: Set<CounterKey> = []
  ) async throws(StoreError) {
    for place in places {
      for var scope in try await scopes(of: place, in: store) {
        if place.window == .run, counted.contains(scope.key) { continue }
        if let run = scope.run, !place.scope.isOfFlow {
          scope.calledRuns = Set(try await runs(calledBy: run, at: place, in: store))
        }
        let missing = try await store.missing(from: scope)
        guard missing != .zero else { continue }
        try await store.commit(StoreTransaction(.synced, [.raiseCounter(scope.key, by: missing)]))
        let (marks, alerts) = change { state, _ in state.machine.correct([scope.key], by: missing) }
        // A mark that is too low is raised with the next hold; one that is too high costs room after a power loss only.
        resolve(marks.map { CounterMark(key: $0.key, mark: $0.mark) }, committed: false)
        tell(alerts.map(LedgerNotice.threshold))
      }
    }
  }

  private func scopes(of place: BudgetPlace, in store: any Store) async throws(StoreError) -> [CounterScope] {
    if let flow = FlowPlace(place.scope) { return try await scopes(of: flow, at: place, in: store) }
    var runs: [RunID?] = [nil]
    if place.window == .run {
      let query = RunQuery(statuses: Set(RunStatus.allCases.filter { !$0.isFinal }), limit: Self.mostRuns)
      runs = try await store.runs(query).map(\.id)
    }
    let reading = reading
    return state.withLock { state in
      var agents: Set<AgentName>?
      switch place.scope {
      case .agent(let agent): agents = [agent]
      case .supervisor(let name): agents = Set(state.supervisors.filter { $0.value.contains(name) }.keys)
      case .global: agents = nil
      // Charges do not say which flows they belong to, but their runs do.
      case .workflow, .saga, .pool, .step: return []
      }
      return runs.map { run in
        let key = state.machine.key(of: place, run: run, at: reading)
        let since = state.machine.start(of: place, key)
        return CounterScope(key: key, agents: agents, run: run, since: since)
      }
    }
  }

  /// The runs whose calls count in the budget that a place has for one run: those that its agents there have called, with
  /// all that these have begun.
  private func runs(calledBy run: RunID, at place: BudgetPlace, in store: any Store) async throws(StoreError) -> [RunID]
  {
    guard let record = try await store.run(run) else { return [] }
    var found: [RunID] = []
    for child in try await store.runs(RunQuery(parent: run, limit: Self.mostRuns)) {
      guard let step = child.callingStep, let agent = try await agent(of: record, at: step, in: store),
        binds(place.scope, agent)
      else { continue }
      found.append(child.id)
    }
    return try await withAllBelow(found, in: store)
  }

  /// These runs and all that they have begun, as far as they are looked through.
  func withAllBelow(_ runs: [RunID], in store: any Store) async throws(StoreError) -> [RunID] {
    var found = runs
    var next = 0
    while next < found.count, found.count < Self.mostRuns {
      found += try await store.runs(RunQuery(parent: found[next], limit: Self.mostRuns - found.count)).map(\.id)
      next += 1
    }
    return found
  }

  private func agent(of run: RunRecord, at step: StepPath, in store: any Store) async throws(StoreError) -> AgentName? {
    guard run.kind != .agent else { return AgentName(run.name) }
    guard let bytes = try await store.definition(run.definition), let json = try? JSONValue(parsing: bytes) else {
      return nil
    }
    return FlowDefinition(pinned: json)?.agent(at: step)
  }

  private func binds(_ scope: BudgetScope, _ agent: AgentName) -> Bool {
    switch scope {
    case .agent(let name): name == agent
    case .supervisor(let name): state.withLock { $0.supervisors[agent]?.contains(name) ?? (name == .root) }
    case .global: true
    // Nothing is looked up for them: see `scopes`.
    case .workflow, .saga, .pool, .step: false
    }
  }
}
