// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
package import NexusCore
package import NexusKernel

/// What an agent cannot be taken away from without harm: what names it, and runs that may need it.
package struct AgentTies: Sendable {
  /// So many are told of.
  private static let maxTold = 10
  private static let underWay = [RunStatus.queued, .running, .suspended, .compensating].map(\.rawValue)

  private let uses: [AgentUse]
  private let runs: [RunRow]
  /// Who lists it.
  package let supervisor: SupervisorName?

  /// A supervisor does without a child that is gone, so it does not count.
  package var isEmpty: Bool { uses.isEmpty && runs.isEmpty }

  /// What names the agent, and these runs of it.
  package init(of agent: AgentName, in plan: ProjectPlan, runs: [RunRow] = []) {
    (uses, self.runs, supervisor) = (plan.uses(of: agent), runs, plan.agent(agent)?.supervisor)
  }

  /// With the runs under way, of the agent's own and of the flows that may run it.
  package static func find(
    _ agent: AgentName, in plan: ProjectPlan, _ operations: any NodeOperations
  ) async throws(OperationError) -> AgentTies {
    var runs: [RunRow] = []
    let flows = plan.flows(running: agent).map { ($0, ["workflow", "saga", "pool"]) }
    for (name, kinds) in [(agent.text, ["agent"])] + flows {
      let filter = RunFilter(name: name, statuses: underWay, kinds: kinds, parent: "any", limit: maxTold + 1)
      runs += try await operations.listRuns(filter).runs
    }
    return AgentTies(of: agent, in: plan, runs: runs)
  }

  /// Why the agent stays; `force` is what whoever asked says to have it removed all the same.
  package func refusal(of agent: AgentName, force: String) -> OperationError {
    OperationError(
      .conflict, code: "NX-API-036", title: "The agent is needed",
      detail: "`\(agent)` was not removed: " + sentences().joined(separator: "; ") + ".",
      hint: runs.isEmpty
        ? "Take it out of them first, or say `\(force)`: they cannot run without it."
        : "Let the runs end, or cancel them with `naos runs cancel`; `\(force)` cancels what they have under way.")
  }

  /// One for all that names it, and one for each of its runs.
  package func sentences() -> [String] {
    var sentences: [String] = []
    if !uses.isEmpty {
      sentences.append(Self.list(uses.map { "\($0.kind) `\($0.name)`" }) + (uses.count == 1 ? " names it" : " name it"))
    }
    for run in runs.prefix(Self.maxTold) {
      sentences.append(
        run.kind == "agent"
          ? "its run \(run.id.text) is \(run.status)" : "the run \(run.id.text) of `\(run.name)` is \(run.status)")
    }
    if runs.count > Self.maxTold { sentences.append("and more runs are under way") }
    return sentences
  }

  private static func list(_ words: [String]) -> String {
    words.prefix(maxTold).joined(separator: ", ") + (words.count > maxTold ? " and \(words.count - maxTold) more" : "")
  }
}
