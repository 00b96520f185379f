// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import Synchronization

/// The signs of life of one task of a service: a service has one process for many tasks, so its own say nothing of one.
final class TaskPulse: Sendable {
  private struct State {
    var last: Instant?
    var calls = 0
    /// Of the calls; one may be told of before its call is.
    var streams = 0
    var fellSilent = false
  }

  private let clock: any NexusClock
  private let state = Mutex(State())
  private let start: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init(clock: any NexusClock) {
    self.clock = clock
    (start, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// A process of the service took the task.
  func begin() {
    beat()
    continuation.yield()
    continuation.finish()
  }

  func beat() {
    let now = clock.now()
    state.withLock { $0.last = now }
  }

  /// While a model or a tool works for the task it is not silent, however long that takes; a stream is as long as its
  /// pieces come.
  func callStarted() { state.withLock { $0.calls += 1 } }

  func callEnded() {
    let now = clock.now()
    state.withLock {
      $0.calls = max(0, $0.calls - 1)
      $0.last = now
    }
  }

  /// The answer of a call under way comes piece by piece: each is a beat, and silence between two counts.
  func streamBegan() {
    state.withLock { $0.streams += 1 }
    beat()
  }

  func streamEnded() {
    state.withLock { $0.streams = max(0, $0.streams - 1) }
    beat()
  }

  var fellSilent: Bool { state.withLock { $0.fellSilent } }

  /// Returns once the task has begun and gave no sign of life for so long; false if it is over.
  func isSilent(for limit: Duration) async -> Bool {
    for await _ in start {
      while true {
        let now = clock.now()
        let due = state.withLock { state in
          if state.calls > state.streams { return now + limit }
          let due = (state.last ?? now) + limit
          if due <= now { state.fellSilent = true }
          return due
        }
        if due <= now { return true }
        do { try await clock.sleep(until: due) } catch { return false }
      }
    }
    return false
  }
}
