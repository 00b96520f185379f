// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Synchronization

/// A wait for an answer that several may give; the first one counts.
final class FirstAnswer<Answer: Sendable>: Sendable {
  private enum State {
    case open
    case waiting(CheckedContinuation<Answer, Never>)
    case settled(Answer)
  }
  private let state = Mutex(State.open)

  /// Answers; false if somebody was faster.
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

  /// The answer, if there is one by now.
  var settled: Answer? { state.withLock { if case .settled(let answer) = $0 { answer } else { nil } } }

  /// Waits for the answer; one reader.
  func answer() async -> Answer {
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
