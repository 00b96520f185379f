// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore
internal import NexusKernel
internal import NexusStore
internal import NexusStoreSQLite

/// Measures a store with very many runs: `naos-bench lists DATABASE RUNS`.
///
/// Inserts finished runs of many names and kinds, a third of them begun by others, then a thousand runs under way with a
/// hundred entries each, and prints the worst of several tries of each list, a line each.
enum ListBench {
  private static let tries = 5

  @concurrent
  static func measure(path: String, runs: Int) async throws {
    let clock = SystemClock()
    let store = try await SQLiteStore.open(path: path, durability: .relaxed, clock: clock)
    let empty = try fileBytes(path)
    let start = clock.now()
    try await insert(runs, into: store, clock: clock)
    report("inserted \(runs) finished runs", clock.now() - start)
    await store.close()
    let filled = try fileBytes(path)
    print("bytes per finished run, with its entry: \((filled - empty) / Int64(max(1, runs)))")

    let again = try await SQLiteStore.open(path: path, durability: .relaxed, clock: clock)
    try await readLists(again, clock: clock)
    try await recover(again, clock: clock)
    await again.close()
    print("bytes per step entry: \((try fileBytes(path) - filled) / Int64(underWay * entriesUnderWay))")
  }

  private static func report(_ what: String, _ time: Duration) {
    let microseconds = time.wholeNanoseconds / 1000
    let fraction = String(1000 + microseconds % 1000).dropFirst()
    print("\(what): \(microseconds / 1000).\(fraction) ms")
  }

  private static func fileBytes(_ path: String) throws -> Int64 {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { throw StoreError(.inputOutput, "\(path) cannot be measured") }
    return Int64(status.st_size)
  }

  // MARK: Filling

  private static let batch = 1000

  private static func record(_ index: Int, of base: WallTime) -> RunRecord {
    let at = base + .milliseconds(index)
    let kind = RunKind.allCases[index % 4]
    var summary = RunSummary(status: .completed, updatedAt: at)
    switch index % 50 {
    case 0...3:
      summary.status = .failed
      summary.error = RunError(code: "NX-AGT-00\(1 + index / 50 % 9)", message: "the agent ended with exit code 3")
    case 4:
      summary.status = index % 1000 == 4 ? .paused : .cancelled
      if summary.status == .paused { summary.pauseReason = PauseReason.allCases[index / 1000 % 7] }
    default: summary.output = ["title": "Sagas", "words": 812]
    }
    summary.endedAt = at
    return RunRecord(
      id: id(index, of: base), kind: kind, name: "\(kind.rawValue)-\(index / 4 % 25)", definition: DefinitionHash("d"),
      input: ["topic": "sagas"], idempotencyKey: nil, createdAt: at, fence: FencingToken(1), head: .none,
      summary: summary, parent: index % 3 == 2 ? id(index - index % 300, of: base) : nil)
  }

  /// Ids as they are made, but for the random part.
  private static func id(_ index: Int, of base: WallTime) -> RunID {
    let milliseconds = UInt64((base + .milliseconds(index)).microseconds / 1000)
    return RunID("run_" + Crockford.encode(high: milliseconds << 16 | 0x7000, low: 0x9E37_79B9_7F4A_7C15))
  }

  private static let base = WallTime(microseconds: 1_790_000_000_000_000)

  private static func insert(_ runs: Int, into store: SQLiteStore, clock: SystemClock) async throws {
    for start in stride(from: 0, to: runs, by: batch) {
      var mutations: [Mutation] = []
      for index in start..<min(start + batch, runs) {
        let record = record(index, of: base)
        mutations.append(.insertRun(record))
        let entry = JournalEntry(
          sequence: JournalSequence(1), at: record.createdAt,
          entry: .created(
            RunCreation(kind: record.kind, name: record.name, input: record.input, definition: record.definition)))
        mutations.append(
          .append(run: record.id, fence: record.fence, entries: [entry], summary: record.summary))
      }
      try await store.commit(StoreTransaction(.written, mutations))
    }
  }

  // MARK: Lists

  private static let queries: [(name: String, query: RunQuery)] = [
    ("all", RunQuery(limit: 50)), ("at the top", RunQuery(topLevelOnly: true, limit: 50)),
    ("at the top, an old page", RunQuery(topLevelOnly: true, before: id(1000, of: base), limit: 50)),
    ("one name", RunQuery(name: "saga-3", topLevelOnly: true, limit: 50)),
    ("a name that is not there", RunQuery(name: "none", limit: 50)),
    ("one kind", RunQuery(kinds: [.pool], limit: 50)),
    ("two kinds and two statuses", RunQuery(kinds: [.pool, .saga], statuses: [.failed, .completed], limit: 50)),
    ("dead letters", RunQuery(statuses: [.paused, .failed], topLevelOnly: true, limit: 50)),
    ("unfinished", RunQuery(statuses: [.queued, .running, .suspended], limit: 500)),
    ("one reason", RunQuery(reasons: [.compensation], limit: 50)),
    ("one code", RunQuery(errorCode: "NX-AGT-004", limit: 50)),
    ("a name, a status and a code", RunQuery(name: "agent-7", statuses: [.failed], errorCode: "NX-AGT-009", limit: 50)),
    ("children", RunQuery(parent: id(300_000, of: base), limit: 200)),
    ("completed, 1000 of them", RunQuery(statuses: [.completed], limit: 1000)),
  ]

  private static func readLists(_ store: SQLiteStore, clock: SystemClock) async throws {
    for (name, query) in queries {
      var worst = Duration.zero
      var count = 0
      for _ in 0..<tries {
        let start = clock.now()
        count = try await store.runs(query).count
        worst = max(worst, clock.now() - start)
      }
      report("list \(name) (\(count))", worst)
    }
    let start = clock.now()
    let counts = try await store.runCounts()
    report("counts of \(counts.count) statuses", clock.now() - start)
    let middle = id(500_000, of: base)
    let show = clock.now()
    let isThere = try await store.run(middle) != nil
    let journal = try await store.journal(of: middle, after: .none, limit: 100)
    report("show (\(isThere ? journal.count : -1) entries)", clock.now() - show)
  }

  // MARK: Recovery

  private static let underWay = 10_000
  private static let entriesUnderWay = 10

  /// Takes runs under way over as the next node does.
  private static func recover(_ store: SQLiteStore, clock: SystemClock) async throws {
    let ids = IdentifierSource(clock: clock, random: SystemRandom())
    for _ in 0..<(underWay / 100) {
      var mutations: [Mutation] = []
      for _ in 0..<100 {
        let at = clock.wallNow()
        let summary = RunSummary(status: .running, updatedAt: at)
        let record = RunRecord(
          id: ids.run(), kind: .workflow, name: "under-way", definition: DefinitionHash("d"), input: [:],
          idempotencyKey: nil, createdAt: at, fence: FencingToken(1), head: .none, summary: summary)
        let entries = (1...entriesUnderWay).map { step in
          JournalEntry(
            sequence: JournalSequence(Int64(step)), at: at,
            entry: .stepCompleted(path: StepPath("research[\(step)].draft"), output: JournalBench.value))
        }
        mutations.append(.insertRun(record))
        mutations.append(.append(run: record.id, fence: record.fence, entries: entries, summary: summary))
      }
      try await store.commit(StoreTransaction(.written, mutations))
    }
    let start = clock.now()
    var before: RunID?
    var (taken, entries) = (0, 0)
    while true {
      let page = try await store.runs(RunQuery(statuses: [.queued, .running, .suspended], before: before, limit: 1000))
      guard let last = page.last else { break }
      before = last.id
      let won = try await store.takeFences(page.map { FenceClaim(run: $0.id, from: $0.fence, to: $0.fence.next) })
      taken += won.count
      try await store.forEachJournal(of: won) { _, journal throws(StoreError) in entries += try journal.get().count }
    }
    report("took \(taken) runs over with \(entries) entries", clock.now() - start)
  }
}
