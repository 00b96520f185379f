// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusGateway
internal import NexusKernel
internal import NexusRuntime

// The tree of supervisors, and changed configurations.
extension LocalOperations {
  func supervision() async throws(OperationError) -> SupervisionReport {
    let board = parts.runtime.board.all()
    let moment = StatusReports.Moment(parts.clock)
    return SupervisionReport(
      supervisors: await parts.runtime.supervisors.snapshots().map {
        SupervisionReports.status(of: $0, board, at: moment)
      })
  }

  func startSupervisor(_ supervisor: SupervisorName) async throws(OperationError) -> SupervisorStatus {
    do { try await parts.runtime.supervisors.startSupervisor(supervisor) } catch { throw OperationError(error) }
    return try await status(of: supervisor)
  }

  func resetSupervisor(_ supervisor: SupervisorName) async throws(OperationError) -> SupervisorStatus {
    do { try await parts.runtime.supervisors.resetSupervisor(supervisor) } catch { throw OperationError(error) }
    return try await status(of: supervisor)
  }

  func stopSupervisor(
    _ supervisor: SupervisorName, force: Bool
  ) async throws(OperationError) -> SupervisorStatus {
    do { try await parts.runtime.supervisors.stopSupervisor(supervisor, force: force) } catch {
      throw OperationError(error)
    }
    return try await status(of: supervisor)
  }

  private func status(of supervisor: SupervisorName) async throws(OperationError) -> SupervisorStatus {
    guard let status = try await supervision().supervisors.first(where: { $0.name == supervisor }) else {
      throw OperationError(
        .notFound, code: "NX-SUP-004", title: "No such supervisor", detail: "No supervisor is named `\(supervisor)`.")
    }
    return status
  }

  func reload(prune: Bool, dryRun: Bool) async throws(OperationError) -> ReloadReport {
    guard parts.options.purpose == .project else {
      throw OperationError(
        .conflict, code: "NX-API-026", title: "This node is for one run",
        detail: "It keeps the configuration that it began with.", hint: "naos up starts a node that stays.")
    }
    await parts.reloadTurn.take()
    defer { parts.reloadTurn.pass() }
    let plan = try PlanReload.checked(parts.options)
    try parts.tokens.check(plan)
    let overlay = try PriceFiles.read(parts.options.project)
    var changes: [ReloadReport.Change] = []
    for change in PlanDifference(from: parts.plan, to: plan).changes {
      var applies = change.applies
      if applies == .withPrune, await !waitsForPruning(change) || prune { applies = .now }
      changes.append(
        ReloadReport.Change(
          kind: change.kind.rawValue, subject: change.subject, name: change.name, detail: change.detail,
          applies: applies.rawValue))
    }
    if !dryRun {
      parts.ledger.reconfigure(parts.plan, overlay: overlay)
      await parts.reload(plan, prune: prune)
    }
    return ReloadReport(changes: changes, isApplied: !dryRun)
  }

  /// What is idle is let go of at once.
  private func waitsForPruning(_ change: PlanDifference.Change) async -> Bool {
    let child =
      change.subject == "agent"
      ? ChildName.agent(AgentName(change.name)) : ChildName.supervisor(SupervisorName(change.name))
    return await parts.runtime.executor.isUnderWay(child)
  }
}
