// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

/// `naos config`: everything about the configuration.
struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Check and show the configuration.",
    subcommands: [ConfigValidateCommand.self, ConfigShowCommand.self, ConfigSchemaCommand.self])
}

struct ConfigValidateCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate", abstract: "Say everything that is wrong with the configuration; exit 3 if something is.")

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let result = project.load()
    let console = context.console
    let isValid = result.plan != nil
    guard console.format == .table else {
      console.emit(result.diagnostics.json, lines: result.diagnostics.sortedByLocation().map(\.json)) { "" }
      if !isValid { throw CommandFailure(exit: .configuration) }
      return
    }
    guard isValid else { throw CommandFailure(diagnostics: result.diagnostics, files: result.files) }
    if !result.diagnostics.isEmpty { CommandFailure.warn(result.diagnostics, files: result.files, on: console) }
    let agents = result.plan?.agents.count ?? 0
    console.say("\(console.wordStyle.good("✓")) the configuration is valid · \(agents) agent\(agents == 1 ? "" : "s")")
    console.next("naos up -d", "naos config show")
  }
}

struct ConfigShowCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show the configuration in its canonical form, secrets redacted.")

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let result = try context.project().load()
    guard let plan = result.plan else { throw CommandFailure(diagnostics: result.diagnostics, files: result.files) }
    let text = canonicalYAML(plan)
    let console = context.console
    switch console.format {
    case .table, .yaml: console.output.write(Array(text.utf8))
    case .json, .jsonl: console.emit(["yaml": .string(text)]) { "" }
    }
  }
}

struct ConfigSchemaCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema", abstract: "Print the JSON Schema of nexus.config.yaml, for editors.")

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let schema = configSchema()
    context.console.emit(schema) { schema.text(.pretty) }
  }
}
