// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Where a configuration names an agent.
package struct AgentUse: Sendable, Hashable {
  /// `workflow`, `saga`, `pool`, `schedule` or `agent`.
  package var kind: String
  package var name: String
}

extension ProjectPlan {
  /// What would not run any more without the agent.
  package func uses(of agent: AgentName) -> [AgentUse] {
    let inFlows = flows.filter { $0.names(agent) }.map { AgentUse(kind: $0.kind.rawValue, name: $0.name) }
    let inPools = queuePools.filter { $0.agent == agent }.map { AgentUse(kind: "pool", name: $0.name.text) }
    let inSchedules = schedules.filter { $0.run == agent.text }.map { AgentUse(kind: "schedule", name: $0.name.text) }
    let asTool = agents.filter { $0.name != agent && $0.hasTool("agents.\(agent)") }
      .map { AgentUse(kind: "agent", name: $0.name.text) }
    return inFlows + inPools.filter { !inFlows.contains($0) } + inSchedules + asTool
  }

  /// The workflows, sagas and pools whose runs may have an attempt of the agent: those that name it, and those above.
  package func flows(running agent: AgentName) -> [String] { flows.filter { $0.runs(agent) }.map(\.name) }
}

extension FlowDefinition {
  fileprivate func names(_ agent: AgentName) -> Bool {
    if case .agent(agent)? = decision?.equality { return true }
    return steps.contains { step in
      step.action == .agent(agent) || step.compensation?.agent == agent || step.onUnknown == .probe(agent)
    }
  }

  fileprivate func runs(_ agent: AgentName) -> Bool {
    names(agent) || children.values.contains { $0.runs(agent) }
  }
}

extension AgentSpec {
  fileprivate func hasTool(_ name: String) -> Bool {
    guard case .llm(let spec) = kind else { return false }
    return spec.tools.contains(name)
  }
}
