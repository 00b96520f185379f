// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore

struct RunsCheckpointsCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoints", abstract: "Show the places in the life of a run that it can go back to.")

  @Argument(help: "The run: its id, the beginning or the end of it, or `last`.")
  var id: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let (run, console) = (try await RunReference.resolve(id, context), context.console)
    let detail = try await NodeAccess.reading(project, warning: console) { operations in
      try await operations.showRun(run)
    }
    let list: JSONValue = ["run": .string(run.text), "checkpoints": .of(detail.checkpoints)]
    console.emit(list) { CheckpointTable.render(detail.checkpoints, now: SystemClock().wallNow(), console.outputStyle) }
    guard console.format == .table else { return }
    if detail.checkpoints.isEmpty {
      console.say("the run of an agent has no checkpoints")
      console.next("naos runs show \(run.text)")
    } else if RunWords.goesBack.contains(detail.report.status) {
      console.next("naos runs rollback \(run.text) --to N")
    } else {
      console.next("naos runs show \(run.text)")
    }
  }
}

struct RunsRollbackCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback", abstract: "Let a run that stands still go back to a checkpoint, and on from there.",
    discussion: """
      What it did after the checkpoint is undone first, the last first, by the compensations of its steps; what has none
      stands, and is named. Then the steps after the checkpoint are done anew.
      """)

  @Argument(help: "The run: its id, the beginning or the end of it, or `last`.")
  var id: String

  @Option(help: ArgumentHelp("The checkpoint's number; 0 is the beginning of the run.", valueName: "number"))
  var to: Int

  @Option(help: ArgumentHelp("Why; it is written down.", valueName: "text"))
  var reason = ""

  @Flag(help: "Also go back to a checkpoint that no validator has let pass.")
  var unverified = false

  @Flag(help: "Do not wait for the run.")
  var detach = false

  @OptionGroup var global: GlobalOptions

  func validate() throws { if to < 0 { throw ValidationError("`--to` has to be 0 or more.") } }

  func perform(_ context: CommandContext) async throws {
    let change = RunChange.rollback(checkpoint: to, reason: reason, unverified: unverified)
    try await RunControl.goOn(id, detach: detach, context) { node, run throws(OperationError) in
      try await node.change(run, change)
    }
  }
}

/// The checkpoints of a run as a table.
enum CheckpointTable {
  static func render(_ checkpoints: [CheckpointReport], now: WallTime, _ style: Style) -> String {
    guard !checkpoints.isEmpty else { return "" }
    var table = TextTable(["CHECKPOINT", "AFTER", "VERIFIED", "WHEN", "DIGEST"], rightAligned: [0])
    for one in checkpoints {
      table.add([
        "\(one.number)", one.step ?? "the beginning", one.isVerified ? "yes" : "no",
        one.at.map { Quantities.ago($0, now: now) } ?? "–", one.digest.map { String($0.prefix(16)) } ?? "–",
      ])
    }
    return table.render(style)
  }
}
