// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore
internal import NexusDiagnostics

/// `naos stop`: shuts agents down.
struct StopCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "Stop agents: ask them to end, wait, then end them.",
    discussion: "The runs that they have under way are cancelled; `naos runs retry RUN` lets one go on where it was.")

  @Argument(help: "The agents.")
  var names: [String] = []

  @Flag(help: "End them at once, without asking.")
  var force = false

  @Flag(help: "Keep them down until they are started by hand.")
  var noRestart = false

  @Flag(help: "Every agent with a process or a run; the node stays up.")
  var all = false

  @OptionGroup var global: GlobalOptions

  /// Agents that are asked to end at the same time; the others wait for their turn.
  private static let atOnce = 16

  func validate() throws {
    guard names.isEmpty == all else {
      throw ValidationError(all ? "`--all` takes no names." : "Name an agent, or say `--all`.")
    }
  }

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let (names, force, noRestart, all) = (names, force, noRestart, all)
    let (stopped, ended) = try await NodeAccess.running(project) { node in
      let status = try await node.status()
      let agents = all ? try await Self.busy(status, node) : try await Self.known(names, status, node)
      let before = try await Self.runs(of: agents, on: node)
      let stopped = try await Self.stop(agents, on: node, force: force, noRestart: noRestart)
      return (stopped, try await Self.ended(before, on: node))
    }
    let console = context.console
    let values = stopped.map { Self.json(of: $0, ended) }
    if names.count == 1, let value = values.first {
      console.emit(value) { "" }
    } else {
      console.emit(["agents": .array(values)], lines: values) { "" }
    }
    for agent in stopped {
      let note = agent.note.map { " · " + TerminalText.line($0) } ?? ""
      console.say("\(TerminalText.line(agent.name.text)) is \(agent.state.rawValue)\(note)")
      for run in ended where run.name == agent.name.text { console.say("  its run \(run.id.text) is \(run.status)") }
    }
    if stopped.isEmpty { console.say("no agent has a process or a run") }
    let start = stopped.first.map { "naos supervisor start \(TerminalText.line($0.name.text))" } ?? "naos down"
    console.next(contentsOf: ended.prefix(1).map { "naos runs retry \($0.id.text)" } + [start, "naos status"])
  }

  /// So many runs of an agent are looked at; of more only the agent's end is told.
  private static let maxToldRuns = 100

  /// The runs that the agents have under way.
  private static func runs(of agents: [AgentName], on node: RemoteNode) async throws(OperationError) -> [RunID] {
    var runs: [RunID] = []
    for agent in agents {
      let filter = RunFilter(
        name: agent.text, statuses: ["queued", "running", "suspended"], kinds: ["agent"], parent: "any",
        limit: maxToldRuns)
      runs += try await node.listRuns(filter).runs.map(\.id)
    }
    return runs
  }

  /// Those of the runs that ended with their agent.
  private static func ended(_ runs: [RunID], on node: RemoteNode) async throws(OperationError) -> [RunReport] {
    var ended: [RunReport] = []
    for run in runs.prefix(maxToldRuns) {
      let report = try await node.showRun(run).report
      if report.status == "cancelled" || report.status == "failed" { ended.append(report) }
    }
    return ended
  }

  private static func json(of agent: AgentStatus, _ ended: [RunReport]) -> JSONValue {
    guard case .object(var object) = agent.json else { return agent.json }
    object["endedRuns"] = .array(
      ended.filter { $0.name == agent.name.text }.map { ["id": .string($0.id.text), "status": .string($0.status)] })
    return .object(object)
  }

  /// All names are looked at before anything is stopped: a typing error stops nothing.
  private static func known(
    _ names: [String], _ status: StatusReport, _ node: RemoteNode
  ) async throws(OperationError) -> [AgentName] {
    let agents = status.agents.map(\.name.text)
    for name in names where !agents.contains(name) {
      if try await node.supervision().supervisors.contains(where: { $0.name.text == name }) {
        var error = OperationError.unknownAgent(name)
        error.detail = "`\(name)` is a supervisor."
        error.hint = "Stop it with everything below it: `naos supervisor stop \(name)`."
        throw error
      }
      throw .unknownAgent(name, suggestion: Suggestion.nearest(to: name, among: agents))
    }
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }.map { AgentName($0) }
  }

  /// The agents with a process or a run.
  ///
  /// What an idle one names as its run is the last that it worked for, which may be over: runs are asked for.
  private static func busy(_ status: StatusReport, _ node: RemoteNode) async throws(OperationError) -> [AgentName] {
    let children = try await node.supervision().supervisors.flatMap(\.children)
    let withProcess = Set(children.filter { $0.pid != nil || $0.kind == "attempt" }.map(\.name))
    let underWay = RunFilter(
      statuses: ["queued", "running", "suspended"], kinds: ["agent"], parent: "any", limit: RunFilter.maxLimit)
    let withRun = Set(try await node.listRuns(underWay).runs.map(\.name))
    return status.agents.filter { agent in
      switch agent.state {
      case .starting, .running, .waiting, .backoff, .stuck, .stopping: return true
      case .idle, .paused, .stopped, .failed, .exhausted:
        return withProcess.contains(agent.name.text) || withRun.contains(agent.name.text)
      }
    }.map(\.name)
  }

  /// Stops them at the same time, and all of them even where one cannot be stopped.
  private static func stop(
    _ agents: [AgentName], on node: RemoteNode, force: Bool, noRestart: Bool
  ) async throws -> [AgentStatus] {
    let results = await withTaskGroup(of: (Int, Result<AgentStatus, OperationError>).self) { group in
      var results: [Int: Result<AgentStatus, OperationError>] = [:]
      for (index, agent) in agents.enumerated() {
        if index >= atOnce, let (done, result) = await group.next() { results[done] = result }
        group.addTask(name: "stop:\(agent)") {
          do throws(OperationError) {
            // Not in one expression: optimised code of Swift 6.3 would lose the index.
            let stopped = try await node.stopAgent(agent, force: force, noRestart: noRestart)
            return (index, .success(stopped))
          } catch {
            return (index, .failure(error))
          }
        }
      }
      for await (done, result) in group { results[done] = result }
      return results
    }
    return try agents.indices.compactMap { try results[$0]?.get() }
  }
}
