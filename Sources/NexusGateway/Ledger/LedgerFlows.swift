// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore
internal import Synchronization

/// A flow that a budget binds, or one step of it.
struct FlowPlace {
  var kinds: Set<RunKind>
  var name: String
  /// Nil for the whole flow.
  var step: String?

  /// Nil for what is no flow.
  init?(_ scope: BudgetScope) {
    switch scope {
    case .workflow(let name): (kinds, self.name) = ([.workflow], name)
    case .saga(let name): (kinds, self.name) = ([.saga], name)
    case .pool(let name): (kinds, self.name) = ([.pool], name)
    case .step(let flow, let step): (kinds, name, self.step) = ([.workflow, .saga], flow, step)
    case .agent, .supervisor, .global: return nil
    }
  }

  /// Whether something at that path is done for the step: `research`, or `research[3]` for an element of its list; what
  /// undoes it is not.
  func covers(_ path: StepPath) -> Bool {
    guard let step else { return true }
    return path != .main && !path.text.contains(".") && path.text.prefix { $0 != "[" } == step
  }
}

// What was charged for flows before they had a budget: a charge says of which run it is, and the run of which flow.
extension Ledger {
  func scopes(of flow: FlowPlace, at place: BudgetPlace, in store: any Store) async throws(StoreError)
    -> [CounterScope]
  {
    var query = RunQuery(name: flow.name, kinds: flow.kinds, limit: Self.mostRuns)
    if place.window == .run { query.statuses = Set(RunStatus.allCases.filter { !$0.isFinal }) }
    let runs = try await store.runs(query)
    guard place.window == .run else {
      var scope = scope(at: place, run: nil)
      for run in runs {
        // What is over since before the window has charged nothing in it.
        if let ended = run.summary.endedAt, let since = scope.since, ended < since { continue }
        try await add(run.id, of: flow, to: &scope, in: store)
      }
      return [scope]
    }
    var scopes: [CounterScope] = []
    for run in runs {
      var scope = scope(at: place, run: run.id)
      try await add(run.id, of: flow, to: &scope, in: store)
      scopes.append(scope)
    }
    return scopes
  }

  /// Nobody's charges belong in it but those of the runs that are added.
  private func scope(at place: BudgetPlace, run: RunID?) -> CounterScope {
    let reading = reading
    return state.withLock { state in
      let key = state.machine.key(of: place, run: run, at: reading)
      return CounterScope(key: key, agents: [], since: state.machine.start(of: place, key))
    }
  }

  private func add(
    _ run: RunID, of flow: FlowPlace, to scope: inout CounterScope, in store: any Store
  ) async throws(StoreError) {
    guard flow.step != nil else {
      scope.calledRuns.formUnion(try await withAllBelow([run], in: store))
      return
    }
    let effects = try await store.effects(of: run).filter { flow.covers($0.step) }
    if !effects.isEmpty { scope.calls[run] = Set(effects.map(\.record.id)) }
    let children = try await store.runs(RunQuery(parent: run, limit: Self.mostRuns)).filter { child in
      child.parentStep.map(flow.covers) ?? false
    }
    scope.calledRuns.formUnion(try await withAllBelow(children.map(\.id), in: store))
  }
}
