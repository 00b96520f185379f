// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import Synchronization

/// Hands events to whoever watches.
///
/// A slow watcher loses the oldest ones; nobody waits for it.
package final class EventHub: EventSink {
  /// How many events wait for one watcher.
  package static let maxWaiting = 4_096
  /// How many watchers there may be.
  package static let maxWatchers = 1_024

  private struct Watcher: Sendable {
    let yield: @Sendable (NodeEvent) -> Void
    let finish: @Sendable () -> Void
  }

  private struct Watchers: Sendable {
    var next = 0
    var watching: [Int: Watcher] = [:]
    var taps: [@Sendable (EffectEvent) -> Void] = []
    var isClosed = false
  }

  private let watchers = Mutex(Watchers())

  package init() {}

  package func publish(_ event: NodeEvent) {
    let (watching, taps) = watchers.withLock { ($0.watching.isEmpty ? [] : Array($0.watching.values), $0.taps) }
    if case .effect(let effect) = event { for tap in taps { tap(effect) } }
    for watcher in watching { watcher.yield(event) }
  }

  /// Whether anybody would see an event that is no effect: what takes words to make need not be made for nobody.
  package var isWatched: Bool { watchers.withLock { !$0.watching.isEmpty } }

  /// Calls `tap` with every effect, on the publisher's thread; for the node's own parts, which must not block.
  package func tap(_ tap: @escaping @Sendable (EffectEvent) -> Void) {
    watchers.withLock { $0.taps.append(tap) }
  }

  /// A stream of what `select` makes of the events from now on; it ends when the hub closes.
  ///
  /// - Parameter select: picks what is wanted; called on the publisher's thread.
  /// - Returns: nil if there are too many watchers.
  package func watch<Element: Sendable>(_ select: @escaping @Sendable (NodeEvent) -> Element?) -> AsyncStream<Element>?
  {
    let (stream, continuation) = AsyncStream<Element>.makeStream(bufferingPolicy: .bufferingNewest(Self.maxWaiting))
    let watcher = Watcher(
      yield: { event in if let element = select(event) { continuation.yield(element) } },
      finish: { continuation.finish() })
    let number: Int? = watchers.withLock { watchers in
      guard !watchers.isClosed, watchers.watching.count < Self.maxWatchers else { return nil }
      watchers.next += 1
      watchers.watching[watchers.next] = watcher
      return watchers.next
    }
    guard let number else { return nil }
    continuation.onTermination = { [weak self] _ in
      _ = self?.watchers.withLock { $0.watching.removeValue(forKey: number) }
    }
    return stream
  }

  /// Ends every stream.
  package func close() {
    let all = watchers.withLock { watchers in
      watchers.isClosed = true
      defer { watchers.watching = [:] }
      return Array(watchers.watching.values)
    }
    for watcher in all { watcher.finish() }
  }
}
