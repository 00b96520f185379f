// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel
package import NexusStore
internal import Synchronization

/// Rules on the actions of agents: by the boundaries of the project, over what the run did before, and by people where a
/// boundary asks for them.
///
/// Whatever cannot be known (a store that cannot be read, a run that is gone) forbids nothing for ever and permits
/// nothing now.
package final class ActionGate: EffectGate {
  /// How often an approval is looked at anew because it changed meanwhile.
  private static let maxLooks = 4

  let services: RuntimeServices
  private let executor: RunExecutor
  private let desk: ApprovalDesk
  private let present: Mutex<(any ActionJudge)?>
  private let pending = PendingActions()

  init(judge: (any ActionJudge)?, services: RuntimeServices, executor: RunExecutor, desk: ApprovalDesk) {
    present = Mutex(judge)
    self.services = services
    self.executor = executor
    self.desk = desk
  }

  /// Takes changed rules: from now on every action is judged by them, also those of runs that began before.
  package func reload(_ judge: (any ActionJudge)?) { present.withLock { $0 = judge } }

  func driver(of run: RunID) async -> RunDriver? { await executor.driver(of: run) }

  func policyNow() async -> String? { await executor.integrity.policy }

  var judge: (any ActionJudge)? { present.withLock { $0 } }

  package var isClosed: Bool { judge != nil }

  package func knows(_ tool: String) -> Bool { judge?.knows(tool) ?? true }

  /// How hard it is to undo what a tool does; of one that nobody declared the worst is thought.
  func effect(of tool: String?) -> EffectClass { tool.flatMap { judge?.effect(of: $0) } ?? .irreversible }

  package func withdrew(_ proposal: EffectProposal) {
    if let run = proposal.caller.run { pending.withdraw(proposal.effect, of: run) }
  }

  func forget(_ run: RunID) { pending.forget(run) }

  package func rule(on proposal: EffectProposal) async -> EffectRuling {
    guard let judge else { return .permitted(EffectPermit(arguments: proposal.arguments)) }
    if let halted = await haltForPolicy(proposal, judge) { return halted }
    do throws(StoreError) {
      let ruling = try await rule(on: proposal, by: judge)
      if case .permitted = ruling { return ruling }
      withdrew(proposal)
      return ruling
    } catch {
      withdrew(proposal)
      let doubt = IntegrityDoubt(.evaluatorError, step: proposal.caller.step, note: error.message)
      if let halted = await halt(proposal.caller, for: doubt, judge) { return halted }
      return .denied(
        code: "NX-GAT-095", message: "Whether `\(proposal.tool)` may be done cannot be known: \(error.message)")
    }
  }

  private func rule(on proposal: EffectProposal, by judge: any ActionJudge) async throws(StoreError) -> EffectRuling {
    for _ in 0..<Self.maxLooks {
      let found = try await approval(for: proposal)
      // A person has changed the arguments, and these are what is judged then.
      let isChanged = found.map { $0.request.replaces != nil && $0.status.isLive } ?? false
      let arguments = (isChanged ? found?.request.subject.arguments : nil) ?? proposal.arguments
      let verdict = try await verdict(of: proposal, arguments, by: judge)
      switch verdict.answer {
      case .invalidArguments: return .invalid(message: verdict.reason)
      case .forbidden(let code):
        if code == Self.unanswered {
          let doubt = IntegrityDoubt(.evaluatorError, step: proposal.caller.step, note: verdict.reason)
          if let halted = await halt(proposal.caller, for: doubt, judge) { return halted }
        }
        return .forbidden(refusal(proposal, verdict, code, judge))
      case .permitted, .needsApproval: break
      }
      let read = try await reading(of: proposal, verdict.effect, judge)
      if let refusal = read.refusal { return refusal }
      switch verdict.answer {
      case .invalidArguments, .forbidden: break
      case .permitted where !isChanged:
        if let found, found.status.isLive {
          _ = try? await desk.change(found.request.id, .cancel(reason: "the rules do not ask for it any more"))
        }
        return .permitted(EffectPermit(arguments: arguments, mutations: read.mutations))
      case .permitted, .needsApproval:
        let name =
          if case .needsApproval(let policy) = verdict.answer { policy } else { found?.request.policy.name ?? "" }
        let question = (name: name, found: found, read: read)
        if let ruling = try await consent(proposal, arguments, verdict, question, by: judge) { return ruling }
      }
    }
    return .denied(code: "NX-APR-016", message: "The approval changes at this moment: ask again.")
  }

  private func refusal(
    _ proposal: EffectProposal, _ verdict: ActionVerdict, _ code: String, _ judge: any ActionJudge
  ) -> BudgetRefusal {
    BudgetRefusal(
      reason: .policy, scope: verdict.boundary.map { "boundary:\($0)" } ?? "governance",
      action: judge.onForbidden == .stop ? .kill : .refuse,
      message: "`\(proposal.tool)` is forbidden: \(verdict.reason)", ownCode: code)
  }

  // MARK: Rules

  private func verdict(
    of proposal: EffectProposal, _ arguments: JSONValue, by judge: any ActionJudge
  ) async throws(StoreError) -> ActionVerdict {
    let (caller, now) = (proposal.caller, services.clock.wallNow())
    let budget = await standing(of: caller.agent, for: judge)
    func action(_ history: [PastAction]) -> ProposedAction {
      var action = ProposedAction(
        tool: proposal.tool, arguments: arguments, agent: caller.agent, run: caller.run, step: caller.step,
        attempt: caller.attempt, history: history, now: now)
      action.budget = budget
      return action
    }
    // The key of a service itself belongs to no run, and there is nothing that it did before.
    guard let run = caller.run else { return judge.judge(action([])) }
    pending.begin(run)
    defer { pending.end(run) }
    let recorded = try await services.store.effects(of: run).compactMap(Self.action(of:))
    let own = PastAction(tool: proposal.tool, state: EffectState.intent.rawValue, step: caller.step, at: now)
    return pending.judge(run, (id: proposal.effect, action: own), over: recorded) { history in
      let verdict = judge.judge(action(history))
      switch verdict.answer {
      case .permitted, .needsApproval: return (verdict, true)
      case .forbidden, .invalidArguments: return (verdict, false)
      }
    }
  }

  /// What the agent may still use, where a rule asks for it.
  func standing(of agent: AgentName, for judge: any ActionJudge) async -> BudgetStanding {
    guard judge.asksForBudget, let spec = await executor.plan.agent(agent) else { return BudgetStanding() }
    let above = await executor.plan.supervisors(above: spec).map(BudgetScope.supervisor)
    return services.budgets([.agent(agent)] + above + [.global])
  }

  /// Why an action that a person proposes may not happen; nil if it may, with an approval or without.
  ///
  /// What the run did before, and what its budgets leave, is looked at when the action is about to happen.
  func complaint(about subject: ApprovalSubject, of agent: AgentName) -> (code: String, message: String)? {
    guard let judge else { return nil }
    let verdict = judge.judge(
      ProposedAction(
        tool: subject.tool, arguments: subject.arguments, agent: agent, run: subject.run, step: subject.step,
        attempt: AttemptNumber(1), history: [], now: services.clock.wallNow()))
    switch verdict.answer {
    case .permitted, .needsApproval: return nil
    case .invalidArguments: return ("NX-GAT-093", "The arguments are not what the tool takes: \(verdict.reason)")
    case .forbidden(let code): return (code, "That is forbidden: \(verdict.reason)")
    }
  }

  // MARK: People

  /// The latest question about this call.
  private func approval(for proposal: EffectProposal) async throws(StoreError) -> ApprovalMachine? {
    guard let run = proposal.caller.run else { return nil }
    let place = ApprovalQuery.Place(step: proposal.caller.step, slot: proposal.slot)
    let query = ApprovalQuery(run: run, place: place, limit: 1)
    guard let id = try await services.store.approvals(query).first?.machine?.request.id else { return nil }
    let found = try await desk.current(id)
    guard let next = found?.next else { return found }
    return try await desk.current(next) ?? found
  }

  /// What people say; nil if it has to be looked at again.
  private func consent(
    _ proposal: EffectProposal, _ arguments: JSONValue, _ verdict: ActionVerdict,
    _ question: (name: String, found: ApprovalMachine?, read: ActionReading), by judge: any ActionJudge
  ) async throws(StoreError) -> EffectRuling? {
    let found = question.found
    let caller = proposal.caller
    guard let run = caller.run, let driver = await executor.driver(of: run) else {
      return .denied(
        code: "NX-APR-005",
        message: "`\(proposal.tool)` needs an approval, which only a run that is under way can have.")
    }
    var subject = ApprovalSubject(
      run: run, step: caller.step, epoch: driver.epoch, tool: proposal.tool, arguments: arguments,
      effect: verdict.effect, policyHash: judge.policyHash, requester: "agent:\(caller.agent)")
    subject.readSet = question.read.versions
    switch found?.status {
    case .requested?, .escalated?:
      guard let found else { return nil }
      return try await wait(for: found, driver, caller)
    case .approved?:
      guard let found else { return nil }
      return try await use(found, proposal, subject, question.read.mutations)
    case .denied?: return .denied(code: "NX-APR-003", message: Self.denial(found))
    case .expired?: return .denied(code: "NX-APR-004", message: Self.denial(found))
    case nil, .consumed?, .cancelled?, .void?, .edited?:
      return try await ask(subject, proposal, verdict, policy: question.name, driver)
    }
  }

  private static func denial(_ machine: ApprovalMachine?) -> String {
    guard let machine else { return "" }
    let (id, tool) = (machine.request.id, machine.request.subject.tool)
    guard machine.status == .denied else { return "`\(tool)` was not approved in time (\(id)), which denies it." }
    let who = machine.decider.map { " by \($0)" } ?? ""
    return "`\(tool)` was denied\(who) (\(id))" + (machine.reason.isEmpty ? "." : ": \(machine.reason)")
  }

  private func ask(
    _ subject: ApprovalSubject, _ proposal: EffectProposal, _ verdict: ActionVerdict, policy name: String,
    _ driver: RunDriver
  ) async throws(StoreError) -> EffectRuling? {
    guard let policy = desk.policy(name) else {
      return .denied(code: "NX-APR-005", message: "Nobody is named who could approve `\(proposal.tool)`.")
    }
    if let refusal = try await desk.refusal(of: subject) {
      return .denied(code: refusal.code, message: refusal.message)
    }
    let id = services.ids.approval()
    let question = ApprovalDesk.Question(
      subject: subject, agent: proposal.caller.agent, slot: proposal.slot, policy: policy, reason: verdict.reason)
    let machine = try await desk.ask(question, as: id)
    return try await wait(for: machine, driver, proposal.caller)
  }

  /// The run sleeps for it; nil if it was decided at the same moment.
  private func wait(
    for machine: ApprovalMachine, _ driver: RunDriver, _ caller: Caller
  ) async throws(StoreError) -> EffectRuling? {
    let id = machine.request.id
    let until = machine.request.expiresAt
    let sleep = driver.attempts[caller.step]?.sleep
    sleep?.begins(ApprovalWait.name(of: id), until: until ?? services.clock.wallNow() + ApprovalWait.longest)
    // Whoever decided before the sleep was known has told nobody.
    guard try await desk.current(id)?.status.isOpen == true else {
      sleep?.ends(ApprovalWait.name(of: id))
      return nil
    }
    return .waits(
      EffectWait(
        approval: id, until: until,
        message: "`\(machine.request.subject.tool)` waits for the approval \(id) of "
          + machine.deciders.map { "role:\($0)" }.joined(separator: ", ")))
  }

  /// The approval is used up in the commit that announces the action; nil if it is not good for this one.
  private func use(
    _ found: ApprovalMachine, _ proposal: EffectProposal, _ subject: ApprovalSubject, _ holds: [Mutation]
  ) async throws(StoreError) -> EffectRuling? {
    let id = found.request.id
    // The record, as it is now: what was read before may be old.
    guard let record = try await services.store.approval(id), var machine = record.machine else { return nil }
    let digest = desk.digest(of: subject, nonce: machine.request.nonce, expiresAt: machine.request.expiresAt)
    let now = services.clock.wallNow()
    let decision = machine.handle(.use(proposal.effect, digest: digest), at: now)
    let write = ApprovalWrite(
      id: id, after: record.version, at: now, entries: decision.entries, status: machine.status)
    if decision.refusal == nil {
      return .permitted(EffectPermit(arguments: subject.arguments, mutations: holds + [.noteApproval(write)]))
    }
    if !decision.entries.isEmpty {
      try await services.store.commit(StoreTransaction(.synced, [.noteApproval(write)]))
      desk.tell(machine, "\(id) is \(machine.status.rawValue): \(machine.reason)")
    }
    return nil
  }
}

extension ActionGate {
  private static let calls = "POST /agent/v1/call/"

  /// What a recorded effect was, if it was an action: not a model call, and nothing that a rewind took back.
  static func action(of row: EffectRow) -> (id: EffectID, action: PastAction)? {
    guard row.record.state != .rewound else { return nil }
    let tool: String
    switch row.record.kind {
    case .model: return nil
    case .tool: tool = row.name
    case .request:
      guard row.name.hasPrefix(calls), let agent = row.name.dropFirst(calls.count).split(separator: "/").first else {
        return nil
      }
      tool = "agents.\(agent)"
    }
    let action = PastAction(tool: tool, state: row.record.state.rawValue, step: row.step, at: row.startedAt)
    return (row.record.id, action)
  }
}
