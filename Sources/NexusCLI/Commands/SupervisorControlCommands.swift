// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore

struct SupervisorStartCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "start", abstract: "Start a supervisor that is down with its agents, or one agent that was stopped.")

  @Argument(help: "The supervisor, or an agent.")
  var name: String

  @OptionGroup var global: GlobalOptions

  private enum Started: Sendable {
    case supervisor(SupervisorStatus)
    case agent(AgentStatus)
  }

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let name = name
    let started = try await NodeAccess.running(project) { node -> Started in
      let report = try await node.supervision()
      if report.supervisors.contains(where: { $0.name.text == name }) {
        return .supervisor(try await node.startSupervisor(SupervisorName(name)))
      }
      if try await node.listAgents().contains(where: { $0.name.text == name }) {
        return .agent(try await node.startAgent(AgentName(name)))
      }
      throw SupervisorAccess.unknown(name, in: report, agentHint: "naos run \(name)")
    }
    let console = context.console
    let shown = TerminalText.line(name)
    switch started {
    case .supervisor(let supervisor):
      console.emit(supervisor.json) { "" }
      SupervisorWords.say(supervisor, on: console)
      console.next("naos supervisor status \(shown)", "naos top")
    case .agent(let agent):
      console.emit(agent.json) { "" }
      console.say("\(shown) is \(agent.state.rawValue)" + (agent.note.map { " · " + TerminalText.line($0) } ?? ""))
      console.next("naos status", "naos logs \(shown)")
    }
  }
}

struct SupervisorResetCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "reset",
    abstract: "Forget the restarts that count for a supervisor and those below it: the window begins anew.")

  @Argument(help: "The supervisor.")
  var name: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let name = name
    let supervisor = try await NodeAccess.running(try context.project()) { node in
      let report = try await node.supervision()
      guard report.supervisors.contains(where: { $0.name.text == name }) else {
        throw SupervisorAccess.unknown(name, in: report, agentHint: "naos inspect \(name)")
      }
      return try await node.resetSupervisor(SupervisorName(name))
    }
    let console = context.console
    console.emit(supervisor.json) { "" }
    console.say(
      "\(TerminalText.line(name)) is \(supervisor.state) · \(Quantities.restarts(supervisor.restarts)) restarts count")
    console.next("naos supervisor status \(TerminalText.line(name))", "naos top")
  }
}

struct SupervisorStopCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "Stop a supervisor and everything below it, in reverse order of start.")

  @Argument(help: "The supervisor.")
  var name: String

  @Flag(help: "End the agents at once, without asking.")
  var force = false

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let (name, force) = (name, force)
    let supervisor = try await NodeAccess.running(project) { node in
      let report = try await node.supervision()
      guard report.supervisors.contains(where: { $0.name.text == name }) else {
        throw SupervisorAccess.unknown(name, in: report, agentHint: "naos stop \(name)")
      }
      return try await node.stopSupervisor(SupervisorName(name), force: force)
    }
    let console = context.console
    console.emit(supervisor.json) { "" }
    SupervisorWords.say(supervisor, on: console)
    console.next("naos supervisor start \(TerminalText.line(name))", "naos supervisor tree")
  }
}

enum SupervisorWords {
  /// `desk is running · 3 children, 2 running`.
  static func say(_ supervisor: SupervisorStatus, on console: Console) {
    let children = supervisor.children.filter { $0.kind != "attempt" }
    let running = children.count { $0.state == "running" || $0.state == "starting" }
    var parts = ["\(TerminalText.line(supervisor.name.text)) is \(supervisor.state)"]
    if let note = supervisor.note { parts.append(TerminalText.line(note)) }
    parts.append("\(children.count) child\(children.count == 1 ? "" : "ren"), \(running) running")
    console.say(parts.joined(separator: " · "))
  }
}
