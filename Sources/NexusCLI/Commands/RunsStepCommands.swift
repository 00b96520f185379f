// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore

struct RunsSignalCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "signal", abstract: "Send an event to a run.",
    discussion: "An event that no step waits for yet is kept; of events with one --id only the first counts.")

  @Argument(help: "The run: its id, the beginning or the end of it, or `last`.")
  var id: String

  @Argument(help: "The event's name, as in `waitFor`.")
  var event: String

  @Option(help: ArgumentHelp("What the step gets: a text, @file or - for the standard input.", valueName: "text"))
  var input: String?

  @Option(name: .customLong("id"), help: ArgumentHelp("Of events with one id only the first counts.", valueName: "id"))
  var eventID: String?

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let change = RunChange.signal(name: event, id: eventID, payload: try RunInput.read(input))
    let (project, console) = (try context.project(), context.console)
    let run = try await RunReference.resolve(id, context)
    let report = try await NodeAccess.running(project) { node in try await node.change(run, change) }
    console.emit(report.json) { "" }
    console.say("event `\(TerminalText.line(event))` taken by \(report.id.text)")
    console.next("naos runs show \(report.id.text)", "naos runs wait \(report.id.text)")
  }
}

struct RunsSkipCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "skip", abstract: "Let a run go on without a step that failed or stands still.")

  @Argument(help: "The run: its id, the beginning or the end of it, or `last`.")
  var id: String

  @Argument(help: "The step's path, as `naos runs show` prints it.")
  var step: String

  @Option(help: ArgumentHelp("Why; it is written down.", valueName: "text"))
  var reason: String

  @Flag(help: "Do not wait for the run.")
  var detach = false

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let change = RunChange.skip(step: StepPath(step), reason: reason)
    try await RunControl.goOn(id, detach: detach, context) { node, run throws(OperationError) in
      try await node.change(run, change)
    }
  }
}

struct RunsMarkDoneCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "mark-done", abstract: "Say that a step is done, and let its run go on.")

  @Argument(help: "The run: its id, the beginning or the end of it, or `last`.")
  var id: String

  @Argument(help: "The step's path, as `naos runs show` prints it.")
  var step: String

  @Option(help: ArgumentHelp("The step's output: a text, @file or - for the standard input.", valueName: "text"))
  var result: String?

  @Flag(help: "Do not wait for the run.")
  var detach = false

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let change = RunChange.markDone(step: StepPath(step), output: try RunInput.read(result))
    try await RunControl.goOn(id, detach: detach, context) { node, run throws(OperationError) in
      try await node.change(run, change)
    }
  }
}

struct RunsRestartCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "restart", abstract: "Start a new run of the same definition and input.")

  @Argument(help: "The run: its id, the beginning or the end of it, or `last`.")
  var id: String

  @Flag(help: "Do not wait for the new run.")
  var detach = false

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    try await RunControl.goOn(id, detach: detach, context) { node, run throws(OperationError) in
      try await node.change(run, .restart)
    }
  }
}
