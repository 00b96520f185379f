// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore

/// `naos runs`: everything about runs.
struct RunsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs", abstract: "List, show, wait for and control runs.",
    subcommands: [
      RunsListCommand.self, RunsShowCommand.self, RunsJournalCommand.self, RunsWaitCommand.self, RunsPauseCommand.self,
      RunsResumeCommand.self, RunsCancelCommand.self, RunsKillCommand.self, RunsRetryCommand.self,
      RunsRestartCommand.self, RunsForkCommand.self, RunsSignalCommand.self, RunsSkipCommand.self,
      RunsMarkDoneCommand.self, RunsDecideCommand.self, RunsCheckpointsCommand.self,
      RunsRollbackCommand.self, RunsExportCommand.self, RunsPruneCommand.self,
    ], defaultSubcommand: RunsListCommand.self)
}

struct RunsListCommand: NaosCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List runs, newest first.")

  @Argument(help: "Only runs of this agent, workflow, saga or pool.")
  var name: String?

  @Option(help: ArgumentHelp("Only runs of these statuses, separated by commas.", valueName: "statuses"))
  var status: String?

  @Option(help: ArgumentHelp("Only runs of these kinds: agent, workflow, saga, pool.", valueName: "kinds"))
  var kind: String?

  @Option(help: ArgumentHelp("Only runs that are paused for these reasons.", valueName: "reasons"))
  var reason: String?

  @Flag(help: "Only runs that a person has to look at: paused, failed, halted or compensated in part.")
  var stuck = false

  @Option(help: ArgumentHelp("Only the runs that this one started.", valueName: "run"))
  var parent: String?

  @Flag(help: "Also runs that were started by others.")
  var all = false

  @Option(name: [.customShort("n"), .long], parsing: .unconditional, help: "At most this many.")
  var limit = Self.usualLimit

  @Option(help: ArgumentHelp("Go on after a page.", valueName: "cursor"))
  var cursor: String?

  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard (1...RunFilter.maxLimit).contains(limit) else {
      throw ValidationError("`-n` (`--limit`) has to be from 1 to \(RunFilter.maxLimit).")
    }
    if stuck, status != nil { throw ValidationError("--stuck and --status exclude each other.") }
    try RunWords.check(status, RunWords.statuses, "--status")
    try RunWords.check(kind, RunWords.kinds, "--kind")
    try RunWords.check(reason, RunWords.reasons, "--reason")
  }

  /// What was asked for but the place, as words of a command: the next page is one of the same list.
  private var chosen: String {
    var words: [String] = []
    if let name { words.append(ShellText.word(name)) }
    if stuck { words.append("--stuck") }
    if all { words.append("--all") }
    let options: [(name: String, value: String?)] = [
      ("--status", status), ("--kind", kind), ("--reason", reason), ("--parent", parent),
    ]
    for option in options {
      if let value = option.value { words += [option.name, ShellText.word(value)] }
    }
    if limit != Self.usualLimit { words += ["-n", "\(limit)"] }
    return words.map { $0 + " " }.joined()
  }

  private static let usualLimit = 50
  private static let anyParent = "any"

  private func parentRun(_ context: CommandContext) async throws -> String? {
    guard parent != Self.anyParent else { return parent }
    return try await RunReference.resolve(option: parent, context)?.text
  }

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let filter = RunFilter(
      name: name, statuses: stuck ? RunWords.stuck : RunWords.list(status), kinds: RunWords.list(kind),
      reasons: RunWords.list(reason), parent: try await parentRun(context) ?? (all ? Self.anyParent : nil),
      limit: limit,
      cursor: cursor)
    let (page, hasOthers) = try await NodeAccess.reading(project, warning: context.console) { operations in
      let page = try await operations.listRuns(filter)
      var hasOthers = false
      if page.runs.isEmpty {
        if let name = filter.name { try await AgentNames.require(name, operations) }
        if let parent = filter.parent, parent != Self.anyParent {
          try await AgentNames.require(RunID(parent), operations)
        }
        if filter.parent == nil {
          var wider = filter
          (wider.parent, wider.limit) = ("any", 1)
          hasOthers = try await !operations.listRuns(wider).runs.isEmpty
        }
      }
      return (page, hasOthers)
    }
    let console = context.console
    console.emit(page.json, lines: page.runs.map(\.json)) {
      RunTable.render(
        page.runs, now: SystemClock().wallNow(), style: console.outputStyle, width: console.tableWidth)
    }
    guard console.format == .table else { return }
    let waiting = page.runs.count { $0.waitsForNode }
    if waiting > 0 {
      let words = waiting == 1 ? "is on no node: it goes" : "are on no node: they go"
      console.say("\(waiting) of them \(words) on at the next `naos up`")
    }
    if hasOthers {
      console.say("none but runs that other runs have started")
      console.next("naos runs list \(name.map { ShellText.word($0) + " " } ?? "")--all")
    } else if page.runs.isEmpty {
      console.say(stuck ? "no run needs a person" : "no runs")
      if !stuck { console.next("naos run NAME --input \"…\"") }
    } else if let next = page.next {
      console.next("naos runs list \(chosen)--cursor \(TerminalText.line(next))")
    } else {
      console.next("naos runs show \(page.runs[0].id.text)")
    }
  }
}

struct RunsShowCommand: NaosCommand {
  static let configuration = CommandConfiguration(commandName: "show", abstract: "Show everything about a run.")

  @Argument(help: "The run: its id, the beginning or the end of it, or `last`.")
  var id: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let run = try await RunReference.resolve(id, context)
    let detail = try await NodeAccess.reading(project, warning: context.console) { operations in
      try await operations.showRun(run)
    }
    let console = context.console
    console.emit(detail.json) { RunTable.show(detail, now: SystemClock().wallNow(), style: console.outputStyle) }
    guard console.format == .table else { return }
    switch detail.report.status {
    case "paused": console.next(contentsOf: RunWords.waysOut(of: detail))
    case "halted": console.next(contentsOf: RunWords.waysOutOfHalt(run.text))
    case "failed" where detail.report.error?.code.hasPrefix("NX-AGT-") == true:
      console.next("naos logs --run \(run.text)", "naos runs retry \(run.text)", "naos runs journal \(run.text)")
    case "failed", "cancelled": console.next("naos runs retry \(run.text)", "naos runs journal \(run.text)")
    case "suspended" where detail.steps.contains(where: { $0.verdict == "escalate" && $0.endedAt == nil }):
      console.next(contentsOf: RunWords.decisions(about: detail))
    case _ where detail.waitsForNode: console.next("naos up -d")
    case "queued", "running": console.next("naos runs wait \(run.text)", "naos logs --run \(run.text) -f")
    default: console.next("naos runs journal \(run.text)")
    }
  }
}

struct RunsJournalCommand: NaosCommand {
  static let configuration = CommandConfiguration(commandName: "journal", abstract: "Show the journal of a run.")

  @Argument(help: "The run: its id, the beginning or the end of it, or `last`.")
  var id: String

  @Option(help: ArgumentHelp("Only entries after this one.", valueName: "sequence"))
  var after: Int64 = 0

  @Option(name: [.customShort("n"), .long], parsing: .unconditional, help: "At most this many.")
  var limit = 200

  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard after >= 0 else { throw ValidationError("--after cannot be negative.") }
    guard (1...JournalPage.maxLimit).contains(limit) else {
      throw ValidationError("`-n` (`--limit`) has to be from 1 to \(JournalPage.maxLimit).")
    }
  }

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let (run, after, limit) = (try await RunReference.resolve(id, context), JournalSequence(after), limit)
    let page = try await NodeAccess.reading(project, warning: context.console) { operations in
      try await operations.journal(of: run, after: after, limit: limit)
    }
    let console = context.console
    console.emit(page.json, lines: page.entries.map(\.json)) {
      var table = TextTable(["#", "AT", "ENTRY", "DETAIL"], rightAligned: [0])
      for entry in page.entries { table.add(["\(entry.sequence)", entry.at.iso8601, entry.kind, entry.summary]) }
      return table.isEmpty ? "" : table.render(console.outputStyle)
    }
    guard console.format == .table else { return }
    if let next = page.next {
      console.next("naos runs journal \(run.text) --after \(next)")
    } else {
      console.next("naos runs show \(run.text)")
    }
  }
}

struct RunsWaitCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "wait", abstract: "Wait for a run and end with its exit code.")

  @Argument(help: "The run: its id, the beginning or the end of it, or `last`.")
  var id: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let (run, console) = (try await RunReference.resolve(id, context), context.console)
    // A run that is over needs no node to be waited for.
    let seen = try await Self.seen(run, project, warning: console)
    if RunStatusWords.isAtRest(seen.status) { return try RunEnding(console: console).finish(seen) }
    Interrupts.install()
    console.detail("waiting for \(run.text)")
    let report: RunReport
    do {
      report = try await NodeAccess.following(project) { node in
        try await RunFlow(console: console, operations: node).wait(for: run)
      }
    } catch let error as OperationError where NodeAccess.isOfPassingNode(error) {
      // The node of a command goes with the last of its runs, and its answer may have been lost with it.
      report = try await Self.seen(run, project, warning: nil)
      guard RunStatusWords.isAtRest(report.status) else { throw error }
    }
    try RunEnding(console: console).finish(report)
  }

  /// How the run stands; the console is nil where what is wrong with the configuration was said before.
  private static func seen(_ run: RunID, _ project: ProjectFolder, warning console: Console?) async throws -> RunReport
  {
    try await NodeAccess.reading(project, warning: console) { operations in try await operations.showRun(run) }.report
  }
}
