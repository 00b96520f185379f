// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

extension StoreConformance {
  static let journalCases: [Case] = [
    Case("a journal is read in order and by pages") { store in
      let run = RunID("run_1")
      try await store.commit(.insertRun(StoreSamples.run("run_1")), StoreSamples.append("run_1", from: 1, count: 3))
      try await store.commit(StoreSamples.append("run_1", from: 4, count: 2))
      let all = (1...5).map { StoreSamples.entry($0) }
      try expect(try await store.journal(of: run, after: .none, limit: 100), all)
      try expect(try await store.journal(of: run, after: JournalSequence(1), limit: 2), Array(all[1...2]))
      try expect(try await store.journal(of: run, after: JournalSequence(5), limit: 2), [])
      try expect(try await store.journal(of: run, after: .none, limit: 0), [])
      try expect(try await store.journal(of: RunID("run_2"), after: .none, limit: 1), [])
    },
    Case("what changed behind an earlier end is told in its order, the latest first to stay") { store in
      let empty = try await store.changes(after: nil, limit: 9)
      try expect(empty, JournalChanges(end: empty.end))
      for name in ["run_1", "run_2", "run_3"] {
        try await store.commit(.insertRun(StoreSamples.run(name)), StoreSamples.append(name, from: 1, count: 2))
      }
      let early = try await store.changes(after: empty.end, limit: 9)
      try expect(early.runs.map(\.id.text), ["run_1", "run_2", "run_3"])
      try expect(early.isCut, false)
      try expect(early.end > empty.end, true)
      try await store.commit(StoreSamples.append("run_3", from: 3))
      try await store.commit(StoreSamples.append("run_1", from: 3, status: .paused))
      let late = try await store.changes(after: early.end, limit: 9)
      try expect(late.runs.map(\.id.text), ["run_3", "run_1"])
      try expect(late.runs.last?.summary.status, .paused)
      let cut = try await store.changes(after: early.end, limit: 1)
      try expect(cut.runs.map(\.id.text), ["run_1"])
      try expect(cut.isCut, true)
      try expect(try await store.changes(after: late.end, limit: 9), JournalChanges(end: late.end))
      // Whoever knows a later end than there is, is told nothing.
      try expect(try await store.changes(after: late.end + 1000, limit: 9), JournalChanges(end: late.end))
    },
    Case("an append moves the head and renews the row") { store in
      try await store.commit(.insertRun(StoreSamples.run("run_1")))
      var summary = RunSummary(status: .completed, updatedAt: StoreSamples.time(7))
      summary.output = "done"
      try await store.commit(
        .append(
          run: RunID("run_1"), fence: FencingToken(1),
          entries: [StoreSamples.entry(1), StoreSamples.entry(2, .completed(output: "done"))], summary: summary))
      var record = StoreSamples.run("run_1")
      record.head = JournalSequence(2)
      record.summary = summary
      try expect(try await store.run(RunID("run_1")), record)
    },
    Case("an append without entries only renews the row") { store in
      try await store.commit(.insertRun(StoreSamples.run("run_1")))
      try await store.commit(StoreSamples.append("run_1", from: 5, count: 0, status: .paused))
      let record = try await store.run(RunID("run_1"))
      try expect(record?.head, JournalSequence.none)
      try expect(record?.summary.status, .paused)
      try await store.expectRefusal(.staleGuard, StoreSamples.append("run_1", fence: 2, from: 1, count: 0))
    },
    Case("a stale fence, a wrong head and an unknown run cannot append") { store in
      try await store.commit(.insertRun(StoreSamples.run("run_1", fence: 2)))
      try await store.commit(StoreSamples.append("run_1", fence: 2, from: 1, count: 2))
      let before = try await store.run(RunID("run_1"))
      try await store.expectRefusal(.staleGuard, StoreSamples.append("run_1", fence: 1, from: 3))
      try await store.expectRefusal(.staleGuard, StoreSamples.append("run_1", fence: 3, from: 3))
      try await store.expectRefusal(.staleGuard, StoreSamples.append("run_1", fence: 2, from: 2))
      try await store.expectRefusal(.staleGuard, StoreSamples.append("run_1", fence: 2, from: 4))
      try await store.expectRefusal(.staleGuard, StoreSamples.append("run_9", from: 1))
      try expect(try await store.run(RunID("run_1")), before)
      try expect(try await store.journal(of: RunID("run_1"), after: .none, limit: 9).count, 2)
    },
    Case("a refused transaction leaves nothing behind, wherever in it the refusal comes") { store in
      try await store.commit(.insertRun(StoreSamples.run("run_1")))
      let rest: [Mutation] = [
        .insertRun(StoreSamples.run("run_2")), StoreSamples.append("run_1", from: 1),
        .insertEffect(StoreSamples.effect("eff_1", run: "run_1")), .placeHold(StoreSamples.hold("eff_1")),
        .settleHold(StoreSamples.charge("eff_2")), .putDefinition(DefinitionHash("d1"), [1]),
        .putAgent(AgentRow(name: StoreSamples.agent)),
      ]
      let bad = StoreSamples.append("run_1", fence: 9, from: 1)
      for place in 0...rest.count {
        var mutations = rest
        mutations.insert(bad, at: place)
        do throws(StoreError) {
          try await store.commit(StoreTransaction(.written, mutations))
          throw StoreError(.inputOutput, "the transaction was accepted")
        } catch { try expect(error.code, .staleGuard) }
        try expect(try await store.run(RunID("run_2")), nil)
        try expect(try await store.run(RunID("run_1"))?.head, JournalSequence.none)
        try expect(try await store.effects(of: RunID("run_1")), [])
        try expect(try await store.openHolds(), [])
        try expect(try await store.counters(), [])
        try expect(try await store.charges(ChargeQuery()), [])
        try expect(try await store.definition(DefinitionHash("d1")), nil)
        try expect(try await store.agents(), [])
      }
      try await store.commit(StoreTransaction(.written, rest))
      try expect(try await store.run(RunID("run_1"))?.head, JournalSequence(1))
    },
    Case("mutations of one transaction see those before them") { store in
      try await store.commit(
        .insertRun(StoreSamples.run("run_1")), StoreSamples.append("run_1", from: 1),
        .takeFence(run: RunID("run_1"), from: FencingToken(1), to: FencingToken(2)),
        StoreSamples.append("run_1", fence: 2, from: 2, status: .completed), .deleteRun(RunID("run_1")),
        .insertRun(StoreSamples.run("run_1", fence: 5)))
      try expect(try await store.run(RunID("run_1"))?.fence, FencingToken(5))
    },
    Case("payloads around the limit of a row are read back") { store in
      try await store.commit(.insertRun(StoreSamples.run("run_1")))
      var sequence: Int64 = 0
      for size in [-64, -1, 0, 1, 64, 100_000] {
        sequence += 1
        let text = String(repeating: "x", count: StoreLimits.inlinePayloadBytes + size)
        var summary = RunSummary(status: .running, updatedAt: StoreSamples.time(sequence))
        summary.output = .string(text)
        let entry = StoreSamples.entry(sequence, .stepRecorded(path: StepPath("s"), value: .string(text)))
        try await store.commit(
          .append(run: RunID("run_1"), fence: FencingToken(1), entries: [entry], summary: summary))
        try expect(
          try await store.journal(of: RunID("run_1"), after: JournalSequence(sequence - 1), limit: 1), [entry])
        try expect(try await store.run(RunID("run_1"))?.summary, summary)
      }
      let input = JSONValue.string(String(repeating: "y", count: 1 << 20))
      try await store.commit(.insertRun(StoreSamples.run("run_2", input: input)))
      try expect(try await store.run(RunID("run_2"))?.input, input)
    },
    Case("a value that nests as deep as the parser allows is kept, a deeper one is refused") { store in
      func nested(_ depth: Int) -> JSONValue { (0..<depth).reduce(.int(1)) { value, _ in .array([value]) } }
      try await store.commit(.insertRun(StoreSamples.run("run_1", input: nested(JSONValue.maxDepth))))
      let entry = StoreSamples.entry(1, .completed(output: nested(JSONValue.maxDepth)))
      let summary = RunSummary(status: .completed, updatedAt: StoreSamples.time(1))
      try await store.commit(.append(run: RunID("run_1"), fence: FencingToken(1), entries: [entry], summary: summary))
      try expect(try await store.journal(of: RunID("run_1"), after: .none, limit: 1), [entry])
      let tooDeep = nested(JSONValue.maxDepth + 1)
      try await store.expectRefusal(.tooLarge, .insertRun(StoreSamples.run("run_2", input: tooDeep)))
    },
    Case("an entry over its limit is refused and the store goes on") { store in
      try await store.commit(.insertRun(StoreSamples.run("run_1")))
      let entry = StoreSamples.entry(
        1, .stepRecorded(path: StepPath("s"), value: .string(String(repeating: "x", count: StoreLimits.entryBytes))))
      let summary = RunSummary(status: .running, updatedAt: StoreSamples.time(1))
      try await store.expectRefusal(
        .tooLarge,
        .append(run: RunID("run_1"), fence: FencingToken(1), entries: [entry], summary: summary))
      try await store.commit(StoreSamples.append("run_1", from: 1))
    },
  ]
}
