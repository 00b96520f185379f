// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import Synchronization

/// A probe client whose answers the test gives, one for each request in order.
package final class FakeProbes: ProbeClient {
  /// One request that waits for its answer.
  package final class Ask: Sendable {
    package let target: ProbeTarget
    package let timeout: Duration
    private let answers: AsyncStream<Result<Int, ProbeError>>
    private let continuation: AsyncStream<Result<Int, ProbeError>>.Continuation

    init(_ target: ProbeTarget, _ timeout: Duration) {
      self.target = target
      self.timeout = timeout
      (answers, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
    }

    package func answer(_ status: Int) { continuation.yield(.success(status)) }
    package func fail(_ message: String) { continuation.yield(.failure(ProbeError(message))) }

    func wait() async throws(ProbeError) -> Int {
      for await answer in answers { return try answer.get() }
      throw ProbeError("cancelled")
    }
  }

  private let asked: AsyncStream<Ask>
  private let continuation: AsyncStream<Ask>.Continuation
  private let cancelled = Mutex(0)

  package init() { (asked, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(10_000)) }

  /// The requests in the order in which they came; one reader.
  package var asks: AsyncStream<Ask> { asked }
  /// How many requests were given up before they were answered.
  package var cancellations: Int { cancelled.withLock { $0 } }

  package func get(_ target: ProbeTarget, timeout: Duration) async throws(ProbeError) -> Int {
    let ask = Ask(target, timeout)
    continuation.yield(ask)
    do {
      return try await ask.wait()
    } catch {
      if Task.isCancelled { cancelled.withLock { $0 += 1 } }
      throw error
    }
  }
}
