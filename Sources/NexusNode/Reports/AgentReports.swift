// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusKernel
internal import NexusRuntime
internal import NexusStore

/// Puts together what operators see of an agent.
struct AgentReports: Sendable {
  let plan: ProjectPlan
  let spend: SpendView

  /// What is known of the agent at this moment.
  struct Present: Sendable {
    var status: NexusRuntime.AgentStatus
    /// The node's clock; nil where no node runs.
    var now: Instant?
    var restarts: RestartStatus
  }

  func status(of spec: AgentSpec, _ present: Present) -> NexusAPI.AgentStatus {
    let spent = spend.spent(by: spec.name)
    let now = present.status
    return NexusAPI.AgentStatus(
      name: spec.name, kind: spec.kind.word, state: NexusAPI.AgentState(rawValue: now.state.rawValue) ?? .idle,
      note: note(of: spec, present), step: now.step, lastActivity: now.lastActivity, restarts: present.restarts,
      tokens: spent.tokens, cost: spent.cost, budget: spend.nearest(for: spec), run: now.run)
  }

  private func note(of spec: AgentSpec, _ present: Present) -> String? {
    if let refusal = spec.refusals.first { return refusal.message }
    return Self.note(present.status, present.now)
  }

  /// Why an agent is in its state; of one that waits to be started again also how long it still waits.
  static func note(_ status: NexusRuntime.AgentStatus, _ now: Instant?) -> String? {
    guard status.state == .backoff, let next = status.nextStart, let now else {
      return status.reason.isEmpty ? nil : status.reason
    }
    let wait = "next start in \(DurationText.wait(next - now))"
    return status.reason.isEmpty ? wait : "\(status.reason); \(wait)"
  }

  func detail(of spec: AgentSpec, _ present: Present, recent: [RunRecord]) -> AgentDetail {
    var detail = AgentDetail(
      status: status(of: spec, present), mode: spec.mode.rawValue, workingDirectory: spec.workingDirectory,
      supervisor: (spec.supervisor ?? .root).text, restart: spec.restart.rawValue)
    detail.pid = present.status.pid.map { Int($0) }
    detail.attempt = present.status.attempt?.value
    detail.template = spec.template
    switch spec.kind {
    case .process(let command): detail.command = command
    case .wasm(let program): detail.command = [program.source]
    case .llm(let llm):
      detail.model = llm.model
      detail.tools = llm.tools
    }
    detail.environment = spec.environment.map(\.name)
    detail.readPaths = spec.grants.readPaths
    detail.hosts = spec.grants.hosts
    detail.budgets = spend.budgets(binding: spec)
    detail.lastExit = present.status.reason.isEmpty ? nil : present.status.reason
    detail.refusals = spec.refusals.map { RunFailure(code: $0.code, message: $0.message) }
    detail.recentRuns = recent.map(RunReports.row)
    return detail
  }
}
