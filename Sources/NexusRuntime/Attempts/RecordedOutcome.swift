// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

extension AttemptOutcome {
  /// What an attempt that is answered from a cassette came to: it went as recorded only if it made every recorded call
  /// and no other, whatever its program made of that.
  func asRecorded(_ tally: AttemptTally) -> AttemptOutcome {
    if let refusal = tally.refusal, refusal.reason == .cassette {
      switch self {
      case .succeeded, .crashed, .askedRetry, .budgetStopped:
        return .crashed(RunError(code: refusal.code, message: refusal.message, isRetryable: false))
      case .interrupted, .cancelled, .timedOut: return self
      }
    }
    guard case .succeeded = self, tally.unplayed > 0 else { return self }
    let calls = tally.unplayed == 1 ? "a recorded model call was" : "\(tally.unplayed) recorded model calls were"
    return .crashed(
      RunError(code: "NX-RUN-076", message: "the agent ended, and \(calls) not made", isRetryable: false))
  }
}
