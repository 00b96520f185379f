// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

/// A node as somebody sees it who may see a part of its project: agents, workflows, sagas and pools of certain names, and
/// what belongs to those.
///
/// Whatever is not named here is refused. What is outside looks as if it were not there.
struct ScopedOperations: NodeOperations {
  let node: any NodeOperations
  let names: Set<String>

  private func sees(_ agent: AgentName) -> Bool { names.contains(agent.text) }

  private func found(_ agent: AgentName) throws(OperationError) {
    guard sees(agent) else { throw .unknownAgent(agent.text) }
  }

  @discardableResult
  private func found(_ run: RunID) async throws(OperationError) -> RunDetail {
    let detail = try await node.showRun(run)
    guard names.contains(detail.report.name) else { throw .unknownRun(run) }
    return detail
  }

  private func refused() -> OperationError {
    OperationError(
      .forbidden, code: "NX-API-034", title: "Not for a token with a scope",
      detail: "This is about the whole project, and the token sees a part of it.",
      hint: "Ask whoever has .naos/token.")
  }

  // MARK: Agents

  func status() async throws(OperationError) -> StatusReport {
    var report = try await node.status()
    report.agents = report.agents.filter { sees($0.name) }.map(cut)
    report.runs = try await node.runCounts(of: names)
    report.approvals = try await approvals(ApprovalFilter(limit: ApprovalFilter.maxLimit)).approvals.count
    return report
  }

  func listAgents() async throws(OperationError) -> [AgentStatus] {
    try await node.listAgents().filter { sees($0.name) }.map(cut)
  }

  func inspect(_ agent: AgentName) async throws(OperationError) -> AgentDetail {
    try found(agent)
    var detail = try await node.inspect(agent)
    detail.status = cut(detail.status)
    detail.budgets = detail.budgets.filter(sees)
    return detail
  }

  /// Without what it says of others.
  private func cut(_ agent: AgentStatus) -> AgentStatus {
    var agent = agent
    if let budget = agent.budget, !sees(budget) { agent.budget = nil }
    agent.restarts = cut(agent.restarts)
    return agent
  }

  private func cut(_ restarts: RestartStatus) -> RestartStatus {
    var restarts = restarts
    restarts.recent = restarts.recent.filter { names.contains($0.child) }
    return restarts
  }

  private func sees(_ budget: BudgetStatus) -> Bool { names.contains { budget.scope == "agent:\($0)" } }

  func supervision() async throws(OperationError) -> SupervisionReport {
    var report = try await node.supervision()
    report.supervisors = report.supervisors.map { supervisor in
      var seen = supervisor
      seen.note = nil
      seen.restarts = cut(supervisor.restarts)
      seen.children = supervisor.children.filter { $0.kind == "supervisor" || names.contains($0.name) }
      return seen
    }
    // From below: whoever has nobody left to show goes.
    while let empty = report.supervisors.lastIndex(where: { $0.parent != nil && $0.children.isEmpty }) {
      let name = report.supervisors.remove(at: empty).name.text
      for index in report.supervisors.indices {
        report.supervisors[index].children.removeAll { $0.kind == "supervisor" && $0.name == name }
      }
    }
    return report
  }

  // MARK: Runs

  /// The pages of all names, put together in the order of their ids, which is that of their beginnings.
  func listRuns(_ filter: RunFilter) async throws(OperationError) -> RunPage {
    if let name = filter.name { return names.contains(name) ? try await node.listRuns(filter) : RunPage(runs: []) }
    var rows: [RunRow] = []
    var hasMore = false
    for name in names.sorted() {
      var one = filter
      one.name = name
      let page = try await node.listRuns(one)
      rows += page.runs
      hasMore = hasMore || page.next != nil
    }
    rows.sort { $0.id.text > $1.id.text }
    let shown = Array(rows.prefix(filter.limit))
    return RunPage(runs: shown, next: hasMore || shown.count < rows.count ? shown.last?.id.text : nil)
  }

  func runCounts(of names: Set<String>) async throws(OperationError) -> RunCounts {
    try await node.runCounts(of: self.names.intersection(names))
  }

  func showRun(_ run: RunID) async throws(OperationError) -> RunDetail { try await found(run) }

  func journal(of run: RunID, after: JournalSequence, limit: Int) async throws(OperationError) -> JournalPage {
    try await found(run)
    return try await node.journal(of: run, after: after, limit: limit)
  }

  func call(_ number: Int, of run: RunID, step: String?) async throws(OperationError) -> RecordedCallReport {
    try await found(run)
    return try await node.call(number, of: run, step: step)
  }

  func cassette(of run: RunID) async throws(OperationError) -> CassetteReport {
    try await found(run)
    return try await node.cassette(of: run)
  }

  func waitRun(_ run: RunID) async throws(OperationError) -> RunReport {
    try await found(run)
    return try await node.waitRun(run)
  }

  func flows() async throws(OperationError) -> FlowList {
    var list = try await node.flows()
    list.flows.removeAll { !names.contains($0.name) }
    return list
  }

  func schedules() async throws(OperationError) -> ScheduleList {
    var list = try await node.schedules()
    list.schedules.removeAll { !names.contains($0.target) }
    return list
  }

  // MARK: Lines and happenings

  func logs(_ query: LogQuery) async throws(OperationError) -> LogPage {
    if let agent = query.agent { try found(agent) }
    if let run = query.run { try await found(run) }
    var query = query
    if query.run == nil { query.only = names }
    var page = try await node.logs(query)
    if query.run == nil { page.lines.removeAll { !sees($0.agent) } }
    let shown = names.union(page.lines.map(\.agent.text)).union(Self.agents(of: query.cursor))
    page.next = page.next.map { Self.cut($0, to: shown) }
    return page
  }

  /// The parts of a cursor are places in the logs of agents: each names its agent, and says how much that has written.
  private static func parts(of cursor: String) -> [(agent: String, text: Substring)] {
    cursor.split(separator: ",").map { (agent: String($0.prefix { $0 != "@" }), text: $0) }
  }

  private static func agents(of cursor: String?) -> [String] { cursor.map { parts(of: $0).map(\.agent) } ?? [] }

  /// Without the places in the logs of others; of those there is nothing to go on with.
  private static func cut(_ cursor: String, to shown: Set<String>) -> String {
    parts(of: cursor).filter { shown.contains($0.agent) }.map(\.text).joined(separator: ",")
  }

  func followLogs(_ query: LogQuery) async throws(OperationError) -> AsyncStream<LogEvent> {
    if let agent = query.agent { try found(agent) }
    if let run = query.run { try await found(run) }
    var query = query
    if query.run == nil { query.only = names }
    return try await node.followLogs(query)
  }

  func events(_ filter: EventFilter) async throws(OperationError) -> AsyncStream<NodeEvent> {
    var filter = filter
    filter.only = names
    return try await node.events(filter)
  }

  func happenings(after end: Int64?, limit: Int) async throws(OperationError) -> RunHappenings {
    var happenings = try await node.happenings(after: end, limit: limit)
    happenings.changes.removeAll { !sees($0.event.agent) }
    return happenings
  }

  // MARK: Costs

  func costs() async throws(OperationError) -> CostReport {
    let whole = try await node.costs()
    let rows = whole.agents.filter { names.contains($0.name) }.map { row in
      var row = row
      row.budgets = row.budgets.filter(sees)
      return row
    }
    let tokens = rows.reduce(Int64(0)) { $0 + $1.tokens.value }
    let cost = rows.reduce(Int64(0)) { $0 + $1.cost.value }
    return CostReport(
      tokens: TokenCount(tokens), cost: NanoUSD(cost), agents: rows, mode: whole.mode,
      alerts: whole.alerts.filter { alert in names.contains { alert.scope == "agent:\($0)" } })
  }

  func costHistory(_ query: CostQuery) async throws(OperationError) -> CostHistory {
    if let agent = query.agent { try found(agent) }
    if let run = query.run { try await found(run) }
    guard query.agent == nil, query.run == nil else { return try await node.costHistory(query) }
    var charges: [CostEntry] = []
    for name in names.sorted() {
      var one = query
      one.agent = AgentName(name)
      // The name may be one of a workflow, which is charged nothing itself.
      charges += (try? await node.costHistory(one))?.charges ?? []
    }
    return CostHistory(charges: Array(charges.sorted { $0.at > $1.at }.prefix(query.limit)))
  }

  // MARK: Approvals

  func approvals(_ filter: ApprovalFilter) async throws(OperationError) -> ApprovalList {
    var list = try await node.approvals(filter)
    list.approvals.removeAll { !names.contains($0.agent) }
    return list
  }

  func approval(_ id: ApprovalID) async throws(OperationError) -> ApprovalReport {
    let report = try await node.approval(id)
    guard names.contains(report.agent) else { throw .unknownApproval(id) }
    return report
  }

  func decide(
    _ id: ApprovalID, _ decision: ApprovalDecision, by who: OperatorIdentity
  ) async throws(OperationError) -> ApprovalReport {
    _ = try await approval(id)
    return try await node.decide(id, decision, by: who)
  }

  // MARK: Of the whole project

  func doctor() async throws(OperationError) -> DoctorReport { DoctorReport(findings: []) }
  func tokens() async throws(OperationError) -> TokenList { TokenList(tokens: []) }
  func audit(_ query: AuditQuery) async throws(OperationError) -> AuditPage { throw refused() }
  func checkAudit() async throws(OperationError) -> AuditCheckReport { throw refused() }
  func proveAudit(_ sequence: Int64) async throws(OperationError) -> JSONValue { throw refused() }
  func eraseAudit(_ wish: EraseAudit) async throws(OperationError) -> EraseAuditReport { throw refused() }
  func startRun(_ request: StartRun) async throws(OperationError) -> RunReport { throw refused() }
  func change(_ run: RunID, _ change: RunChange) async throws(OperationError) -> RunReport { throw refused() }
  func prune(_ runs: PruneRuns) async throws(OperationError) -> PruneRunsReport { throw refused() }
  func change(pool: String, _ change: QueuePoolChange) async throws(OperationError) -> FlowReport { throw refused() }
  func change(schedule: String, _ change: ScheduleChange) async throws(OperationError) -> ScheduleReport {
    throw refused()
  }
  func startAgent(_ agent: AgentName) async throws(OperationError) -> AgentStatus { throw refused() }
  func stopAgent(_ agent: AgentName, force: Bool, noRestart: Bool) async throws(OperationError) -> AgentStatus {
    throw refused()
  }
  func removeAgent(_ agent: AgentName, force: Bool) async throws(OperationError) { throw refused() }
  func startSupervisor(_ supervisor: SupervisorName) async throws(OperationError) -> SupervisorStatus {
    throw refused()
  }
  func resetSupervisor(_ supervisor: SupervisorName) async throws(OperationError) -> SupervisorStatus {
    throw refused()
  }
  func stopSupervisor(_ supervisor: SupervisorName, force: Bool) async throws(OperationError) -> SupervisorStatus {
    throw refused()
  }
  func change(costs change: CostChange) async throws(OperationError) -> CostChangeReport { throw refused() }
  func createToken(_ wish: TokenWish) async throws(OperationError) -> CreatedToken { throw refused() }
  func revokeToken(_ name: String) async throws(OperationError) -> TokenReport { throw refused() }
  func reload(prune: Bool, dryRun: Bool) async throws(OperationError) -> ReloadReport { throw refused() }
  func shutdown() async throws(OperationError) { throw refused() }
  func handOver() async throws(OperationError) { throw refused() }
}
