// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Runs named pieces of work as children of one task group, so that none outlives the runtime.
///
/// It takes the place of unstructured tasks: whoever has something to do later or beside, hands it over here.
package final class WorkHost: Sendable {
  private struct Work: Sendable {
    let name: String
    let body: @Sendable () async -> Void
  }

  /// How many pieces of work may wait for the group to take them; beyond it `spawn` refuses.
  package static let maxWaiting = 65_536

  private let stream: AsyncStream<Work>
  private let continuation: AsyncStream<Work>.Continuation

  package init() {
    (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.maxWaiting))
  }

  /// Hands work over.
  ///
  /// - Returns: false if the host has finished or too much is waiting; the work is not run then.
  @discardableResult
  package func spawn(_ name: String, _ body: @escaping @Sendable () async -> Void) -> Bool {
    if case .enqueued = continuation.yield(Work(name: name, body: body)) { return true }
    return false
  }

  /// Runs all work that is handed over; returns after `finish`, when the last piece is done.
  package func run() async {
    await withDiscardingTaskGroup { group in
      for await work in stream {
        group.addTask(name: work.name) { await work.body() }
      }
      // What is left waits for a time that nobody needs any more: backoffs, limits.
      group.cancelAll()
    }
  }

  /// Takes no more work.
  package func finish() { continuation.finish() }
}
