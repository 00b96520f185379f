// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Synchronization

/// The wait of an attempt for its supervisor's leave to begin.
///
/// Whoever speaks first decides: the supervisor, or the one who stops the attempt before it began.
package final class AttemptTicket: Sendable {
  package enum Answer: Sendable, Hashable {
    case admitted
    /// The supervisor is down, or gave up on the agent.
    case refused(reason: String)
    /// It was told to stop while it waited.
    case withdrawn
  }

  private enum State {
    case open
    case waiting(CheckedContinuation<Answer, Never>)
    case settled(Answer)
  }
  private let state = Mutex(State.open)

  var isSettled: Bool {
    state.withLock { if case .settled = $0 { true } else { false } }
  }

  var isAdmitted: Bool {
    state.withLock { if case .settled(.admitted) = $0 { true } else { false } }
  }

  /// Settles the wait; false if it was settled before.
  @discardableResult
  func settle(_ answer: Answer) -> Bool {
    let (isFirst, waiter) = state.withLock { state -> (Bool, CheckedContinuation<Answer, Never>?) in
      switch state {
      case .open:
        state = .settled(answer)
        return (true, nil)
      case .waiting(let waiter):
        state = .settled(answer)
        return (true, waiter)
      case .settled: return (false, nil)
      }
    }
    waiter?.resume(returning: answer)
    return isFirst
  }

  func wait() async -> Answer {
    await withCheckedContinuation { waiter in
      let settled = state.withLock { state -> Answer? in
        if case .settled(let answer) = state { return answer }
        state = .waiting(waiter)
        return nil
      }
      if let settled { waiter.resume(returning: settled) }
    }
  }
}
