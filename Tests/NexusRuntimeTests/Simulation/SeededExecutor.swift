// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusFlowKit
import Synchronization

/// Runs the tasks that prefer it one job at a time, in an order drawn from a seed.
///
/// Whoever hands it the first job runs all that follow from it; so a whole runtime, with all its actors and tasks, is one
/// thread of work that a seed repeats.
final class SeededExecutor: TaskExecutor {
  private struct State {
    var random: SplitMix
    var jobs: [UnownedJob] = []
    var isRunning = false
    var idle: CheckedContinuation<Void, Never>?
  }
  private let state = Mutex(State(random: SplitMix(seed: 0)))

  func begin(seed: UInt64) { state.withLock { $0.random = SplitMix(seed: seed) } }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let isFirst = state.withLock { state in
      state.jobs.append(job)
      defer { state.isRunning = true }
      return !state.isRunning
    }
    if isFirst { runAll() }
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
