// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore

/// `naos pool`: fan-outs, and queues of work.
struct PoolCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pool", abstract: "List, show, feed and scale pools.",
    subcommands: [
      FlowListCommand<PoolKind>.self, FlowShowCommand<PoolKind>.self, FlowRunsCommand<PoolKind>.self,
      PoolSubmitCommand.self, PoolBatchCommand.self, PoolScaleCommand.self, PoolDrainCommand.self,
      PoolResumeCommand.self,
    ],
    defaultSubcommand: FlowListCommand<PoolKind>.self,
    aliases: ["pools"])
}

struct PoolSubmitCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "submit", abstract: "Give a pool one task and do not wait; prints the run's id.")

  @Argument(help: "The pool.")
  var name: String

  @Option(help: ArgumentHelp("The input: a text, @file or - for the standard input.", valueName: "text"))
  var input: String?

  @Option(name: .customLong("set"), help: ArgumentHelp("Set a member of the input object.", valueName: "key=value"))
  var members: [String] = []

  @Option(help: ArgumentHelp("The same key submits the same task only once.", valueName: "key"))
  var idempotencyKey: String?

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    try IdempotencyKey.check(idempotencyKey)
    let project = try context.project()
    let request = StartRun(
      name: name, input: try RunInput.read(input), idempotencyKey: idempotencyKey, set: try RunInput.members(members))
    let report = try await AgentNames.suggesting(name, in: project) {
      try await NodeAccess.running(project) { node in try await node.startRun(request) }
    }
    let console = context.console
    console.emit(report.detachedJSON) { report.id.text }
    console.next("naos runs wait \(report.id.text)", "naos pool show \(name)")
  }
}

struct PoolBatchCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "batch", abstract: "Give a pool many tasks: one a line, JSON or text.",
    discussion: """
      Prints a run's id for each as soon as it is submitted, in the order of the lines; with --wait what became of \
      each, as JSON lines. If it stops halfway, what was submitted goes on. With --idempotency-key the same command \
      can be repeated after an interruption: what was submitted is not again.
      """)

  @Argument(help: "The pool.")
  var name: String

  @Argument(help: ArgumentHelp("The file with the tasks; - for the standard input.", valueName: "file"))
  var file: String

  @Flag(help: "Wait for all of them, and print their outputs.")
  var wait = false

  @Option(help: ArgumentHelp("Each line's key is this one and the number of the line.", valueName: "key"))
  var idempotencyKey: String?

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    try IdempotencyKey.check(idempotencyKey)
    let project = try context.project()
    let tasks = try RunInput.batch(file)
    let console = context.console
    let (name, key, wait) = (name, idempotencyKey, wait)
    let batch = PoolBatch(pool: name, key: key, console: console)
    let runs = try await AgentNames.suggesting(name, in: project) {
      try await NodeAccess.running(project) { node in try await batch.submit(tasks, to: node, isSilent: wait) }
    }
    let failed =
      !wait
      ? 0
      : try await batch.waitForAll(runs) { run in
        try await NodeAccess.following(project) { node in try await node.waitRun(run) }
      }
    console.next("naos pool show \(name)", "naos runs list \(name)")
    guard failed == 0 else {
      console.say("\(failed) of \(tasks.count) did not complete")
      throw CommandFailure(exit: .failed)
    }
  }
}

/// Hands tasks over and tells of each as it happens: whoever is interrupted knows which of them run.
struct PoolBatch {
  let pool: String
  let key: String?
  let console: Console

  /// One value at the end in these formats; else a line for each.
  private var isOneValue: Bool { console.format == .json || console.format == .yaml }

  // Silently: ids are printed only if not all can be submitted.
  func submit(
    _ tasks: [RunInput.BatchTask], to node: any NodeOperations, isSilent: Bool
  ) async throws(OperationError) -> [RunID] {
    var reports: [RunReport] = []
    for task in tasks {
      let request = StartRun(name: pool, input: task.input, idempotencyKey: key.map { "\($0)-\(task.line)" })
      do throws(OperationError) {
        let report = try await node.startRun(request)
        reports.append(report)
        if !isSilent, !isOneValue { console.emit(report.detachedJSON) { report.id.text } }
      } catch {
        if isSilent || isOneValue { show(reports) }
        console.say("\(reports.count) of \(tasks.count) were submitted, and go on; line \(task.line) was not")
        console.next("naos pool show \(pool)", "naos runs list \(pool)")
        throw error
      }
    }
    if !isSilent, isOneValue { show(reports) }
    let leaving = isSilent ? "; Ctrl-C leaves them to the node: naos runs list \(pool)" : ""
    console.say("submitted \(reports.count)\(leaving)")
    return reports.map(\.id)
  }

  private func show(_ reports: [RunReport]) {
    let lines = reports.map(\.detachedJSON)
    console.emit(.array(lines), lines: lines) { reports.map(\.id.text).joined(separator: "\n") }
  }

  /// - Returns: how many did not complete.
  func waitForAll(_ runs: [RunID], _ wait: (RunID) async throws -> RunReport) async throws -> Int {
    var lines: [JSONValue] = []
    var failed = 0
    for run in runs {
      let report = try await wait(run)
      if report.status != "completed" { failed += 1 }
      if isOneValue {
        lines.append(report.json)
      } else {
        console.data(console.shown(report.json.text(.compact)))
      }
    }
    if isOneValue { console.emit(.array(lines)) { "" } }
    return failed
  }
}

struct PoolScaleCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "scale", abstract: "Change how many workers a queue pool has.")

  @Argument(help: "The pool.")
  var name: String

  @Argument(help: "How many workers, from its minSize to its maxSize.")
  var size: Int

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    guard size >= 0 else { throw CommandFailure.usage("A pool cannot have \(size) workers.") }
    try await PoolControl.act(.scale(size), on: name, context)
  }
}

struct PoolDrainCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "drain", abstract: "Take no more work; what waits is done.")

  @Argument(help: "The pool.")
  var name: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws { try await PoolControl.act(.drain, on: name, context) }
}

struct PoolResumeCommand: NaosCommand {
  static let configuration = CommandConfiguration(commandName: "resume", abstract: "Take work again after `drain`.")

  @Argument(help: "The pool.")
  var name: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws { try await PoolControl.act(.resume, on: name, context) }
}

enum PoolControl {
  static func act(_ change: QueuePoolChange, on name: String, _ context: CommandContext) async throws {
    let project = try context.project()
    let pool = try await NodeAccess.running(project) { node in try await node.change(pool: name, change) }
    let console = context.console
    console.emit(pool.json) { FlowTable.show(pool, console.outputStyle) }
    console.next("naos pool show \(name)", "naos runs list \(name)")
  }
}
