// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

/// What the tests of flows share: definitions of few words, and ways to see how far a run is.
enum Flows {
  static let worker = RuntimeFixture.worker
  static let helper = AgentName("helper")

  /// A project with two agents and these flows.
  static func plan(_ flows: FlowDefinition..., change: (inout ProjectPlan) -> Void = { _ in }) -> ProjectPlan {
    var plan = RuntimeFixture.plan()
    var second = plan.agents[0]
    second.name = helper
    plan.agents.append(second)
    plan.flows = flows
    change(&plan)
    for index in plan.flows.indices {
      plan.flows[index] = complete(plan.flows[index], plan)
    }
    return plan
  }

  /// The definition with everything that its steps refer to, as the configuration completes it.
  private static func complete(_ flow: FlowDefinition, _ plan: ProjectPlan) -> FlowDefinition {
    var flow = flow
    for agent in plan.agents { flow.agents[agent.name] = agent.definition }
    for step in flow.steps {
      guard case .run(let name) = step.action, let child = plan.flow(name) else { continue }
      flow.children[name] = complete(child, plan)
    }
    return flow
  }

  static func flow(_ name: String, _ kind: RunKind = .workflow, _ steps: FlowStep...) -> FlowDefinition {
    FlowDefinition(kind: kind, name: name, steps: steps)
  }

  static func step(
    _ name: String, of agent: AgentName = worker, needs: [Int] = [], _ change: (inout FlowStep) -> Void = { _ in }
  ) -> FlowStep {
    var step = FlowStep(name: name, action: .agent(agent), needs: needs)
    change(&step)
    return step
  }
}

extension RuntimeFixture {
  /// The next processes, by the step that each works on; which of them starts first is nobody's business.
  func next(
    _ count: Int, of processes: inout AsyncStream<FakeProcess>.Iterator
  ) async throws -> [String: FakeProcess] {
    var found: [String: FakeProcess] = [:]
    for _ in 0..<count {
      let process = try #require(await processes.next(isolation: #isolation))
      found[try #require(process.environment("NAOS_STEP"))] = process
    }
    return found
  }

  /// What is said of runs from now on.
  func notes() throws -> RunNotes {
    RunNotes(
      iterator: try #require(
        events.watch { event -> String? in
          if case .run(let run) = event { "\(run.agent): \(run.note)" } else { nil }
        }
      ).makeAsyncIterator())
  }

  func journal(_ run: RunID) async throws -> [RunEntry] {
    try await store.journal(of: run, after: .none, limit: .max).map(\.entry)
  }

  /// The runs of a name, the newest first.
  func runs(named name: String) async throws -> [RunRecord] { try await store.runs(RunQuery(name: name)) }
}

struct RunNotes {
  var iterator: AsyncStream<String>.Iterator

  /// Returns once this was said.
  mutating func wait(for note: String) async {
    while let said = await iterator.next(isolation: #isolation) { if said.hasPrefix(note) { return } }
    Issue.record("nobody said \(note)")
  }
}

extension FakeProcess {
  func succeed(_ output: String) {
    write(output)
    end(.exited(code: 0))
  }
}
