// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

extension StoreConformance {
  static let takeoverCases: [Case] = [
    Case("many fences are taken at once, each won or lost by itself") { store in
      let runs = (1...300).map { StoreSamples.run("run_\($0)", fence: Int64($0)) }
      try await store.commit(StoreTransaction(.synced, runs.map { .insertRun($0) }))
      try expect(try await store.takeFences([]), [])
      var claims = runs.map { FenceClaim(run: $0.id, from: $0.fence, to: $0.fence.next) }
      claims[10].from = FencingToken(9)
      claims[200].run = RunID("run_none")
      // The second claim of a run comes too late.
      claims.append(claims[0])
      let won = try await store.takeFences(claims)
      let lost = Set([10, 200, 300])
      try expect(won, claims.indices.filter { !lost.contains($0) }.map { claims[$0].run })
      for (index, run) in runs.enumerated() {
        let taken = index != 10 && index != 200
        try expect(try await store.run(run.id)?.fence, taken ? run.fence.next : run.fence)
      }
      try await store.expectRefusal(.staleGuard, StoreSamples.append("run_1", fence: 1, from: 1))
      try await store.commit(StoreSamples.append("run_1", fence: 2, from: 1))
    },
    Case("many journals are read at once, as each is by itself") { store in
      var asked: [RunID] = []
      for index in 1...40 {
        let run = RunID("run_\(index)")
        asked.append(run)
        try await store.commit(
          .insertRun(StoreSamples.run(run.text)), StoreSamples.append(run.text, from: 1, count: index % 7))
      }
      asked.append(RunID("run_none"))
      let journals = try await store.journals(of: asked, upTo: .max)
      try expect(journals.count, asked.count)
      for run in asked {
        try expect(try journals[run]?.get(), try await store.journal(of: run, after: .none, limit: .max))
      }
      try expect(try await store.journals(of: [], upTo: .max).count, 0)
    },
    Case("of many journals only so many are read at once as are asked for, and never none") { store in
      let runs = (1...5).map { RunID("run_\($0)") }
      for run in runs {
        let long = StoreSamples.entry(
          1, .stepRecorded(path: .main, value: .string(String(repeating: "x", count: 1000))))
        try await store.commit(
          .insertRun(StoreSamples.run(run.text)),
          .append(
            run: run, fence: FencingToken(1), entries: [long],
            summary: RunSummary(status: .running, updatedAt: StoreSamples.time(1))))
      }
      for (bytes, count) in [(1, 1), (1500, 2), (3500, 4), (.max, 5)] as [(Int64, Int)] {
        let journals = try await store.journals(of: runs, upTo: bytes)
        try expect(Set(journals.keys), Set(runs.prefix(count)))
        var seen: [RunID] = []
        try await store.forEachJournal(of: runs, upTo: bytes) { run, _ throws(StoreError) in seen.append(run) }
        try expect(seen, runs)
      }
    },
    Case("a journal over its limit is refused by name, and what settles the run still fits") { store in
      let run = RunID("run_1")
      try await store.commit(.insertRun(StoreSamples.run(run.text)), .insertRun(StoreSamples.run("run_2")))
      var sequence: Int64 = 0
      func append(_ length: Int, _ status: RunStatus) -> Mutation {
        .append(
          run: run, fence: FencingToken(1),
          entries: [
            StoreSamples.entry(
              sequence + 1, .stepRecorded(path: .main, value: .string(String(repeating: "x", count: length))))
          ], summary: RunSummary(status: status, updatedAt: StoreSamples.time(sequence)))
      }
      let large = StoreLimits.entryBytes - 1000
      for _ in 0..<16 {
        try await store.commit(append(large, .running))
        sequence += 1
      }
      do throws(StoreError) {
        try await store.commit(append(large, .suspended))
        throw StoreError(.inputOutput, "accepted")
      } catch {
        try expect(error.code, .tooLarge)
        try expect(error.message.contains(run.text), true)
      }
      try expect(try await store.run(run)?.head.value, sequence)
      // The other runs do not feel it, nor does a renewal of the row.
      try await store.commit(StoreSamples.append("run_2", from: 1))
      try await store.commit(StoreSamples.append(run.text, from: 1, count: 0))
      try await store.commit(append(large, .compensating))
      sequence += 1
      try await store.commit(append(1000, .failed))
      sequence += 1
      try await store.commit(append(large, .failed))
      sequence += 1
      try await store.expectRefusal(.tooLarge, append(large, .failed))
      try await store.commit(.deleteRun(run), .insertRun(StoreSamples.run(run.text)))
      sequence = 0
      try await store.commit(append(large, .running))
    },
  ]
}
