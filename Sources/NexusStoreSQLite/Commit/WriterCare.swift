// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusStore

/// What the writer's thread does between commits: flushes that `relaxed` owes, and checkpoints.
struct WriterCare {
  private var logPages = 0
  private var owesFlush = false
  /// When the present debt of a flush began.
  private var owesSince: Instant?
  /// When the length of the log last changed.
  private var changedAt = Instant(nanoseconds: 0)
  /// The length of the log after the last checkpoint: until it changes there is nothing to copy.
  private(set) var settledPages = 0
  /// Nothing is tried before this, after something failed.
  private var notBefore: Instant?

  /// Looks at the writer after a commit or a wait.
  mutating func look(at writer: StoreWriter?, now: Instant) {
    let pages = writer?.connection.logPages ?? 0
    if pages != logPages {
      logPages = pages
      changedAt = now
    }
    let owes = writer?.owesFlush ?? false
    if owes, !owesFlush { owesSince = now }
    if !owes { owesSince = nil }
    owesFlush = owes
  }

  private var isCheckpointWorthIt: Bool { logPages >= StoreMaintenance.idlePages && logPages != settledPages }

  func isDue(at now: Instant) -> Bool {
    if let notBefore, now < notBefore { return false }
    if let owesSince, now - owesSince >= StoreMaintenance.flushAfter { return true }
    guard isCheckpointWorthIt else { return false }
    return logPages - settledPages >= StoreMaintenance.checkpointPages || now - changedAt >= StoreMaintenance.idleAfter
  }

  /// How long to wait for a signal; nil where nothing is going to be due by itself.
  func timeout(at now: Instant) -> Duration? {
    var due: Instant?
    if let owesSince { due = owesSince + StoreMaintenance.flushAfter }
    if isCheckpointWorthIt { due = min(due ?? Instant(nanoseconds: .max), changedAt + StoreMaintenance.idleAfter) }
    guard let due else { return nil }
    return max(max(due, notBefore ?? due) - now, .milliseconds(1))
  }

  /// How long to wait while a submitter writes.
  var waitsWhileBusy: Duration? { owesFlush || isCheckpointWorthIt ? StoreMaintenance.flushAfter : nil }

  mutating func perform(_ writer: inout StoreWriter?, at now: Instant) {
    guard writer != nil else { return }
    notBefore = nil
    do throws(StoreError) {
      if owesFlush { try writer?.flush() }
      if isCheckpointWorthIt {
        try writer?.checkpoint(truncating: logPages >= StoreMaintenance.truncatePages)
      }
    } catch {
      // The commits stand in the log; only the tidying failed. A full disk or a slow reader goes away.
      notBefore = now + StoreMaintenance.retryAfter
    }
    logPages = writer?.connection.logPages ?? 0
    settledPages = logPages
    changedAt = now
    owesFlush = writer?.owesFlush ?? false
    if !owesFlush { owesSince = nil }
  }
}
