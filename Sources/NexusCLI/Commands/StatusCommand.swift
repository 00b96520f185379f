// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore

/// `naos status`: the node and its agents.
struct StatusCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show the node and its agents: state, step, restarts, cost.")

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let report = try await NodeAccess.reading(project, warning: context.console) { operations in
      try await operations.status()
    }
    let now = SystemClock().wallNow()
    let console = context.console
    console.emit(report.json, lines: report.agents.map(\.json)) {
      StatusTable.render(report, now: now, style: console.outputStyle, width: console.tableWidth)
    }
    guard console.format == .table else { return }
    StatusTable.sayEnd(report, on: console)
  }
}

/// `naos list`: the agents alone.
struct ListCommand: NaosCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List the agents.")

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let report = try await NodeAccess.reading(project, warning: context.console) { operations in
      try await operations.status()
    }
    let console = context.console
    console.emit(["agents": .of(report.agents)], lines: report.agents.map(\.json)) {
      StatusTable.render(
        report, now: SystemClock().wallNow(), style: console.outputStyle, width: console.tableWidth)
    }
    if console.format == .table { StatusTable.sayEnd(report, on: console) }
  }
}
