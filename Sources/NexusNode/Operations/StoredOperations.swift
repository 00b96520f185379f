// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
package import NexusCore
package import NexusKernel
internal import NexusRuntime
internal import NexusStore
internal import NexusStoreSQLite
internal import NexusTelemetry

/// What operators may ask while no node runs: everything that only reads, from the store and the log files.
package struct StoredOperations: NodeOperations {
  private let plan: ProjectPlan
  private let project: String
  private let clock: any NexusClock
  private let store: any Store

  /// Opens the project's store for reading; a project that never ran has none and reads as empty.
  ///
  /// - Parameters:
  ///   - plan: the configuration.
  ///   - project: the folder.
  ///   - isSketch: the configuration has errors, so agents may be missing from it that the store knows.
  ///   - clock: the time.
  /// - Throws: `OperationError`: the store cannot be read.
  /// - Returns: what there is to be asked.
  package static func open(
    plan: ProjectPlan, project: String, isSketch: Bool = false, clock: any NexusClock = SystemClock()
  ) async throws(OperationError) -> StoredOperations {
    let operations = try await open(plan, project, clock)
    return isSketch ? try await operations.completed() : operations
  }

  /// How many of the latest runs are looked through for agents that a configuration with errors does not show.
  private static let maxSearchedRuns = 1_000

  /// With the agents that have run lately, or have ever spent something.
  private func completed() async throws(OperationError) -> StoredOperations {
    let (runs, rows, counters) = try await reading { () async throws(StoreError) in
      (
        try await store.runs(RunQuery(kinds: [.agent], limit: Self.maxSearchedRuns)), try await store.agents(),
        try await store.counters()
      )
    }
    let prefix = BudgetScope.agent(AgentName("")).text
    let scopes = counters.map(\.key.scope).filter { $0.hasPrefix(prefix) }
    let names = Set(runs.map(\.name) + rows.map(\.name.text) + scopes.map { String($0.dropFirst(prefix.count)) })
    var plan = plan
    for name in names.sorted() where plan.agent(AgentName(name)) == nil {
      var spec = AgentSpec(name: AgentName(name), kind: .process(command: []), workingDirectory: project)
      spec.refusals = [PlanRefusal(code: "NX-CFG-010", message: "the configuration that defines it cannot be read")]
      plan.agents.append(spec)
    }
    return StoredOperations(plan: plan, project: project, clock: clock, store: store)
  }

  private static func open(
    _ plan: ProjectPlan, _ project: String, _ clock: any NexusClock
  ) async throws(OperationError) -> StoredOperations {
    let path = ProjectState(project: project).database
    guard Files.exists(path) else {
      return StoredOperations(plan: plan, project: project, clock: clock, store: InMemoryStore())
    }
    do throws(StoreError) {
      let store = try await SQLiteStore.openReadOnly(path: path)
      return StoredOperations(plan: plan, project: project, clock: clock, store: store)
    } catch {
      // A node that was killed while it made the file left nothing in it.
      guard error.code == .notFound else { throw OperationError(error) }
      return StoredOperations(plan: plan, project: project, clock: clock, store: InMemoryStore())
    }
  }

  private var runs: RunReports { RunReports(store: store) { Set($0) } }

  private func reading<Value>(_ body: () async throws(StoreError) -> Value) async throws(OperationError) -> Value {
    do { return try await body() } catch { throw OperationError(error) }
  }

  private func agentReports() async throws(OperationError) -> AgentReports {
    let (counters, overrides) = try await reading { () async throws(StoreError) in
      (try await store.counters(), try BudgetFormat.overrides(try await store.components(.budget)))
    }
    let spend = SpendView(counters: counters, overrides: overrides, plan: plan, now: clock.wallNow())
    return AgentReports(plan: plan, spend: spend)
  }

  private func presents() async throws(OperationError) -> [AgentName: AgentReports.Present] {
    try await stored().agents
  }

  /// The agents, and the tree with the restarts that count.
  private func stored() async throws(OperationError) -> (
    agents: [AgentName: AgentReports.Present], tree: SupervisionTree, moment: StatusReports.Moment
  ) {
    let moment = StatusReports.Moment(clock)
    let (rows, restarts) = try await reading { () async throws(StoreError) in
      (try await store.agents(), try await store.restarts(since: moment.wall + (.zero - SupervisorHost.maxMemory)))
    }
    // Counted as a node that came up now would.
    var tree = SupervisionTree(plan.branches(startsServices: false))
    SupervisorHost.restore(restarts, into: &tree, wall: moment.wall, now: moment.now)
    var presents: [AgentName: AgentReports.Present] = [:]
    for spec in plan.agents {
      presents[spec.name] = StatusReports.present(
        of: spec, row: rows.first { $0.name == spec.name },
        restarts: StatusReports.restarts(tree.restarts(of: .agent(spec.name), at: moment.now), at: moment))
    }
    return (presents, tree, moment)
  }

  package func status() async throws(OperationError) -> StatusReport {
    let node = NodeStatus(isRunning: false, version: NaosVersion.current, project: plan.name, directory: project)
    let (counts, open) = try await reading { () async throws(StoreError) in
      (try await runs.counts(), try await ApprovalReports.openCount(in: store))
    }
    var report = StatusReport(node: node, agents: try await listAgents(), runs: counts)
    report.approvals = open
    return report
  }

  package func runCounts(of names: Set<String>) async throws(OperationError) -> RunCounts {
    try await reading { () async throws(StoreError) in try await runs.counts(of: names) }
  }

  package func listAgents() async throws(OperationError) -> [NexusAPI.AgentStatus] {
    let reports = try await agentReports()
    let presents = try await presents()
    return plan.agents.compactMap { spec in presents[spec.name].map { reports.status(of: spec, $0) } }
  }

  /// The tree as the configuration has it; nothing of it runs.
  package func supervision() async throws(OperationError) -> SupervisionReport {
    let (agents, tree, moment) = try await stored()
    return SupervisionReports.stored(tree, agents, at: moment)
  }

  package func inspect(_ agent: AgentName) async throws(OperationError) -> AgentDetail {
    guard let spec = plan.agent(agent), let present = try await presents()[agent] else {
      throw .unknownAgent(agent.text)
    }
    let recent = try await reading { () async throws(StoreError) in
      try await runs.withLateCalls(store.runs(RunQuery(name: agent.text, limit: 10)))
    }
    return try await agentReports().detail(of: spec, present, recent: recent)
  }

  package func listRuns(_ filter: RunFilter) async throws(OperationError) -> RunPage {
    try filter.check()
    return try await reading { () async throws(StoreError) in try await runs.page(filter) }
  }

  private func record(_ run: RunID) async throws(OperationError) -> RunRecord {
    let found = try await reading { () async throws(StoreError) in try await store.run(run) }
    guard let found else { throw .unknownRun(run) }
    return found
  }

  package func showRun(_ run: RunID) async throws(OperationError) -> RunDetail {
    let record = try await record(run)
    let budgets = try await budgets(of: record)
    return try await reading { () async throws(StoreError) in try await runs.detail(of: record, budgets: budgets) }
  }

  private func budgets(of record: RunRecord) async throws(OperationError) -> [BudgetStatus] {
    guard let spec = plan.agent(AgentName(record.name)) else { return [] }
    return try await agentReports().spend.budgets(binding: spec)
  }

  package func journal(
    of run: RunID, after: JournalSequence, limit: Int
  ) async throws(OperationError) -> JournalPage {
    let record = try await record(run)
    return try await reading { () async throws(StoreError) in
      try await runs.journal(of: record, after: after, limit: limit)
    }
  }

  package func call(
    _ number: Int, of run: RunID, step: String?
  ) async throws(OperationError) -> RecordedCallReport {
    try await Recordings(store: store).call(number, of: try await record(run), step: step)
  }

  package func cassette(of run: RunID) async throws(OperationError) -> CassetteReport {
    try await Recordings(store: store).cassette(of: try await record(run), without: plan.allSecrets)
  }

  package func logs(_ query: LogQuery) async throws(OperationError) -> LogPage {
    let reader = LogReader(directory: ProjectState(project: project).logs)
    return try await LogPages.page(query, from: reader, of: plan, in: store)
  }

  package func costs() async throws(OperationError) -> CostReport {
    let (books, told) = try await reading { () async throws(StoreError) in
      (try await CostBooks.read(store), try AlertFormat.book(try await store.components(.alert)))
    }
    return CostReports(plan: plan, spend: try await agentReports().spend, now: clock.wallNow()).report(books, told)
  }

  package func costHistory(_ query: CostQuery) async throws(OperationError) -> CostHistory {
    try await reading { () async throws(StoreError) in try await CostBooks.history(query, in: store) }
  }

  package func doctor() async throws(OperationError) -> DoctorReport {
    DoctorReport(
      findings: DoctorChecks.machine(for: project) + [
        DoctorFinding("node", .note, "no node runs in this project", hint: "naos up")
      ])
  }

  /// Waiting for a run that nobody executes ends at once: it says where the run stands.
  package func waitRun(_ run: RunID) async throws(OperationError) -> RunReport {
    let record = try await record(run)
    let budgets = try await budgets(of: record)
    return try await reading { () async throws(StoreError) in try await runs.report(of: record, budgets: budgets) }
  }

  private static let needsNode = OperationError.unreachable("this needs a running node, and none runs in this project")

  package func events(_ filter: EventFilter) async throws(OperationError) -> AsyncStream<NodeEvent> {
    throw Self.needsNode
  }
  package func followLogs(_ query: LogQuery) async throws(OperationError) -> AsyncStream<LogEvent> {
    throw Self.needsNode
  }
  package func startRun(_ request: StartRun) async throws(OperationError) -> RunReport { throw Self.needsNode }
  package func change(_ run: RunID, _ change: RunChange) async throws(OperationError) -> RunReport {
    throw Self.needsNode
  }
  package func flows() async throws(OperationError) -> FlowList {
    let rows = try await reading { () async throws(StoreError) in try await store.components(.queuePool) }
    let waiting = try await reading { () async throws(StoreError) in
      var counts: [String: Int] = [:]
      for pool in plan.queuePools {
        let query = RunQuery(name: pool.name.text, statuses: RunStatus.unfinished, limit: pool.maxQueue)
        counts[pool.name.text] = try await store.runs(query).count
      }
      return counts
    }
    return FlowReports.list(plan) { spec in
      let wish = rows.first { $0.name == spec.name.text }.flatMap {
        try? QueuePoolFormat.decode($0.state, of: spec.name).wish
      }
      return PoolDesk.Standing(
        size: (wish ?? QueuePoolWish()).size(of: spec), isDraining: wish?.isDraining ?? false,
        waiting: waiting[spec.name.text] ?? 0,
        busy: 0, loads: [])
    }
  }
  package func change(pool: String, _ change: QueuePoolChange) async throws(OperationError) -> FlowReport {
    throw Self.needsNode
  }
  package func schedules() async throws(OperationError) -> ScheduleList {
    let now = clock.wallNow()
    let standings = try await reading { () async throws(StoreError) in
      try ScheduleReports.stored(plan, try await store.components(.schedule), at: now)
    }
    return ScheduleList(schedules: standings.map { ScheduleReports.report($0, at: now) })
  }
  package func change(
    schedule: String, _ change: ScheduleChange
  ) async throws(OperationError) -> ScheduleReport { throw Self.needsNode }
  package func approvals(_ filter: ApprovalFilter) async throws(OperationError) -> ApprovalList {
    try await reading { () async throws(StoreError) in try await ApprovalReports.list(filter, in: store) }
  }
  package func approval(_ id: ApprovalID) async throws(OperationError) -> ApprovalReport {
    let record = try await reading { () async throws(StoreError) in try await store.approval(id) }
    guard let report = record.flatMap(ApprovalReports.report) else { throw .unknownApproval(id) }
    return report
  }
  package func state(after key: String?, limit: Int) async throws(OperationError) -> StateList {
    try await reading { () async throws(StoreError) in
      try await StateReports.list(after: key, limit: limit, in: store)
    }
  }
  package func state(_ key: String) async throws(OperationError) -> StateReport {
    let report = try await reading { () async throws(StoreError) in try await StateReports.report(key, in: store) }
    guard let report else { throw .unknownKey(key) }
    return report
  }
  package func startAgent(_ agent: AgentName) async throws(OperationError) -> NexusAPI.AgentStatus {
    throw Self.needsNode
  }
  package func stopAgent(
    _ agent: AgentName, force: Bool, noRestart: Bool
  ) async throws(OperationError) -> NexusAPI.AgentStatus { throw Self.needsNode }
  package func removeAgent(_ agent: AgentName, force: Bool) async throws(OperationError) { throw Self.needsNode }
  package func change(costs change: CostChange) async throws(OperationError) -> CostChangeReport {
    throw Self.needsNode
  }
  package func startSupervisor(_ supervisor: SupervisorName) async throws(OperationError) -> SupervisorStatus {
    throw Self.needsNode
  }
  package func resetSupervisor(_ supervisor: SupervisorName) async throws(OperationError) -> SupervisorStatus {
    throw Self.needsNode
  }
  package func stopSupervisor(
    _ supervisor: SupervisorName, force: Bool
  ) async throws(OperationError) -> SupervisorStatus { throw Self.needsNode }
  package func reload(prune: Bool, dryRun: Bool) async throws(OperationError) -> ReloadReport { throw Self.needsNode }
  package func shutdown() async throws(OperationError) { throw Self.needsNode }
}
