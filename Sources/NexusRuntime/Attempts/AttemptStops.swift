// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Synchronization

/// How an attempt is told to stop, from wherever that is decided; it may be told before its process exists.
package final class AttemptStops: Sendable {
  /// How to stop.
  package enum Manner: Sendable, Hashable {
    /// SIGTERM, then SIGKILL after the agent's shutdown time.
    case ask
    /// SIGKILL at once.
    case kill
  }

  let requests: AsyncStream<Manner>
  private let continuation: AsyncStream<Manner>.Continuation
  private let hardest = Mutex<Manner?>(nil)

  package init() {
    // Only a harder request follows another one, and there are two kinds.
    (requests, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(2))
  }

  /// Asks; what adds nothing to an earlier request is not passed on, so that none can push another out.
  package func request(_ manner: Manner) {
    hardest.withLock { hardest in
      guard hardest != .kill, hardest != manner else { return }
      hardest = manner
      continuation.yield(manner)
    }
  }
}
