// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusDiagnostics
internal import NexusHTTP
internal import NexusKernel
internal import NexusNode

/// `naos prices`: what models cost, as far as this project knows.
struct PricesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prices", abstract: "Show, check and update the prices of models.",
    subcommands: [PricesShowCommand.self, PricesCheckCommand.self, PricesUpdateCommand.self])
}

struct PricesShowCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show what models cost, and where that is stated.")

  @Argument(help: "A part of the model's name; all without it.")
  var model: String?

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let result = project.load()
    guard let plan = result.plan else { throw CommandFailure(diagnostics: result.diagnostics, files: result.files) }
    let all = try PriceDesk.entries(project.path, plan)
    let entries = all.filter { entry in model.map { entry.model.contains($0) } ?? true }
    guard !entries.isEmpty else {
      throw OperationError(
        .notFound, code: "NX-BUD-004", title: "Nobody has stated that price",
        detail: "No model with `\(model ?? "")` in its name has a price.",
        hint: Suggestion.nearest(to: model ?? "", among: all.map(\.model)).map { "Did you mean `\($0)`?" }
          ?? "Write it under cost.models.")
    }
    let console = context.console
    console.emit(
      ["asOf": .string(PriceDesk.builtInAsOf), "prices": .array(entries.map(Self.json))], lines: entries.map(Self.json)
    ) {
      var table = TextTable(
        ["MODEL", "INPUT", "OUTPUT", "CACHE READ", "CACHE WRITE", "FROM"], rightAligned: [1, 2, 3, 4])
      for entry in entries {
        table.add([entry.model, entry.input, entry.output, entry.cacheRead, entry.cacheWrite, entry.origin])
      }
      return table.render(console.outputStyle)
    }
    guard console.format == .table else { return }
    console.say("dollars per million tokens · the built-in ones are of \(PriceDesk.builtInAsOf)")
    console.next("naos prices check", "naos prices update --from URL")
  }

  private static func json(_ entry: PriceDesk.Entry) -> JSONValue {
    [
      "model": .string(entry.model), "inputPer1M": .string(entry.input), "outputPer1M": .string(entry.output),
      "cacheReadPer1M": .string(entry.cacheRead), "cacheWritePer1M": .string(entry.cacheWrite),
      "row": .string(entry.row), "from": .string(entry.origin),
    ]
  }
}

struct PricesCheckCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Say which prices cannot be right, are missing or are old; exit 3 if one is wrong.")

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let result = project.load()
    guard let plan = result.plan else { throw CommandFailure(diagnostics: result.diagnostics, files: result.files) }
    let findings = try PriceDesk.check(project.path, plan, today: SystemClock().wallNow())
    let console = context.console
    let lines = findings.map { finding -> JSONValue in
      [
        "severity": finding.isError ? "error" : "warning", "model": .string(finding.model),
        "finding": .string(finding.text),
      ]
    }
    console.emit(.array(lines), lines: lines) {
      let style = console.outputStyle
      return findings.map { finding in
        let mark = finding.isError ? style.bad("✗") : style.warning("▲")
        let name = finding.model.isEmpty ? "" : style.strong(TerminalText.line(finding.model)) + ": "
        return "\(mark) \(name)\(TerminalText.line(finding.text))"
      }.joined(separator: "\n")
    }
    if findings.contains(where: \.isError) { throw CommandFailure(exit: .configuration) }
    guard console.format == .table else { return }
    console.say("\(console.wordStyle.good("✓")) no price is implausible")
    console.next("naos prices show", "naos prices update --from URL")
  }
}

struct PricesUpdateCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "update", abstract: "Take the prices of a published catalogue into prices.d/update.prices.",
    discussion: """
      Reads the catalogues of models.dev (https://models.dev/api.json) and LiteLLM, and rows in naos's own form. What
      rises is taken, what falls only with --accept, what is implausible never. Nothing is fetched unless you ask.
      """)

  /// A catalogue is read whole.
  static let maxBytes = 32 << 20

  @Option(help: "A file, or a URL.")
  var from: String

  @Option(name: .customLong("sha256"), help: "Refuse a catalogue with another digest.")
  var digest: String?

  @Flag(help: "Take prices that fall too.")
  var accept = false

  @Flag(help: "Show what would change and change nothing.")
  var dryRun = false

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let result = project.load()
    guard let plan = result.plan else { throw CommandFailure(diagnostics: result.diagnostics, files: result.files) }
    let catalogue = try await read()
    let update = try PriceDesk.update(
      project.path, plan, catalogue: catalogue, source: from, accepts: accept, today: SystemClock().wallNow())
    if let digest, digest.lowercased() != update.digest {
      throw OperationError(
        .refused, code: "NX-GWY-022", title: "The catalogue is another one",
        detail: "Its sha256 is \(update.digest).", hint: "Look at what changed, then name this digest.")
    }
    if !dryRun { try PriceDesk.write(update, to: project.path) }
    show(update, context.console)
  }

  private func read() async throws -> [UInt8] {
    guard from.hasPrefix("https://") || from.hasPrefix("http://") else {
      do throws(FileError) { return try Files.read(ProjectFolder.absolute(from), limit: Self.maxBytes) } catch {
        throw CommandFailure.usage("\(error)", hint: "Give a file or a URL.")
      }
    }
    do {
      let answer = try await HTTPClient().execute(
        HTTPRequestMessage(url: from), timeout: .seconds(60), bodyLimit: Self.maxBytes)
      if answer.status == 200 { return answer.body }
      throw OperationError(
        .unreachable, code: "NX-GWY-022", title: "The catalogue cannot be read",
        detail: "\(from) answered \(answer.status).", hint: "Give the address itself, not one that leads on to it.")
    } catch let error as HTTPClientError {
      throw OperationError(
        .unreachable, code: "NX-GWY-022", title: "The catalogue cannot be read", detail: error.description,
        hint: "Without a network, give a file: naos prices update --from FILE")
    }
  }

  private func show(_ update: PriceDesk.Update, _ console: Console) {
    let lines = update.lines.map { line -> JSONValue in
      [
        "model": .string(line.model), "change": .string(line.kind), "old": .string(line.old), "new": .string(line.new),
        "note": .string(line.note),
      ]
    }
    let isWritten = update.content != nil && !dryRun
    console.emit(
      [
        "changes": .array(lines), "unchanged": .int(Int64(update.unchanged)), "sha256": .string(update.digest),
        "file": isWritten ? .string(update.file) : .null,
      ], lines: lines
    ) {
      var table = TextTable(["MODEL", "CHANGE", "OLD", "NEW", "NOTE"])
      for line in update.lines { table.add([line.model, line.kind, line.old, line.new, line.note]) }
      return table.isEmpty ? "" : table.render(console.outputStyle)
    }
    guard console.format == .table else { return }
    console.say("\(update.unchanged) prices are as they were · sha256 \(update.digest)")
    if isWritten {
      console.say("\(console.wordStyle.good("✓")) written to \(update.file)")
      console.next("naos prices check", "naos reload")
    } else {
      console.say(dryRun ? "nothing was written (--dry-run)" : "nothing to take")
      console.next("naos prices show")
    }
  }
}
