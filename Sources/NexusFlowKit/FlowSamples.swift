// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

extension RunError {
  package static let exitOne = RunError(code: "NX-AGT-001", message: "the agent exited with code 1", exit: 1)
  package static let badOutput = RunError(code: "NX-AGT-005", message: "no output", isRetryable: false)
  package static let neverStarted = RunError(code: "NX-AGT-002", message: "no such command", isRetryable: false)
}

extension FlowDefinition {
  package static func workflow(_ steps: [FlowStep]) -> FlowDefinition {
    FlowDefinition(kind: .workflow, name: "w", steps: steps)
  }
  package static func saga(_ steps: [FlowStep]) -> FlowDefinition {
    FlowDefinition(kind: .saga, name: "s", steps: steps)
  }

  package static func pool(_ members: Int, _ decision: PoolDecision) -> FlowDefinition {
    var pool = FlowDefinition(kind: .pool, name: "p", steps: (0..<members).map { .agent("m\($0)") })
    pool.decision = decision
    return pool
  }

  package func with(_ change: (inout FlowDefinition) -> Void) -> FlowDefinition {
    var copy = self
    change(&copy)
    return copy
  }
}

extension FlowStep {
  package static func agent(_ name: String, needs: [Int] = [], _ change: (inout FlowStep) -> Void = { _ in })
    -> FlowStep
  {
    var step = FlowStep(name: name, action: .agent(AgentName("agent-\(name)")), needs: needs)
    change(&step)
    return step
  }

  /// With a compensation.
  package static func undoable(_ name: String, needs: [Int] = [], _ change: (inout FlowStep) -> Void = { _ in })
    -> FlowStep
  {
    agent(name, needs: needs) {
      $0.compensation = CompensationStep(agent: AgentName("undo-\(name)"))
      change(&$0)
    }
  }
}
