// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import ArgumentParser
import NexusCLI
import Testing

/// Every command can be parsed at all: two options of one name are found only when somebody uses the command.
@Suite struct CommandHelpTests {
  @Test func `every command has a help of its own`() {
    var seen = 0
    visit(RootCommand.self, []) { path in
      seen += 1
      do {
        // The command that prints the help, or its text at once.
        _ = try RootCommand.parseAsRoot(path + ["--help"])
      } catch {
        #expect(RootCommand.exitCode(for: error).isSuccess, "\(path): \(RootCommand.fullMessage(for: error))")
      }
    }
    #expect(seen > 50)
  }

  private func visit(_ command: any ParsableCommand.Type, _ path: [String], _ body: ([String]) -> Void) {
    body(path)
    let configuration = command.configuration
    for next in configuration.subcommands + configuration.groupedSubcommands.flatMap(\.subcommands) {
      visit(next, path + [next._commandName], body)
    }
  }
}
