// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore

/// `naos stop`: shuts an agent down.
struct StopCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "Stop an agent: ask it to end, wait, then end it.")

  @Argument(help: "The agent.")
  var name: String

  @Flag(help: "End it at once, without asking.")
  var force = false

  @Flag(help: "Keep it down until it is started by hand.")
  var noRestart = false

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let (name, force, noRestart) = (name, force, noRestart)
    let agent = try await AgentNames.suggesting(name, in: project) {
      try await NodeAccess.running(project) { node in
        try await node.stopAgent(AgentName(name), force: force, noRestart: noRestart)
      }
    }
    context.console.emit(agent.json) { "" }
    context.console.say("\(TerminalText.line(agent.name.text)) is \(agent.state.rawValue)")
    context.console.next("naos status", "naos run \(TerminalText.line(agent.name.text))")
  }
}
