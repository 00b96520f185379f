// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

extension StoreConformance {
  static let effectCases: [Case] = [
    Case("an effect is read as it was announced, without its payload") { store in
      let row = StoreSamples.effect("eff_1", run: "run_1")
      try await store.commit(.insertRun(StoreSamples.run("run_1")), .insertEffect(row))
      var listed = row
      listed.request = nil
      try expect(try await store.effects(of: RunID("run_1")), [listed])
      try expect(try await store.request(of: row.record.id), row.request)
      try expect(try await store.outcome(of: row.record.id), nil)
      try expect(try await store.request(of: EffectID("eff_0")), nil)
    },
    Case("effects come in the order of their ordinals") { store in
      try await store.commit(.insertRun(StoreSamples.run("run_1")))
      for ordinal in [3, 1, 2] as [Int64] {
        try await store.commit(
          .insertEffect(
            StoreSamples.effect("eff_\(ordinal)", run: "run_1", digest: "\(ordinal)", ordinal: ordinal, request: nil)))
      }
      try expect(try await store.effects(of: RunID("run_1")).map(\.record.ordinal), [1, 2, 3])
    },
    Case("each step of a run has effects of its own") { store in
      let (first, second) = (StepPath("research[0]"), StepPath("research[1]"))
      try await store.commit(.insertRun(StoreSamples.run("run_1")), .insertRun(StoreSamples.run("run_2")))
      // Two steps make the same request, side by side.
      try await store.commit(
        .insertEffect(StoreSamples.effect("eff_2", run: "run_1", step: first, occurrence: 1, ordinal: 2)),
        .insertEffect(StoreSamples.effect("eff_3", run: "run_1", step: second)),
        .insertEffect(StoreSamples.effect("eff_1", run: "run_1", step: first)),
        .insertEffect(StoreSamples.effect("eff_4", run: "run_2", step: first)))
      try await store.expectRefusal(
        .duplicate, .insertEffect(StoreSamples.effect("eff_5", run: "run_1", step: second)))
      func ids(_ run: String, _ step: StepPath) async throws -> [String] {
        try await store.effects(of: RunID(run), step: step).map(\.record.id.text)
      }
      try expect(try await ids("run_1", first), ["eff_1", "eff_2"])
      try expect(try await ids("run_1", second), ["eff_3"])
      try expect(try await ids("run_1", .main), [])
      try expect(try await ids("run_2", first), ["eff_4"])
      try expect(try await store.effects(of: RunID("run_1")).count, 3)
      // Of a rewound effect each step may have a successor, and sees both.
      try await store.commit(
        .setEffectState([EffectID("eff_3")], .rewound),
        .insertEffect(StoreSamples.effect("eff_5", run: "run_1", step: second, ordinal: 3)))
      try expect(try await ids("run_1", second), ["eff_3", "eff_5"])
      try expect(try await store.effects(of: RunID("run_1"), step: second)[0].request, nil)
    },
    Case("the effects of a run add up, without those that another run has paid for") { store in
      try await store.commit(.insertRun(StoreSamples.run("run_1")), .insertRun(StoreSamples.run("run_2")))
      for (id, attempt) in [("eff_1", 0), ("eff_2", 1), ("eff_3", 2)] {
        var row = StoreSamples.effect(id, run: "run_1", digest: id, ordinal: Int64(attempt), request: nil)
        row.record.attempt = AttemptNumber(attempt)
        try await store.commit(.insertEffect(row))
        try await store.commit(.setOutcome(EffectID(id), .succeeded, StoreSamples.outcome()))
      }
      let runs = ["run_1", "run_2", "run_3"].map { RunID($0) }
      let spent = try await store.spent(by: runs)
      try expect(spent[runs[0]], Spend(cost: NanoUSD(14), tokens: TokenCount(32)))
      try expect(spent[runs[1]], .zero)
      try expect(spent[runs[2]], .zero)
    },
    Case("an effect needs its run") { store in
      try await store.expectRefusal(.notFound, .insertEffect(StoreSamples.effect("eff_1", run: "run_1")))
    },
    Case("digest and occurrence are unique among the effects of a step that are not rewound") { store in
      try await store.commit(.insertRun(StoreSamples.run("run_1")), .insertRun(StoreSamples.run("run_2")))
      try await store.commit(.insertEffect(StoreSamples.effect("eff_1", run: "run_1")))
      try await store.expectRefusal(.duplicate, .insertEffect(StoreSamples.effect("eff_2", run: "run_1")))
      try await store.expectRefusal(
        .duplicate, .insertEffect(StoreSamples.effect("eff_1", run: "run_2", digest: "bb")))
      try await store.commit(
        .insertEffect(StoreSamples.effect("eff_3", run: "run_1", occurrence: 1)),
        .insertEffect(StoreSamples.effect("eff_4", run: "run_2")))
      for state in [EffectState.succeeded, .failed, .unknown] {
        try await store.commit(.setEffectState([EffectID("eff_1")], state))
        try await store.expectRefusal(.duplicate, .insertEffect(StoreSamples.effect("eff_2", run: "run_1")))
      }
      try await store.commit(
        .setEffectState([EffectID("eff_1")], .rewound), .insertEffect(StoreSamples.effect("eff_2", run: "run_1")))
      // The rewound one cannot come back beside its successor.
      try await store.expectRefusal(.duplicate, .setEffectState([EffectID("eff_1")], .succeeded))
      try await store.expectRefusal(.duplicate, .setOutcome(EffectID("eff_1"), .succeeded, StoreSamples.outcome()))
      try expect(try await store.outcome(of: EffectID("eff_1")), nil)
      try await store.commit(.setOutcome(EffectID("eff_1"), .rewound, StoreSamples.outcome()))
    },
    Case("an outcome is read as it was written and shows in the list") { store in
      try await store.commit(
        .insertRun(StoreSamples.run("run_1")), .insertEffect(StoreSamples.effect("eff_1", run: "run_1")))
      let id = EffectID("eff_1")
      for size in [0, 5, StoreLimits.inlinePayloadBytes, StoreLimits.inlinePayloadBytes + 1, 300_000, 3] {
        var outcome = StoreSamples.outcome([UInt8](repeating: 0xFF, count: size), cost: Int64(size))
        outcome.isStream = size == 5
        outcome.headers.append(EnvironmentVariable("x-empty", ""))
        try await store.commit(.setOutcome(id, size == 5 ? .failed : .succeeded, outcome))
        try expect(try await store.outcome(of: id), outcome)
        let listed = try await store.effects(of: RunID("run_1"))[0]
        try expect(listed.record.state, size == 5 ? .failed : .succeeded)
        try expect(listed.cost, outcome.cost)
        try expect(listed.endedAt, outcome.endedAt)
        try expect(listed.inputTokens, outcome.inputTokens)
        try expect(listed.outputTokens, outcome.outputTokens)
      }
      try await store.expectRefusal(.notFound, .setOutcome(EffectID("eff_0"), .succeeded, StoreSamples.outcome()))
    },
    Case("a state without an outcome keeps the outcome that was there") { store in
      try await store.commit(
        .insertRun(StoreSamples.run("run_1")), .insertEffect(StoreSamples.effect("eff_1", run: "run_1")),
        .setOutcome(EffectID("eff_1"), .succeeded, StoreSamples.outcome()),
        .setEffectState([EffectID("eff_1")], .rewound))
      try expect(try await store.outcome(of: EffectID("eff_1")), StoreSamples.outcome())
      let listed = try await store.effects(of: RunID("run_1"))[0]
      try expect(listed.record.state, .rewound)
      try expect(listed.cost, NanoUSD(7))
    },
    Case("states change for all effects of a list or for none") { store in
      try await store.commit(
        .insertRun(StoreSamples.run("run_1")), .insertEffect(StoreSamples.effect("eff_1", run: "run_1")),
        .insertEffect(StoreSamples.effect("eff_2", run: "run_1", digest: "bb", ordinal: 2)))
      let ids = ["eff_1", "eff_0", "eff_2"].map(EffectID.init(_:))
      try await store.expectRefusal(.notFound, .setEffectState(ids, .unknown))
      try expect(try await store.effects(of: RunID("run_1")).map(\.record.state), [.intent, .intent])
      try await store.commit(.setEffectState([ids[0], ids[2]], .unknown), .setEffectState([], .rewound))
      try expect(try await store.effects(of: RunID("run_1")).map(\.record.state), [.unknown, .unknown])
    },
  ]
}
