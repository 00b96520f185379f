// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusDiagnostics

/// `naos delete`: takes an agent out of the configuration.
struct DeleteCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Take an agent out of the project; its files, runs and costs stay.")

  @Argument(help: "The agent.")
  var name: String

  @Flag(help: "Only say what would happen.")
  var dryRun = false

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let lock = try ConfigurationFile.lock(project)
    defer { lock.release() }
    let source = try ConfigurationFile.read(project)
    let edited: String
    switch ConfigEditor.removeAgent(named: name, from: source.text) {
    case .success(let text): edited = text
    case .failure(let diagnostic):
      var failure = CommandFailure(diagnostics: [diagnostic], files: [source])
      if diagnostic.code == "NX-CFG-403" { failure.exit = .notFound }
      throw failure
    }
    let console = context.console
    if dryRun {
      console.say("would remove `\(TerminalText.line(name))` from \(source.name)")
      return
    }
    try ConfigurationFile.write(edited, project)
    if await NodeAccess.isRunning(project) {
      let agent = AgentName(name)
      try await NodeAccess.running(project) { node in try await node.removeAgent(agent) }
    }
    console.emit(["name": .string(name), "deleted": true]) { "" }
    console.say("\(console.wordStyle.good("✓")) removed `\(TerminalText.line(name))`; its files, runs and costs stay")
    console.next("naos list")
  }
}
