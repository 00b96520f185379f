// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
package import NexusAPI
internal import NexusCore

/// `naos reload`: the running node takes the changed configuration.
struct ReloadCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "reload", abstract: "Let the running node take the changed configuration; shows the changes first.",
    discussion: """
      On a terminal it asks before it applies anything; elsewhere it applies at once. Limits and strategies apply at \
      once, changed agents at their next start. What is no longer in the file goes on until `--prune`.
      """)

  @Flag(help: "Stop and forget what is no longer in the configuration.")
  var prune = false

  @Flag(help: "Only show the changes.")
  var dryRun = false

  @Flag(name: [.customShort("y"), .long], help: "Apply without asking.")
  var yes = false

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let console = context.console
    let (prune, dryRun) = (prune, dryRun)
    let asks = !yes && console.answer != nil
    try await NodeAccess.running(project) { node in
      let planned = try await node.reload(prune: prune, dryRun: true)
      guard !planned.changes.isEmpty else {
        console.emit(planned.json, lines: []) { "" }
        console.say("nothing has changed since the node took the configuration")
        console.next("naos status")
        return
      }
      if dryRun {
        ReloadTable.show(planned, on: console)
        console.say("nothing was applied")
        console.next(prune ? "naos reload --prune" : "naos reload")
        return
      }
      if console.format == .table { ReloadTable.show(planned, on: console) }
      let count = "\(planned.changes.count) change\(planned.changes.count == 1 ? "" : "s")"
      if asks, !console.confirms("apply \(count)?") {
        console.say("nothing was applied")
        throw CommandFailure(exit: .interrupted)
      }
      let applied = try await node.reload(prune: prune, dryRun: false)
      // Whoever edited the file meanwhile is told what has really been taken.
      if console.format != .table || applied.changes != planned.changes { ReloadTable.show(applied, on: console) }
      ReloadTable.sayEnd(applied, on: console)
    }
  }
}

/// What a changed configuration means.
///
///     CHANGE   WHAT        NAME     DETAIL                          APPLIES
///     added    supervisor  ingest   rest-for-one                    now
///     moved    agent       fetcher  root → ingest                   now
package enum ReloadTable {
  package static func render(_ report: ReloadReport, style: Style) -> String {
    var table = TextTable(["CHANGE", "WHAT", "NAME", "DETAIL", "APPLIES"])
    for change in report.changes {
      table.add([change.kind, change.subject, change.name, change.detail, change.applies]) { column, text in
        guard column == 0 else { return text }
        switch change.kind {
        case "added": return style.good(text)
        case "removed": return style.bad(text)
        default: return style.warning(text)
        }
      }
    }
    return table.render(style)
  }

  static func show(_ report: ReloadReport, on console: Console) {
    console.emit(report.json, lines: report.changes.map(\.json)) { render(report, style: console.outputStyle) }
  }

  /// `3 changes taken: 2 now, 1 next restart`.
  static func sayEnd(_ report: ReloadReport, on console: Console) {
    var counts: [(when: String, count: Int)] = []
    for change in report.changes {
      if let index = counts.firstIndex(where: { $0.when == change.applies }) {
        counts[index].count += 1
      } else {
        counts.append((change.applies, 1))
      }
    }
    let words = counts.map { "\($0.count) \(TerminalText.line($0.when))" }.joined(separator: ", ")
    let total = report.changes.count
    let good = console.wordStyle.good("✓")
    console.say("\(good) \(total) change\(total == 1 ? "" : "s") taken: \(words)")
    if report.changes.contains(where: { $0.applies == "only with --prune" }) {
      console.next("naos reload --prune", "naos supervisor tree")
    } else if report.changes.contains(where: { $0.applies == "next naos up" }) {
      console.next("naos down && naos up -d", "naos status")
    } else {
      console.next("naos supervisor tree", "naos status")
    }
  }
}
