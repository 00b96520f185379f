// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore

/// `naos top`: the tree of supervisors and agents as it lives.
struct TopCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "top", abstract: "Watch supervisors and agents live: state, pid, restarts, tokens, cost, step.",
    discussion: """
      Keys: q quits, arrows or j and k select, / filters by name, s sorts, space pauses, x stops the selected one after \
      a question. Off a terminal it prints one snapshot.
      """)

  @Flag(name: [.customShort("n"), .long], help: "Print one snapshot and end.")
  var once = false

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let console = context.console
    let snapshot = try await TopSession.ask(project)
    guard !once, console.format == .table, console.outputIsTerminal, ScreenTerminal.isPossible(context.environment)
    else { return Self.show(snapshot, on: console) }
    guard try await TopSession(project, console: console).run(beginningWith: snapshot) else {
      throw CommandFailure(exit: .interrupted)
    }
    console.next("naos status", "naos supervisor tree")
  }

  private static func show(_ snapshot: TopSnapshot, on console: Console) {
    var object = JSONObject()
    if case .object(let status) = snapshot.status.json { object = status }
    object["supervisors"] = .of(snapshot.supervision.supervisors)
    let lines = snapshot.supervision.supervisors.map(\.json) + snapshot.status.agents.map(\.json)
    console.emit(.object(object), lines: lines) {
      var model = TopModel()
      model.take(snapshot)
      let width = console.outputIsTerminal ? console.width : pageWidth
      return TopLayout.page(model, width: width, now: SystemClock().wallNow(), style: console.outputStyle)
    }
    if console.format == .table { StatusTable.sayEnd(snapshot.status, on: console) }
  }

  /// Where there is no terminal that would have a width.
  private static let pageWidth = 160
}
