// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel

/// The configuration around a random flow: every agent that it names, below one supervisor, and the child that it runs.
enum SimulatedProject {
  private static let team = SupervisorName("team")
  private static let child = FlowDefinition(
    kind: .workflow, name: "child", steps: [FlowStep(name: "only", action: .agent(AgentName("agent-child")))])

  static func complete(_ flow: FlowDefinition, name: String) throws -> FlowDefinition {
    var flow = flow
    flow.name = name
    for agent in agents(of: flow) { flow.agents[agent] = spec(agent).definition }
    for step in flow.steps {
      guard case .run(let name) = step.action else { continue }
      var child = child
      for agent in agents(of: child) { child.agents[agent] = spec(agent).definition }
      flow.children[name] = child
    }
    return flow
  }

  static func plan(_ flow: FlowDefinition, _ random: inout SplitMix) -> ProjectPlan {
    var plan = ProjectPlan(name: "simulated")
    plan.agents = (agents(of: flow) + agents(of: child)).map(spec)
    plan.flows = [flow] + flow.children.values
    // Whether the supervisor is patient or not: how often a step is tried is for its own retry to say.
    let patience = Int.random(in: 0..<4, using: &random) == 0 ? 3 : 1_000
    plan.supervisors = [
      SupervisorSpec(
        name: team, flags: SupervisorFlags(intensity: RestartIntensity(maxRestarts: patience)),
        children: plan.agents.map { .agent($0.name) })
    ]
    return plan
  }

  private static func agents(of flow: FlowDefinition) -> [AgentName] {
    var names: Set<AgentName> = []
    for step in flow.steps {
      if case .agent(let agent) = step.action { names.insert(agent) }
      if case .probe(let agent) = step.onUnknown { names.insert(agent) }
      if let undo = step.compensation { names.insert(undo.agent) }
    }
    if case .agent(let judge)? = flow.decision?.equality { names.insert(judge) }
    return names.sorted { $0.text < $1.text }
  }

  private static func spec(_ name: AgentName) -> AgentSpec {
    var spec = AgentSpec(name: name, kind: .process(command: ["work"]), workingDirectory: "/")
    spec.health = HealthSpec(stuckAfter: nil)
    spec.supervisor = team
    return spec
  }
}
