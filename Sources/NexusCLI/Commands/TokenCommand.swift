// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusKernel
internal import NexusNode

struct TokenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Make, list and revoke the tokens of people who read and decide.",
    subcommands: [TokenCreateCommand.self, TokenListCommand.self, TokenRevokeCommand.self],
    defaultSubcommand: TokenListCommand.self, aliases: ["tokens"])
}

struct TokenCreateCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Make a token; its secret is printed once and kept nowhere.",
    discussion: "A token reads everything, and decides about the approvals that name its role.")

  @Argument(help: "Whose it is: decisions are written down under this name.")
  var name: String

  @Option(help: ArgumentHelp("Its role, as `approvals` names it: ops, lead, viewer.", valueName: "name"))
  var role: String

  @Option(
    help: ArgumentHelp(
      "What it shows, instead of the whole project: names of agents, workflows, sagas and pools, separated by commas.",
      valueName: "names"))
  var only: String?

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let names = (only ?? "").split(separator: ",").map(String.init)
    guard only == nil || !names.isEmpty else { throw CommandFailure.usage("--only names nothing.") }
    let wish = TokenWish(name, role: role, only: names)
    let project = try context.project()
    let created = try await TokenControl.change(project) { node throws(OperationError) in
      try await node.createToken(wish)
    } offline: { book throws(OperationError) in
      try await book.create(wish)
    }
    let console = context.console
    console.emit(created.json) { created.secret }
    if let failure = console.output.failure { try await Self.takeBack(created.token.name, project, failure) }
    for name in names { Self.warn(about: name, project, console) }
    guard console.format == .table else { return }
    console.say("\(TerminalText.line(created.token.name)) has the role \(TerminalText.line(created.token.role))")
    console.next("naos approvals list", "naos token list")
  }
}

extension TokenCreateCommand {
  /// A name may be that of something to come, or a misspelt one that shows nothing for ever.
  fileprivate static func warn(about name: String, _ project: ProjectFolder, _ console: Console) {
    let plan = project.load().sketch
    let names = plan.agents.map(\.name.text) + plan.flows.map(\.name)
    guard !names.contains(name) else { return }
    let meant = Suggestion.nearest(to: name, among: names).map { ": did you mean `\($0)`?" }
    console.say(
      "\(console.wordStyle.warning("▲")) nothing in the configuration is called `\(TerminalText.line(name))`"
        + (meant ?? "; the token shows nothing of it until there is"))
  }

  /// A token whose only copy was lost would stand there for ever.
  fileprivate static func takeBack(_ name: String, _ project: ProjectFolder, _ failure: FileError) async throws {
    _ = try await TokenControl.change(project) { node throws(OperationError) in
      try await node.revokeToken(name)
    } offline: { book throws(OperationError) in
      try await book.revoke(name)
    }
    var error = OperationError.unwritable(failure)
    error.hint = "The token was revoked, for nobody has it. Make room, or write elsewhere, and make it again."
    throw error
  }
}

struct TokenListCommand: NaosCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List who has a token.")

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let list = try await TokenControl.change(try context.project()) { node throws(OperationError) in
      try await node.tokens()
    } offline: { book throws(OperationError) in
      book.list()
    }
    let console = context.console
    console.emit(list.json, lines: list.tokens.map(\.json)) {
      var table = TextTable(["NAME", "ROLE", "SINCE", "SHOWS"])
      for token in list.tokens {
        table.add([
          token.name, token.role, token.createdAt.iso8601,
          token.only.isEmpty ? "all" : token.only.joined(separator: ", "),
        ])
      }
      return list.tokens.isEmpty ? "" : table.render(console.outputStyle)
    }
    guard console.format == .table else { return }
    if list.tokens.isEmpty { console.say("only the owner of the node has a token") }
    console.next("naos token create NAME --role ops")
  }
}

struct TokenRevokeCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke", abstract: "Revoke a token: it opens nothing from now on.")

  @Argument(help: "Whose.")
  var name: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let name = name
    let revoked = try await TokenControl.change(try context.project()) { node throws(OperationError) in
      try await node.revokeToken(name)
    } offline: { book throws(OperationError) in
      try await book.revoke(name)
    }
    let console = context.console
    console.emit(revoked.json) { "" }
    guard console.format == .table else { return }
    console.say("the token of \(TerminalText.line(revoked.name)) is revoked; what it decided stands")
    console.next("naos token list")
  }
}

enum TokenControl {
  /// Asks the running node, or the store if no node runs.
  static func change<Answer: Sendable>(
    _ project: ProjectFolder, _ online: @escaping @Sendable (RemoteNode) async throws(OperationError) -> Answer,
    offline: (TokenBook) async throws(OperationError) -> Answer
  ) async throws -> Answer {
    if await NodeAccess.isRunning(project) { return try await NodeAccess.running(project) { try await online($0) } }
    return try await TokenBook.offline(project.path, offline)
  }
}

enum TokenFile {
  /// A longer file holds no token.
  private static let limit = 4096

  /// The token on the first line of a file, or of the standard input for `-`.
  static func read(_ path: String) throws -> String {
    let bytes: [UInt8]
    do { bytes = path == "-" ? try RunInput.standardInput() : try Files.read(path, limit: limit) } catch {
      throw CommandFailure.usage("The token cannot be read from \(path): \(error).")
    }
    let text = String(decoding: bytes.prefix(limit), as: UTF8.self).prefix { !$0.isNewline }
    guard !text.isEmpty else { throw CommandFailure.usage("There is no token in \(path).") }
    return String(text)
  }
}
