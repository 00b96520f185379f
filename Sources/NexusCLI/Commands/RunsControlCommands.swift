// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore
internal import Synchronization

struct RunsResumeCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Let a paused run go on; what it did already is replayed free of charge.",
    discussion: "A halted run goes on only with --accept: why it may, whatever it was halted for.")

  @Argument(help: "The run: its id, the beginning or the end of it, or `last`.")
  var id: String

  @Option(help: ArgumentHelp("Let a halted run go on, for this reason, which is written down.", valueName: "reason"))
  var accept: String?

  @Flag(help: "Do not wait for it.")
  var detach = false

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let accept = accept
    try await RunControl.goOn(id, detach: detach, context) { node, run throws(OperationError) in
      try await node.change(run, .resume(accept: accept))
    }
  }
}

struct RunsRetryCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry", abstract: "Let a failed or cancelled run go on from where it was.")

  @Argument(help: "The run: its id, the beginning or the end of it, or `last`.")
  var id: String

  @Flag(help: "Do not wait for it.")
  var detach = false

  @Flag(help: "Use new idempotency keys: effects that happened already happen again.")
  var newKeys = false

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let newKeys = newKeys
    try await RunControl.goOn(id, detach: detach, context) { node, run throws(OperationError) in
      try await node.change(run, .retry(newKeys: newKeys))
    }
  }
}

struct RunsPauseCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause", abstract: "End the attempts of a run in good order and keep it until it is resumed.")

  @Argument(help: "The run: its id, the beginning or the end of it, or `last`.")
  var id: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws { try await RunControl.act(.pause, on: id, context) }
}

struct RunsCancelCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "Ask a run to stop; a saga undoes what it did first.")

  @Argument(help: "The run: its id, the beginning or the end of it, or `last`.")
  var id: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    try await RunControl.act(.cancel, on: id, context)
  }
}

struct RunsKillCommand: NaosCommand {
  static let configuration = CommandConfiguration(commandName: "kill", abstract: "End a run now; nothing is undone.")

  @Argument(help: "The run: its id, the beginning or the end of it, or `last`.")
  var id: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    try await RunControl.act(.kill, on: id, context)
  }
}

/// What the commands that change a run have in common.
enum RunControl {
  static func goOn(
    _ id: String, detach: Bool, _ context: CommandContext,
    change: @escaping @Sendable (any NodeOperations, RunID) async throws(OperationError) -> RunReport
  ) async throws {
    let (project, console) = (try context.project(), context.console)
    let run = try await RunReference.resolve(id, context)
    if detach {
      let report = try await NodeAccess.running(project) { node in try await change(node, run) }
      return say(report, console)
    }
    Interrupts.install()
    let changed = Mutex<RunID?>(nil)
    try await NodeAccess.executing(project, console: console) { operations in
      let flow = RunFlow(console: console, operations: operations)
      let report = try await flow.follow(agent: nil, on: .leaves) { () async throws(OperationError) in
        // On the node after the one that did it there is only the run to be followed.
        if let known = changed.withLock({ $0 }) { return try await operations.showRun(known).report }
        let report = try await change(operations, run)
        // It may be another run: a fork, or the same work from its beginning.
        changed.withLock { $0 = report.id }
        return report
      }
      try RunEnding(console: console).finish(report)
    }
  }

  /// Changes a run on the running node and says how it stands.
  static func act(_ change: RunChange, on id: String, _ context: CommandContext) async throws {
    let project = try context.project()
    let run = try await RunReference.resolve(id, context)
    let report = try await NodeAccess.running(project) { node in try await node.change(run, change) }
    say(report, context.console)
  }

  static func say(_ report: RunReport, _ console: Console) {
    console.emit(report.json) { "" }
    console.say("\(report.id.text) is \(report.status)")
    console.next("naos runs show \(report.id.text)")
  }
}

/// The statuses of a run in groups.
enum RunStatusWords {
  /// Nothing happens until a person does something.
  static func isAtRest(_ status: String) -> Bool {
    !["queued", "running", "suspended", "compensating"].contains(status)
  }
}
