// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
package import NexusStore

/// The shells around the kernel, put together: supervisors, runs, services and what agents ask of the node.
package final class AgentRuntime: Sendable {
  package let executor: RunExecutor
  package let supervisors: SupervisorHost
  package let board: AgentBoard
  package let schedules: ScheduleHost
  /// The queue pools.
  package let pools: PoolDesk
  /// Questions to people.
  package let approvals: ApprovalDesk
  /// Rules on actions before they happen.
  package let gate: ActionGate
  private let services: RuntimeServices
  private let plan: ProjectPlan
  private let work = WorkHost()
  private let desk: ServiceDesk
  private let context: ContextDesk

  /// Builds the runtime; nothing runs before `run`.
  ///
  /// - Parameters:
  ///   - plan: the checked configuration.
  ///   - services: everything that it needs from outside.
  ///   - zones: the rules of a time zone by its name; throws what a person can do something about.
  ///   - hash: SHA-256, which the runtime does not bring along.
  package init(
    plan: ProjectPlan, services: RuntimeServices,
    zones: @escaping @Sendable (String) throws -> TimeZoneRules = { _ in .utc },
    hash: @escaping @Sendable ([UInt8]) -> DefinitionHash
  ) {
    self.services = services
    self.plan = plan
    board = AgentBoard(agents: plan.agents.map(\.name), events: services.events)
    desk = ServiceDesk(
      clock: services.clock, health: services.health, checks: services.schemaChecks, work: work)
    supervisors = SupervisorHost(plan: plan, services: services, board: board, work: work, desk: desk)
    pools = PoolDesk(services: services, work: work)
    executor = RunExecutor(
      plan: plan, services: services, board: board, work: work, desk: desk, pools: pools, supervisors: supervisors,
      hash: hash)
    approvals = ApprovalDesk(
      policies: plan.approvals, services: services, executor: executor, work: work, hash: hash)
    gate = ActionGate(judge: services.actions, services: services, executor: executor, desk: approvals)
    context = ContextDesk(services: services, hash: hash)
    schedules = ScheduleHost(services: services, executor: executor, work: work, zones: zones)
  }

  /// What answers `/agent/v1/…`.
  package var agentCalls: any AgentCallHandler {
    AgentCallRouter(
      executor: executor, desk: desk, board: board, services: services,
      questions: AgentQuestions(desk: approvals, gate: gate, executor: executor, services: services),
      context: ContextCalls(desk: context, executor: executor, services: services))
  }

  /// Fills the windows and the board from the store and connects the parts; before anything is started.
  package func prepare() async throws {
    let (executor, pools) = (executor, pools)
    await supervisors.setTaskCrashCount { pools.crashed($0, $1, because: $2) }
    await supervisors.setGivingUp { executor.gaveUp(on: $0, $1) }
    try await supervisors.check()
    try await supervisors.restore()
    try await pools.restore(plan.queuePools)
    try await executor.keepReserves()
    for row in try await services.store.agents() {
      board.update(row.name) { status in
        let last = row.lastState.flatMap(AgentState.init(rawValue:))
        if row.stoppedByOperator {
          status.state = .stopped
        } else if let last, last == .exhausted || last == .failed {
          status.state = last
        }
        status.lastActivity = row.lastActivity
      }
    }
    await executor.setOnEnd { [schedules, approvals, gate] in
      schedules.ended($0)
      approvals.ended($0)
      gate.forget($0)
    }
    await executor.setRefusal { [gate] in await gate.refusal(of: $0) }
    await executor.setOnRollback { [approvals] in approvals.wentBack($0, to: $1) }
    approvals.connect { [gate] in gate.complaint(about: $0, of: $1) }
    let (board, clock, health) = (board, services.clock, services.health)
    services.events.tap { effect in
      health.effect(effect)
      board.update(effect.caller.agent) {
        $0.lastActivity = clock.wallNow()
        $0.step = effect.phase == .started ? effect.name : $0.step
      }
      if effect.phase == .refused, let run = effect.caller.run { executor.budgetRefused(run) }
    }
  }

  /// Starts the supervisors; before it no attempt of a task begins.
  ///
  /// - Parameter services: whether they start the services that `up` starts, but for those that a person stopped; else
  ///   they start a service once a run has work for it.
  package func start(services: Bool) async {
    let disabled = board.all().filter { $0.value.state == .stopped }.keys
    await supervisors.start(services: services, except: Set(disabled))
  }

  /// Starts runs that are due, from now on; a node that stays for one run does not.
  ///
  /// - Throws: `StoreError`: what the schedules remember cannot be read.
  package func startSchedules() async throws(StoreError) { try await schedules.start(plan.schedules) }

  /// Takes the schedules and queue pools of a changed configuration.
  package func reload(_ plan: ProjectPlan) async {
    approvals.reload(plan.approvals)
    await pools.reload(plan.queuePools)
    await schedules.reload(plan.schedules)
  }

  /// Runs everything that is under way; returns after `shutdown`, when the last process has ended.
  package func run() async { await work.run() }

  /// Stops runs and services in good order, then takes no more work.
  package func shutdown() async {
    schedules.shutdown()
    await executor.shutdown()
    await supervisors.shutdown()
    work.finish()
  }
}
