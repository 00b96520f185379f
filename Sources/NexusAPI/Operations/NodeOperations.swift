// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Everything that an operator can ask of a node.
///
/// The node itself, a remote node over its socket, and the store without a node all answer it; the HTTP API, the
/// dashboard and the command line ask nothing else. This is a seam inside the package, not an API: it may change.
package protocol NodeOperations: Sendable {
  // Reading.
  func status() async throws(OperationError) -> StatusReport
  func listAgents() async throws(OperationError) -> [AgentStatus]
  func inspect(_ agent: AgentName) async throws(OperationError) -> AgentDetail
  func listRuns(_ filter: RunFilter) async throws(OperationError) -> RunPage
  /// How many runs of these agents and flows there are of each status.
  func runCounts(of names: Set<String>) async throws(OperationError) -> RunCounts
  func showRun(_ run: RunID) async throws(OperationError) -> RunDetail
  /// Entries after `after`, at most `limit`.
  func journal(of run: RunID, after: JournalSequence, limit: Int) async throws(OperationError) -> JournalPage
  /// A recorded model call of a step, or of the run of an agent.
  func call(_ number: Int, of run: RunID, step: String?) async throws(OperationError) -> RecordedCallReport
  /// All recorded model calls, as a file without secrets.
  func cassette(of run: RunID) async throws(OperationError) -> CassetteReport
  func logs(_ query: LogQuery) async throws(OperationError) -> LogPage
  func costs() async throws(OperationError) -> CostReport
  /// What was charged and corrected, newest first.
  func costHistory(_ query: CostQuery) async throws(OperationError) -> CostHistory
  func doctor() async throws(OperationError) -> DoctorReport

  // Watching. Both streams are bounded: a slow watcher loses the oldest, and the journal stays the truth.
  func events(_ filter: EventFilter) async throws(OperationError) -> AsyncStream<NodeEvent>
  /// Lines that are written from now on.
  func followLogs(_ query: LogQuery) async throws(OperationError) -> AsyncStream<LogEvent>

  /// What became of the runs that changed behind an earlier end of the journals, the latest `limit` of them; nil asks for
  /// the end alone.
  func happenings(after end: Int64?, limit: Int) async throws(OperationError) -> RunHappenings

  // Runs. Where a node is needed and none runs, these throw `OperationError.unreachable`.
  /// Answers as soon as the run is written down.
  func startRun(_ request: StartRun) async throws(OperationError) -> RunReport
  /// Waits until the run is final or paused; cancelling the task stops the waiting, not the run.
  func waitRun(_ run: RunID) async throws(OperationError) -> RunReport
  /// Does something to a run; answers once that is under way, with the run, or with the new one that it leads to.
  func change(_ run: RunID, _ change: RunChange) async throws(OperationError) -> RunReport

  /// Removes runs that are over; answers when they are gone.
  func prune(_ runs: PruneRuns) async throws(OperationError) -> PruneRunsReport

  // Workflows, sagas and pools.
  /// In the order of the configuration.
  func flows() async throws(OperationError) -> FlowList
  /// Does something to a queue pool; answers with how it stands then.
  func change(pool: String, _ change: QueuePoolChange) async throws(OperationError) -> FlowReport

  // Schedules.
  func schedules() async throws(OperationError) -> ScheduleList
  func change(schedule: String, _ change: ScheduleChange) async throws(OperationError) -> ScheduleReport

  // Approvals.
  func approvals(_ filter: ApprovalFilter) async throws(OperationError) -> ApprovalList
  func approval(_ id: ApprovalID) async throws(OperationError) -> ApprovalReport
  /// Decides about a question; answers once that is on disk, with how the question stands, or the one that takes its place.
  func decide(
    _ id: ApprovalID, _ decision: ApprovalDecision, by who: OperatorIdentity
  ) async throws(OperationError) -> ApprovalReport

  // The state that agents share.
  func state(after key: String?, limit: Int) async throws(OperationError) -> StateList
  func state(_ key: String) async throws(OperationError) -> StateReport

  // Tokens of the operator plane.
  func tokens() async throws(OperationError) -> TokenList
  func createToken(_ wish: TokenWish) async throws(OperationError) -> CreatedToken
  func revokeToken(_ name: String) async throws(OperationError) -> TokenReport

  // Agents.
  func startAgent(_ agent: AgentName) async throws(OperationError) -> AgentStatus
  /// `force` kills at once; `noRestart` keeps it down until it is started by hand.
  func stopAgent(_ agent: AgentName, force: Bool, noRestart: Bool) async throws(OperationError) -> AgentStatus
  /// Stops the agent and forgets it; its runs, journal and costs stay. Without `force` one that is needed is kept.
  func removeAgent(_ agent: AgentName, force: Bool) async throws(OperationError)

  // Supervisors.
  func supervision() async throws(OperationError) -> SupervisionReport
  /// Starts a supervisor that is down; answers when its children have been started.
  func startSupervisor(_ supervisor: SupervisorName) async throws(OperationError) -> SupervisorStatus
  /// Forgets the restarts that count in a supervisor's window, and in those below it.
  func resetSupervisor(_ supervisor: SupervisorName) async throws(OperationError) -> SupervisorStatus
  /// Stops a supervisor and everything below it; `force` kills at once.
  func stopSupervisor(_ supervisor: SupervisorName, force: Bool) async throws(OperationError) -> SupervisorStatus

  // Costs.
  /// Sets a limit, corrects what was charged or says what a call really cost; answers once it is on disk.
  func change(costs change: CostChange) async throws(OperationError) -> CostChangeReport

  // The audit log.
  func audit(_ query: AuditQuery) async throws(OperationError) -> AuditPage
  /// Looks at all of it.
  func checkAudit() async throws(OperationError) -> AuditCheckReport
  /// The entry, the checkpoint and the hashes that lead from one to the other.
  func proveAudit(_ sequence: Int64) async throws(OperationError) -> JSONValue
  func eraseAudit(_ wish: EraseAudit) async throws(OperationError) -> EraseAuditReport

  // The node.
  /// Takes the changed configuration; with `dryRun` says only what it would mean. `prune` stops what is no longer in it.
  func reload(prune: Bool, dryRun: Bool) async throws(OperationError) -> ReloadReport
  /// Answers at once; the node then goes down in order.
  func shutdown() async throws(OperationError)
  /// The same for a node that is there for the runs of one command: it leaves them to the node that comes after it.
  func handOver() async throws(OperationError)
}

extension NodeOperations {
  package func handOver() async throws(OperationError) { try await shutdown() }

  package func happenings(after end: Int64?, limit: Int) async throws(OperationError) -> RunHappenings {
    throw .unreachable("What happened is told by the node itself.")
  }

  package func call(_ number: Int, of run: RunID, step: String?) async throws(OperationError) -> RecordedCallReport {
    throw .unknownRun(run)
  }

  package func cassette(of run: RunID) async throws(OperationError) -> CassetteReport { throw .unknownRun(run) }

  package func audit(_ query: AuditQuery) async throws(OperationError) -> AuditPage {
    throw .unreachable("The audit log is read here without a node: naos audit.")
  }

  package func checkAudit() async throws(OperationError) -> AuditCheckReport {
    throw .unreachable("The audit log is checked here without a node: naos audit verify.")
  }

  package func proveAudit(_ sequence: Int64) async throws(OperationError) -> JSONValue {
    throw .unreachable("Entries are proved here without a node: naos audit prove.")
  }

  package func eraseAudit(_ wish: EraseAudit) async throws(OperationError) -> EraseAuditReport {
    throw .unreachable("Payloads are erased by a node.")
  }

  package func prune(_ runs: PruneRuns) async throws(OperationError) -> PruneRunsReport {
    throw .unreachable("Runs are removed by a node.")
  }

  package func approvals(_ filter: ApprovalFilter) async throws(OperationError) -> ApprovalList {
    ApprovalList(approvals: [])
  }

  package func approval(_ id: ApprovalID) async throws(OperationError) -> ApprovalReport { throw .unknownApproval(id) }

  package func decide(
    _ id: ApprovalID, _ decision: ApprovalDecision, by who: OperatorIdentity
  ) async throws(OperationError) -> ApprovalReport {
    throw .unreachable("Decisions are taken by a node.")
  }

  package func state(after key: String?, limit: Int) async throws(OperationError) -> StateList { StateList(keys: []) }

  package func state(_ key: String) async throws(OperationError) -> StateReport { throw .unknownKey(key) }

  package func tokens() async throws(OperationError) -> TokenList { TokenList(tokens: []) }

  package func createToken(_ wish: TokenWish) async throws(OperationError) -> CreatedToken {
    throw .unreachable("Tokens are made by a node.")
  }

  package func revokeToken(_ name: String) async throws(OperationError) -> TokenReport {
    throw .unreachable("Tokens are revoked by a node.")
  }

  package func cancelRun(_ run: RunID) async throws(OperationError) -> RunReport { try await change(run, .cancel) }
}
