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
      Prints a run's id for each, in the order of the lines; with --wait what became of each, as JSON lines. With \
      --idempotency-key the same command can be repeated after an interruption: what was submitted is not again.
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
    let project = try context.project()
    let inputs = try RunInput.batch(file)
    let console = context.console
    let (name, key, wait) = (name, idempotencyKey, wait)
    let failed = try await AgentNames.suggesting(name, in: project) {
      try await NodeAccess.running(project) { node in
        let reports = try await Self.submit(inputs, to: name, key: key, node, console)
        guard wait else {
          let lines = reports.map(\.detachedJSON)
          console.emit(.array(lines), lines: lines) { reports.map(\.id.text).joined(separator: "\n") }
          return 0
        }
        return try await Self.waitForAll(reports.map(\.id), node, console)
      }
    }
    console.next("naos pool show \(name)", "naos runs list \(name)")
    guard failed == 0 else {
      console.say("\(failed) of \(inputs.count) did not complete")
      throw CommandFailure(exit: .failed)
    }
  }

  private static func submit(
    _ inputs: [JSONValue], to name: String, key: String?, _ node: any NodeOperations, _ console: Console
  ) async throws(OperationError) -> [RunReport] {
    var reports: [RunReport] = []
    for (index, input) in inputs.enumerated() {
      let request = StartRun(name: name, input: input, idempotencyKey: key.map { "\($0)-\(index + 1)" })
      do throws(OperationError) {
        reports.append(try await node.startRun(request))
      } catch {
        console.say("\(reports.count) of \(inputs.count) were submitted")
        throw error
      }
    }
    console.say("submitted \(reports.count)")
    return reports
  }

  /// - Returns: how many did not complete.
  private static func waitForAll(
    _ runs: [RunID], _ node: any NodeOperations, _ console: Console
  ) async throws(OperationError) -> Int {
    var lines: [JSONValue] = []
    var failed = 0
    for run in runs {
      let report = try await node.waitRun(run)
      if report.status != "completed" { failed += 1 }
      lines.append(report.json)
    }
    console.emit(.array(lines), lines: lines) { lines.map { console.shown($0.text(.compact)) }.joined(separator: "\n") }
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
