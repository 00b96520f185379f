// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import Logging
package import NexusAPI
package import NexusCore

/// Tells all dashboards what changed: it asks the node once for all of them, four times a second at most.
package actor StreamHub {
  private let operations: any NodeOperations
  private let clock: any NexusClock
  nonisolated let boot: BootID
  private let logger: Logger

  private var streams: [DashboardStream] = []
  private var known: [AgentName: AgentStatus] = [:]
  private var knownTotals: JSONValue?
  private var agentsChanged = true
  private var runsChanged = true
  private var ticksUntilPoll = 0
  private var ticksUntilCheck = 0
  private var isClosed = false
  /// What happened since the beat before.
  private var events = Backlog<NodeEvent>(limit: OperatorLimits.backlogEvents)
  private var lines = Backlog<NexusCore.LogEvent>(limit: OperatorLimits.backlogLines)
  /// How much gave way before any dashboard was told.
  private var dropped = 0
  /// Counts what the dashboards were told.
  private var version = 0
  /// Where the journals end, as far as is known, and where they ended a beat earlier: events follow their entries, and
  /// by then those of all entries before have been told.
  private var end: Int64 = 0
  private var toldEnd: Int64 = 0
  /// What begins a stream, as it was at a version: those that come together share it.
  private var beginning: (version: Int, end: Int64, data: [UInt8])?
  private var isTakingBeginning = false
  private var waitingForBeginning: [CheckedContinuation<Void, Never>] = []
  private var isSubscribed = false
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

  /// Opens the stream of one dashboard; one that was there before says how far it has been told.
  ///
  /// - Throws: `OperationError` if the node goes down or too many are open.
  package func open(
    _ connection: StreamConnection, after lastID: String? = nil,
    while isWelcome: @escaping @Sendable () -> Bool = { true }
  ) async throws(OperationError) -> DashboardStream {
    // Before the snapshot is read, so that nothing falls between the two.
    if !isSubscribed {
      isSubscribed = true
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
    let place = lastID.flatMap { StreamPlace($0) }
    let stream = DashboardStream(boot: boot, clock: clock, connection: connection, while: isWelcome) {
      [weak self] stream in
      await self?.begin(stream, after: place)
    }
    streams.append(stream)
    return stream
  }

  /// Everything that a page shows at first, as one frame; from here on the stream is told what changes.
  private func begin(_ stream: DashboardStream, after place: StreamPlace?) async -> [UInt8]? {
    while isTakingBeginning { await withCheckedContinuation { waitingForBeginning.append($0) } }
    // What happened before is in the beginning; the others are told of it now.
    distribute(StreamNews())
    let isFresh = stream.join()
    let taken: (version: Int, end: Int64, data: [UInt8])
    if let beginning, beginning.version == version {
      taken = beginning
    } else {
      isTakingBeginning = true
      let now = version
      // Everything before this end is in what is read behind it.
      let before = try? await operations.happenings(after: nil, limit: 0).end
      let data = await Self.snapshot(of: operations)?.encoded()
      isTakingBeginning = false
      let waiting = waitingForBeginning
      waitingForBeginning = []
      for one in waiting { one.resume() }
      guard let data else { return nil }
      taken = (now, before ?? 0, data)
      beginning = taken
      end = max(end, taken.end)
      toldEnd = max(toldEnd, taken.end)
    }
    let id = StreamPlace(boot: boot, end: taken.end).text
    let name = isFresh && place == nil ? "snapshot" : "reset"
    var bytes = SSEFrame.event(name, id: id, encoded: taken.data)
    if isFresh { bytes += await missed(after: place, id: id) }
    return bytes
  }

  /// What happened while a dashboard was away, also if another boot of the node told it last.
  private func missed(after place: StreamPlace?, id: String) async -> [UInt8] {
    guard let place,
      let missed = try? await operations.happenings(after: place.end, limit: OperatorLimits.backlogEvents),
      !missed.changes.isEmpty
    else { return [] }
    return SSEFrame.event("events", id: id, data: missed.json)
  }

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
    switch event {
    case .log(let line): lines.append(line)
    case .run:
      (agentsChanged, runsChanged) = (true, true)
      events.append(event)
    case .agent, .supervisor, .budget, .secret, .approval, .denial, .effect:
      agentsChanged = true
      events.append(event)
    }
  }

  /// Tells every dashboard the news and what happened since the last time; encoded once for all that keep up.
  private func distribute(_ news: StreamNews) {
    var news = news
    news.events = events.take()
    news.lines = lines.take()
    dropped += news.events.skipped + news.lines.skipped
    guard !news.isEmpty else { return }
    version += 1
    news.end = toldEnd
    let frames = news.frames(boot: boot)
    for stream in streams { stream.push(news, frames: frames) }
  }

  /// One beat: finds out what changed and lets every dashboard know.
  package func tick() async {
    streams.removeAll { $0.isEnded }
    guard !streams.isEmpty else {
      (agentsChanged, runsChanged) = (true, true)
      _ = (events.take(), lines.take())
      beginning = nil
      return
    }
    var news = StreamNews()
    toldEnd = end
    ticksUntilPoll -= 1
    if agentsChanged || ticksUntilPoll <= 0 {
      ticksUntilPoll = Self.ticksPerPoll
      agentsChanged = false
      await refreshStatus(&news)
    }
    if runsChanged {
      runsChanged = false
      end = max(end, (try? await operations.happenings(after: nil, limit: 0).end) ?? end)
      news.runs = try? await operations.listRuns(RunFilter(limit: OperatorLimits.snapshotRuns))
    }
    distribute(news)
    ticksUntilCheck -= 1
    if ticksUntilCheck <= 0 {
      ticksUntilCheck = Self.ticksPerPoll
      for stream in streams where !stream.isWelcome() { stream.end() }
    }
    for stream in streams { stream.flush() }
  }

  private func refreshStatus(_ news: inout StreamNews) async {
    guard let status = try? await operations.status() else { return }
    let current = Dictionary(status.agents.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    if !known.isEmpty, Set(known.keys) != Set(current.keys) {
      version += 1
      for stream in streams { stream.restart() }
    } else {
      news.agents = status.agents.filter { known[$0.name] != $0 }.sorted { $0.name < $1.name }
    }
    known = current
    let totals: JSONValue = [
      "node": status.node.json, "runs": status.runs.json, "approvals": .int(Int64(status.approvals)),
    ]
    if totals != knownTotals {
      knownTotals = totals
      news.totals = totals
    }
  }

  /// Ends all streams, so that the listener can close.
  package func close() {
    isClosed = true
    for stream in streams { stream.end() }
    streams = []
  }

  /// How many dashboards are open.
  package var count: Int { streams.count { !$0.isEnded } }

  package var figures: MetricsText.Streams { MetricsText.Streams(open: count, dropped: dropped) }
}
