// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

// What budgets keep so that a saga can be undone.
extension FlowMachine {
  /// What has to be kept from the start of the first step on that can be undone: enough for every compensation there may
  /// be, those of the elements of a list from when their number is known.
  ///
  /// It only grows; whoever keeps it knows what compensations have drawn from it.
  package var reserves: [CompensationReserve] {
    guard !isBehindReturn else { return [] }
    var reserves: [AgentName: CompensationReserve] = [:]
    for (index, step) in definition.steps.enumerated() {
      guard let compensation = step.compensation else { continue }
      let count = step.forEach == nil ? 1 : state.steps[index].count ?? 0
      var reserve = reserves[compensation.agent] ?? CompensationReserve(agent: compensation.agent)
      if let amount = compensation.reserve {
        reserve.amount = reserve.amount + amount.times(count)
      } else {
        reserve.usesHeadroom = true
      }
      reserves[compensation.agent] = reserve
    }
    return reserves.values.filter { $0.usesHeadroom || $0.amount != .zero }.sorted { $0.agent.text < $1.agent.text }
  }

  /// What was kept already when the run had come so far: nothing before a step has begun that can be undone.
  package var keptReserves: [CompensationReserve] { mayHaveToUndo ? reserves : [] }

  /// Something has begun here, or was taken over from another run, that has to be undone should the run go back.
  package var mayHaveToUndo: Bool {
    state.units.keys.contains { key in
      guard key.role == .forward, definition.steps[key.step].compensation != nil, let unit = state.units[key] else {
        return false
      }
      if case .completed? = unit.outcome { return true }
      return unit.startedAt != nil
    }
  }

  /// What is done there undoes a step.
  package func isCompensation(_ path: StepPath) -> Bool { state.paths.key(of: path)?.role == .back }

  /// Nothing will be undone any more: the saga is past its pivot.
  package var isBehindReturn: Bool { state.isBehindPivot && state.cause == nil }

  /// The step may have to be undone, so that what this costs has to be kept first.
  package func canBeUndone(_ path: StepPath) -> Bool {
    guard definition.kind == .saga, let key = state.paths.key(of: path), key.role == .forward else { return false }
    return definition.steps[key.step].compensation != nil
  }
}

extension FlowDefinition {
  /// Its runs have to be able to go back, so budgets keep something for that.
  package var keepsReserve: Bool {
    kind == .saga && steps.contains { step in step.compensation.map { $0.reserve != .zero } ?? false }
  }

  /// Its runs, or those of a flow that it runs.
  package var keepsReserveAnywhere: Bool {
    keepsReserve || children.values.contains { $0.keepsReserveAnywhere }
  }
}

extension Spend {
  func times(_ count: Int) -> Spend {
    func product(_ value: Int64) -> Int64 {
      let (product, overflow) = value.multipliedReportingOverflow(by: Int64(count))
      return overflow ? .max : product
    }
    return Spend(
      cost: NanoUSD(product(cost.value)), tokens: TokenCount(product(tokens.value)), requests: product(requests))
  }
}
