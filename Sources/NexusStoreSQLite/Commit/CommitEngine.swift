// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAudit
internal import NexusCore
internal import NexusStore
internal import Synchronization

/// The one writer with its queue and its thread.
///
/// A logged transaction is acknowledged once it stands in the written log, and brought into the database a moment later
/// with all that came meanwhile. A written one that finds the writer idle is committed on the thread that submits it.
/// Everything else is committed by the writer's thread, and whatever waits when it looks becomes one commit. Order is
/// kept because every transaction passes the queue, and only the one who holds `isBusy` takes from it and tells of it.
final class CommitEngine: Sendable {
  /// A submitter commits at most this many batches for others that came meanwhile.
  static let inlineRounds = 4

  private let queue = Mutex(CommitQueue())
  private let writer = Mutex<StoreWriter?>(nil)
  private let signal = ThreadSignal()
  private let clock: any NexusClock
  private let meter: NodeMeter?

  init(clock: any NexusClock, meter: NodeMeter? = nil) {
    self.clock = clock
    self.meter = meter
  }

  // MARK: Submitting

  /// Queues the transaction; `record` is what the written log takes of it, if it may.
  func submit(_ submission: Submission, _ record: inout LogRecord?) {
    enum Next {
      case leave, wake
      case acknowledge(wakes: Bool)
      case commit([Submission])
      case refuse(StoreError)
    }
    let next = queue.withLock { queue -> Next in
      guard queue.phase == .open else { return .refuse(StoreError(.closed, "the store is closed")) }
      if let wakes = queue.acknowledge(submission, &record) { return .acknowledge(wakes: wakes) }
      queue.append(submission)
      if queue.isBusy { return .leave }
      guard queue.canCommitInline else { return .wake }
      queue.isBusy = true
      return .commit(queue.takeBatch())
    }
    switch next {
    case .leave: break
    case .wake: signal.signal()
    case .acknowledge(let wakes):
      if wakes { signal.signal() }
      submission.completion(.success(()))
    case .commit(let batch): commitInline(batch)
    case .refuse(let error): submission.completion(.failure(error))
    }
  }

  private func commitInline(_ first: [Submission]) {
    var batch = first
    for round in 1...Self.inlineRounds {
      let (outcome, pages, trustsLog) = writer.withLock { writer -> (StoreWriter.Outcome, Int, Bool) in
        guard let outcome = writer?.commit(batch, mayWait: false) else { return (.wouldBlock, 0, true) }
        return (outcome, writer?.connection.logPages ?? 0, writer?.sawMisfit == false)
      }
      guard case .done(let results) = outcome else {
        queue.withLock { queue in
          queue.putBack(batch)
          queue.isBusy = false
        }
        return signal.signal()
      }
      tell(batch, results, trustsLog: trustsLog)
      let next = queue.withLock { queue -> (batch: [Submission]?, wakes: Bool) in
        queue.isBusy = false
        if pages - queue.settledPages >= StoreMaintenance.checkpointPages { queue.isThreadWanted = true }
        if round < Self.inlineRounds, queue.canCommitInline {
          queue.isBusy = true
          return (queue.takeBatch(), false)
        }
        let wakes =
          !queue.isEmpty || queue.isThreadWanted || queue.phase != .open
          || (pages >= StoreMaintenance.idlePages && !queue.isThreadWatching)
        if wakes { queue.isThreadWatching = true }
        return (nil, wakes)
      }
      if next.wakes { signal.signal() }
      guard let more = next.batch else { return }
      batch = more
    }
  }

  private func tell(_ batch: [Submission], _ results: [Result<Void, StoreError>], trustsLog: Bool) {
    for (submission, result) in zip(batch, results) where submission.sequence == nil { submission.completion(result) }
    let waiters = queue.withLock { $0.tried(batch, results, trustsLog: trustsLog) }
    for (waiter, result) in waiters { waiter(result) }
  }

  /// Returns when everything that was acknowledged before the call is in the database.
  ///
  /// - Throws: why it cannot be brought there now.
  func settle() async throws(StoreError) {
    let result: Result<Void, StoreError> = await withCheckedContinuation { continuation in
      let (waits, wakes) = queue.withLock { queue in
        (queue.wait { continuation.resume(returning: $0) }, !queue.isBusy)
      }
      if !waits { continuation.resume(returning: .success(())) } else if wakes { signal.signal() }
    }
    try result.get()
  }

  // MARK: The writer's thread

  /// Starts the thread and opens the database on it.
  func open(path: String, durability: StoreDurability, vfs: String?, seal: AuditSeal?) async throws(StoreError) {
    let opened: Result<Void, StoreError> = await withCheckedContinuation { continuation in
      StoreThread.start("naos-writer") { [self] in
        let opened = Result { () throws(StoreError) in
          try writer.withLock { writer throws(StoreError) in
            do throws(StoreError) {
              let (opened, epoch) = try StoreWriter.open(
                path: path, durability: durability, at: clock.wallNow(), vfs: vfs, seal: seal)
              writer = opened
              queue.withLock { queue in
                queue.log = WrittenLog.begin(opened.connection, epoch: epoch)
                queue.isRelaxed = durability == .relaxed
                queue.phase = .open
              }
            } catch {
              // Nobody waits for a commit of the opening itself: whatever it left open, the next opening settles.
              throw error.code == .unknownOutcome ? StoreError(.inputOutput, error.message) : error
            }
          }
        }
        continuation.resume(returning: opened)
        if case .success = opened { runThread() }
      }
    }
    try opened.get()
  }

  private func runThread() {
    var care = WriterCare()
    var hasLingered = false
    while true {
      enum Work {
        case commit([Submission])
        case care, close
        case linger(Duration)
        case wait(Duration?)
      }
      let work = queue.withLock { queue -> Work in
        let due = care.isDue(at: clock.now())
        queue.isThreadWanted = queue.isBusy && due
        // Whoever is writing looks at the queue again and wakes this thread if anything is left.
        if queue.isBusy {
          queue.isThreadWatching = care.waitsWhileBusy != nil
          return .wait(care.waitsWhileBusy)
        }
        if !queue.isEmpty, !due, queue.mayLinger, !hasLingered {
          return .linger(queue.stall == nil ? StoreMaintenance.lingers : StoreMaintenance.retryAfter)
        }
        if !queue.isEmpty, !due, !(queue.phase == .closing && queue.hasGivenUp) {
          queue.isBusy = true
          return .commit(queue.takeBatch())
        }
        if due || queue.phase == .closing {
          queue.isBusy = true
          return due ? .care : .close
        }
        queue.isThreadWatching = care.timeout(at: clock.now()) != nil
        return .wait(care.timeout(at: clock.now()))
      }
      switch work {
      case .commit(let batch):
        hasLingered = false
        commitOnThread(batch, &care)
      case .linger(let time):
        hasLingered = true
        signal.wait(timeout: time)
      case .care:
        writer.withLock { writer in care.perform(&writer, at: clock.now()) }
        queue.withLock { queue in
          queue.isBusy = false
          queue.settledPages = care.settledPages
        }
      case .close: return finish()
      case .wait(let timeout):
        signal.wait(timeout: timeout)
        writer.withLock { writer in care.look(at: writer, now: clock.now()) }
      }
    }
  }

  private func commitOnThread(_ batch: [Submission], _ care: inout WriterCare) {
    let began = clock.now()
    let (outcome, isFlushed) = writer.withLock { writer in
      (writer?.commit(batch, mayWait: true) ?? .wouldBlock, writer?.wasFlushed == true)
    }
    if isFlushed { meter?.observe(.journalFsync, clock.now() - began) }
    switch outcome {
    case .done(let results):
      tell(batch, results, trustsLog: writer.withLock { $0?.sawMisfit == false })
    case .wouldBlock: preconditionFailure("the writer's thread waits for locks and has a writer while it runs")
    }
    writer.withLock { writer in care.look(at: writer, now: clock.now()) }
    queue.withLock { $0.isBusy = false }
  }

  // MARK: Closing

  /// Commits what waits, closes the database and returns when the file is as it stays.
  func close() async {
    await withCheckedContinuation { continuation in
      let isFirst = queue.withLock { queue -> Bool in
        guard queue.phase == .open || queue.phase == .closing else { return false }
        queue.phase = .closing
        queue.closers.append(continuation)
        return true
      }
      if isFirst { signal.signal() } else { continuation.resume() }
    }
  }

  /// Lets the thread end without anybody waiting for it.
  func abandon() {
    queue.withLock { queue in if queue.phase == .open { queue.phase = .closing } }
    signal.signal()
  }

  private func finish() {
    writer.withLock { writer in
      writer?.close()
      writer = nil
    }
    let (closers, waiters) = queue.withLock { queue in
      defer { queue.closers = [] }
      return (queue.closers, queue.close())
    }
    for (waiter, result) in waiters { waiter(result) }
    for closer in closers { closer.resume() }
  }
}
