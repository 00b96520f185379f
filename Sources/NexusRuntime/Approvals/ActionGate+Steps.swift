// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// A step of a flow, or the task of a pool, that is about to begin.
struct StepAction: Sendable {
  /// What is to work on it.
  var agent: AgentName
  var input: JSONValue
  var run: RunID
  var step: StepPath
  var attempt: AttemptNumber
}

// What an agent may not call it may not have called by a flow either.
extension ActionGate {
  /// How a step ends before it has begun; nil if it may begin.
  ///
  /// It is judged as the call of its agent would be. Flows that people, schedules and other programs start do what the
  /// configuration says, and are not judged.
  func refusal(of step: StepAction) async -> AttemptEnd? {
    guard let judge else { return nil }
    let tool = "agents.\(step.agent)"
    do throws(StoreError) {
      guard let caller = try await caller(of: step.run) else { return nil }
      let verdict = judge.judge(try await action(step, tool, by: caller))
      switch verdict.answer {
      case .permitted: return nil
      case .invalidArguments:
        let message = "The arguments of `\(tool)` are not what it takes: \(verdict.reason)"
        return Self.end(RunError(code: "NX-GAT-093", message: message, isRetryable: false, wasApplied: false))
      case .forbidden(let code): return Self.end(tool, code, "is forbidden: \(verdict.reason)")
      case .needsApproval:
        let words = "needs an approval, which a step of a flow that an agent has called cannot wait for"
        return Self.end(tool, "NX-GAT-111", words)
      }
    } catch {
      let message = "Whether `\(tool)` may be done cannot be known: \(error.message)"
      return Self.end(RunError(code: "NX-GAT-095", message: message, isRetryable: false, wasApplied: false))
    }
  }

  private func action(
    _ step: StepAction, _ tool: String, by caller: RunRecord
  ) async throws(StoreError) -> ProposedAction {
    let agent = caller.kind == .agent ? AgentName(caller.name) : step.agent
    let past = try await services.store.effects(of: step.run).compactMap { Self.action(of: $0)?.action }
    var action = ProposedAction(
      tool: tool, arguments: ["input": step.input], agent: agent, run: step.run, step: step.step,
      attempt: step.attempt, history: past, now: services.clock.wallNow())
    if let judge { action.budget = await standing(of: agent, for: judge) }
    return action
  }

  /// The run whose agent has called this one, or one above it; nil if none has.
  private func caller(of run: RunID) async throws(StoreError) -> RunRecord? {
    var next = try await services.store.run(run)
    var depth = 0
    while let record = next, let above = record.caller, depth < RunExecutor.maxRunDepth {
      let caller = try await services.store.run(above)
      if record.idempotencyKey?.contains(RunRecord.callMark) == true { return caller ?? record }
      (next, depth) = (caller, depth + 1)
    }
    // So deep nobody looks; what is not known is judged.
    return depth < RunExecutor.maxRunDepth ? nil : next
  }

  private static func end(_ error: RunError) -> AttemptEnd { AttemptEnd(outcome: .crashed(error)) }

  private static func end(_ tool: String, _ code: String, _ words: String) -> AttemptEnd {
    AttemptEnd(
      outcome: .budgetStopped(
        BudgetRefusal(
          reason: .policy, scope: BudgetRefusal.ruledStep, action: .kill,
          message: "`\(tool)` \(words)", ownCode: code)))
  }
}
