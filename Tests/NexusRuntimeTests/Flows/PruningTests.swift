// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct `What is kept of runs` {
  /// Runs that ended in these ways, one a day, the last one an hour ago.
  private static func store(_ ends: [RunStatus], entries: Int = 3, clock: ManualClock) async throws -> InMemoryStore {
    let store = InMemoryStore()
    for (index, end) in ends.enumerated() {
      let at = clock.wallNow() + .seconds(-3_600 - 86_400 * Int64(ends.count - 1 - index))
      let id = RunID(RunID.first(at: at).text.dropLast(1) + "\(index)")
      var summary = RunSummary(status: .queued, updatedAt: at)
      let record = RunRecord(
        id: id, kind: .agent, name: "worker", definition: DefinitionHash("d"), input: .null, idempotencyKey: nil,
        createdAt: at, fence: FencingToken(1), head: .none, summary: summary, parent: nil)
      summary.status = end
      summary.endedAt = end.isFinal ? at : nil
      let journal = (1...Int64(entries)).map {
        JournalEntry(sequence: JournalSequence($0), at: at, entry: .resumed(by: "somebody"))
      }
      try await store.commit(
        .insertRun(record), .append(run: id, fence: FencingToken(1), entries: journal, summary: summary))
    }
    return store
  }

  private static func prune(
    _ retention: RetentionSpec, dryRun: Bool = false, _ ends: [RunStatus], entries: Int = 3
  ) async throws -> (report: PruneReport, left: [RunStatus]) {
    let clock = ManualClock(wall: WallTime(microseconds: 1_795_000_000_000_000))
    let store = try await store(ends, entries: entries, clock: clock)
    let box = Box()
    try await RuntimeFixture.with(store: store, clock: clock) { fixture in
      let report = try await fixture.runtime.executor.prune(retention, dryRun: dryRun)
      await box.set(report, try await store.runs(RunQuery()).map(\.summary.status))
    }
    return try #require(await box.value)
  }

  private actor Box {
    private(set) var value: (report: PruneReport, left: [RunStatus])?
    func set(_ report: PruneReport, _ left: [RunStatus]) { value = (report, left) }
  }

  @Test func `runs that are over long enough go, by the way in which they ended`() async throws {
    let (report, left) = try await Self.prune(
      RetentionSpec(completed: .seconds(86_400), failed: .seconds(3 * 86_400)),
      [.failed, .completed, .failed, .paused, .completed, .completed])
    #expect(report.runs == 4)
    #expect(left == [.completed, .paused])
  }

  @Test func `a dry run removes nothing and says how many`() async throws {
    let (report, left) = try await Self.prune(
      RetentionSpec(completed: .zero), dryRun: true, [.completed, .failed, .completed])
    #expect(report.runs == 2 && report.examples.count == 2)
    #expect(left.count == 3)
  }

  @Test func `nothing goes where nothing is said`() async throws {
    #expect(try await Self.prune(RetentionSpec(), [.completed, .failed]).left.count == 2)
  }

  @Test func `a long run goes bit by bit, to the end`() async throws {
    let (report, left) = try await Self.prune(RetentionSpec(completed: .zero), [.completed, .running], entries: 1_000)
    #expect(report.runs == 1)
    #expect(left == [.running])
  }
}
