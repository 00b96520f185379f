// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Synchronization

/// The wait for what becomes of something that a person asked of a run.
final class RunQuestion: Sendable {
  enum Answer: Sendable {
    /// It is written down.
    case taken
    /// It was written down before: an event of the same id.
    case known
    /// It means nothing to the run as it stands.
    case ignored
    /// Too many questions wait.
    case busy
    /// The run is not driven here any more.
    case gone
  }

  private enum State {
    case open
    case waiting(CheckedContinuation<Answer, Never>)
    case settled(Answer)
  }
  private let state = Mutex(State.open)

  /// Answers; only the first answer counts.
  func settle(_ answer: Answer) {
    let waiter = state.withLock { state -> CheckedContinuation<Answer, Never>? in
      switch state {
      case .open:
        state = .settled(answer)
        return nil
      case .waiting(let waiter):
        state = .settled(answer)
        return waiter
      case .settled: return nil
      }
    }
    waiter?.resume(returning: answer)
  }

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
