// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel
package import NexusStore

/// A history whose every prefix is known: step N appends entry N, announces effect N and charges it, in one transaction.
///
/// After a crash a store holds exactly the steps 1…k for some k, or it is torn.
package enum CrashScenario {
  package static let run = RunID("run_1")

  /// Whether a step is synced: two of three model calls are not.
  package static func isSynced(_ step: Int) -> Bool { step % 3 == 0 }

  package static func step(_ step: Int) -> StoreTransaction {
    let number = Int64(step)
    // Some payloads go to the blob table, some fill several pages.
    let size = step % 5 == 0 ? StoreLimits.inlinePayloadBytes * 2 : 10 + step * 37 % 3000
    var mutations: [Mutation] = step == 1 ? [.insertRun(StoreSamples.run(run.text))] : []
    mutations += [
      .append(
        run: run, fence: FencingToken(1),
        entries: [
          StoreSamples.entry(
            number, .stepRecorded(path: StepPath("s\(step)"), value: .string(String(repeating: "v", count: size))))
        ],
        summary: RunSummary(status: .running, updatedAt: StoreSamples.time(number))),
      .insertEffect(
        StoreSamples.effect(
          "eff_\(step)", run: run.text, digest: "\(step)", ordinal: number,
          request: [UInt8](repeating: UInt8(step % 251), count: size))),
      .placeHold(StoreSamples.hold("eff_\(step)", run: run.text)),
      .settleHold(StoreSamples.charge("eff_\(step)", run: run.text, cost: number)),
    ]
    return StoreTransaction(isSynced(step) ? .synced : .written, mutations)
  }

  /// How many steps the store holds.
  ///
  /// - Throws: `ConformanceFailure` if it holds a part of a step, or one without those before it.
  package static func steps(in store: any Store) async throws -> Int {
    guard let record = try await store.run(run) else {
      try expect(try await store.charges(ChargeQuery()), [])
      return 0
    }
    let count = Int(record.head.value)
    let journal = try await store.journal(of: run, after: .none, limit: 100_000)
    let effects = try await store.effects(of: run)
    let charges = try await store.charges(ChargeQuery(limit: 100_000))
    try expect(journal.map(\.sequence.value), Array(1...Int64(count)))
    try expect(effects.map(\.record.id.text), (1...count).map { "eff_\($0)" })
    try expect(charges.map(\.id.text), (1...count).reversed().map { "eff_\($0)" })
    try expect(try await store.counters().map(\.spent.cost.value), [Int64(count) * Int64(count + 1) / 2])
    try expect(try await store.openHolds(), [])
    for number in Set([1, 5, count - 1, count]) where number >= 1 && number <= count {
      guard case .insertEffect(let row) = step(number).mutations[number == 1 ? 2 : 1] else { continue }
      try expect(try await store.request(of: row.record.id), row.request)
    }
    return count
  }
}
