// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore
internal import NexusDiagnostics

/// `naos schedule`: what the node runs by itself, and when.
struct ScheduleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedule", abstract: "List, show, pause and trigger schedules.",
    subcommands: [
      ScheduleListCommand.self, ScheduleShowCommand.self, SchedulePauseCommand.self, ScheduleResumeCommand.self,
      ScheduleTriggerCommand.self,
    ],
    defaultSubcommand: ScheduleListCommand.self,
    aliases: ["schedules"])
}

struct ScheduleListCommand: NaosCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List every schedule of the project.")

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let list = try await NodeAccess.reading(project) { operations in try await operations.schedules() }
    let console = context.console
    console.emit(list.json, lines: list.schedules.map(\.json)) {
      ScheduleTable.list(list.schedules, now: SystemClock().wallNow(), console.outputStyle)
    }
    guard console.format == .table else { return }
    if let first = list.schedules.first {
      console.next("naos schedule show \(first.name)", "naos schedule trigger \(first.name)")
    } else {
      console.say("no schedule is configured")
      console.next("naos config schema")
    }
  }
}

struct ScheduleShowCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show when a schedule is due, and what became of its latest times.")

  @Argument(help: "Its name.")
  var name: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let list = try await NodeAccess.reading(project) { operations in try await operations.schedules() }
    guard let schedule = list.schedules.first(where: { $0.name == name }) else {
      throw OperationError(
        .notFound, code: "NX-SCH-001", title: "There is no such schedule", detail: "No schedule is named `\(name)`.",
        hint: Suggestion.nearest(to: name, among: list.schedules.map(\.name)).map { "Did you mean `\($0)`?" }
          ?? "naos schedule list")
    }
    ScheduleControl.show(schedule, context.console)
  }
}

struct SchedulePauseCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause", abstract: "Start nothing until the schedule is resumed.")

  @Argument(help: "Its name.")
  var name: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws { try await ScheduleControl.act(.pause, on: name, context) }
}

struct ScheduleResumeCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Go on with what is due from now on.")

  @Argument(help: "Its name.")
  var name: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws { try await ScheduleControl.act(.resume, on: name, context) }
}

struct ScheduleTriggerCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "trigger", abstract: "Start a run of it now, whatever the clock says.")

  @Argument(help: "Its name.")
  var name: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws { try await ScheduleControl.act(.trigger, on: name, context) }
}

enum ScheduleControl {
  static func act(_ change: ScheduleChange, on name: String, _ context: CommandContext) async throws {
    let project = try context.project()
    let schedule = try await NodeAccess.running(project) { node in
      try await node.change(schedule: name, change)
    }
    show(schedule, context.console)
  }

  static func show(_ schedule: ScheduleReport, _ console: Console) {
    console.emit(schedule.json) {
      ScheduleTable.show(schedule, now: SystemClock().wallNow(), console.outputStyle)
    }
    guard console.format == .table else { return }
    if let run = schedule.recent.last?.run ?? schedule.running.last {
      console.next("naos runs show \(run.text)", "naos runs list \(schedule.target)")
    } else {
      console.next(
        schedule.state == "paused" ? "naos schedule resume \(schedule.name)" : "naos schedule trigger \(schedule.name)")
    }
  }
}
