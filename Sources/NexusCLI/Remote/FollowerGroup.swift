// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusHTTP
internal import Synchronization

/// The connections that follow a node's streams, in one task group that ends with the command.
///
/// A stream is handed out at once and filled from here, so that nothing runs outside the command's own tasks.
package final class FollowerGroup: Sendable {
  /// Streams of one command; more is a mistake of ours.
  private static let limit = 16
  /// Elements that wait for a slow terminal; the oldest go.
  private static let waiting = 1000

  package typealias Work = @Sendable () async -> Void
  private let queue: AsyncStream<Work>
  private let feed: AsyncStream<Work>.Continuation

  package init() {
    (queue, feed) = AsyncStream.makeStream(of: Work.self, bufferingPolicy: .bufferingOldest(Self.limit))
  }

  /// Follows until `body` has ended.
  package func following<Result: Sendable>(_ body: @Sendable () async throws -> Result) async throws -> Result {
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask(name: "followers") {
        await withDiscardingTaskGroup { inner in
          for await work in self.queue { inner.addTask(name: "follower") { await work() } }
          inner.cancelAll()
        }
      }
      defer {
        feed.finish()
        group.cancelAll()
      }
      return try await body()
    }
  }

  func stream<Element: WireValue>(_ transport: any NodeTransport, _ target: String, named name: String)
    -> AsyncStream<Element>
  {
    let (stream, continuation) = AsyncStream.makeStream(
      of: Element.self, bufferingPolicy: .bufferingNewest(Self.waiting))
    let work: Work = {
      try? await transport.follow(target) { event in
        guard event.name == name, let json = try? JSONValue(parsing: event.data), let element = try? Element(json: json)
        else { return true }
        if case .terminated = continuation.yield(element) { return false }
        return true
      }
      continuation.finish()
    }
    if case .enqueued = feed.yield(work) { return stream }
    continuation.finish()
    return stream
  }
}
