// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
package import NexusStore

/// What was removed, or would be.
package struct PruneReport: Sendable, Hashable {
  package var runs = 0
  /// The first of them, the newest first.
  package var examples: [RunID] = []
  package init() {}
}

// How runs that are over leave the database.
extension RunExecutor {
  /// How many rows go at a time: between two batches everybody else has the writer.
  static let pruneRows = 128
  /// How many runs are removed at a time, if they are short.
  static let pruneRuns = 8
  /// How many runs are looked at in one page.
  private static let prunePage = 256
  /// How many removed runs a report names.
  private static let maxExamples = 20
  /// The time between two looks for runs that are kept long enough.
  static let retentionPause = Duration.seconds(3_600)

  /// Removes runs that are over long enough, in small batches.
  ///
  /// - Parameters:
  ///   - retention: how long which runs are kept.
  ///   - dryRun: nothing is removed, only counted.
  /// - Throws: `StoreError`; what was removed before is gone. A run that was removed in part goes the next time.
  /// - Returns: what went, or would.
  package func prune(_ retention: RetentionSpec, dryRun: Bool) async throws(StoreError) -> PruneReport {
    var report = PruneReport()
    guard let least = retention.least else { return report }
    let now = services.clock.wallNow()
    var before = RunID.first(at: now + (.zero - least))
    while !isStopping, !Task.isCancelled {
      let page = try await services.store.runs(
        RunQuery(
          statuses: Set(RunStatus.allCases.filter(\.isFinal)).union([.halted]), before: before, limit: Self.prunePage))
      guard let last = page.last else { return report }
      var gone: [RunID] = []
      for run in page where isOver(run, retention, at: now) {
        guard try await !isAwaited(run) else { continue }
        gone.append(run.id)
        report.runs += 1
        if report.examples.count < Self.maxExamples { report.examples.append(run.id) }
      }
      if !dryRun { try await remove(gone) }
      before = last.id
    }
    return report
  }

  /// What is being removed goes whatever is kept; what is still under way here stays.
  private func isOver(_ run: RunRecord, _ retention: RetentionSpec, at now: WallTime) -> Bool {
    guard mayRest(run.id) else { return false }
    return run.isPruned || retention.isOver(run.summary.status, endedAt: run.summary.endedAt, at: now)
  }

  /// Its parent is not over, and may still ask how it ended.
  private func isAwaited(_ run: RunRecord) async throws(StoreError) -> Bool {
    guard let parent = run.parent, !run.isPruned, let above = try await services.store.run(parent) else { return false }
    return !above.summary.status.isFinal
  }

  private func remove(_ runs: [RunID]) async throws(StoreError) {
    var rest = runs[...]
    while !rest.isEmpty {
      // Nobody takes them up meanwhile.
      let some = rest.prefix(Self.pruneRuns).filter { reserve($0) }
      rest = rest.dropFirst(Self.pruneRuns)
      defer { for run in some { unreserve(run) } }
      do {
        let mutations = some.map { Mutation.pruneRun($0, rows: Self.pruneRows / Self.pruneRuns) }
        try await services.store.commit(StoreTransaction(.written, mutations))
      } catch {
        // One of them has gone already: each is looked at by itself.
        guard error.code == .notFound else { throw error }
      }
      try await pause()
      for run in some { try await finish(run) }
    }
  }

  /// Removes what the first batch has left of a run.
  private func finish(_ run: RunID) async throws(StoreError) {
    while try await services.store.run(run) != nil {
      do {
        try await services.store.commit(StoreTransaction(.written, [.pruneRun(run, rows: Self.pruneRows)]))
      } catch {
        if error.code == .notFound { break }
        throw error
      }
      try await pause()
    }
    removeFolder(of: run)
  }

  private func pause() async throws(StoreError) {
    do { try await services.clock.sleep(until: services.clock.now() + services.prunePause) } catch {
      throw StoreError(.closed, "the node is shutting down")
    }
  }

  /// What its attempts left in their folders.
  private nonisolated func removeFolder(of run: RunID) {
    let folder = services.stateDirectory + "/runs/" + run.text
    guard Files.exists(folder) else { return }
    // What cannot be removed is in nobody's way.
    do throws(FileError) { try Files.removeTree(folder) } catch { return }
  }

  /// Removes what is kept long enough, now and every hour, until the node goes down.
  ///
  /// - Parameter failed: told why something could not be removed; it is tried again.
  package nonisolated func beginRetention(failed: @escaping @Sendable (StoreError) -> Void) {
    work.spawn("retention") { await self.retain(failed) }
  }

  private func retain(_ failed: @Sendable (StoreError) -> Void) async {
    while !isStopping, !Task.isCancelled {
      do throws(StoreError) {
        _ = try await prune(plan.retention, dryRun: false)
      } catch {
        failed(error)
      }
      do { try await services.clock.sleep(until: services.clock.now() + Self.retentionPause) } catch { return }
    }
  }
}

extension RunRecord {
  /// Only a part of it is left.
  var isPruned: Bool { summary.status == .halted && summary.error?.code == RunError.pruned.code }
}
