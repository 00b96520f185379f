// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusKernel

/// What an agent cannot be taken away from without harm: what names it, and runs that may need it.
struct AgentTies: Sendable {
  /// So many are told of.
  private static let maxTold = 10
  private static let underWay = [RunStatus.queued, .running, .suspended, .compensating].map(\.rawValue)

  private let uses: [AgentUse]
  private let runs: [RunRow]
  private let supervisor: SupervisorName?

  /// A supervisor does without a child that is gone, so it does not count.
  var isEmpty: Bool { uses.isEmpty && runs.isEmpty }

  /// What names the agent, without its runs.
  init(namedIn project: ProjectFolder, _ agent: AgentName) {
    let plan = project.load().sketch
    (uses, runs, supervisor) = (plan.uses(of: agent), [], plan.agent(agent)?.supervisor)
  }

  private init(uses: [AgentUse], runs: [RunRow], supervisor: SupervisorName?) {
    (self.uses, self.runs, self.supervisor) = (uses, runs, supervisor)
  }

  static func find(_ agent: AgentName, _ project: ProjectFolder, _ console: Console) async throws -> AgentTies {
    let plan = project.load().sketch
    let flows = plan.flows(running: agent)
    let runs = try await NodeAccess.reading(project, warning: console) { operations in
      var runs: [RunRow] = []
      for (name, kinds) in [(agent.text, ["agent"])] + flows.map({ ($0, ["workflow", "saga", "pool"]) }) {
        let filter = RunFilter(name: name, statuses: underWay, kinds: kinds, parent: "any", limit: maxTold + 1)
        runs += try await operations.listRuns(filter).runs
      }
      return runs
    }
    return AgentTies(uses: plan.uses(of: agent), runs: runs, supervisor: plan.agent(agent)?.supervisor)
  }

  func refusal(of name: String) -> OperationError {
    OperationError(
      .conflict, code: "NX-API-036", title: "The agent is needed",
      detail: "`\(name)` was not removed: " + sentences().joined(separator: "; ") + ".",
      hint: runs.isEmpty
        ? "Take it out of them first, or say `--force`: they cannot run without it."
        : "Let the runs end, or cancel them with `naos runs cancel`; `--force` cancels what they have under way.")
  }

  func say(on console: Console, isForced: Bool) {
    for sentence in sentences() { console.say("  \(TerminalText.line(sentence))") }
    if let supervisor {
      console.say("  the supervisor \(TerminalText.line(supervisor.text)) lists it: take it out of its `children`")
    }
    if !isForced, !isEmpty { console.say("  it would be refused without `--force`") }
  }

  private func sentences() -> [String] {
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
