// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusCore

/// `naos version`: which build this is.
struct VersionCommand: NaosCommand {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Show the version.")

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    context.console.emit(["version": .string(NaosVersion.current)]) { "naos \(NaosVersion.current)" }
  }
}
