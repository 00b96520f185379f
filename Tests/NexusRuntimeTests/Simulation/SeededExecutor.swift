// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Dispatch
import Foundation
import NexusFlowKit
import Synchronization

/// Runs the tasks that prefer it one job at a time on a thread of its own, in an order drawn from a seed.
///
/// So a whole runtime, with all its actors and tasks, is one thread of work that a seed repeats, and the threads that
/// everything else shares stay free. The thread never ends.
final class SeededExecutor: TaskExecutor {
  private struct State {
    var random: SplitMix
    var jobs: [UnownedJob] = []
    var isRunning = false
    var idle: CheckedContinuation<Void, Never>?
  }
  private let state = Mutex(State(random: SplitMix(seed: 0)))
  private let work = DispatchSemaphore(value: 0)

  init() {
    let thread = Thread { [self] in
      while true {
        work.wait()
        runAll()
      }
    }
    thread.stackSize = 8 * 1024 * 1024
    thread.start()
  }

  func begin(seed: UInt64) { state.withLock { $0.random = SplitMix(seed: seed) } }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let isFirst = state.withLock { state in
      state.jobs.append(job)
      defer { state.isRunning = true }
      return !state.isRunning
    }
    if isFirst { work.signal() }
  }

  /// Returns once nothing can go on by itself: every task waits for the world.
  func idle() async {
    await withCheckedContinuation { waiter in state.withLock { $0.idle = waiter } }
  }

  private enum Next {
    case job(UnownedJob)
    case idle(CheckedContinuation<Void, Never>)
    case nothing
  }

  private func runAll() {
    while true {
      switch next() {
      case .job(let job): unsafe job.runSynchronously(on: asUnownedTaskExecutor())
      case .idle(let waiter): waiter.resume()
      case .nothing: return
      }
    }
  }

  private func next() -> Next {
    state.withLock { state in
      if !state.jobs.isEmpty {
        return .job(state.jobs.remove(at: Int.random(in: 0..<state.jobs.count, using: &state.random)))
      }
      if let waiter = state.idle {
        state.idle = nil
        return .idle(waiter)
      }
      state.isRunning = false
      return .nothing
    }
  }
}
