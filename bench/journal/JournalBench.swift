// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore
internal import NexusKernel
internal import NexusStore
internal import NexusStoreSQLite

/// Measures durable appends: `naos-bench DATABASE WRITERS SECONDS [ENTRIES]`; for lists see `ListBench`.
///
/// Writers append one synced entry each, or as many as are asked for, to a run of their own and wait for the commit,
/// again and again. Prints the appends a second, as the C program beside it does.
@main
struct JournalBench {
  static func main() async throws {
    let arguments = CommandLine.arguments
    if arguments.count == 4, arguments[1] == "lists", let runs = Int(arguments[3]) {
      return try await ListBench.measure(path: arguments[2], runs: runs)
    }
    if arguments.count == 3, arguments[1] == "gates" { return try GatesBench.measure(path: arguments[2]) }
    if arguments.count == 5, arguments[1] == "audit", let writers = Int(arguments[3]), let seconds = Int64(arguments[4])
    {
      return try await AuditBench.measure(path: arguments[2], writers: writers, duration: .seconds(seconds))
    }
    guard (4...5).contains(arguments.count), let writers = Int(arguments[2]), let seconds = Int64(arguments[3]),
      let entries = arguments.count == 5 ? Int(arguments[4]) : 1, entries > 0
    else {
      print(
        "usage: naos-bench DATABASE WRITERS SECONDS [ENTRIES] | naos-bench lists DATABASE RUNS | naos-bench audit "
          + "DATABASE WRITERS SECONDS | naos-bench gates CASE")
      exit(2)
    }
    let rate = try await appendsPerSecond(
      path: arguments[1], writers: writers, duration: .seconds(seconds), entries: entries)
    print(rate)
  }

  /// Off the main actor, whose every hop is a thread switch.
  @concurrent
  private static func appendsPerSecond(path: String, writers: Int, duration: Duration, entries: Int) async throws
    -> Int64
  {
    let clock = SystemClock()
    let store = try await SQLiteStore.open(path: path, durability: .sync, clock: clock)
    let ids = IdentifierSource(clock: clock, random: SystemRandom())
    let runs = (0..<writers).map { _ in ids.run() }
    for run in runs { try await store.commit(creation(of: run, at: clock.wallNow())) }

    let start = clock.now()
    let deadline = start + duration
    let appends = try await withThrowingTaskGroup(of: Int64.self) { group in
      for run in runs {
        group.addTask { try await write(entries, to: run, of: store, clock: clock, until: deadline) }
      }
      return try await group.reduce(0, +)
    }
    let elapsed = (clock.now() - start).wholeMilliseconds
    await store.close()
    return appends * 1000 / max(1, elapsed)
  }

  private static func creation(of run: RunID, at time: WallTime) -> StoreTransaction {
    let record = RunRecord(
      id: run, kind: .agent, name: "bench", definition: DefinitionHash("d"), input: [:], idempotencyKey: nil,
      createdAt: time, fence: FencingToken(1), head: .none, summary: RunSummary(status: .running, updatedAt: time))
    return StoreTransaction(.synced, [.insertRun(record)])
  }

  static let value: JSONValue = [
    "title": "Sagas",
    "text": """
    If step five fails, the compensations of the steps before it run in reverse order, each as a step of its own with \
    its own retries, and the run ends compensated.
    """,
  ]

  private static func write(
    _ count: Int, to run: RunID, of store: SQLiteStore, clock: SystemClock, until deadline: Instant
  ) async throws -> Int64 {
    var head = JournalSequence.none
    var appends: Int64 = 0
    while clock.now() < deadline {
      let time = clock.wallNow()
      var entries: [JournalEntry] = []
      for _ in 0..<count {
        head = head.next
        entries.append(
          JournalEntry(
            sequence: head, at: time, entry: .stepRecorded(path: StepPath("research[2].draft"), value: value)))
      }
      let summary = RunSummary(status: .running, updatedAt: time)
      try await store.commit(
        StoreTransaction(
          .synced, [.append(run: run, fence: FencingToken(1), entries: entries, summary: summary)]))
      appends += 1
    }
    return appends
  }
}
