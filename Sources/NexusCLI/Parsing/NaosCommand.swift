// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import ArgumentParser
internal import NexusAPI

/// What a command works with.
package struct CommandContext: Sendable {
  package var console: Console
  package var environment: [String: String]
  /// From `--project`.
  package var named: String?

  package init(console: Console, environment: [String: String], named: String?) {
    self.console = console
    self.environment = environment
    self.named = named
  }

  /// The project that the command is about.
  func project() throws -> ProjectFolder { try ProjectFolder.find(named) }
}

/// A command of `naos`; each is in a file of its own.
package protocol NaosCommand: ParsableCommand {
  var global: GlobalOptions { get }

  /// Does it; what it throws is reported and becomes the exit code.
  func perform(_ context: CommandContext) async throws
}
