// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore

/// `naos logs`: what agents wrote.
struct LogsCommand: NaosCommand {
  static let configuration = CommandConfiguration(commandName: "logs", abstract: "Show what agents wrote.")

  @Argument(help: "Only this agent.")
  var agent: String?

  @Option(help: ArgumentHelp("Only this run.", valueName: "id"))
  var run: String?

  @Option(help: ArgumentHelp("Only this step, and all its attempts.", valueName: "path"))
  var step: String?

  @Flag(name: [.customShort("f"), .long], help: "Go on with new lines until Ctrl-C.")
  var follow = false

  @Option(name: [.customShort("n"), .long], parsing: .unconditional, help: "The newest lines to begin with.")
  var lines = 100

  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard (1...LogQuery.maxLimit).contains(lines) else {
      throw ValidationError("`-n` (`--lines`) has to be from 1 to \(LogQuery.maxLimit).")
    }
  }

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let run = try await RunReference.resolve(option: run, of: agent, context)
    let query = LogQuery(
      agent: agent.map { AgentName($0) }, run: run, step: step.map { StepPath($0) }, limit: lines)
    let console = context.console
    guard follow else {
      let page = try await NodeAccess.reading(project, warning: context.console) { operations in
        do throws(OperationError) { return try await operations.logs(query) } catch {
          // Of a run that was removed there may still be lines, so it is asked for afterwards.
          if error.kind == .notFound, let run = query.run { try await AgentNames.require(run, operations) }
          throw error
        }
      }
      show(page.lines, console)
      if page.lines.isEmpty { console.say("no lines yet") }
      return
    }
    Interrupts.install()
    try await NodeAccess.running(project) { node in
      if let run = query.run { try await AgentNames.require(run, node) }
      let stream = try await node.followLogs(query)
      show(try await node.logs(query).lines, console)
      try await Self.untilInterrupt {
        for await line in stream {
          show([line], console)
          if console.output.failure != nil { return }
        }
      }
    }
  }

  /// Does it until it ends or the user asks to stop.
  private static func untilInterrupt(_ body: @escaping @Sendable () async -> Void) async throws {
    await withTaskGroup { group in
      group.addTask(name: "logs:follow") { await body() }
      group.addTask(name: "logs:interrupt") { try? await Interrupts.first() }
      await group.next()
      group.cancelAll()
    }
  }

  private func show(_ lines: [LogEvent], _ console: Console) {
    switch console.format {
    case .json, .jsonl: for line in lines { console.data(console.shown(line.json.text(.compact))) }
    case .yaml:
      for line in lines {
        console.output.write(Array(("---\n" + console.shown(YAMLRendering.document(line.json))).utf8))
      }
    case .table:
      let (style, now) = (console.outputStyle, SystemClock().wallNow())
      for line in lines {
        let time = style.quiet(Quantities.moment(line.at, now: now))
        console.data("\(time) \(LogLine.words(of: line, style))")
      }
    }
  }
}
