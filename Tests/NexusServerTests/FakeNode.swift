// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAPI
import NexusCore
import Synchronization

/// A node that answers what a test tells it to, and remembers what it was asked.
final class FakeNode: NodeOperations {
  struct State {
    var report = StatusReport(
      node: NodeStatus(isRunning: true, version: "0.1.0", project: "demo", directory: "/demo", pid: 1), agents: [])
    var started: [StartRun] = []
    var stopped: [String] = []
    var lines: [LogEvent] = []
    /// Where the next page of lines begins.
    var cursor: String?
    var watchers: [AsyncStream<NodeEvent>.Continuation] = []
    /// What each of them wants.
    var filters: [EventFilter] = []
    var rows: [RunRow] = []
    var asks: [ApprovalReport] = []
    var waitsForEver = false
    /// How often it was asked for lines.
    var readings = 0
    /// Who decided what.
    var decisions: [(ApprovalID, ApprovalDecision, OperatorIdentity)] = []
    /// How often the status was asked for.
    var asked = 0
    /// Where the journals end, and which run got an entry at which end.
    var end: Int64 = 0
    var changed: [(end: Int64, run: String)] = []
  }

  let state = Mutex(State())

  init(agents: [AgentStatus] = []) { state.withLock { $0.report.agents = agents } }

  func publish(_ event: NodeEvent) {
    let (watchers, filters) = state.withLock { ($0.watchers, $0.filters) }
    for (watcher, filter) in zip(watchers, filters) where filter.matches(event) { watcher.yield(event) }
  }

  static let run = RunReport(
    id: RunID("run_1"), kind: "agent", name: "researcher", status: "completed", output: "done",
    startedAt: WallTime(microseconds: 0))

  func decide(
    _ id: ApprovalID, _ decision: ApprovalDecision, by who: OperatorIdentity
  ) async throws(OperationError) -> ApprovalReport {
    state.withLock { $0.decisions.append((id, decision, who)) }
    return ApprovalReport(
      id: id, status: "approved", run: RunID("run_1"), step: "main", agent: "a", requestedAt: WallTime(microseconds: 0))
  }

  func status() async throws(OperationError) -> StatusReport {
    state.withLock { state in
      state.asked += 1
      return state.report
    }
  }

  func listAgents() async throws(OperationError) -> [AgentStatus] { state.withLock { $0.report.agents } }

  func inspect(_ agent: AgentName) async throws(OperationError) -> AgentDetail {
    guard let status = state.withLock({ $0.report.agents.first { $0.name == agent } }) else {
      throw .unknownAgent(agent.text)
    }
    return AgentDetail(
      status: status, mode: "task", workingDirectory: "/demo", supervisor: "root", restart: "permanent")
  }

  func listRuns(_ filter: RunFilter) async throws(OperationError) -> RunPage {
    let rows = state.withLock { $0.rows }.filter { row in
      (filter.name == nil || row.name == filter.name) && filter.cursor.map { row.id.text < $0 } != false
    }
    return RunPage(
      runs: Array(rows.prefix(filter.limit)), next: rows.count > filter.limit ? rows[filter.limit - 1].id.text : nil)
  }

  func runCounts(of names: Set<String>) async throws(OperationError) -> RunCounts {
    var counts: [String: Int] = [:]
    for row in state.withLock({ $0.rows }) where names.contains(row.name) { counts[row.status, default: 0] += 1 }
    return RunCounts(counts.sorted { $0.key < $1.key }.map { RunCounts.StatusCount(status: $0.key, count: $0.value) })
  }

  func showRun(_ run: RunID) async throws(OperationError) -> RunDetail {
    guard let row = state.withLock({ $0.rows.first { $0.id == run } }) else { throw .unknownRun(run) }
    let report = RunReport(
      id: row.id, kind: row.kind, name: row.name, status: row.status, startedAt: WallTime(microseconds: 0))
    return RunDetail(
      report: report, input: .null, steps: [], journalEntries: 0, journalHead: JournalSequence(0), attempts: 1)
  }

  func approvals(_ filter: ApprovalFilter) async throws(OperationError) -> ApprovalList {
    ApprovalList(approvals: state.withLock { $0.asks })
  }

  func approval(_ id: ApprovalID) async throws(OperationError) -> ApprovalReport {
    guard let one = state.withLock({ $0.asks.first { $0.id == id } }) else { throw .unknownApproval(id) }
    return one
  }

  func journal(of run: RunID, after: JournalSequence, limit: Int) async throws(OperationError) -> JournalPage {
    JournalPage(run: run, entries: [], head: JournalSequence(0))
  }

  func logs(_ query: LogQuery) async throws(OperationError) -> LogPage {
    state.withLock { state in
      state.readings += 1
      return LogPage(lines: state.lines, next: state.cursor)
    }
  }
  func costs() async throws(OperationError) -> CostReport { CostReport() }
  func costHistory(_ query: CostQuery) async throws(OperationError) -> CostHistory { CostHistory(charges: []) }
  func change(costs change: CostChange) async throws(OperationError) -> CostChangeReport {
    CostChangeReport(budgets: [])
  }
  func doctor() async throws(OperationError) -> DoctorReport { DoctorReport(findings: []) }

  func supervision() async throws(OperationError) -> SupervisionReport { SupervisionReport(supervisors: [Self.desk]) }
  func startSupervisor(_ supervisor: SupervisorName) async throws(OperationError) -> SupervisorStatus { Self.desk }
  func resetSupervisor(_ supervisor: SupervisorName) async throws(OperationError) -> SupervisorStatus { Self.desk }
  func stopSupervisor(
    _ supervisor: SupervisorName, force: Bool
  ) async throws(OperationError) -> SupervisorStatus { Self.desk }
  func reload(prune: Bool, dryRun: Bool) async throws(OperationError) -> ReloadReport {
    ReloadReport(changes: [], isApplied: !dryRun)
  }

  static let desk = SupervisorStatus(
    name: SupervisorName("desk"), parent: .root, strategy: "one-for-one", state: "running", restarts: RestartStatus(),
    onMaxRestarts: "escalate", autoShutdown: "never", children: [])

  func events(_ filter: EventFilter) async throws(OperationError) -> AsyncStream<NodeEvent> {
    let (stream, continuation) = AsyncStream.makeStream(of: NodeEvent.self, bufferingPolicy: .bufferingNewest(4096))
    state.withLock {
      $0.watchers.append(continuation)
      $0.filters.append(filter)
    }
    return stream
  }

  func followLogs(_ query: LogQuery) async throws(OperationError) -> AsyncStream<LogEvent> {
    let lines = state.withLock { $0.lines }
    return AsyncStream { continuation in
      for line in lines { continuation.yield(line) }
      continuation.finish()
    }
  }

  func happenings(after end: Int64?, limit: Int) async throws(OperationError) -> RunHappenings {
    state.withLock { state in
      let changes = state.changed.filter { $0.end > end ?? .max }.map { change in
        RunHappenings.Change(
          at: WallTime(microseconds: change.end),
          event: RunEvent(run: RunID(change.run), agent: AgentName("a"), status: "completed"))
      }
      return RunHappenings(end: state.end, changes: Array(changes.suffix(limit)))
    }
  }

  func startRun(_ request: StartRun) async throws(OperationError) -> RunReport {
    state.withLock { $0.started.append(request) }
    return Self.run
  }

  func waitRun(_ run: RunID) async throws(OperationError) -> RunReport {
    while state.withLock({ $0.waitsForEver }) {
      guard (try? await SystemClock().sleep(until: SystemClock().now() + .milliseconds(5))) != nil else {
        throw OperationError(.interrupted, code: "NX-API-017", title: "Interrupted")
      }
    }
    return Self.run
  }

  func change(_ run: RunID, _ change: RunChange) async throws(OperationError) -> RunReport {
    if change == .resume(accept: nil) { throw .conflicting("It is not paused.") }
    return Self.run
  }
  func flows() async throws(OperationError) -> FlowList { FlowList(flows: []) }
  func change(pool: String, _ change: QueuePoolChange) async throws(OperationError) -> FlowReport {
    state.withLock { $0.stopped.append("pool \(pool) \(change.verb) \(change.body.text(.compact))") }
    return FlowReport(kind: "pool", name: pool, steps: [])
  }

  static let nightly = ScheduleReport(
    name: "nightly", cron: "0 3 * * *", timeZone: "UTC", target: "report", overlap: "skip", catchUp: "one")
  func schedules() async throws(OperationError) -> ScheduleList { ScheduleList(schedules: [Self.nightly]) }
  func change(schedule: String, _ change: ScheduleChange) async throws(OperationError) -> ScheduleReport {
    guard schedule == Self.nightly.name else {
      throw OperationError(.notFound, code: "NX-SCH-001", title: "There is no such schedule")
    }
    state.withLock { $0.stopped.append("schedule \(schedule) \(change.rawValue)") }
    return Self.nightly
  }
  func startAgent(_ agent: AgentName) async throws(OperationError) -> AgentStatus { try await inspect(agent).status }

  func stopAgent(_ agent: AgentName, force: Bool, noRestart: Bool) async throws(OperationError) -> AgentStatus {
    state.withLock { $0.stopped.append("\(agent) \(force) \(noRestart)") }
    return try await inspect(agent).status
  }

  func removeAgent(_ agent: AgentName, force: Bool) async throws(OperationError) {
    guard force else { throw OperationError(.conflict, code: "NX-API-036", title: "needed", detail: "") }
  }
  func shutdown() async throws(OperationError) {}
}

/// A clock that a test moves; waiting for it never ends by itself.
final class FakeClock: NexusClock {
  private let nanoseconds = Mutex<Int64>(1_000_000_000)

  func advance(_ duration: Duration) { nanoseconds.withLock { $0 += duration.wholeNanoseconds } }
  func now() -> Instant { Instant(nanoseconds: nanoseconds.withLock { $0 }) }
  func wallNow() -> WallTime { WallTime(microseconds: now().nanoseconds / 1000) }

  func sleep(until deadline: Instant) async throws {
    while now() < deadline {
      try Task.checkCancellation()
      await Task.yield()
    }
  }
}

/// Counts up, so that no two secrets of a test are equal.
final class FakeRandom: RandomSource {
  private let value = Mutex<UInt64>(1)
  func next() -> UInt64 {
    value.withLock { value in
      value = value &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return value
    }
  }
}
