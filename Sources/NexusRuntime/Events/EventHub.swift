// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import Synchronization

/// Hands events to whoever watches. A slow watcher loses the oldest ones; nobody waits for it.
package final class EventHub: EventSink {
  /// How many events wait for one watcher.
  package static let maxWaiting = 4_096
  /// How many watchers there may be.
  package static let maxWatchers = 1_024

  private struct Watchers: Sendable {
    var next = 0
    var continuations: [Int: AsyncStream<NodeEvent>.Continuation] = [:]
    var taps: [@Sendable (NodeEvent) -> Void] = []
    var isClosed = false
  }

  private let watchers = Mutex(Watchers())

  package init() {}

  package func publish(_ event: NodeEvent) {
    let (continuations, taps) = watchers.withLock { (Array($0.continuations.values), $0.taps) }
    for tap in taps { tap(event) }
    for continuation in continuations { continuation.yield(event) }
  }

  /// Calls `tap` with every event, on the publisher's thread; for the node's own parts, which must not block.
  package func tap(_ tap: @escaping @Sendable (NodeEvent) -> Void) {
    watchers.withLock { $0.taps.append(tap) }
  }

  /// A stream of everything from now on; it ends when the hub closes. Nil if there are too many watchers.
  package func watch() -> AsyncStream<NodeEvent>? {
    let (stream, continuation) = AsyncStream<NodeEvent>.makeStream(bufferingPolicy: .bufferingNewest(Self.maxWaiting))
    let number: Int? = watchers.withLock { watchers in
      guard !watchers.isClosed, watchers.continuations.count < Self.maxWatchers else { return nil }
      watchers.next += 1
      watchers.continuations[watchers.next] = continuation
      return watchers.next
    }
    guard let number else { return nil }
    continuation.onTermination = { [weak self] _ in
      _ = self?.watchers.withLock { $0.continuations.removeValue(forKey: number) }
    }
    return stream
  }

  /// Ends every stream.
  package func close() {
    let all = watchers.withLock { watchers in
      watchers.isClosed = true
      defer { watchers.continuations = [:] }
      return Array(watchers.continuations.values)
    }
    for continuation in all { continuation.finish() }
  }
}
