// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// `POST approvals` and `GET approvals/{id}`: an agent asks people about something of its own.
///
/// The same name in the same step is the same question, whichever attempt asks it, and its answer is good for it alone.
struct AgentQuestions: Sendable {
  /// What an action is called of which the agent does not say the tool.
  static let ownTool = "agent.action"
  /// Before the names of agents' own questions, so that none is a tool call's.
  private static let slotPrefix = "asked:"

  let desk: ApprovalDesk
  let gate: ActionGate
  let executor: RunExecutor
  let services: RuntimeServices

  /// `{name, approval, tool, arguments, reason, evidence}`.
  ///
  /// 200 when it is decided; 202 while it is not: whoever leaves with exit 75 then is started again when it is.
  func ask(_ call: AgentCall, _ body: JSONValue?) async -> AgentReply {
    guard let body else { return AgentCallRouter.notJSON }
    if let refusal = CallMembers.approval.refusal(of: body) { return refusal }
    guard let run = call.caller.run, let driver = await executor.driver(of: run) else { return AgentCallRouter.noRun }
    guard let name = AgentCallRouter.name(body["name"]?.stringValue ?? "approval") else {
      return AgentCallRouter.badName
    }
    guard let policy = desk.policy(body["approval"]?.stringValue ?? "") else { return unknownPolicy(body) }
    let evidence = body["evidence"] ?? .null
    guard evidence.encoded().count <= ApprovalLimits.evidenceBytes else {
      return .problem(
        status: 413, code: "NX-APR-006", title: "Too large",
        detail: "the evidence may have \(ApprovalLimits.evidenceBytes) bytes")
    }
    do throws(StoreError) {
      let place = ApprovalQuery.Place(step: call.caller.step, slot: Self.slotPrefix + name)
      let query = ApprovalQuery(run: run, place: place, limit: 1)
      if let known = try await services.store.approvals(query).first?.machine?.request.id,
        let machine = try await desk.current(known)
      {
        return try await answer(machine, driver, call)
      }
      let subject = subject(run, driver, call, body)
      if gate.judge != nil, body["tool"] != nil, let complaint = gate.complaint(about: subject, of: call.caller.agent) {
        return .problem(status: 403, code: complaint.code, title: "Forbidden", detail: complaint.message)
      }
      if let refusal = try await desk.refusal(of: subject) {
        return .problem(status: 403, code: refusal.code, title: "Not asked", detail: refusal.message)
      }
      let question = ApprovalDesk.Question(
        subject: subject, agent: call.caller.agent, slot: place.slot, policy: policy,
        reason: AgentCallRouter.cut(body["reason"]?.stringValue ?? "", ApprovalLimits.reasonScalars), evidence: evidence
      )
      return try await answer(try await desk.ask(question, as: services.ids.approval()), driver, call)
    } catch {
      return Self.unavailable(error)
    }
  }

  private func subject(_ run: RunID, _ driver: RunDriver, _ call: AgentCall, _ body: JSONValue) -> ApprovalSubject {
    ApprovalSubject(
      run: run, step: call.caller.step, epoch: driver.epoch, tool: body["tool"]?.stringValue ?? Self.ownTool,
      arguments: body["arguments"] ?? [:], effect: gate.effect(of: body["tool"]?.stringValue),
      policyHash: gate.judge?.policyHash ?? "", requester: "agent:\(call.caller.agent)")
  }

  private func unknownPolicy(_ body: JSONValue) -> AgentReply {
    let name = AgentCallRouter.cut(body["approval"]?.stringValue ?? "", 64)
    let names = desk.policyNames
    let known = names.isEmpty ? "none is configured" : "there are \(names.joined(separator: ", "))"
    return .problem(
      status: 400, code: "NX-APR-008", title: "No such approval", detail: "`approval` names `\(name)`; \(known)")
  }

  /// Of an approval of the agent's own run; waits as long as the call wants to.
  func read(_ call: AgentCall) async -> AgentReply {
    guard let run = call.caller.run, let driver = await executor.driver(of: run) else { return AgentCallRouter.noRun }
    let id = ApprovalID(call.path[1])
    do throws(StoreError) {
      guard var machine = try await desk.current(id), machine.request.subject.run == run,
        machine.request.subject.step == call.caller.step
      else {
        return .problem(
          status: 404, code: "NX-APR-002", title: "No such approval", detail: "this step has asked no such question")
      }
      if machine.status.isOpen {
        await desk.waitUntilSettled(id, atMost: AgentCallRouter.wait(call, otherwise: 0))
        machine = try await desk.current(id) ?? machine
      }
      return try await answer(machine, driver, call)
    } catch {
      return Self.unavailable(error)
    }
  }

  private static func unavailable(_ error: StoreError) -> AgentReply {
    .problem(status: 503, code: error.publicCode, title: "Not asked", detail: error.message)
  }

  // MARK: Answers

  private func answer(
    _ asked: ApprovalMachine, _ driver: RunDriver, _ call: AgentCall
  ) async throws(StoreError) -> AgentReply {
    var machine = asked
    if let next = machine.next, let following = try await desk.current(next) { machine = following }
    let isOwn = machine.request.slot.hasPrefix(Self.slotPrefix)
    // What an agent asks by itself is used up by its first answer, which is the same ever after.
    if machine.status == .approved, isOwn { machine = await used(machine, driver) }
    let sleep = driver.attempts[call.caller.step]?.sleep
    let name = ApprovalWait.name(of: machine.request.id)
    guard machine.status.isOpen else {
      sleep?.ends(name)
      return AgentReply(status: 200, body: Self.body(machine))
    }
    sleep?.begins(name, until: machine.request.expiresAt ?? services.clock.wallNow() + ApprovalWait.longest)
    // Whoever decided before the sleep was known has told nobody.
    if let now = try await desk.current(machine.request.id), !now.status.isOpen {
      sleep?.ends(name)
      return AgentReply(status: 200, body: Self.body(now.status == .approved && isOwn ? await used(now, driver) : now))
    }
    return AgentReply(status: 202, body: Self.body(machine))
  }

  private func used(_ machine: ApprovalMachine, _ driver: RunDriver) async -> ApprovalMachine {
    var subject = machine.request.subject
    subject.epoch = driver.epoch
    subject.policyHash = gate.judge?.policyHash ?? ""
    let digest = desk.digest(of: subject, nonce: machine.request.nonce, expiresAt: machine.request.expiresAt)
    do throws(ApprovalProblem) {
      return try await desk.change(machine.request.id, .use(services.ids.effect(), digest: digest))
    } catch {
      // The rules have changed since, or somebody was faster: as it stands now is the answer.
      return (try? await services.store.approval(machine.request.id)?.machine) ?? machine
    }
  }

  private static func body(_ machine: ApprovalMachine) -> JSONValue {
    let request = machine.request
    // Used up means that it was approved.
    let status: ApprovalStatus = machine.status == .consumed ? .approved : machine.status
    var body: JSONObject = [
      "approval": .string(request.id.text), "status": .string(status.rawValue), "digest": .string(request.digest),
      "arguments": request.subject.arguments,
    ]
    body["until"] = request.expiresAt.map { .string($0.iso8601) }
    body["by"] = machine.decider.map { .string($0.name) }
    if !machine.reason.isEmpty { body["reason"] = .string(machine.reason) }
    if machine.status.isOpen {
      body["hint"] = "ask again with ?wait=, or leave with exit 75: the agent is started again once it is decided"
    }
    return .object(body)
  }
}
