// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusKernel
internal import NexusNode

/// `naos secret`: credentials, encrypted beside the store.
struct SecretCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "secret", abstract: "Keep credentials encrypted, for `apiKey: secret:NAME`.",
    subcommands: [SecretSetCommand.self, SecretListCommand.self, SecretDeleteCommand.self],
    defaultSubcommand: SecretListCommand.self)
}

struct SecretSetCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "set",
    abstract: "Set a secret to what is typed, unseen, or comes on the standard input.")

  @Argument(help: "Its name: letters, digits, `_`, `-` and `.`.")
  var name: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let value = try HiddenInput.read(
      prompt: "value of \(TerminalText.line(name)): ", limit: SecretStore.longestValue)
    let isNew = try SecretStore(project: project.path).set(
      name, to: value, at: SystemClock().wallNow())
    let console = context.console
    console.emit(["name": .string(name), "new": .bool(isNew)], lines: []) { "" }
    guard console.format == .table else { return }
    console.say(isNew ? "\(name) is set" : "\(name) is set anew")
    console.say("a node that runs takes it when it is started again")
    console.next("naos config validate", "naos secret list")
  }
}

struct SecretListCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the secrets by name, never their values, and what uses them.")

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let entries = try SecretStore(project: project.path).entries()
    let plan = project.load().sketch
    func providers(of name: String) -> [String] { plan.providers.filter { $0.secret == name }.map(\.name) }
    func agents(of name: String) -> [String] { plan.agents.filter { $0.gateSecrets[name] != nil }.map(\.name.text) }
    let console = context.console
    let lines = entries.map { entry -> JSONValue in
      [
        "name": .string(entry.name), "setAt": .of(entry.setAt),
        "providers": .of(providers(of: entry.name)), "agents": .of(agents(of: entry.name)),
      ]
    }
    console.emit(["secrets": .array(lines)], lines: lines) {
      guard !entries.isEmpty else { return "" }
      var table = TextTable(["NAME", "SET", "USED BY"])
      let now = SystemClock().wallNow()
      for entry in entries {
        let all = providers(of: entry.name).map { "provider \($0)" } + agents(of: entry.name).map { "agent \($0)" }
        let users = all.joined(separator: ", ")
        table.add([entry.name, Quantities.ago(entry.setAt, now: now), users.isEmpty ? "–" : users])
      }
      return table.render(console.outputStyle)
    }
    guard console.format == .table else { return }
    if entries.isEmpty { console.say("there are no secrets") }
    console.next("naos secret set NAME")
  }
}

struct SecretDeleteCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Delete a secret.")

  @Argument(help: "Its name.")
  var name: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    try SecretStore(project: project.path).delete(name)
    let console = context.console
    console.emit(["name": .string(name)], lines: []) { "" }
    guard console.format == .table else { return }
    console.say("\(name) is deleted")
  }
}
