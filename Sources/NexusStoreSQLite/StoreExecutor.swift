// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CSQLite
internal import Glibc
internal import Synchronization

// The executor file of this store: the one place in the module with threads, unchecked claims and unmanaged references.
// Everything else is held together by `Mutex` and actors.

/// Wakes one thread; calls that come before the wait are not lost.
///
/// Unchecked: the semaphore is an address that never moves, and its functions are safe on every thread.
@safe
final class ThreadSignal: @unchecked Sendable {
  private let semaphore: UnsafeMutablePointer<sem_t>

  init() {
    unsafe semaphore = .allocate(capacity: 1)
    unsafe semaphore.initialize(to: sem_t())
    let result = unsafe sem_init(semaphore, 0, 0)
    precondition(result == 0, "sem_init failed")
  }

  deinit {
    unsafe sem_destroy(semaphore)
    unsafe semaphore.deallocate()
  }

  func signal() { unsafe _ = sem_post(semaphore) }

  /// Returns after a signal, or after the timeout; answers whether there was a signal.
  @discardableResult
  func wait(timeout: Duration? = nil) -> Bool {
    guard let timeout else {
      while unsafe sem_wait(semaphore) != 0 {}
      return true
    }
    var end = timespec()
    unsafe _ = clock_gettime(CLOCK_MONOTONIC, &end)
    let (seconds, attoseconds) = timeout.components
    let nanoseconds = end.tv_nsec + Int(attoseconds / 1_000_000_000)
    end.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
    end.tv_nsec = nanoseconds % 1_000_000_000
    while unsafe sem_clockwait(semaphore, CLOCK_MONOTONIC, &end) != 0 {
      if errno == ETIMEDOUT { return false }
    }
    return true
  }
}

/// Starts threads that belong to the store.
enum StoreThread {
  private final class Body {
    let name: String
    let work: @Sendable () -> Void

    init(_ name: String, _ work: @escaping @Sendable () -> Void) {
      self.name = name
      self.work = work
    }

    func run() {
      unsafe _ = pthread_setname_np(pthread_self(), name)
      work()
    }
  }

  /// Runs `body` on a new thread of that name; the thread ends with it.
  static func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
    let context = unsafe Unmanaged.passRetained(Body(name, body)).toOpaque()
    var thread: pthread_t = 0
    let result = unsafe pthread_create(
      &thread, nil,
      { context in
        if let context = unsafe context { unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
        return nil
      }, context)
    precondition(result == 0, "a thread of the store cannot be started: error \(result)")
    pthread_detach(thread)
  }
}

/// Runs the jobs of one actor on a thread of its own, so that waiting for the disk never takes a thread of the pool.
///
/// Unchecked: its parts are safe on every thread by themselves. The thread ends when the executor goes.
final class StoreExecutor: SerialExecutor, @unchecked Sendable {
  private final class Jobs: Sendable {
    let waiting = Mutex<(jobs: [UnownedJob], isOver: Bool)>(([], false))
    let signal = ThreadSignal()
  }

  private let jobs = Jobs()

  init(name: String) {
    let jobs = jobs
    StoreThread.start(name) { [executor = WeakExecutor(self)] in
      while true {
        jobs.signal.wait()
        let (ready, isOver) = jobs.waiting.withLock { waiting in
          defer { waiting.jobs.removeAll(keepingCapacity: true) }
          return (waiting.jobs, waiting.isOver)
        }
        // A job keeps its actor, and the actor keeps its executor.
        if let executor = executor.value {
          for job in ready { unsafe job.runSynchronously(on: executor.asUnownedSerialExecutor()) }
        }
        if isOver { return }
      }
    }
  }

  deinit {
    jobs.waiting.withLock { $0.isOver = true }
    jobs.signal.signal()
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    jobs.waiting.withLock { $0.jobs.append(job) }
    jobs.signal.signal()
  }

  func asUnownedSerialExecutor() -> UnownedSerialExecutor { unsafe UnownedSerialExecutor(ordinary: self) }

  private final class WeakExecutor: @unchecked Sendable {
    weak let value: StoreExecutor?
    init(_ value: StoreExecutor) { self.value = value }
  }
}
