// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore

/// `naos state`: what the agents of the project share.
struct StateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "state", abstract: "Look at the state that agents share: its keys, versions and readers.",
    subcommands: [StateListCommand.self, StateShowCommand.self], defaultSubcommand: StateListCommand.self)
}

struct StateListCommand: NaosCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List the keys.")

  @Option(help: ArgumentHelp("Go on behind this key.", valueName: "key"))
  var after: String?

  @Option(name: [.customShort("n"), .long], parsing: .unconditional, help: "At most this many.")
  var limit = 100

  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard (1...StateList.maxLimit).contains(limit) else {
      throw ValidationError("`-n` (`--limit`) has to be from 1 to \(StateList.maxLimit).")
    }
  }

  func perform(_ context: CommandContext) async throws {
    let (after, limit, console) = (after, limit, context.console)
    let list = try await NodeAccess.reading(try context.project(), warning: console) { operations in
      try await operations.state(after: after, limit: limit)
    }
    console.emit(list.json, lines: list.keys.map(\.json)) {
      StateTable.list(list.keys, now: SystemClock().wallNow(), console.outputStyle)
    }
    guard console.format == .table else { return }
    if let next = list.next {
      console.next("naos state list --after \(TerminalText.line(next))")
    } else if list.keys.isEmpty {
      console.say("no agent keeps anything")
    } else {
      console.next("naos state show KEY")
    }
  }
}

struct StateShowCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show the versions of a key, who wrote them and who has read them.")

  @Argument(help: "The key.")
  var key: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let (key, console) = (key, context.console)
    let report = try await NodeAccess.reading(try context.project(), warning: console) { operations in
      try await operations.state(key)
    }
    console.emit(report.json, lines: report.versions.map(\.json)) {
      StateTable.show(report, now: SystemClock().wallNow(), console.outputStyle)
    }
    guard console.format == .table else { return }
    console.next("naos state list")
  }
}

/// The state that agents share, in a terminal; whatever an agent wrote is shown inert.
enum StateTable {
  static func list(_ keys: [StateReport], now: WallTime, _ style: Style) -> String {
    guard !keys.isEmpty else { return "" }
    var table = TextTable(["KEY", "VERSION", "WRITTEN BY", "WHEN", "VALID UNTIL"], rightAligned: [1])
    for one in keys {
      guard let version = one.versions.first else { continue }
      table.add([
        one.key, "\(version.number)", writer(version), Quantities.ago(version.at, now: now),
        version.validUntil?.iso8601 ?? "–",
      ])
    }
    return table.render(style)
  }

  static func show(_ report: StateReport, now: WallTime, _ style: Style) -> String {
    var table = TextTable(["VERSION", "WRITTEN BY", "WHEN", "STATE", "READ BY"], rightAligned: [0])
    for version in report.versions {
      let more = version.moreReaders > 0 ? [" and \(version.moreReaders) others"] : []
      table.add([
        "\(version.number)", writer(version), Quantities.ago(version.at, now: now),
        state(version, isCurrent: version.number == report.versions.first?.number),
        (version.readers + more).joined(separator: ", "),
      ]) { column, text in column == 3 && version.isQuarantined ? style.bad(text) : text }
    }
    var lines = [table.render(style)]
    if let value = report.versions.first?.value {
      lines += ["", TerminalText.block(value.stringValue ?? value.text(.pretty))]
    }
    return lines.joined(separator: "\n")
  }

  private static func writer(_ version: StateVersionReport) -> String {
    version.run.map { "\(version.agent) · \($0)/\(version.step)" } ?? version.agent
  }

  private static func state(_ version: StateVersionReport, isCurrent: Bool) -> String {
    if version.isQuarantined { return "quarantined" }
    if let restored = version.restores { return restored == 0 ? "nothing again" : "version \(restored) again" }
    return isCurrent ? "current" : "superseded"
  }
}
