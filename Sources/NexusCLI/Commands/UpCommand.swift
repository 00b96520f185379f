// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusConfig
internal import NexusCore

/// `naos up`: runs the node.
struct UpCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "up", abstract: "Run the node: its agents, the gateway, the dashboard.")

  @Flag(name: [.customShort("d"), .long], help: "In the background; returns once the node is ready.")
  var detach = false

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    try Self.requireValid(project, context.console)
    guard detach else {
      let exit = try await NodeAccess.up(NodeAccess.UpOptions(project: project, console: context.console))
      guard exit == .ok else { throw CommandFailure(exit: exit) }
      return
    }
    let status = try await DetachedNode.start(project)
    let console = context.console
    console.emit(status.node.json) { "" }
    console.say(
      "\(console.wordStyle.good("✓")) node up · pid \(status.node.pid.map(String.init) ?? "?")"
        + (status.node.dashboard.map { " · dashboard \($0)" } ?? ""))
    console.next("naos status", "naos dashboard", "naos down")
  }

  /// Everything that is wrong with the configuration is said here, before anything starts.
  static func requireValid(_ project: ProjectFolder, _ console: Console) throws {
    let result = project.load()
    guard result.plan != nil else {
      throw CommandFailure(diagnostics: result.diagnostics, files: result.files)
    }
    guard !result.diagnostics.isEmpty else { return }
    CommandFailure.warn(result.diagnostics, files: result.files, on: console)
  }
}
