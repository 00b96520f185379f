// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusDiagnostics
internal import NexusNode

/// `naos delete`: takes an agent out of the configuration.
struct DeleteCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Take an agent out of the project; its files, runs and costs stay.",
    discussion: """
      It is refused while runs of it are under way, and while workflows, sagas, pools, schedules or agents name it. With \
      --force these runs are cancelled, and those cannot run any more.
      """)

  @Argument(help: "The agent.")
  var name: String

  @Flag(help: "Also if runs are under way or something names it.")
  var force = false

  @Flag(help: "Only say what would happen.")
  var dryRun = false

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let console = context.console
    // What cannot be taken out anyway is said first.
    let file = try withoutAgent(project).file
    let ties: AgentTies
    do { ties = try await AgentTies.find(AgentName(name), project, console) } catch {
      // By force also where the runs cannot be asked for.
      guard force else { throw error }
      ties = AgentTies(of: AgentName(name), in: project.load().sketch)
    }
    if dryRun {
      console.say("would remove `\(TerminalText.line(name))` from \(file)")
      ties.say(on: console, isForced: force)
      return
    }
    guard force || ties.isEmpty else { throw ties.refusal(of: AgentName(name), force: "--force") }
    let lock = try await ConfigurationFile.lock(project)
    do {
      defer { lock.release() }
      try ConfigurationFile.write(try withoutAgent(project).text, project)
    }
    if await NodeAccess.isRunning(project) {
      let agent = AgentName(name)
      try await NodeAccess.running(project) { node in try await node.removeAgent(agent, force: true) }
    }
    console.emit(["name": .string(name), "deleted": true]) { "" }
    console.say("\(console.wordStyle.good("✓")) removed `\(TerminalText.line(name))`; its files, runs and costs stay")
    ties.say(on: console, isForced: true)
    console.next("naos list")
  }

  /// The configuration as it is now, without the agent.
  private func withoutAgent(_ project: ProjectFolder) throws -> (text: String, file: String) {
    let source = try ConfigurationFile.read(project)
    switch ConfigEditor.removeAgent(named: name, from: source.text) {
    case .success(let text): return (text, source.name)
    case .failure(let diagnostic):
      var failure = CommandFailure(diagnostics: [diagnostic], files: [source])
      if diagnostic.code == "NX-CFG-403" { failure.exit = .notFound }
      throw failure
    }
  }
}
