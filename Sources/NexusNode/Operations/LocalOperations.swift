// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusDiagnostics
internal import NexusGateway
internal import NexusKernel
internal import NexusRuntime
internal import NexusStore
internal import NexusTelemetry

/// What operators ask, answered by the node in this process.
struct LocalOperations: NodeOperations {
  let parts: NodeParts

  var runs: RunReports {
    // All that is to go on is the node's, but for one of a command: that has what it was asked for.
    guard parts.options.purpose == .singleRun else { return RunReports(store: parts.store) }
    let executor = parts.runtime.executor
    return RunReports(store: parts.store) { await executor.absent(of: $0) }
  }
  var agents: AgentReports {
    let plan = parts.plan
    return AgentReports(plan: plan, spend: SpendView(parts.ledger.report(), plan: plan))
  }

  // MARK: Reading

  func status() async throws(OperationError) -> StatusReport {
    let (counts, open) = try await reading { () async throws(StoreError) in
      (try await runs.counts(), try await ApprovalReports.openCount(in: parts.store))
    }
    var report = StatusReport(node: StatusReports.node(parts), agents: await statuses(), runs: counts)
    report.approvals = open
    return report
  }

  func runCounts(of names: Set<String>) async throws(OperationError) -> RunCounts {
    try await reading { () async throws(StoreError) in try await runs.counts(of: names) }
  }

  func listAgents() async throws(OperationError) -> [NexusAPI.AgentStatus] { await statuses() }

  private func statuses() async -> [NexusAPI.AgentStatus] {
    let reports = agents
    var statuses: [NexusAPI.AgentStatus] = []
    let queue = await parts.runtime.supervisors.queue()
    for spec in reports.plan.agents { statuses.append(reports.status(of: spec, await present(spec, below: queue))) }
    return statuses
  }

  private func present(_ spec: AgentSpec) async -> AgentReports.Present {
    await present(spec, below: await parts.runtime.supervisors.queue())
  }

  private func present(_ spec: AgentSpec, below queue: [AgentName: ChildName]) async -> AgentReports.Present {
    let restarts = await parts.runtime.supervisors.restarts(of: spec.name)
    let moment = StatusReports.Moment(parts.clock)
    var status = parts.runtime.board.status(of: spec.name) ?? AgentStatus()
    if let awaited = queue[spec.name] {
      status.state = .waiting
      status.reason = SupervisionReports.waits(for: awaited)
    }
    return AgentReports.Present(
      status: status, now: moment.now, restarts: StatusReports.restarts(restarts, at: moment))
  }

  private func spec(_ agent: AgentName) throws(OperationError) -> AgentSpec {
    guard let spec = parts.plan.agent(agent) else { throw .unknownAgent(agent.text) }
    return spec
  }

  func inspect(_ agent: AgentName) async throws(OperationError) -> AgentDetail {
    let spec = try spec(agent)
    let recent = try await reading { () async throws(StoreError) in
      try await runs.withLateCalls(parts.store.runs(RunQuery(name: agent.text, limit: 10)))
    }
    return agents.detail(of: spec, await present(spec), recent: recent)
  }

  func listRuns(_ filter: RunFilter) async throws(OperationError) -> RunPage {
    try filter.check()
    return try await reading { () async throws(StoreError) in try await runs.page(filter) }
  }

  func record(_ run: RunID) async throws(OperationError) -> RunRecord {
    let found = try await reading { () async throws(StoreError) in try await parts.store.run(run) }
    guard let found else { throw .unknownRun(run) }
    return found
  }

  private func budgets(of record: RunRecord) -> [BudgetStatus] {
    let reports = agents
    return reports.plan.agent(AgentName(record.name)).map { reports.spend.budgets(binding: $0) } ?? []
  }

  func showRun(_ run: RunID) async throws(OperationError) -> RunDetail {
    let record = try await record(run)
    return try await reading { () async throws(StoreError) in
      try await runs.detail(of: record, budgets: budgets(of: record))
    }
  }

  func journal(of run: RunID, after: JournalSequence, limit: Int) async throws(OperationError) -> JournalPage {
    let record = try await record(run)
    return try await reading { () async throws(StoreError) in
      try await runs.journal(of: record, after: after, limit: limit)
    }
  }

  func logs(_ query: LogQuery) async throws(OperationError) -> LogPage {
    await parts.logs.flush()
    return try await LogPages.page(query, from: parts.logs.reader, of: parts.plan, in: parts.store)
  }

  func doctor() async throws(OperationError) -> DoctorReport {
    DoctorReport(findings: DoctorChecks.machine(for: parts.options.project) + DoctorChecks.node(parts))
  }

  // MARK: Watching

  func happenings(after end: Int64?, limit: Int) async throws(OperationError) -> RunHappenings {
    let found = try await reading { () async throws(StoreError) in
      try await parts.store.changes(after: end, limit: limit)
    }
    let changes = found.runs.map { run in
      RunHappenings.Change(
        at: run.summary.updatedAt,
        event: RunEvent(
          run: run.id, agent: AgentName(run.name), status: run.summary.status.rawValue,
          note: run.summary.error?.code ?? ""))
    }
    return RunHappenings(end: found.end, changes: changes, isCut: found.isCut)
  }

  func events(_ filter: EventFilter) async throws(OperationError) -> AsyncStream<NodeEvent> {
    guard let stream = parts.events.watch({ filter.matches($0) ? $0 : nil }) else {
      throw .tooMany("\(EventHub.maxWatchers) watchers are connected already")
    }
    return stream
  }

  func followLogs(_ query: LogQuery) async throws(OperationError) -> AsyncStream<LogEvent> {
    let stream = parts.events.watch { event -> LogEvent? in
      guard case .log(let line) = event, query.agent == nil || query.agent == line.agent,
        query.run == nil || query.run == line.run, query.step == nil || query.step == line.step,
        query.only?.contains(line.agent.text) != false
      else { return nil }
      return line
    }
    guard let stream else { throw .tooMany("\(EventHub.maxWatchers) watchers are connected already") }
    return stream
  }

  // MARK: Runs

  func startRun(_ request: StartRun) async throws(OperationError) -> RunReport {
    try await reloadIfUnknown(request.name)
    let input = try request.effectiveInput()
    let record: RunRecord
    do throws(RuntimeRefusal) {
      record = try await parts.runtime.executor.start(
        request.name, input: input, idempotencyKey: request.idempotencyKey, timeout: request.timeout,
        cassette: try load(request.cassette, for: request.name))
    } catch {
      throw OperationError(error, suggesting: error.kind == .notFound ? suggestion(for: request.name) : nil)
    }
    guard record.input == input else {
      throw OperationError(
        .conflict, code: "NX-RUN-053", title: "The idempotency key belongs to another input",
        detail: "\(record.id) was started under this key with another input; nothing was started.",
        hint: "naos runs show \(record.id)")
    }
    return try await report(record)
  }

  private func suggestion(for name: String) -> String? {
    let plan = parts.plan
    guard plan.agent(AgentName(name)) == nil else { return nil }
    return Suggestion.nearest(to: name, among: plan.agents.map(\.name.text) + plan.flows.map(\.name))
  }

  func report(_ record: RunRecord) async throws(OperationError) -> RunReport {
    try await reading { () async throws(StoreError) in
      try await runs.report(of: record, budgets: budgets(of: record))
    }
  }

  /// An agent that was created while the node runs is found at its first use.
  private func reloadIfUnknown(_ name: String) async throws(OperationError) {
    guard parts.plan.agent(AgentName(name)) == nil, parts.plan.flow(name) == nil, parts.options.purpose == .project
    else { return }
    await parts.reloadTurn.take()
    defer { parts.reloadTurn.pass() }
    if let plan = PlanReload.load(parts.options) { await parts.reload(plan, prune: false) }
  }

  func waitRun(_ run: RunID) async throws(OperationError) -> RunReport {
    await parts.runtime.executor.wait(for: run, until: .result)
    let record = try await record(run)
    // It was handed over: whoever waits asks the next node.
    if parts.options.purpose == .singleRun, parts.isLeaving, RunStatus.unfinished.contains(record.summary.status) {
      throw Self.leaving
    }
    return try await report(record)
  }

  private static let leaving = OperationError(
    .rateLimited, code: "NX-RUN-005", title: "Not done", detail: "the node is shutting down")

  func reading<Value>(_ body: () async throws(StoreError) -> Value) async throws(OperationError) -> Value {
    do { return try await body() } catch { throw OperationError(error) }
  }

  // MARK: Agents

  func startAgent(_ agent: AgentName) async throws(OperationError) -> NexusAPI.AgentStatus {
    let spec = try spec(agent)
    if let refusal = spec.refusals.first {
      throw OperationError(.refused, code: refusal.code, title: "The agent may not run", detail: refusal.message)
    }
    try await remember(AgentRow(name: agent))
    if spec.mode == .service {
      do { try await parts.runtime.supervisors.start(agent) } catch { throw OperationError(error) }
    } else {
      await parts.runtime.supervisors.forgive(agent)
      parts.runtime.board.update(agent) { if $0.runningRuns == 0 { ($0.state, $0.reason) = (.idle, "") } }
    }
    return agents.status(of: spec, await present(spec))
  }

  func stopAgent(_ agent: AgentName, force: Bool, noRestart: Bool) async throws(OperationError) -> NexusAPI.AgentStatus
  {
    let spec = try spec(agent)
    if noRestart { try await remember(AgentRow(name: agent, stoppedByOperator: true)) }
    if spec.mode == .service { await parts.runtime.supervisors.stop(agent, force: force, disable: noRestart) }
    await parts.runtime.executor.stopRuns(of: agent, kill: force)
    if noRestart { parts.runtime.board.update(agent) { $0.state = .stopped } }
    return agents.status(of: spec, await present(spec))
  }

  func removeAgent(_ agent: AgentName, force: Bool) async throws(OperationError) {
    if !force {
      let ties = try await AgentTies.find(agent, in: parts.plan, self)
      guard ties.isEmpty else { throw ties.refusal(of: agent, force: "force=true") }
    }
    _ = try await stopAgent(agent, force: false, noRestart: false)
    do {
      try await parts.store.commit(StoreTransaction(.synced, [.deleteAgent(agent)]))
    } catch {
      throw OperationError(error)
    }
    await parts.reloadTurn.take()
    defer { parts.reloadTurn.pass() }
    var plan = parts.plan
    plan.agents.removeAll { $0.name == agent }
    for index in plan.supervisors.indices { plan.supervisors[index].children.removeAll { $0 == .agent(agent) } }
    await parts.reload(plan, prune: true)
  }

  private func remember(_ row: AgentRow) async throws(OperationError) {
    do { try await parts.store.commit(StoreTransaction(.synced, [.putAgent(row)])) } catch {
      throw OperationError(error)
    }
  }

  // MARK: The node

  /// A node of one command stays as long as others who joined it have runs under way.
  func shutdown() async throws(OperationError) {
    if parts.options.purpose == .singleRun { await parts.runtime.executor.waitUntilIdle() }
    parts.askToStop()
  }

  /// Only a node that is there for the runs of a command leaves; one that stays is asked by mistake.
  func handOver() async throws(OperationError) {
    if parts.options.purpose == .singleRun { parts.askToStop() }
  }
}
