// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CGuard
package import NexusCore
internal import Synchronization

/// Does what may have to wait for a file system, for ever at worst, on a few threads of its own; nobody waits for it.
package final class SlowWork: Sendable {
  /// Beyond that many at a time, and so many that wait, nothing more is taken.
  package static let mostThreads = 2
  package static let mostWaiting = 256
  private static let lookAgain = Duration.milliseconds(2)

  private let state = Mutex((threads: 0, waiting: [@Sendable () -> Void]()))

  package init() {}

  /// Has `body` done soon.
  ///
  /// - Returns: false if there is no room: it is not done.
  package func add(_ body: @escaping @Sendable () -> Void) -> Bool {
    state.withLock { state in
      guard state.waiting.count < Self.mostWaiting else { return false }
      state.waiting.append(body)
      if state.threads == Self.mostThreads { return true }
      let context = unsafe Unmanaged.passRetained(self)
      let error = unsafe naos_thread_start(
        "naos-paths",
        { context in
          guard let context = unsafe context else { return }
          unsafe Unmanaged<SlowWork>.fromOpaque(context).takeRetainedValue().work()
        },
        context.toOpaque())
      if error == 0 {
        state.threads += 1
      } else {
        unsafe context.release()
        if state.threads == 0 { state.waiting.removeLast() }
      }
      return error == 0 || state.threads > 0
    }
  }

  /// Waits until everything is done, or `patience` is over: what hangs then ends with the process.
  ///
  /// - Returns: whether everything is done.
  @discardableResult
  package func finish(within patience: Duration, _ clock: any NexusClock) async -> Bool {
    let end = clock.now() + patience
    while state.withLock({ $0.threads > 0 }) {
      guard clock.now() < end else { return false }
      do { try await clock.sleep(until: clock.now() + Self.lookAgain) } catch { return false }
    }
    return true
  }

  private func work() {
    while let body = next() { body() }
  }

  private func next() -> (@Sendable () -> Void)? {
    state.withLock { state in
      if state.waiting.isEmpty {
        state.threads -= 1
        return nil
      }
      return state.waiting.removeFirst()
    }
  }
}
