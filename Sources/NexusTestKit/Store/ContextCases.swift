// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

extension StoreConformance {
  private static func writer(_ attempt: Int = 1) -> ContextWriter {
    ContextWriter(agent: AgentName("clerk"), run: RunID("run_1"), step: .main, attempt: AttemptNumber(attempt))
  }

  private static func record(_ key: String, _ values: JSONValue..., revision: Int = 0) -> ContextRecord {
    var record = ContextRecord(key: key, revision: revision)
    for (index, value) in values.enumerated() {
      _ = record.write(
        value, digest: "d\(index)", over: Int64(index), by: writer(index + 1), at: StoreSamples.time(Int64(index)),
        validUntil: index == 0 ? StoreSamples.time(9) : nil)
    }
    return record
  }

  static let contextCases: [Case] = [
    Case("what is kept under a key reads as it was written") { store in
      var written = record("orders/7", ["total": 3], .null, "a\u{0}b")
      written.noteReader(ContextReader(run: RunID("run_2"), step: StepPath("pay"), at: StoreSamples.time(4)))
      _ = written.quarantine(writer(3), at: StoreSamples.time(5))
      try await store.commit(.putContext(ContextWrite(written)))
      let found = try await store.context(["orders/7", "none"])
      try expect(found.count, 1)
      try expect(found["orders/7"]?.versions, written.versions)
      try expect(found["orders/7"]?.revision, 1)
    },
    Case("of two who write under a key at once, one comes too late") { store in
      try await store.commit(.putContext(ContextWrite(record("k", 1))))
      try await store.expectRefusal(.duplicate, .putContext(ContextWrite(record("k", 2))))
      try await store.commit(.putContext(ContextWrite(record("k", 1, 2, revision: 1))))
      try await store.expectRefusal(.staleGuard, .putContext(ContextWrite(record("k", 1, 3, revision: 1))))
      try await store.expectRefusal(.staleGuard, .putContext(ContextWrite(record("other", 1, revision: 1))))
      try expect(try await store.context(["k"])["k"]?.current?.value, 2)
    },
    Case("what holds on to the version of a key is refused once there is another") { store in
      try await store.commit(.insertRun(StoreSamples.run("run_1")), .putContext(ContextWrite(record("k", 1))))
      let holds = [ContextHold(key: "k", version: 1), ContextHold(key: "none", version: 0)]
      try await store.commit(.holdContext(holds), .insertEffect(StoreSamples.effect("eff_1", run: "run_1")))
      try await store.commit(.putContext(ContextWrite(record("k", 1, 2, revision: 1))))
      try await store.expectRefusal(
        .staleGuard, .insertEffect(StoreSamples.effect("eff_2", run: "run_1", digest: "bb", ordinal: 2)),
        .holdContext(holds))
      try expect(try await store.effects(of: RunID("run_1")).map(\.record.id), [EffectID("eff_1")])
    },
    Case("keys are listed in their order") { store in
      for key in ["b", "a/2", "a", "c"] { try await store.commit(.putContext(ContextWrite(record(key, 1)))) }
      try expect(try await store.contextKeys(after: nil, limit: 9), ["a", "a/2", "b", "c"])
      try expect(try await store.contextKeys(after: "a", limit: 2), ["a/2", "b"])
      try expect(try await store.contextCount(), 4)
    },
  ]
}
