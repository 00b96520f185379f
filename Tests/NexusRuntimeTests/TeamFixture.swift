// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit

/// A plan of services and tasks below one supervisor.
func team(
  _ strategy: RestartStrategy, services: [String] = [], tasks: [String] = [],
  intensity: RestartIntensity = RestartIntensity()
) -> ProjectPlan {
  var plan = ProjectPlan(name: "test")
  let desk = SupervisorName("desk")
  for (names, mode) in [(services, AgentMode.service), (tasks, .task)] {
    for name in names {
      var spec = AgentSpec(
        name: AgentName(name), kind: .process(command: [name]), mode: mode, workingDirectory: "/")
      spec.supervisor = desk
      plan.agents.append(spec)
    }
  }
  plan.supervisors = [
    SupervisorSpec(
      name: desk, flags: SupervisorFlags(strategy: strategy, intensity: intensity),
      children: plan.agents.map { .agent($0.name) })
  ]
  return plan
}

extension FakeProcess {
  var program: String { request.arguments.first ?? "" }
}

extension RuntimeFixture {
  func journal(_ run: RunID, has isWanted: (RunEntry) -> Bool) async throws -> Bool {
    try await store.journal(of: run, after: .none, limit: .max).contains { isWanted($0.entry) }
  }
}
