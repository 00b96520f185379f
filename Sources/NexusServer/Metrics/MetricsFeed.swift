// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
package import NexusCore
internal import NexusTelemetry
internal import Synchronization

/// Counts what happens on the node for whoever scrapes its metrics.
///
/// It begins with the first scrape and ends when nobody has come for a while: events of a busy node would else be counted
/// for nobody.
package actor MetricsFeed {
  /// The workflows, sagas and pools, as the latest scrape found them.
  private final class FlowNames: Sendable {
    private let names = Mutex<Set<String>>([])

    func set(_ fresh: Set<String>) { names.withLock { $0 = fresh } }
    func contains(_ name: String) -> Bool { names.withLock { $0.contains(name) } }
  }

  /// For the ids of spans, which nobody sees.
  private struct NoIdentity: RandomSource {
    func next() -> UInt64 { 0 }
  }

  private let operations: any NodeOperations
  private let clock: any NexusClock
  private let flows = FlowNames()
  private var recorder: OTLPRecorder?
  private var scrapedAt: Instant
  private let subscriptions: AsyncStream<AsyncStream<NodeEvent>>
  private let subscription: AsyncStream<AsyncStream<NodeEvent>>.Continuation

  package init(operations: any NodeOperations, clock: any NexusClock) {
    self.operations = operations
    self.clock = clock
    scrapedAt = clock.now()
    (subscriptions, subscription) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Works until the task is cancelled.
  package func run() async {
    for await events in subscriptions {
      for await event in events {
        guard clock.now() - scrapedAt < OperatorLimits.scrapeInterval else { break }
        take(event)
      }
      // Whoever comes back finds the sums begun anew, as after a restart of the node.
      recorder = nil
    }
  }

  package func take(_ event: NodeEvent) { recorder?.take(event, at: clock.wallNow(), random: NoIdentity()) }

  /// The sums since the first scrape in the Prometheus text format.
  package func text() async throws(OperationError) -> String {
    scrapedAt = clock.now()
    flows.set(Set(try await operations.flows().flows.map(\.name)))
    if let recorder { return recorder.prometheusText() }
    let flows = flows
    recorder = OTLPRecorder(
      project: "", version: "", instance: "", isFlow: { flows.contains($0) }, now: clock.wallNow(), keepsRecords: false)
    do throws(OperationError) {
      subscription.yield(try await operations.events(EventFilter(includesLogs: false)))
    } catch {
      // Too many watch already. What else is scraped is right all the same, and the next scrape tries again.
      recorder = nil
    }
    return ""
  }
}
