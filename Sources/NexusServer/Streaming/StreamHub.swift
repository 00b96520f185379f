// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import Logging
package import NexusAPI
package import NexusCore

/// Tells all dashboards what changed: it asks the node once for all of them, four times a second at most.
package actor StreamHub {
  private let operations: any NodeOperations
  private let clock: any NexusClock
  private let boot: BootID
  private let logger: Logger

  private var streams: [DashboardStream] = []
  private var known: [AgentName: AgentStatus] = [:]
  private var knownTotals: JSONValue?
  private var agentsChanged = true
  private var runsChanged = true
  private var ticksUntilPoll = 0
  private var isClosed = false
  private var isSubscribed = false
  /// Counts what is known to have changed.
  private var version = 0
  private var shared: (version: Int, value: JSONValue)?
  private var isReading = false
  private var readers: [CheckedContinuation<Void, Never>] = []
  private let subscriptions: AsyncStream<AsyncStream<NodeEvent>>
  private let subscription: AsyncStream<AsyncStream<NodeEvent>>.Continuation

  /// Without any event the node is still asked once a second: restart windows move with time alone.
  private static let ticksPerPoll = 4

  package init(operations: any NodeOperations, clock: any NexusClock, boot: BootID, logger: Logger) {
    self.operations = operations
    self.clock = clock
    self.boot = boot
    self.logger = logger
    (subscriptions, subscription) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Works until the task is cancelled.
  package func run() async {
    await withDiscardingTaskGroup { group in
      group.addTask(name: "stream-hub:events") { await self.watch() }
      group.addTask(name: "stream-hub:ticks") { await self.beat() }
    }
  }

  /// Takes the node's events while anybody looks on; each event of a busy node would else wake a thread for nobody.
  private func watch() async {
    for await events in subscriptions {
      for await event in events {
        guard isWatched() else { break }
        take(event)
      }
    }
  }

  /// Whether anybody still looks on; if not, the subscription ends, and the next dashboard makes a new one.
  private func isWatched() -> Bool {
    streams.removeAll { $0.isEnded }
    isSubscribed = !streams.isEmpty
    return isSubscribed
  }

  private func beat() async {
    while (try? await clock.sleep(until: clock.now() + OperatorLimits.flushInterval)) != nil { await tick() }
  }

  /// Opens the stream of one dashboard.
  ///
  /// - Throws: `OperationError` if the node goes down or too many are open.
  package func open(_ connection: StreamConnection) async throws(OperationError) -> DashboardStream {
    // Before the snapshot is read, so that nothing falls between the two.
    if !isSubscribed {
      isSubscribed = true
      // Nobody counted what changed meanwhile.
      version += 1
      do throws(OperationError) {
        subscription.yield(try await operations.events(EventFilter()))
      } catch {
        isSubscribed = false
        throw error
      }
    }
    streams.removeAll { $0.isEnded }
    guard !isClosed else { throw .unreachable("The node is going down.") }
    guard streams.count < OperatorLimits.streams else {
      throw .tooMany("\(OperatorLimits.streams) streams are open already.")
    }
    let stream = DashboardStream(boot: boot, clock: clock, connection: connection) { await self.snapshot() }
    streams.append(stream)
    return stream
  }

  /// What a page shows at first, read once for all that begin, or begin afresh, while nothing changes.
  ///
  /// Whoever asks has begun to take changes before, so one that is read, or was begun, since then tells everything.
  private func snapshot() async -> JSONValue? {
    while isReading { await withCheckedContinuation { readers.append($0) } }
    if let shared, shared.version == version { return shared.value }
    isReading = true
    let begun = version
    let value = await Self.snapshot(of: operations)
    shared = value.map { (begun, $0) }
    isReading = false
    for reader in readers { reader.resume() }
    readers = []
    return value
  }

  /// Everything that a page shows at first, in one value.
  private static func snapshot(of operations: any NodeOperations) async -> JSONValue? {
    do {
      let status = try await operations.status()
      let runs = try await operations.listRuns(RunFilter(limit: OperatorLimits.snapshotRuns))
      let lines = try await operations.logs(LogQuery(limit: OperatorLimits.snapshotLines))
      return ["status": status.json, "runs": runs.json, "log": lines.json]
    } catch {
      return nil
    }
  }

  package func take(_ event: NodeEvent) {
    version += 1
    switch event {
    case .log: break
    case .run: (agentsChanged, runsChanged) = (true, true)
    case .agent, .supervisor, .effect: agentsChanged = true
    }
    for stream in streams { stream.push(event) }
  }

  /// One beat: finds out what changed and lets every dashboard know.
  package func tick() async {
    streams.removeAll { $0.isEnded }
    guard !streams.isEmpty else {
      (agentsChanged, runsChanged) = (true, true)
      shared = nil
      return
    }
    ticksUntilPoll -= 1
    if agentsChanged || ticksUntilPoll <= 0 {
      ticksUntilPoll = Self.ticksPerPoll
      agentsChanged = false
      await refreshStatus()
    }
    if runsChanged {
      runsChanged = false
      if let page = try? await operations.listRuns(RunFilter(limit: OperatorLimits.snapshotRuns)) {
        for stream in streams { stream.push(runs: page) }
      }
    }
    for stream in streams { stream.flush() }
  }

  private func refreshStatus() async {
    guard let status = try? await operations.status() else { return }
    let current = Dictionary(status.agents.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    if !known.isEmpty, Set(known.keys) != Set(current.keys) {
      for stream in streams { stream.restart() }
    } else {
      let changed = status.agents.filter { known[$0.name] != $0 }
      if !changed.isEmpty { for stream in streams { stream.push(agents: changed) } }
    }
    if known != current { version += 1 }
    known = current
    let totals: JSONValue = [
      "node": status.node.json, "runs": status.runs.json, "approvals": .int(Int64(status.approvals)),
    ]
    if totals != knownTotals {
      version += 1
      knownTotals = totals
      for stream in streams { stream.push(totals: totals) }
    }
  }

  /// Ends all streams, so that the listener can close.
  package func close() {
    isClosed = true
    for stream in streams { stream.end() }
    streams = []
  }

  /// How many dashboards are open, for the metrics.
  package var count: Int { streams.count { !$0.isEnded } }
}
