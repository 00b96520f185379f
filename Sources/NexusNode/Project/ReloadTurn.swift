// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Synchronization

/// Lets one at a time read and take a changed configuration, in the order in which they came.
final class ReloadTurn: Sendable {
  private struct State {
    var isTaken = false
    var waiting: [CheckedContinuation<Void, Never>] = []
  }
  private let state = Mutex(State())

  func take() async {
    await withCheckedContinuation { waiter in
      let isFree = state.withLock { state in
        guard state.isTaken else {
          state.isTaken = true
          return true
        }
        state.waiting.append(waiter)
        return false
      }
      if isFree { waiter.resume() }
    }
  }

  func pass() {
    let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard !state.waiting.isEmpty else {
        state.isTaken = false
        return nil
      }
      return state.waiting.removeFirst()
    }
    next?.resume()
  }
}
