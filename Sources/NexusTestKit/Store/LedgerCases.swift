// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

extension StoreConformance {
  static let ledgerCases: [Case] = [
    Case("a hold is open until it is settled") { store in
      let counters = [StoreSamples.counter(), CounterKey(scope: "global", window: "lifetime", index: 0)]
      let first = StoreSamples.hold("eff_1", run: "run_1", counters: counters)
      let second = StoreSamples.hold("eff_2", counters: [])
      try await store.commit(.placeHold(second), .placeHold(first))
      try expect(try await store.openHolds(), [first, second])
      try await store.expectRefusal(.duplicate, .placeHold(first))
      try await store.commit(.settleHold(StoreSamples.charge("eff_1", run: "run_1", counters: counters)))
      try expect(try await store.openHolds(), [second])
      try await store.expectRefusal(.duplicate, .placeHold(first))
      try expect(try await store.openHolds(), [second])
    },
    Case("settling adds to every counter of the admission, once") { store in
      let counters = [StoreSamples.counter(2), StoreSamples.counter(1)]
      let charge = StoreSamples.charge("eff_1", counters: counters)
      try await store.commit(.placeHold(StoreSamples.hold("eff_1", counters: counters)), .settleHold(charge))
      for _ in 0..<2 {
        var again = charge
        again.spend.cost = NanoUSD(1)
        try await store.commit(.settleHold(again))
      }
      let wanted = [1, 2].map { CounterRow(key: StoreSamples.counter($0), spent: charge.spend, mark: .zero) }
      try expect(try await store.counters(), wanted)
      try expect(try await store.charges(ChargeQuery()), [charge])
      try await store.commit(.settleHold(StoreSamples.charge("eff_2", counters: [StoreSamples.counter(1)])))
      try expect(try await store.counters()[0].spent, charge.spend + charge.spend)
      try expect(try await store.counters()[1].spent, charge.spend)
    },
    Case("sums saturate") { store in
      for id in ["eff_1", "eff_2"] {
        var charge = StoreSamples.charge(id)
        charge.spend = Spend(cost: NanoUSD(.max - 1), tokens: TokenCount(.max), requests: .max)
        try await store.commit(.settleHold(charge))
      }
      let spent = try await store.counters()[0].spent
      try expect(spent, Spend(cost: NanoUSD(.max), tokens: TokenCount(.max), requests: .max))
    },
    Case("marks rise, fall and stay apart from what was spent") { store in
      let key = StoreSamples.counter()
      let high = Spend(cost: NanoUSD(500), tokens: TokenCount(5), requests: 2)
      try await store.commit(.setMarks([CounterMark(key: key, mark: high)]))
      try expect(try await store.counters(), [CounterRow(key: key, spent: .zero, mark: high)])
      try await store.commit(
        .settleHold(StoreSamples.charge("eff_1")), .setMarks([CounterMark(key: key, mark: .zero)]), .setMarks([]))
      try expect(try await store.counters()[0].mark, .zero)
      try expect(try await store.counters()[0].spent.cost, NanoUSD(40))
    },
    Case("a hold that is released is closed and charges nothing") { store in
      var release = StoreSamples.charge("eff_1")
      release.basis = .released
      release.spend = .zero
      try await store.commit(.placeHold(StoreSamples.hold("eff_1")), .settleHold(release))
      try expect(try await store.openHolds(), [])
      try expect(try await store.counters().map(\.spent), [.zero])
      try expect(try await store.charges(ChargeQuery())[0].basis, .released)
    },
    Case("a correction changes counters without a hold, also downwards, and is found by its id") { store in
      let charge = StoreSamples.charge("eff_1")
      var correction = StoreSamples.charge("eff_2")
      correction.basis = .adjustment
      correction.spend = Spend(cost: NanoUSD(-15), tokens: TokenCount(-1))
      var resolution = StoreSamples.charge("eff_3")
      resolution.basis = .resolution
      resolution.spend = .zero
      try await store.commit(.settleHold(charge), .settleHold(correction), .settleHold(resolution))
      try expect(try await store.counters()[0].spent, charge.spend + correction.spend)
      try expect(try await store.charges(ChargeQuery(id: EffectID("eff_2"))), [correction])
      try expect(try await store.charges(ChargeQuery(id: EffectID("eff_4"))), [])
    },
    Case("a charge keeps the price that it was reckoned by, whichever way it is written") { store in
      let charges = [
        StoreSamples.charge("eff_1", price: ChargePrice(source: "built-in 2026-10-26", rates: "2.5 10 read=1.25")),
        StoreSamples.charge("eff_2", price: ChargePrice(source: "", rates: "")), StoreSamples.charge("eff_3"),
      ]
      for (charge, commitClass) in zip(charges, [CommitClass.logged, .synced, .written]) {
        try await store.commit(StoreTransaction(commitClass, [.settleHold(charge)]))
      }
      try expect(try await store.charges(ChargeQuery()), charges.reversed())
    },
    Case("a hold keeps the price that it was reckoned by, whichever way it is written") { store in
      let holds = [
        StoreSamples.hold("eff_1", price: ChargePrice(source: "built-in 2026-10-26", rates: "2.5 10 read=1.25")),
        StoreSamples.hold("eff_2", price: ChargePrice(source: "", rates: "")), StoreSamples.hold("eff_3"),
      ]
      for (hold, commitClass) in zip(holds, [CommitClass.logged, .synced, .written]) {
        try await store.commit(StoreTransaction(commitClass, [.placeHold(hold)]))
      }
      try expect(try await store.openHolds(), holds)
    },
    Case("what a counter lacks is what belongs in it and was booked elsewhere, and is added once") { store in
      let day = CounterKey(scope: "global", window: "day", index: 3)
      let other = AgentName("other")
      var early = StoreSamples.charge("eff_1")
      early.at = StoreSamples.time(1)
      var correction = StoreSamples.charge("eff_2", cost: 1000)
      correction.basis = .adjustment
      var booked = StoreSamples.charge("eff_3", cost: -7, counters: [day])
      booked.basis = .adjustment
      let charges = [
        early, correction, booked, StoreSamples.charge("eff_4", run: "run_1", agent: other, cost: 5),
        StoreSamples.charge("eff_5", cost: 20), StoreSamples.charge("eff_6", cost: 100, counters: [day]),
      ]
      try await store.commit(StoreTransaction(.synced, charges.map { .settleHold($0) }))
      let since = StoreSamples.time(2)
      let all = CounterScope(key: day, since: since)
      try expect(try await lack(store, all), 25)
      try expect(try await lack(store, CounterScope(key: day)), 65)
      try expect(try await lack(store, CounterScope(key: day, agents: [other], since: since)), 5)
      try expect(try await lack(store, CounterScope(key: day, agents: [StoreSamples.agent, other], since: since)), 25)
      let team = CounterKey(scope: "supervisor:team", window: "day", index: 9)
      try expect(try await lack(store, CounterScope(key: team, run: RunID("run_1"))), 5)
      try expect(try await lack(store, CounterScope(key: team, agents: [StoreSamples.agent])), 160)
      // What was admitted in another window of the same counter belongs there.
      try expect(try await lack(store, CounterScope(key: StoreSamples.counter(9), agents: [StoreSamples.agent])), 100)
      // Of some runs all charges are meant, of others some, and of nobody else any.
      var flow = CounterScope(key: CounterKey(scope: "workflow:w", window: "day", index: 9), agents: [])
      try expect(try await lack(store, flow), 0)
      flow.calls = [RunID("run_1"): [EffectID("eff_4"), EffectID("eff_5")], RunID("run_2"): [EffectID("eff_6")]]
      try expect(try await lack(store, flow), 5)
      flow.calls = [:]
      flow.calledRuns = [RunID("run_1")]
      try expect(try await lack(store, flow), 5)
      flow.key = CounterKey(scope: "workflow:w", window: "run", index: 9)
      try expect(try await lack(store, flow), 5)
      let lacking = try await store.missing(from: all)
      try await store.commit(.raiseCounter(day, by: lacking))
      try expect(try await lack(store, all), 0)
      try expect(try await store.counters().first { $0.key == day }?.spent.cost, NanoUSD(118))
      // What a call of unknown cost really came to counts where the call does.
      var resolution = StoreSamples.charge("eff_7", cost: -15)
      resolution.basis = .resolution
      try await store.commit(.settleHold(resolution))
      try expect(try await lack(store, CounterScope(key: team, agents: [StoreSamples.agent])), 145)
    },
    Case("charges are listed newest first, by agent, by run and up to a limit") { store in
      let other = AgentName("other")
      try await store.commit(
        .settleHold(StoreSamples.charge("eff_1", run: "run_1")), .settleHold(StoreSamples.charge("eff_2", agent: other))
      )
      try await store.commit(
        .settleHold(StoreSamples.charge("eff_3", run: "run_1", agent: other)),
        .settleHold(StoreSamples.charge("eff_0")))
      func ids(_ query: ChargeQuery) async throws -> String {
        try await store.charges(query).map { String($0.id.text.dropFirst(4)) }.joined()
      }
      try expect(try await ids(ChargeQuery()), "0321")
      try expect(try await ids(ChargeQuery(limit: 2)), "03")
      try expect(try await ids(ChargeQuery(limit: 0)), "")
      try expect(try await ids(ChargeQuery(agent: other)), "32")
      try expect(try await ids(ChargeQuery(run: RunID("run_1"))), "31")
      try expect(try await ids(ChargeQuery(agent: other, run: RunID("run_1"))), "3")
      try expect(try await ids(ChargeQuery(agent: other, run: RunID("run_2"))), "")
    },
  ]

  private static func lack(_ store: any Store, _ scope: CounterScope) async throws -> Int64 {
    let spend = try await store.missing(from: scope)
    return spend.cost.value
  }
}
