// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore
internal import NexusDiagnostics

/// `naos stop`: shuts agents down.
struct StopCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "Stop agents: ask them to end, wait, then end them.")

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
    let stopped = try await NodeAccess.running(project) { node in
      let status = try await node.status()
      let agents = all ? try await Self.busy(status, node) : try await Self.known(names, status, node)
      return try await Self.stop(agents, on: node, force: force, noRestart: noRestart)
    }
    let console = context.console
    if names.count == 1, let agent = stopped.first {
      console.emit(agent.json) { "" }
    } else {
      console.emit(["agents": .of(stopped)], lines: stopped.map(\.json)) { "" }
    }
    for agent in stopped {
      let note = agent.note.map { " · " + TerminalText.line($0) } ?? ""
      console.say("\(TerminalText.line(agent.name.text)) is \(agent.state.rawValue)\(note)")
    }
    if stopped.isEmpty { console.say("no agent has a process or a run") }
    console.next(
      "naos status", stopped.first.map { "naos supervisor start \(TerminalText.line($0.name.text))" } ?? "naos down")
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
  private static func busy(_ status: StatusReport, _ node: RemoteNode) async throws(OperationError) -> [AgentName] {
    let children = try await node.supervision().supervisors.flatMap(\.children)
    let withProcess = Set(children.filter { $0.pid != nil || $0.kind == "attempt" }.map(\.name))
    return status.agents.filter { agent in
      switch agent.state {
      case .starting, .running, .waiting, .backoff, .stuck, .stopping: return true
      case .idle, .paused, .stopped, .failed, .exhausted:
        return agent.run != nil || withProcess.contains(agent.name.text)
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
            return (index, .success(try await node.stopAgent(agent, force: force, noRestart: noRestart)))
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
