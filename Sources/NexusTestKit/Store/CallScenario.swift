// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel
package import NexusStore

/// A history of model calls whose every prefix is known: announced and held, then answered and settled, and every third
/// one followed by an entry of the journal that has to survive a power loss.
///
/// After a crash a store holds exactly the steps 1…k for some k, or it is torn.
package enum CallScenario {
  package static let run = RunID("run_1")

  /// What one step does.
  enum Part {
    case begin
    case intent(Int)
    case outcome(Int)
    case entry(Int)
  }

  /// The first step makes the run; of each seven that follow, six are three calls and one is an entry.
  static func part(_ step: Int) -> Part {
    guard step > 1 else { return .begin }
    let (round, place) = (step - 2).quotientAndRemainder(dividingBy: 7)
    if place == 6 { return .entry(round + 1) }
    let call = round * 3 + place / 2 + 1
    return place % 2 == 0 ? .intent(call) : .outcome(call)
  }

  /// Whether a step survives a power loss once it is acknowledged.
  package static func isSynced(_ step: Int) -> Bool {
    switch part(step) {
    case .begin, .entry: true
    case .intent, .outcome: false
    }
  }

  package static func step(_ step: Int) -> StoreTransaction {
    switch part(step) {
    case .begin: StoreTransaction(.synced, [.insertRun(StoreSamples.run(run.text))])
    case .entry(let number): StoreTransaction(.synced, [StoreSamples.append(run.text, from: Int64(number))])
    case .intent(let call):
      StoreTransaction(
        .logged,
        [
          .insertEffect(
            StoreSamples.effect(
              "eff_\(call)", run: run.text, digest: "\(call)", ordinal: Int64(call), request: body(call))),
          .placeHold(StoreSamples.hold("eff_\(call)", run: run.text)),
        ])
    case .outcome(let call):
      StoreTransaction(
        .logged,
        [
          .setOutcome(EffectID("eff_\(call)"), .succeeded, StoreSamples.outcome(body(call), cost: Int64(call))),
          .settleHold(StoreSamples.charge("eff_\(call)", run: run.text, cost: Int64(call))),
          .setMarks([
            CounterMark(key: StoreSamples.counter(), mark: Spend(cost: NanoUSD(Int64(call))))
          ]),
        ])
    }
  }

  /// Some bodies go to the blob table, some are too long for the log.
  private static func body(_ call: Int) -> [UInt8] {
    let size = call % 11 == 0 ? 200_000 : call % 5 == 0 ? StoreLimits.inlinePayloadBytes * 2 : 10 + call * 37 % 3000
    return [UInt8](repeating: UInt8(call % 251), count: size)
  }

  /// How many steps the store holds.
  ///
  /// - Throws: `ConformanceFailure` if it holds a part of a step, or one without those before it.
  package static func steps(in store: any Store) async throws -> Int {
    guard let record = try await store.run(run) else { return 0 }
    let effects = try await store.effects(of: run)
    let charges = try await store.charges(ChargeQuery(limit: 100_000)).map(\.id.text)
    let entries = Int(record.head.value)
    let answered = effects.count { $0.record.state == .succeeded }
    var count = 1
    var (announced, settled, appended) = (0, 0, 0)
    steps: while true {
      switch part(count + 1) {
      case .begin: break steps
      case .intent where announced < effects.count: announced += 1
      case .outcome where settled < answered: settled += 1
      case .entry where appended < entries: appended += 1
      default: break steps
      }
      count += 1
    }
    try expect([announced, settled, appended], [effects.count, answered, entries])
    try expect(effects.map(\.record.id.text), (0..<announced).map { "eff_\($0 + 1)" })
    try expect(charges, (0..<settled).reversed().map { "eff_\($0 + 1)" })
    try expect(
      try await store.openHolds().map(\.id.text).sorted(), (settled..<announced).map { "eff_\($0 + 1)" }.sorted())
    let sum = Int64(settled * (settled + 1) / 2)
    try expect(try await store.counters().map(\.spent.cost.value), settled > 0 ? [sum] : [])
    try expect(try await store.counters().map(\.mark.cost.value), settled > 0 ? [Int64(settled)] : [])
    for call in Set([1, 5, settled - 1, settled]) where call >= 1 && call <= settled {
      try expect(try await store.outcome(of: EffectID("eff_\(call)"))?.body, body(call))
      try expect(try await store.request(of: EffectID("eff_\(call)")), body(call))
    }
    return count
  }
}
