// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusStore

/// What was submitted and not yet taken, and whose turn it is to write: decided under one short lock.
///
/// Whoever makes `isBusy` true owns the writer until it makes it false again; that is either the writer's thread or a
/// submitter that found the writer idle.
struct CommitQueue {
  /// A batch takes at most this many entries and, beyond its first transaction, this many bytes.
  static let batchEntries = 2048
  static let batchBytes = 4 << 20

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

  var isEmpty: Bool { waiting.isEmpty }

  /// Whether a submitter may write what waits: never anything that ends in an fsync.
  var canCommitInline: Bool { !isBusy && !isThreadWanted && syncedWaiting == 0 && !waiting.isEmpty && phase == .open }

  mutating func append(_ submission: Submission) {
    waiting.append(submission)
    if submission.commitClass == .synced { syncedWaiting += 1 }
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
    let batch: [Submission]
    if count == waiting.count {
      batch = waiting
      waiting = []
      syncedWaiting = 0
    } else {
      batch = Array(waiting[..<count])
      waiting.removeFirst(count)
      syncedWaiting -= batch.count { $0.commitClass == .synced }
    }
    return batch
  }

  /// Puts a batch back that could not be started; what came meanwhile stays behind it.
  mutating func putBack(_ batch: [Submission]) {
    waiting.insert(contentsOf: batch, at: 0)
    syncedWaiting += batch.count { $0.commitClass == .synced }
  }
}
