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

  package init() {
    // The newest request is the hardest one, and there are only two.
    (requests, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(2))
  }

  package func request(_ manner: Manner) { continuation.yield(manner) }
}
