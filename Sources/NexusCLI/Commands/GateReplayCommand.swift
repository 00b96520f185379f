// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore

struct GateReplayCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "Say what validators would have said of the outputs of stored runs; runs nothing.",
    discussion: """
      Every output that a guarded step came to is judged again, by the validators as they are configured, or by those of
      another file. What would have been another verdict is shown; --all shows everything.

        naos gate replay --since 30d --with stricter.yaml
      """)

  @Argument(help: "Only runs of this agent, workflow, saga or pool.")
  var name: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Only runs that were started within this time: 30d, 12h.", valueName: "time"))
  var since: DurationArgument?

  @Option(
    name: .customLong("with"),
    help: ArgumentHelp("A file whose `validators` take the place of the project's.", valueName: "file"))
  var file: String?

  @Option(help: ArgumentHelp("Only this validator; may be repeated.", valueName: "name"))
  var validator: [String] = []

  @Flag(help: "Show every verdict, not only those that would have been others.")
  var all = false

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let replay = try GateReplay(of: project, validatorsIn: file)
    let (name, names) = (name, Set(validator))
    let start = since.map { SystemClock().wallNow() + (.zero - $0.duration) }
    let console = context.console
    let (runs, findings) = try await NodeAccess.reading(project, warning: console) { operations in
      try await Self.replay(replay, of: name, since: start, operations)
    }
    let chosen = findings.filter { names.isEmpty || names.contains($0.validator) }
    let shown = all ? chosen : chosen.filter(\.isChange)
    console.emit(.array(shown.map(\.json)), lines: shown.map(\.json)) { Self.table(shown, console.outputStyle) }
    let changes = chosen.count(where: \.isChange)
    console.say("\(chosen.count) verdicts on \(runs) run\(runs == 1 ? "" : "s") · \(changes) would have been others")
  }

  private static func replay(
    _ replay: GateReplay, of name: String?, since start: WallTime?, _ operations: any NodeOperations
  ) async throws -> (runs: Int, findings: [GateReplay.Finding]) {
    var findings: [GateReplay.Finding] = []
    var runs = 0
    try await StoredRuns.forEach(of: name, since: start, operations) { row in
      guard replay.guards(kind: row.kind, name: row.name) else { return }
      runs += 1
      let run = try await operations.showRun(row.id)
      findings += replay.findings(of: run, try await StoredRuns.journal(of: row.id, operations))
    }
    return (runs, findings)
  }

  private static func table(_ findings: [GateReplay.Finding], _ style: Style) -> String {
    guard !findings.isEmpty else { return "" }
    var table = TextTable(["RUN", "STEP", "VALIDATOR", "WAS", "NOW", "WHAT IS WRONG"])
    for finding in findings {
      let error = finding.errors.first
      let place = error?["path"]?.stringValue ?? ""
      let message = error?["message"]?.stringValue ?? ""
      table.add([
        finding.run.text, finding.step.text, finding.validator, finding.was ?? "–", finding.now.rawValue,
        place.isEmpty ? message : "\(place): \(message)",
      ]) { column, text in column == 4 && finding.now > .warn ? style.warning(text) : text }
    }
    return table.render(style)
  }
}
