// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusStore

/// What was submitted and not yet taken, and whose turn it is to write: decided under one short lock.
///
/// Whoever makes `isBusy` true owns the writer until it makes it false again; that is either the writer's thread or a
/// submitter that found the writer idle.
struct CommitQueue {
  typealias SettlingWaiter = @Sendable (Result<Void, StoreError>) -> Void

  /// A batch takes at most this many entries and, beyond its first transaction, this many bytes.
  static let batchEntries = 2048
  static let batchBytes = 4 << 20
  /// A submitter writes at most this many transactions on its own thread.
  static let inlineTransactions = 16

  enum Phase { case opening, open, closing, closed }

  var phase = Phase.opening
  var isBusy = false
  /// Whether the writer's thread will look at the writer by itself within the time of its care.
  var isThreadWatching = false
  /// Whether the writer's thread found the writer busy when a checkpoint or a flush was due: the next turn is its own.
  var isThreadWanted = false
  /// The length of the log after the last checkpoint.
  var settledPages = 0
  /// Who waits for the end.
  var closers: [CheckedContinuation<Void, Never>] = []
  private(set) var waiting: [Submission] = []
  private var syncedWaiting = 0

  // MARK: Acknowledged ahead

  /// Nil where the device has no space for one.
  var log: WrittenLog?
  /// Whether no commit is on the disk when it is told of, not even a synced one.
  var isRelaxed = false
  /// How many transactions nobody has been told of yet, taken ones included.
  private var untold = 0
  /// The last acknowledged transaction that the database has.
  private var settled: Int64 = 0
  /// Why acknowledged transactions could not be brought into the database at the last try.
  private(set) var stall: StoreError?
  /// They could not even when the store closed: they stay in the log for the next opening.
  private(set) var hasGivenUp = false
  /// How many bytes of records came since the writer last took what waited.
  private var lingeringBytes = 0
  /// Somebody waits for what is acknowledged to be in the database.
  private(set) var isSettlingWanted = false
  private var waitingForSettling: [(sequence: Int64, waiter: SettlingWaiter)] = []

  var isEmpty: Bool { waiting.isEmpty }

  /// Whether a submitter may write what waits: never anything that ends in an fsync.
  var canCommitInline: Bool {
    !isBusy && !isThreadWanted && syncedWaiting == 0 && !waiting.isEmpty && stall == nil && phase == .open
      && waiting.count <= Self.inlineTransactions
  }

  /// Whether all that waits is acknowledged, so that it may wait a little longer for company.
  var mayLinger: Bool { untold == 0 && !isSettlingWanted && !isCrowded && phase == .open }

  /// Whether so much lingers that the writer should not wait.
  private var isCrowded: Bool { lingeringBytes >= WrittenLog.crowdedBytes }

  /// Acknowledges a transaction ahead of its commit, if it may be and the log takes it.
  ///
  /// Not while anything before it has yet to be told of: what is acknowledged stays in the order of submission.
  ///
  /// - Returns: nil if it is not acknowledged, else whether the writer's thread has to be woken: for the first, and when
  ///   too much lingers; while it has work it looks again by itself.
  mutating func acknowledge(_ submission: Submission, _ record: inout LogRecord?) -> Bool? {
    guard let count = record?.bytes.count, untold == 0, stall == nil, log?.append(&record) == true else { return nil }
    var submission = submission
    submission.sequence = log?.sequence
    waiting.append(submission)
    let wasCrowded = isCrowded
    lingeringBytes += count
    return !isBusy && (waiting.count == 1 || isCrowded != wasCrowded)
  }

  mutating func append(_ submission: Submission) {
    var submission = submission
    submission.endsLog = log?.isOver == true
    waiting.append(submission)
    untold += 1
    if submission.commitClass == .synced { syncedWaiting += 1 }
  }

  /// A batch was tried: acknowledged transactions that did not get into the database wait in front again.
  ///
  /// - Returns: who is to be told now: those who waited for them, and whatever stands behind what failed.
  mutating func tried(
    _ batch: [Submission], _ results: [Result<Void, StoreError>], trustsLog: Bool
  ) -> [(SettlingWaiter, Result<Void, StoreError>)] {
    if !trustsLog { log?.close() }
    var failed: [Submission] = []
    stall = nil
    for (submission, result) in zip(batch, results) {
      guard let sequence = submission.sequence else {
        untold -= 1
        if case .success = result, let mark = submission.mark {
          settled = max(settled, mark)
          log?.skip(to: mark)
        }
        continue
      }
      switch result {
      case .success: settled = sequence
      case .failure(let error):
        if stall == nil { stall = error }
        failed.append(submission)
      }
    }
    log?.settle(through: settled)
    guard let stall else { return takeWaiters(through: settled, .success(())) }
    hasGivenUp = phase == .closing
    // Nothing may stand that came after what failed.
    let behind = waiting.filter { $0.sequence == nil }
    waiting = failed + waiting.filter { $0.sequence != nil }
    untold -= behind.count
    syncedWaiting = 0
    return takeWaiters(through: .max, .failure(stall)) + behind.map { ($0.completion, .failure(stall)) }
  }

  private mutating func takeWaiters(
    through sequence: Int64, _ result: Result<Void, StoreError>
  ) -> [(SettlingWaiter, Result<Void, StoreError>)] {
    guard !waitingForSettling.isEmpty else { return [] }
    let over = waitingForSettling.filter { $0.sequence <= sequence }
    waitingForSettling.removeAll { $0.sequence <= sequence }
    isSettlingWanted = !waitingForSettling.isEmpty
    return over.map { ($0.waiter, result) }
  }

  /// Calls the waiter when all that is acknowledged now is in the database; false if it is.
  mutating func wait(_ waiter: @escaping SettlingWaiter) -> Bool {
    guard let sequence = log?.sequence, sequence > settled else { return false }
    waitingForSettling.append((sequence, waiter))
    isSettlingWanted = true
    return true
  }

  /// The store is closed: what could not be brought into the database stays in the log for the next opening.
  ///
  /// - Returns: who still waits for it.
  mutating func close() -> [(SettlingWaiter, Result<Void, StoreError>)] {
    phase = .closed
    log = nil
    return takeWaiters(through: .max, .failure(StoreError(.closed, "the store is closed")))
  }

  /// Takes from the front as much as one commit may carry, at least one transaction.
  mutating func takeBatch() -> [Submission] {
    var count = 0
    var entries = 0
    var bytes = 0
    for submission in waiting {
      entries += submission.entryCount
      bytes += submission.byteCount
      if count > 0, entries > Self.batchEntries || bytes > Self.batchBytes { break }
      count += 1
    }
    var batch: [Submission]
    lingeringBytes = 0
    if count == waiting.count {
      batch = waiting
      waiting = []
      syncedWaiting = 0
    } else {
      batch = Array(waiting[..<count])
      waiting.removeFirst(count)
      syncedWaiting -= batch.count { $0.commitClass == .synced }
    }
    mark(&batch)
    return batch
  }

  /// Gives a commit that a power loss may take a number of the written log.
  ///
  /// What the log takes after it may reach the disk before it does, and would be brought back without it. While it has
  /// not been told of, the log takes nothing, so the next number stays free.
  private func mark(_ batch: inout [Submission]) {
    guard let log, !log.isOver, isRelaxed || !batch.contains(where: { $0.commitClass == .synced }) else { return }
    for index in batch.indices where batch[index].sequence == nil { batch[index].mark = log.sequence + 1 }
  }

  // MARK: Batches

  /// Puts a batch back that could not be started; what came meanwhile stays behind it.
  mutating func putBack(_ batch: [Submission]) {
    waiting.insert(contentsOf: batch, at: 0)
    syncedWaiting += batch.count { $0.commitClass == .synced }
  }
}
