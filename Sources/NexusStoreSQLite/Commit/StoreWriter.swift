// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusStore

/// The one writing connection: turns a batch of transactions into one commit.
struct StoreWriter {
  /// The answer for a batch.
  enum Outcome {
    /// One result for each transaction, in order.
    case done([Result<Void, StoreError>])
    /// Another process holds the lock and nobody wants to wait for it here; nothing was written.
    case wouldBlock
  }

  let connection: SQLiteConnection
  let durability: StoreDurability
  /// Set by a flush that failed: what the kernel still holds of the log may never reach the disk, so nothing that is
  /// written from now on could be promised.
  private(set) var poison: StoreError?
  /// Whether commits are on their way to the disk that `relaxed` promised within its time.
  private(set) var owesFlush = false
  /// An acknowledged transaction did not fit: memory and database disagree, and nothing is acknowledged ahead any more.
  private(set) var sawMisfit = false
  /// Whether the last batch was flushed to the disk.
  private(set) var wasFlushed = false
  private var isFull: Bool?
  private var flushes: Int64 = 0

  init(connection: SQLiteConnection, durability: StoreDurability) {
    self.connection = connection
    self.durability = durability
  }

  /// Commits the batch; transactions that are refused leave nothing behind and do not disturb the others.
  ///
  /// - Parameters:
  ///   - batch: what is committed together.
  ///   - mayWait: whether it may wait for the locks of others.
  ///   - isFlushed: flushed even if none of it asks for that.
  /// - Returns: a result for each, or that it would have to wait.
  mutating func commit(_ batch: [Submission], mayWait: Bool, isFlushed: Bool = false) -> Outcome {
    wasFlushed = false
    if let poison { return .done(batch.map { _ in .failure(poison) }) }
    let isSynced = isFlushed || batch.contains { $0.commitClass == .synced }
    do throws(StoreError) {
      try setLevel(full: isSynced && durability == .sync)
      connection.wait(forLocks: mayWait)
      try connection.run(.begin)
    } catch {
      if error.code == .locked, !mayWait { return .wouldBlock }
      return .done(batch.map { _ in .failure(error) })
    }
    do throws(StoreError) {
      let results = try apply(batch)
      try end(batch, results)
      if isSynced, durability == .relaxed { owesFlush = true }
      if isSynced, durability == .sync { (owesFlush, wasFlushed) = (false, true) }
      return .done(results)
    } catch {
      return .done(recover(batch, from: error))
    }
  }

  private mutating func apply(_ batch: [Submission]) throws(StoreError) -> [Result<Void, StoreError>] {
    var results: [Result<Void, StoreError>] = []
    results.reserveCapacity(batch.count)
    let settled = try batch.contains { $0.sequence != nil } ? connection.logSettled() : 0
    var fold = LedgerFold()
    for submission in batch {
      if let sequence = submission.sequence {
        // Lower where another process found it in the log and was faster.
        if sequence > settled, try !fold.write(submission, to: connection) { sawMisfit = true }
        results.append(.success(()))
      } else {
        if try !fold.unfold(to: connection) { sawMisfit = true }
        results.append(try apply(submission, usesSavepoint: batch.count > 1 && submission.needsSavepoint))
      }
    }
    if try !fold.unfold(to: connection) { sawMisfit = true }
    if batch.contains(where: \.endsLog) {
      try connection.setLogSettled(.max)
    } else if let last = Self.lastNumber(batch, results), last > settled {
      try connection.setLogSettled(last)
    }
    return results
  }

  /// The last number of the written log that the database has with this batch; one that refuses all has taken none.
  private static func lastNumber(_ batch: [Submission], _ results: [Result<Void, StoreError>]) -> Int64? {
    var last: Int64?
    for (submission, result) in zip(batch, results) {
      guard case .success = result, let number = submission.sequence ?? submission.mark else { continue }
      last = max(last ?? number, number)
    }
    return last
  }

  private func apply(_ submission: Submission, usesSavepoint: Bool) throws(StoreError) -> Result<Void, StoreError> {
    if usesSavepoint { try connection.run(.savepoint) }
    var result: Result<Void, StoreError> = .success(())
    do throws(StoreError) {
      try submission.write(to: connection)
    } catch {
      guard error.isRefusal else { throw error }
      if usesSavepoint { try connection.run(.rollbackToSavepoint) }
      result = .failure(error)
    }
    if usesSavepoint { try connection.run(.release) }
    return result
  }

  /// Commits, unless the only transaction was refused: then there may be half of it, and nothing to keep.
  private func end(_ batch: [Submission], _ results: [Result<Void, StoreError>]) throws(StoreError) {
    if batch.count == 1, case .failure = results[0] {
      try connection.run(.rollback)
    } else {
      try connection.run(.commit)
    }
  }

  /// A failure of the disk takes the whole batch back; each transaction then gets a try of its own, so that one that
  /// is too large for what is left of the disk does not fail the others.
  private mutating func recover(_ batch: [Submission], from error: StoreError) -> [Result<Void, StoreError>] {
    if connection.isInTransaction { _ = try? connection.run(.rollback) }
    connection.memory.forgetAll()
    notePoison(error)
    if batch.count == 1 || error.code == .unknownOutcome || connection.isInTransaction {
      return batch.map { _ in .failure(error) }
    }
    var results: [Result<Void, StoreError>] = []
    var isBlocked = false
    // As the batch would have been: what has no number of the written log must not be lost behind what has.
    let isFlushed = batch.contains { $0.commitClass == .synced }
    for submission in batch {
      guard !isBlocked, case .done(let one) = commit([submission], mayWait: true, isFlushed: isFlushed),
        let result = one.first
      else {
        results.append(.failure(error))
        continue
      }
      // What is acknowledged is not given up, and nothing may stand that came after it.
      if submission.sequence != nil, case .failure = result { isBlocked = true }
      results.append(result)
    }
    return results
  }

  private mutating func notePoison(_ error: StoreError) {
    guard error.code == .unknownOutcome else { return }
    poison = StoreError(
      .inputOutput, "nothing is written since a flush to the disk failed; restart the node. \(error.message)")
  }

  /// SQLite takes a new level when it compiles the statement, so it is never prepared ahead.
  private mutating func setLevel(full: Bool) throws(StoreError) {
    guard isFull != full else { return }
    isFull = nil
    try connection.execute(script: full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL")
    isFull = full
  }

  /// Sets the level for synced commits and makes sure that the connection has it.
  mutating func assertFullSync() throws(StoreError) {
    isFull = nil
    try setLevel(full: true)
    guard try connection.integer(of: "PRAGMA synchronous") == 2 else {
      throw StoreError(.inputOutput, "the database does not accept synchronous=FULL")
    }
  }

  /// Makes everything that was committed survive a power loss.
  mutating func flush() throws(StoreError) {
    if let poison { throw poison }
    try setLevel(full: true)
    connection.wait(forLocks: true)
    do throws(StoreError) {
      flushes += 1
      // A commit with a page in it: the flush covers everything before it in the log.
      try connection.run(.setMeta, [.text("flushes"), .integer(flushes)])
      owesFlush = false
    } catch {
      _ = recover([], from: error)
      throw error
    }
  }

  /// Copies the log into the database file.
  ///
  /// Where all of it was copied, the next commit starts the log anew and flushes its header; that commit is made here, so that no submitter ever waits for the disk.
  mutating func checkpoint(truncating: Bool) throws(StoreError) {
    if let poison { throw poison }
    connection.wait(forLocks: !truncating)
    let isWhole: Bool
    do throws(StoreError) {
      isWhole = try connection.checkpoint(truncating: truncating)
    } catch {
      notePoison(error)
      throw error
    }
    if isWhole { try flush() }
  }
}

extension StoreError {
  /// A refusal concerns one transaction; everything else concerns the disk.
  var isRefusal: Bool {
    switch code {
    case .staleGuard, .duplicate, .notFound, .tooLarge: true
    case .locked, .full, .corrupt, .newerSchema, .inputOutput, .closed, .unknownOutcome: false
    }
  }
}
