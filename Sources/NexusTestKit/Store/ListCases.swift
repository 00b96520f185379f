// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

extension StoreConformance {
  static let listCases: [Case] = [
    Case("runs are listed by kind, parent, reason and code, and by all of them at once") { store in
      try await store.commit(StoreTransaction(.synced, family.map { .insertRun($0) }))
      try expect(try await ids(store, RunQuery()), "987654321")
      try expect(try await ids(store, RunQuery(kinds: [.saga])), "84")
      try expect(try await ids(store, RunQuery(kinds: [.saga, .pool])), "854")
      try expect(try await ids(store, RunQuery(topLevelOnly: true)), "98541")
      try expect(try await ids(store, RunQuery(topLevelOnly: true, before: RunID("run_8"), limit: 2)), "54")
      try expect(try await ids(store, RunQuery(parent: RunID("run_1"))), "632")
      try expect(try await ids(store, RunQuery(parent: RunID("run_1"), limit: 2)), "63")
      try expect(try await ids(store, RunQuery(statuses: [.failed], parent: RunID("run_1"))), "3")
      try expect(try await ids(store, RunQuery(parent: RunID("run_1"), topLevelOnly: true)), "")
      try expect(try await ids(store, RunQuery(parent: RunID("run_2"))), "")
      try expect(try await ids(store, RunQuery(reasons: [.person, .compensation])), "84")
      try expect(try await ids(store, RunQuery(reasons: [.compensation])), "4")
      try expect(try await ids(store, RunQuery(statuses: [.running], reasons: [.person])), "")
      try expect(try await ids(store, RunQuery(errorCode: "NX-AGT-001")), "93")
      try expect(try await ids(store, RunQuery(errorCode: "NX-AGT-001", topLevelOnly: true)), "9")
      try expect(try await ids(store, RunQuery(errorCode: "NX-AGT-001", parent: RunID("run_1"))), "3")
      try expect(try await ids(store, RunQuery(errorCode: "made up")), "7")
      try expect(try await ids(store, RunQuery(errorCode: "*")), "")
      try expect(try await ids(store, RunQuery(errorCode: "made up", parent: RunID("run_4"))), "7")
      try expect(try await ids(store, RunQuery(errorCode: "NX-AGT-009")), "")
      // What a person has to look at.
      try expect(try await ids(store, RunQuery(statuses: [.paused, .failed])), "9843")
      try expect(try await ids(store, RunQuery(statuses: [.paused, .failed], topLevelOnly: true)), "984")
      try expect(
        try await ids(
          store, RunQuery(name: "undo", kinds: [.saga, .agent], statuses: [.paused], reasons: [.compensation])), "4")
      try expect(try await ids(store, RunQuery(after: RunID("run_6"))), "987")
      try expect(
        try await ids(store, RunQuery(topLevelOnly: true, before: RunID("run_9"), after: RunID("run_1"))), "854")
      try expect(try await store.runCounts(), [.running: 4, .completed: 1, .failed: 2, .paused: 2])
    },
    Case("a list follows its runs from status to status, and forgets deleted ones") { store in
      try await store.commit(StoreTransaction(.synced, family.map { .insertRun($0) }))
      var summary = RunSummary(status: .failed, updatedAt: StoreSamples.time(2))
      summary.error = RunError(code: "NX-AGT-001", message: "exit 1")
      func append(_ run: String, _ sequence: Int64, _ summary: RunSummary) -> Mutation {
        .append(
          run: RunID(run), fence: FencingToken(1), entries: [StoreSamples.entry(sequence)], summary: summary)
      }
      try await store.commit(append("run_1", 1, summary))
      try expect(try await ids(store, RunQuery(errorCode: "NX-AGT-001")), "931")
      try expect(try await ids(store, RunQuery(statuses: [.failed])), "931")
      summary.error = RunError(code: "agent's own", message: "exit 1")
      try await store.commit(append("run_1", 2, summary))
      try expect(try await ids(store, RunQuery(errorCode: "NX-AGT-001")), "93")
      try expect(try await ids(store, RunQuery(errorCode: "agent's own")), "1")
      summary = RunSummary(status: .paused, updatedAt: StoreSamples.time(3))
      summary.pauseReason = .exhausted
      try await store.commit(append("run_1", 3, summary))
      summary.pauseReason = .unknown
      // Refused, and with it the change of the row.
      try await store.expectRefusal(.staleGuard, append("run_1", 4, summary), append("run_1", 9, summary))
      try expect(try await ids(store, RunQuery(reasons: [.exhausted, .unknown])), "1")
      try expect(try await ids(store, RunQuery(reasons: [.unknown])), "")
      try expect(try await store.runCounts(), [.running: 3, .completed: 1, .failed: 2, .paused: 3])
      try await store.commit(append("run_1", 4, RunSummary(status: .completed, updatedAt: StoreSamples.time(4))))
      try await store.commit(.deleteRun(RunID("run_5")))
      try expect(try await store.runCounts(), [.running: 3, .completed: 1, .failed: 2, .paused: 2])
      try await store.commit(.deleteRun(RunID("run_1")))
      try expect(try await ids(store, RunQuery(statuses: [.completed])), "")
      try expect(try await store.runCounts(), [.running: 3, .failed: 2, .paused: 2])
      // What steps of a run began outlives it.
      try expect(try await ids(store, RunQuery(parent: RunID("run_1"))), "632")
    },
    Case("pages of a list that many kinds of runs share are whole and in order") { store in
      var runs: [RunRecord] = []
      for index in 100..<400 {
        let status = RunStatus.allCases[index * 7 % 12]
        let kind = RunKind.allCases[index * 5 % 4]
        var run = StoreSamples.run("run_\(index)", kind: kind, name: "n\(index % 5)", status: status)
        if index % 3 == 0 { run.parent = RunID("run_\(index / 100)00") }
        runs.append(run)
      }
      try await store.commit(StoreTransaction(.synced, runs.indices.map { .insertRun(runs[$0 * 7 % 300]) }))
      for query in [
        RunQuery(limit: 7), RunQuery(topLevelOnly: true, limit: 7), RunQuery(kinds: [.saga, .agent], limit: 10),
        RunQuery(name: "n2", limit: 3), RunQuery(statuses: [.failed, .paused, .queued], limit: 8),
        RunQuery(parent: RunID("run_200"), limit: 9),
      ] {
        var page = query
        var found: [String] = []
        while true {
          let records = try await store.runs(page)
          found += records.map(\.id.text)
          guard records.count == query.limit else { break }
          page.before = records.last?.id
        }
        let wanted = runs.reversed().filter { run in
          (query.name.map { $0 == run.name } ?? true) && (query.kinds.isEmpty || query.kinds.contains(run.kind))
            && (query.statuses.isEmpty || query.statuses.contains(run.summary.status))
            && (query.parent.map { $0 == run.parent } ?? true) && (!query.topLevelOnly || run.parent == nil)
        }
        try expect(found, wanted.map(\.id.text))
      }
    },
    Case("a time is the smallest id of its moment") { store in
      let clock = ManualClock(wall: StoreSamples.time(1_795_412_220))
      let ids = IdentifierSource(clock: clock, random: SeededRandom(seed: 1))
      let early = ids.run()
      clock.advance(by: .milliseconds(1))
      let late = ids.run()
      try await store.commit(
        .insertRun(StoreSamples.run(early.text)), .insertRun(StoreSamples.run(late.text)))
      let moment = RunID.first(at: clock.wallNow())
      try expect(try await store.runs(RunQuery(after: moment)).map(\.id), [late])
      try expect(try await store.runs(RunQuery(before: moment)).map(\.id), [early])
    },
  ]

  private static func ids(_ store: any Store, _ query: RunQuery) async throws -> String {
    try await store.runs(query).map { String($0.id.text.dropFirst(4)) }.joined()
  }

  private static func run(
    _ id: Int, _ kind: RunKind, _ name: String, _ status: RunStatus, parent: Int? = nil, reason: PauseReason? = nil,
    code: String? = nil
  ) -> RunRecord {
    var run = StoreSamples.run(
      "run_\(id)", kind: kind, name: name, status: status, parent: parent.map { "run_\($0)" })
    run.summary.pauseReason = reason
    run.summary.error = code.map { RunError(code: $0, message: "no") }
    return run
  }

  /// A workflow with three runs of its own, one of which failed, a saga that cannot undo, and others.
  private static let family = [
    run(1, .workflow, "blog", .running), run(2, .agent, "researcher", .running, parent: 1),
    run(3, .agent, "researcher", .failed, parent: 1, code: "NX-AGT-001"),
    run(4, .saga, "undo", .paused, reason: .compensation), run(5, .pool, "vote", .completed),
    run(6, .agent, "writer", .running, parent: 1), run(7, .agent, "writer", .running, parent: 4, code: "made up"),
    run(8, .saga, "undo", .paused, reason: .person), run(9, .agent, "researcher", .failed, code: "NX-AGT-001"),
  ]
}
