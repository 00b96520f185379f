// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

extension StoreConformance {
  static let runCases: [Case] = [
    Case("a run is read as it was written") { store in
      var record = StoreSamples.run("run_1", key: "k")
      record.summary.output = ["a": [1, .double(2.5), nil, "é\u{0}"]]
      record.summary.error = RunError(
        code: "NX-RUN-001", message: "no", isRetryable: false, exit: -9, retryAfter: .nanoseconds(1_500_000_001),
        wasApplied: false)
      record.parent = RunID("run_0")
      record.summary.pauseReason = .budget
      record.summary.attempts = 3
      record.summary.tokens = TokenCount(9)
      record.summary.cost = NanoUSD(.max)
      record.summary.endedAt = StoreSamples.time(9)
      try await store.commit(.insertRun(record))
      try expect(try await store.run(record.id), record)
      try expect(try await store.run(named: record.name, idempotencyKey: "k"), record)
      try expect(try await store.run(RunID("run_2")), nil)
      try expect(try await store.run(named: record.name, idempotencyKey: "K"), nil)
    },
    Case("a run's id is unique") { store in
      try await store.commit(.insertRun(StoreSamples.run("run_1")))
      try await store.expectRefusal(.duplicate, .insertRun(StoreSamples.run("run_1", name: "other")))
      try expect(try await store.run(RunID("run_1"))?.name, "researcher")
    },
    Case("a name with an idempotency key is unique, a name without one is not") { store in
      try await store.commit(
        .insertRun(StoreSamples.run("run_1", key: "k")), .insertRun(StoreSamples.run("run_2")),
        .insertRun(StoreSamples.run("run_3")), .insertRun(StoreSamples.run("run_4", name: "other", key: "k")))
      try await store.expectRefusal(.duplicate, .insertRun(StoreSamples.run("run_5", key: "k")))
      // Two spellings that look alike are two keys.
      try await store.commit(
        .insertRun(StoreSamples.run("run_6", key: "\u{E9}")), .insertRun(StoreSamples.run("run_7", key: "e\u{301}")))
      try expect(try await store.run(named: "researcher", idempotencyKey: "e\u{301}")?.id, RunID("run_7"))
    },
    Case("only the holder of the fence takes it over") { store in
      try await store.commit(.insertRun(StoreSamples.run("run_1", fence: 1)))
      let run = RunID("run_1")
      try await store.commit(.takeFence(run: run, from: FencingToken(1), to: FencingToken(2)))
      try await store.expectRefusal(.staleGuard, .takeFence(run: run, from: FencingToken(1), to: FencingToken(3)))
      try await store.expectRefusal(
        .staleGuard, .takeFence(run: RunID("run_0"), from: FencingToken(1), to: FencingToken(2)))
      try expect(try await store.run(run)?.fence, FencingToken(2))
    },
    Case("runs are listed newest first, by name, by status and by pages") { store in
      for index in 1...9 {
        let status: RunStatus = index % 3 == 0 ? .completed : index % 3 == 1 ? .running : .queued
        try await store.commit(
          .insertRun(StoreSamples.run("run_\(index)", name: index % 2 == 0 ? "even" : "odd", status: status)))
      }
      func ids(_ query: RunQuery) async throws -> String {
        try await store.runs(query).map { String($0.id.text.dropFirst(4)) }.joined()
      }
      try expect(try await ids(RunQuery()), "987654321")
      try expect(try await ids(RunQuery(limit: 2)), "98")
      try expect(try await ids(RunQuery(limit: 0)), "")
      try expect(try await ids(RunQuery(limit: -1)), "")
      try expect(try await ids(RunQuery(before: RunID("run_8"), limit: 2)), "76")
      try expect(try await ids(RunQuery(name: "even")), "8642")
      try expect(try await ids(RunQuery(name: "even", before: RunID("run_6"))), "42")
      try expect(try await ids(RunQuery(statuses: [.completed, .running], limit: 4)), "9764")
      try expect(try await ids(RunQuery(statuses: [.completed], before: RunID("run_9"))), "63")
      try expect(try await ids(RunQuery(name: "odd", statuses: [.completed, .queued])), "953")
      try expect(try await ids(RunQuery(statuses: [.halted])), "")
      try expect(try await store.runCounts(), [.completed: 3, .running: 3, .queued: 3])
      try expect(try await store.runCounts(of: ["odd", "nobody"]).values.reduce(0, +), 5)
      try expect(try await store.runCounts(of: ["odd", "even"]), [.completed: 3, .running: 3, .queued: 3])
      try expect(try await store.runCounts(of: []), [:])
    },
    Case("deleting a final run removes it with its journal and effects, not its charges") { store in
      let long = [UInt8](repeating: 7, count: StoreLimits.inlinePayloadBytes + 1)
      try await store.commit(
        .insertRun(StoreSamples.run("run_1", key: "k")), .insertRun(StoreSamples.run("run_2")),
        StoreSamples.append("run_1", from: 1),
        .insertEffect(StoreSamples.effect("eff_1", run: "run_1", request: long)),
        .insertEffect(StoreSamples.effect("eff_2", run: "run_2", request: long)),
        .settleHold(StoreSamples.charge("eff_1", run: "run_1")))
      try await store.expectRefusal(.staleGuard, .deleteRun(RunID("run_1")))
      try await store.commit(StoreSamples.append("run_1", from: 2, status: .completed))
      try await store.commit(.deleteRun(RunID("run_1")))
      try await store.expectRefusal(.notFound, .deleteRun(RunID("run_1")))
      try expect(try await store.run(RunID("run_1")), nil)
      try expect(try await store.run(named: "researcher", idempotencyKey: "k"), nil)
      try expect(try await store.journal(of: RunID("run_1"), after: .none, limit: 9), [])
      try expect(try await store.effects(of: RunID("run_1")), [])
      try expect(try await store.request(of: EffectID("eff_1")), nil)
      try expect(try await store.charges(ChargeQuery(run: RunID("run_1"))).count, 1)
      // A payload that another run has too stays.
      try expect(try await store.request(of: EffectID("eff_2")), long)
      // Id and key are free again.
      try await store.commit(.insertRun(StoreSamples.run("run_1", key: "k")))
      try expect(try await store.journal(of: RunID("run_1"), after: .none, limit: 9), [])
    },
    Case("a definition is kept under its hash, once") { store in
      let hash = DefinitionHash("d1")
      try expect(try await store.definition(hash), nil)
      try await store.commit(.putDefinition(hash, [1, 2]))
      try await store.commit(.putDefinition(hash, [3]), .putDefinition(DefinitionHash("d2"), []))
      try expect(try await store.definition(hash), [1, 2])
      try expect(try await store.definition(DefinitionHash("d2")), [])
    },
  ]
}
