// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore

struct GateCalibrateCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate", abstract: "Say how people decided about outputs that were not sure enough; runs nothing.",
    discussion: """
      For each validator with a `confidence`, how many of the outputs of which a person was asked were accepted, by how sure
      they said they were, and from where on `proceed` could begin. A validator that never fires is shown, too.

        naos gate calibrate --since 30d --accept 95
      """)

  @Argument(help: "Only this validator.")
  var validator: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Only runs that were started within this time: 30d, 12h.", valueName: "time"))
  var since: DurationArgument?

  @Option(help: ArgumentHelp("The share that has to have been accepted, in percent.", valueName: "percent"))
  var accept = 95

  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard (1...100).contains(accept) else { throw ValidationError("`--accept` has to be from 1 to 100.") }
  }

  func perform(_ context: CommandContext) async throws {
    let (console, wanted, share) = (context.console, validator, Double(accept) / 100)
    let start = since.map { SystemClock().wallNow() + (.zero - $0.duration) }
    let found = try await NodeAccess.reading(try context.project(), warning: console) { operations in
      var all: [String: GateCalibration] = [:]
      try await StoredRuns.forEach(since: start, operations) { row in
        GateCalibration.take(try await StoredRuns.journal(of: row.id, operations), into: &all)
      }
      return all
    }
    let shown = found.values.filter { wanted == nil || $0.validator == wanted }.sorted { $0.validator < $1.validator }
    console.emit(.array(shown.map { Self.json($0, share) }), lines: shown.map { Self.json($0, share) }) {
      Self.table(shown, share, console.outputStyle)
    }
    guard console.format == .table, shown.isEmpty else { return }
    console.say(wanted.map { "no run was judged by \(TerminalText.line($0))" } ?? "no run was judged by a validator")
  }

  private static func json(_ one: GateCalibration, _ share: Double) -> JSONValue {
    guard case .object(var object) = one.json else { return one.json }
    object["proceed"] = one.threshold(accepting: share).map { .double($0) } ?? .null
    return .object(object)
  }

  private static func table(_ all: [GateCalibration], _ share: Double, _ style: Style) -> String {
    guard !all.isEmpty else { return "" }
    var table = TextTable(
      ["VALIDATOR", "ASKED", "FIRED", "CONFIDENCE", "DECIDED", "ACCEPTED", "PROCEED FROM"], rightAligned: [1, 2, 4, 5])
    for one in all {
      let proceed = one.threshold(accepting: share).map { "\($0)" } ?? "–"
      let head = [one.validator, "\(one.asked)", "\(one.fired)"]
      let bins = one.bins.enumerated().filter { $0.element.decided > 0 }
      if bins.isEmpty { table.add(head + ["–", "0", "–", proceed]) }
      for (place, (index, bin)) in bins.enumerated() {
        let range =
          "\(Double(index) / Double(GateCalibration.bins))–\(Double(index + 1) / Double(GateCalibration.bins))"
        table.add(
          (place == 0 ? head : ["", "", ""])
            + [range, "\(bin.decided)", "\(bin.accepted * 100 / bin.decided)%", place == 0 ? proceed : ""])
      }
    }
    return table.render(style)
  }
}
