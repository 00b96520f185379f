// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

extension StoreConformance {
  private static let run = RunID("run_1")

  /// How runs leave the store bit by bit.
  static let pruneCases: [Case] = [
    Case("a short run that is over goes at once, and one that is not stays") { store in
      try await store.commit(.insertRun(StoreSamples.run("run_1")))
      try await store.commit(StoreSamples.append("run_1", fence: 1, from: 1, status: .running))
      try await store.expectRefusal(.staleGuard, .pruneRun(run, rows: 10))
      try await store.commit(StoreSamples.append("run_1", fence: 1, from: 2, status: .completed))
      try await store.commit(.insertRun(StoreSamples.run("run_2")))
      try await store.commit(.pruneRun(run, rows: 10))
      try expect(try await store.run(run)?.id, nil)
      try expect(try await store.journal(of: run, after: .none, limit: 10).count, 0)
      try expect(try await store.runCounts().values.reduce(0, +), 1)
      try await store.expectRefusal(.notFound, .pruneRun(run, rows: 10))
    },
    Case("a long run goes bit by bit, and nobody goes on with what is left of it") { store in
      try await store.commit(.insertRun(StoreSamples.run("run_1")))
      for sequence in 1...40 {
        try await store.commit(StoreSamples.append("run_1", fence: 1, from: Int64(sequence), status: .failed))
      }
      try await store.commit(.pruneRun(run, rows: 16))
      let left = try await store.run(run)
      try expect(left?.summary.status, .halted)
      try expect(left?.summary.error?.code, RunError.pruned.code)
      try expect(try await store.runs(RunQuery(statuses: [.failed])).count, 0)
      try expect(try await store.runs(RunQuery(statuses: [.halted])).map(\.id), [run])
      try expect(try await store.runCounts(), [.halted: 1])
      try expect(try await store.journal(of: run, after: .none, limit: 100).count, 24)
      try await store.commit(.pruneRun(run, rows: 16))
      try await store.commit(.pruneRun(run, rows: 16))
      try expect(try await store.run(run)?.id, nil)
      try expect(try await store.runCounts(), [:])
      // Its id and its key are free again.
      try await store.commit(.insertRun(StoreSamples.run("run_1")))
      try expect(try await store.journal(of: run, after: .none, limit: 10).count, 0)
    },
    Case("the effects of a run go with it, and its charges stay") { store in
      try await store.commit(.insertRun(StoreSamples.run("run_1")))
      for number in 1...3 {
        try await store.commit(
          .insertEffect(
            StoreSamples.effect("eff_\(number)", run: "run_1", occurrence: number - 1, ordinal: Int64(number))))
      }
      try await store.commit(.placeHold(StoreSamples.hold("eff_1", run: "run_1")))
      try await store.commit(.settleHold(StoreSamples.charge("eff_1", run: "run_1")))
      try await store.commit(StoreSamples.append("run_1", fence: 1, from: 1, status: .completed))
      try await store.commit(.pruneRun(run, rows: 2))
      try expect(try await store.effects(of: run).count, 1)
      try await store.commit(.pruneRun(run, rows: 5))
      try expect(try await store.run(run)?.id, nil)
      try expect(try await store.effects(of: run).count, 0)
      try expect(try await store.charges(ChargeQuery(id: EffectID("eff_1"))).map(\.run), [run])
    },
  ]
}
