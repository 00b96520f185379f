// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore

struct RunsForkCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "fork", abstract: "Start a new run that goes another way from a step or a model call on.",
    discussion: """
      --from STEP does one step of a workflow, and all that needs it, anew; the results of the other steps are taken over.
      --from call:7 answers what the agent did before its seventh recorded model call from the journal, free of charge,
      and makes that call anew; in a workflow it is STEP/call:7, or STEP[2]/call:7 for an element. `naos runs show` lists
      the places. With --edit the call is not made: it gets the answer that you write. The first run stays as it is.
      """)

  @Argument(help: "The run: its id, the beginning or the end of it, or `last`.")
  var id: String

  @Option(help: ArgumentHelp("STEP, call:N or STEP/call:N.", valueName: "place"))
  var from: String

  /// What stands for no file; the help shows it.
  private static let editor = "$EDITOR"

  @Option(
    name: .customLong("edit"), defaultAsFlag: Self.editor, parsing: .next,
    help: ArgumentHelp(
      "Answer the call with this file (- for the standard input), or with the recorded answer as you change it in $EDITOR.",
      valueName: "file"))
  var edit: String?

  @Flag(help: "Do not wait for the new run.")
  var detach = false

  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard let order = ForkOrder(from: from) else { throw ValidationError("`call:` needs a number behind it.") }
    if edit != nil, order.call == nil { throw ValidationError("--edit needs a model call: --from call:N.") }
  }

  func perform(_ context: CommandContext) async throws {
    guard var order = ForkOrder(from: from) else { throw CommandFailure.usage("`call:` needs a number behind it.") }
    let run = try await RunReference.resolve(id, context)
    if let edit {
      order.answer =
        edit == Self.editor
        ? try await edited(order, of: run, context) : try AnswerInput.read(edit)
    }
    let change = RunChange.fork(order)
    try await RunControl.goOn(run.text, detach: detach, context) { node, run throws(OperationError) in
      try await node.change(run, change)
    }
  }

  /// The recorded answer as a person changes it.
  private func edited(_ order: ForkOrder, of run: RunID, _ context: CommandContext) async throws -> JSONValue {
    let project = try context.project()
    let number = order.call ?? 0
    let call = try await NodeAccess.reading(project) { node in try await node.call(number, of: run, step: order.step) }
    return try AnswerInput.edit(call, console: context.console)
  }
}

/// `naos runs export`: a run becomes a test.
struct RunsExportCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write the recorded model calls of a run as a cassette.",
    discussion: """
      The cassette goes to the standard output, or into a file. `naos run NAME --cassette FILE` then answers the same
      agent from it, offline and free of charge, and fails if the agent asks anything else. It is a script of
      `local/scripted`, too. Secrets are taken out.
      """)

  @Argument(help: "The run: its id, the beginning or the end of it, or `last`.")
  var id: String

  @Option(help: ArgumentHelp("Write it into this file; a cassette that is there is replaced.", valueName: "file"))
  var cassette: String?

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let (run, console) = (try await RunReference.resolve(id, context), context.console)
    if let cassette { try CassetteInput.mayReplace(cassette) }
    let report = try await NodeAccess.reading(project) { node in try await node.cassette(of: run) }
    if let cassette {
      try ConfigurationFile.reporting { () throws(FileError) in
        try Files.write(Array(report.cassette.utf8), to: cassette, mode: 0o600)
      }
    } else if console.format == .table {
      console.output.write(Array(report.cassette.utf8))
    }
    if console.format != .table { console.emit(report.json) { "" } }
    let calls = "\(report.calls) model call\(report.calls == 1 ? "" : "s")"
    let secrets = report.redacted == 0 ? "" : " · a secret was taken out of \(report.redacted)"
    console.say("\(console.wordStyle.good("✓")) \(calls) of \(run.text)\(secrets)")
    if let cassette { console.next("naos run NAME --cassette \(TerminalText.line(cassette))") }
  }
}
