// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore

/// `naos runs prune`: removes runs that are over.
struct RunsPruneCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune", abstract: "Remove runs that have been over for some time, with all that is kept of them.")

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Only runs that ended at least this long ago.", valueName: "duration"))
  var olderThan: DurationArgument

  @Option(help: ArgumentHelp("Only runs that completed, or only others.", valueName: "completed|failed"))
  var ended: String?

  @Flag(help: "Remove nothing, and say how many would go.")
  var dryRun = false

  @OptionGroup var global: GlobalOptions

  func validate() throws {
    if let ended, !PruneRuns.ends.contains(ended) {
      throw ValidationError("--ended has to be completed or failed.")
    }
  }

  func perform(_ context: CommandContext) async throws {
    let (project, console) = (try context.project(), context.console)
    let wish = PruneRuns(olderThan: olderThan.duration, ended: ended, dryRun: dryRun)
    let report = try await NodeAccess.executing(project, console: console) { operations in
      try await operations.prune(wish)
    }
    console.emit(report.json) { "" }
    let what = "\(report.runs) run\(report.runs == 1 ? "" : "s")"
    console.say(report.dryRun ? "\(what) would be removed" : "\(what) removed")
    if report.dryRun, report.runs > 0 {
      console.next("naos runs prune --older-than \(DurationText.text(olderThan.duration))")
    }
  }
}
