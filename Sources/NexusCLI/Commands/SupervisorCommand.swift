// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore
internal import NexusDiagnostics

/// `naos supervisor`: everything about supervisors.
struct SupervisorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "supervisor", abstract: "Look at supervisors, start and stop them, add them to the configuration.",
    subcommands: [
      SupervisorTreeCommand.self, SupervisorListCommand.self, SupervisorStatusCommand.self,
      SupervisorStartCommand.self, SupervisorStopCommand.self, SupervisorResetCommand.self,
      SupervisorCreateCommand.self, SupervisorAddCommand.self,
    ], defaultSubcommand: SupervisorTreeCommand.self)
}

struct SupervisorTreeCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "tree", abstract: "Show the tree of supervisors and agents, with state, restarts and reasons.")

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let (report, isRunning) = try await SupervisorAccess.read(try context.project())
    let console = context.console
    console.emit(report.json, lines: report.supervisors.map(\.json)) {
      SupervisorTable.tree(report, now: SystemClock().wallNow(), style: console.outputStyle)
    }
    if console.format == .table { SupervisorTable.sayEnd(report, isRunning: isRunning, on: console) }
  }
}

struct SupervisorListCommand: NaosCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List the supervisors.")

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let (report, isRunning) = try await SupervisorAccess.read(try context.project())
    let console = context.console
    console.emit(report.json, lines: report.supervisors.map(\.json)) {
      SupervisorTable.list(report, now: SystemClock().wallNow(), style: console.outputStyle)
    }
    if console.format == .table { SupervisorTable.sayEnd(report, isRunning: isRunning, on: console) }
  }
}

struct SupervisorStatusCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show one supervisor with its limits and children, or all of them.")

  @Argument(help: "The supervisor.")
  var name: String?

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let (report, isRunning) = try await SupervisorAccess.read(try context.project())
    let console = context.console
    guard let name else {
      console.emit(report.json, lines: report.supervisors.map(\.json)) {
        SupervisorTable.list(report, now: SystemClock().wallNow(), style: console.outputStyle)
      }
      if console.format == .table { SupervisorTable.sayEnd(report, isRunning: isRunning, on: console) }
      return
    }
    guard let supervisor = report.supervisors.first(where: { $0.name.text == name }) else {
      throw SupervisorAccess.unknown(name, in: report, agentHint: "naos inspect \(name)")
    }
    console.emit(supervisor.json) {
      SupervisorTable.card(supervisor, now: SystemClock().wallNow(), style: console.outputStyle)
    }
    guard console.format == .table else { return }
    if !isRunning {
      console.say("no node is running")
      console.next("naos up -d")
    } else if supervisor.state == "stopped" || supervisor.state == "failed" {
      console.next("naos supervisor start \(TerminalText.line(name))")
    } else {
      console.next("naos supervisor tree", "naos top")
    }
  }
}

/// What the commands about supervisors share.
enum SupervisorAccess {
  /// The tree, and whether a node runs it.
  static func read(_ project: ProjectFolder) async throws -> (report: SupervisionReport, isRunning: Bool) {
    try await NodeAccess.reading(project) { operations in
      let isRunning = try await operations.status().node.isRunning
      return (try await operations.supervision(), isRunning)
    }
  }

  /// Nothing that can be meant has that name; `agentHint` is said where an agent has it.
  static func unknown(_ name: String, in report: SupervisionReport, agentHint: String) -> OperationError {
    let children = report.supervisors.flatMap(\.children)
    if children.contains(where: { $0.kind == "agent" && $0.name == name }) {
      return OperationError(
        .notFound, code: "NX-SUP-004", title: "No such supervisor", detail: "`\(name)` is an agent.",
        hint: "Use `\(agentHint)`.")
    }
    let names = report.supervisors.map(\.name.text)
    return OperationError(
      .notFound, code: "NX-SUP-004", title: "No such supervisor", detail: "No supervisor is named `\(name)`.",
      hint: Suggestion.nearest(to: name, among: names).map { "Did you mean `\($0)`?" }
        ?? "List them with `naos supervisor list`; a node knows those of its last `naos reload`.")
  }
}
