// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel
package import NexusStore
internal import Synchronization

// Limits where nobody has counted yet: what was spent there before counts too.
//
// First calls are counted there, with those under way (`watch`). Then what the store has of the window beside that is
// added (`fill`), and only then a limit may hold. No call is left out, and none counts twice: a charge says on which
// counters it was booked.
extension Ledger {
  /// How many runs that are not over are looked through for what they have spent.
  private static let mostRuns = 10_000

  /// Those of the places where calls are not counted, or not all: one that could not be filled is filled the next time.
  package func uncounted(_ places: some Sequence<BudgetPlace>) -> [BudgetPlace] {
    state.withLock { state in Array(Set(places)).filter { !state.machine.counts(at: $0) || state.watched.contains($0) }
    }
  }

  /// Counts calls there from now on, and those under way.
  package func watch(_ places: [BudgetPlace]) {
    if places.isEmpty { return }
    change { state, reading in
      state.watched.formUnion(places)
      state.applyRules()
      for (id, call) in state.open {
        state.machine.join(id, state.subject(of: call.request.caller), at: Set(places), reading)
      }
    }
  }

  /// Adds what was spent in the present windows of these places before calls were counted there.
  package func fill(_ places: [BudgetPlace], from store: any Store) async throws(StoreError) {
    for place in places {
      for scope in try await scopes(of: place, in: store) {
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
      // Charges do not say which flows they belong to: the budget of a flow counts from when it is there.
      case .workflow, .saga, .pool, .step: return []
      }
      return runs.map { run in
        let key = state.machine.key(of: place, run: run, at: reading)
        let since = state.machine.start(of: place, key)
        return CounterScope(key: key, agents: agents, run: run, since: since)
      }
    }
  }
}
