// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore
internal import NexusNode

/// `naos audit`: who did what, when, and whether that record is whole.
struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Look at the audit log, check it, and prove what stands in it.",
    discussion: """
      The log is read from the project's files: no node has to run, and `verify` trusts none.

        naos audit verify --anchor /mnt/backup/naos.anchor
      """,
    subcommands: [
      AuditTailCommand.self, AuditSearchCommand.self, AuditShowCommand.self, AuditVerifyCommand.self,
      AuditProveCommand.self, AuditExportCommand.self, AuditEraseCommand.self, AuditRenewCommand.self,
    ], defaultSubcommand: AuditTailCommand.self)
}

/// Which entries a command shows.
struct AuditSelection: ParsableArguments {
  @Option(help: ArgumentHelp("Only events whose name begins so: run, operator.request.", valueName: "name"))
  var event: String?

  @Option(help: ArgumentHelp("Only of this run.", valueName: "id"))
  var run: String?

  @Option(help: ArgumentHelp("Only of this agent.", valueName: "name"))
  var agent: String?

  @Option(help: ArgumentHelp("Only by this actor.", valueName: "id"))
  var actor: String?

  @Option(name: [.customShort("n"), .long], help: "The newest entries.")
  var lines = 50

  func validate() throws {
    guard (1...AuditQuery.maxLimit).contains(lines) else {
      throw ValidationError("`-n` (`--lines`) has to be from 1 to \(AuditQuery.maxLimit).")
    }
  }

  /// Every entry is shown.
  var isEmpty: Bool { event == nil && run == nil && agent == nil && actor == nil }

  func query(text: String? = nil, _ context: CommandContext) async throws -> AuditQuery {
    AuditQuery(
      event: event, run: try await RunReference.resolve(option: run, of: agent, context),
      agent: agent.map { AgentName($0) },
      actor: actor, text: text, limit: lines)
  }
}

struct AuditTailCommand: NaosCommand {
  static let configuration = CommandConfiguration(commandName: "tail", abstract: "Show the newest entries.")

  /// How often the log is looked at for more.
  private static let pause = Duration.milliseconds(250)

  @Flag(name: [.customShort("f"), .long], help: "Go on with new entries until Ctrl-C.")
  var follow = false

  @OptionGroup var selection: AuditSelection
  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    var query = try await selection.query(context)
    let book = try await AuditBook.open(project: try context.project().path)
    let console = context.console
    let page = try await book.page(query)
    AuditText.show(page.entries, console)
    if page.entries.isEmpty, !follow { console.say("no entries") }
    guard follow else { return await book.close() }
    Interrupts.install()
    query.after = page.next
    query.limit = AuditQuery.maxLimit
    let start = query
    await withTaskGroup { group in
      group.addTask(name: "audit:follow") {
        var query = start
        let clock = SystemClock()
        do {
          while !Task.isCancelled, console.output.failure == nil {
            let page = try await book.page(query)
            AuditText.show(page.entries, console)
            query.after = page.next
            try await clock.sleep(until: clock.now() + Self.pause)
          }
        } catch let error as OperationError {
          CommandFailure(error).report(on: console)
        } catch {
          return
        }
      }
      group.addTask(name: "audit:interrupt") { try? await Interrupts.first() }
      await group.next()
      group.cancelAll()
    }
    await book.close()
  }
}

struct AuditSearchCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "search", abstract: "Show the newest entries in which a text occurs.")

  @Argument(help: "The text; upper and lower case are the same. It may be left out where something else is asked for.")
  var text: String?

  @OptionGroup var selection: AuditSelection
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard text == nil, selection.isEmpty else { return }
    throw ValidationError("Say a text, or one of --event, --run, --agent and --actor.")
  }

  func perform(_ context: CommandContext) async throws {
    let query = try await selection.query(text: text, context)
    let page = try await AuditBook.reading(context) { try await $0.page(query) }
    AuditText.show(page.entries, context.console)
    if page.entries.isEmpty { context.console.say("no entries") }
  }
}

extension AuditBook {
  /// Lets `body` read the log of the project, and closes it whatever comes of that.
  static func reading<Result: Sendable>(
    _ context: CommandContext, _ body: (AuditBook) async throws -> Result
  ) async throws -> Result {
    let book = try await open(project: try context.project().path)
    do {
      let result = try await body(book)
      await book.close()
      return result
    } catch {
      await book.close()
      throw error
    }
  }
}

/// How entries are written for people and for programs.
enum AuditText {
  static func show(_ entries: [JSONValue], _ console: Console) {
    switch console.format {
    case .json, .jsonl: for entry in entries { console.data(console.shown(entry.text(.canonical))) }
    case .yaml:
      for entry in entries {
        console.output.write(Array(("---\n" + console.shown(YAMLRendering.document(entry))).utf8))
      }
    case .table: for entry in entries { console.data(line(entry, console.outputStyle)) }
    }
  }

  private static func line(_ entry: JSONValue, _ style: Style) -> String {
    func text(_ key: String) -> String? { entry[key]?.stringValue }
    let number = entry["seq"]?.intValue.map { "\($0)" } ?? "?"
    // Without its fractions, and with its zone.
    let time = (text("at") ?? "").prefix(19) + "Z"
    var words = [text("event") ?? "?", entry["actor"]?["id"]?.stringValue ?? "?"]
    words += ["subject", "run", "agent", "step", "verdict", "outcome", "code"].compactMap(text)
    if let reason = entry["details"]?["reason"]?.stringValue { words.append(reason) }
    let rest = words.dropFirst().joined(separator: " ")
    return "\(style.quiet(number)) \(style.quiet(String(time))) "
      + "\(style.strong(TerminalText.line(words[0]))) \(TerminalText.line(rest, limit: 240))"
  }
}
