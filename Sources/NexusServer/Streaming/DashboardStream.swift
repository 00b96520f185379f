// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import Synchronization

/// What one dashboard has yet to be told: the latest value of each thing that changed, never a queue of changes.
///
/// Its size is bounded by the number of agents and by the limits of the two backlogs, however slowly it is read.
package final class DashboardStream: FrameSource {
  private struct State {
    var needsSnapshot = true
    /// True before the first snapshot: there is nothing to reset yet.
    var isFresh = true
    var agents: [AgentName: AgentStatus] = [:]
    var totals: JSONValue?
    var runs: RunPage?
    var lines = Backlog<LogEvent>(limit: OperatorLimits.backlogLines)
    var events = Backlog<NodeEvent>(limit: OperatorLimits.backlogEvents)
    var isDue = false
    var isEnded = false
    var lastWrite: Instant
    var writingSince: Instant?
    var sequence = 0
    var reader: CheckedContinuation<Void, Never>?
  }

  private let boot: BootID
  private let clock: any NexusClock
  private let snapshot: @Sendable () async -> JSONValue?
  private let connection: StreamConnection
  private let state: Mutex<State>

  init(
    boot: BootID, clock: any NexusClock, connection: StreamConnection,
    snapshot: @escaping @Sendable () async -> JSONValue?
  ) {
    self.boot = boot
    self.clock = clock
    self.connection = connection
    self.snapshot = snapshot
    state = Mutex(State(lastWrite: clock.now()))
  }

  // MARK: The hub's side.

  func push(agents: [AgentStatus]) {
    state.withLock { state in
      guard !state.needsSnapshot else { return }
      for agent in agents { state.agents[agent.name] = agent }
    }
  }

  func push(totals: JSONValue) { state.withLock { if !$0.needsSnapshot { $0.totals = totals } } }
  func push(runs: RunPage) { state.withLock { if !$0.needsSnapshot { $0.runs = runs } } }

  func push(_ event: NodeEvent) {
    state.withLock { state in
      guard !state.needsSnapshot else { return }
      if case .log(let line) = event { state.lines.append(line) } else { state.events.append(event) }
    }
  }

  /// Forgets what waits and starts afresh, for example because an agent came or went.
  func restart() { state.withLock { Self.restart(&$0) } }

  private static func restart(_ state: inout State) {
    state.needsSnapshot = true
    state.agents = [:]
    state.totals = nil
    state.runs = nil
    _ = state.lines.take()
    _ = state.events.take()
  }

  /// Lets the reader go on if there is something to say, restarts the slow, ends the stuck.
  func flush() {
    let now = clock.now()
    let (reader, isStuck) = state.withLock { state -> (CheckedContinuation<Void, Never>?, Bool) in
      if let since = state.writingSince {
        if now - since >= OperatorLimits.stuckAfter { return (nil, true) }
        if now - since >= OperatorLimits.slowAfter { Self.restart(&state) }
        return (nil, false)
      }
      guard Self.hasNews(state) || now - state.lastWrite >= OperatorLimits.heartbeat else { return (nil, false) }
      state.isDue = true
      return (state.reader.take(), false)
    }
    reader?.resume()
    if isStuck {
      connection.close()
      end()
    }
  }

  private static func hasNews(_ state: State) -> Bool {
    state.needsSnapshot || !state.agents.isEmpty || state.totals != nil || state.runs != nil || !state.lines.isEmpty
      || !state.events.isEmpty
  }

  // MARK: The connection's side.

  /// The hub does the work, once for all.
  package func pump() async {}

  package func next() async -> [UInt8]? {
    await withCheckedContinuation { continuation in
      let goesOn = state.withLock { state in
        if state.isEnded || state.isDue || state.isFresh { return true }
        state.reader = continuation
        return false
      }
      if goesOn { continuation.resume() }
    }
    let (isEnded, needsSnapshot, isFresh) = state.withLock { state in
      (state.isEnded, state.needsSnapshot, state.isFresh)
    }
    if isEnded { return nil }
    if needsSnapshot {
      // What happens while it is taken arrives afterwards, too: twice is right for values, and lines have their time.
      state.withLock { $0.needsSnapshot = false }
      guard let value = await snapshot() else { return nil }
      return take(first: (isFresh ? "snapshot" : "reset", value))
    }
    return take(first: nil)
  }

  private func take(first: (name: String, value: JSONValue)?) -> [UInt8]? {
    let now = clock.now()
    return state.withLock { state in
      if state.isEnded { return nil }
      state.isDue = false
      state.isFresh = false
      state.writingSince = now
      var bytes: [UInt8] = []
      func add(_ name: String, _ data: JSONValue) {
        state.sequence += 1
        bytes += SSEFrame.event(name, id: "\(boot.text):\(state.sequence)", data: data)
      }
      if let first { add(first.name, first.value) }
      if let totals = state.totals { add("totals", totals) }
      if !state.agents.isEmpty {
        add("agents", .array(state.agents.values.sorted { $0.name < $1.name }.map(\.json)))
      }
      if let runs = state.runs { add("runs", runs.json) }
      if !state.events.isEmpty {
        let (events, skipped) = state.events.take()
        add("events", ["events": .of(events), "skipped": .int(Int64(skipped))])
      }
      if !state.lines.isEmpty {
        let (lines, skipped) = state.lines.take()
        add("log", ["lines": .of(lines), "skipped": .int(Int64(skipped))])
      }
      state.totals = nil
      state.agents = [:]
      state.runs = nil
      return bytes.isEmpty ? SSEFrame.heartbeat : bytes
    }
  }

  package func written() {
    let now = clock.now()
    state.withLock { state in
      state.writingSince = nil
      state.lastWrite = now
    }
  }

  package func end() {
    let reader = state.withLock { state in
      state.isEnded = true
      Self.restart(&state)
      return state.reader.take()
    }
    reader?.resume()
  }

  var isEnded: Bool { state.withLock(\.isEnded) }
}
