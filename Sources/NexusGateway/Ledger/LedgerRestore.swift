// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel
package import NexusStore
internal import Synchronization

extension Ledger {
  /// Takes up what earlier boots left, before anything is admitted and before this boot is recorded.
  ///
  /// Holds of dead boots become charges in full, `unresolved`. After a restart of the machine itself (`kernelBoot` is
  /// its boot id) each counter goes on from its mark, and the difference becomes a charge too. Limits that people set
  /// hold on. A wall clock that was set ahead since the node before this one trusted it opens no new window.
  package func restore(
    from store: any Store, kernelBoot: String, identifiers: IdentifierSource
  ) async throws(StoreError) {
    let last = try await store.lastBoot()
    precondition(last?.id != boot, "the ledger is restored before this boot is recorded")
    let counters = try await store.counters()
    let holds = try await store.openHolds()
    let overrides = try BudgetFormat.overrides(try await store.components(.budget))
    let lastTrusted = try ClockFormat.reading(try await store.components(.clock), under: kernelBoot)
    let reading = reading
    let now = reading.wall
    let (burned, trusted) = state.withLock { state in
      let trusted = state.machine.openClock(reading, after: lastTrusted)
      state.overrides = overrides
      state.applyRules()
      let burned = state.machine.restore(
        counters: counters.map { StoredCounter(key: $0.key, spent: $0.spent, mark: $0.mark) },
        openHolds: holds.map { StoredHold(id: $0.id, bound: $0.bound, counters: $0.counters) },
        sameKernelBoot: last?.kernelBoot == kernelBoot)
      return (burned, trusted)
    }
    var mutations: [Mutation] = holds.map { hold in
      .settleHold(Self.unresolved(hold, at: now))
    }
    for burn in burned {
      let hold = HoldRow(
        id: identifiers.effect(), boot: boot, agent: Self.agent(of: burn.key), run: nil, model: "",
        bound: burn.amount, counters: [burn.key], at: now)
      mutations += [.placeHold(hold), .settleHold(Self.unresolved(hold, at: now))]
    }
    if let trusted {
      mutations.append(.putComponent(ClockFormat.row(trusted, under: kernelBoot)))
    } else {
      tellOfClock()
    }
    if !mutations.isEmpty { try await store.commit(StoreTransaction(.synced, mutations)) }
    let known = Set(counters.map(\.key))
    try await fill(neverCounted(known, areAllInDoubt: !holds.isEmpty), from: store)
  }

  /// Where limits hold and nobody has ever counted: they were set while no node ran.
  ///
  /// What a person set may have been cleared for a while, in which nobody counted either. And calls that were under way when
  /// a node died may be booked on fewer counters than they were counted on by then.
  private func neverCounted(_ known: Set<CounterKey>, areAllInDoubt: Bool) -> [BudgetPlace] {
    let reading = reading
    return state.withLock { state in
      let places = state.overrides.applied(to: state.budgets).map { BudgetPlace($0) }
      return Array(Set(places)).filter { place in
        if case .agent = place.scope, place.window == .lifetime { return false }
        // Each run that is not over has a counter of its own, or none yet, or one from before its limit was gone.
        if place.window == .run { return true }
        // The counter of an earlier window says nothing: the limit may have been gone since.
        let isKnown = known.contains(state.machine.key(of: place, run: nil, at: reading))
        return !isKnown || areAllInDoubt || state.overrides[place.inAnyZone] != nil
      }
    }
  }

  private static func unresolved(_ hold: HoldRow, at time: WallTime) -> ChargeRow {
    ChargeRow(
      id: hold.id, agent: hold.agent, run: hold.run, model: hold.model, basis: .unresolved, inputTokens: .zero,
      outputTokens: .zero, cachedTokens: .zero, spend: hold.bound, counters: hold.counters, at: time, price: hold.price)
  }

  /// The agent that a counter belongs to; counters of several agents have no one's name.
  private static func agent(of key: CounterKey) -> AgentName {
    guard let range = key.scope.firstRange(of: "agent:") else { return AgentName("") }
    return AgentName(String(key.scope[range.upperBound...]))
  }
}
