// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// In whose budgets a run counts beside those of the agents that work for it.
struct RunPayers: Sendable {
  /// The agents that have called it, or a run above it: in their budgets of each run.
  var agents: [Caller.Payer] = []
  /// The flow that it is a run of and those above it, with the steps of them: in all their budgets.
  var flows: [Caller.FlowPart] = []

  static let none = RunPayers()
}

extension Caller.FlowPart {
  /// The flow that a run is one of; nil for the run of an agent.
  init?(_ record: RunRecord) {
    guard let scope = BudgetScope.flow(record.kind, record.name) else { return nil }
    self.init(scope: scope.text, run: record.id)
  }

  /// The step of that flow which does something there; nil for what undoes a step, which is not the step's own.
  ///
  /// - Parameters:
  ///   - path: `research`, or `research[3]` for an element of its list.
  ///   - flow: the flow.
  ///   - run: its run.
  init?(stepAt path: StepPath, of flow: String, run: RunID) {
    guard path != .main, !path.text.utf8.contains(UInt8(ascii: ".")) else { return nil }
    var step = path.text
    if let bracket = step.utf8.firstIndex(of: UInt8(ascii: "[")) { step = String(step[..<bracket]) }
    self.init(scope: BudgetScope.step(flow: flow, step: step).text, run: run)
  }
}

extension RunDriver {
  /// What an attempt of the run belongs to.
  func flows(of order: StepOrder) -> [Caller.FlowPart] {
    guard case .flow = subject, !order.isCompensation,
      let step = Caller.FlowPart(stepAt: order.step, of: name, run: run)
    else { return payers.flows }
    return [step] + payers.flows
  }
}
