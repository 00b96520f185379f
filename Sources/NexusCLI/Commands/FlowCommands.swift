// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore
internal import NexusDiagnostics

/// `naos workflow`: the workflows of the project.
struct WorkflowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "workflow", abstract: "List and show workflows, and their runs; `naos run NAME` runs one.",
    subcommands: [
      FlowListCommand<WorkflowKind>.self, FlowShowCommand<WorkflowKind>.self, FlowRunsCommand<WorkflowKind>.self,
    ],
    defaultSubcommand: FlowListCommand<WorkflowKind>.self,
    aliases: ["workflows"])
}

/// `naos saga`: the sagas of the project.
struct SagaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "saga", abstract: "List and show sagas, and their runs; `naos run NAME` runs one.",
    subcommands: [FlowListCommand<SagaKind>.self, FlowShowCommand<SagaKind>.self, FlowRunsCommand<SagaKind>.self],
    defaultSubcommand: FlowListCommand<SagaKind>.self,
    aliases: ["sagas"])
}

/// What one group of commands is about.
protocol FlowKind {
  static var word: String { get }
}

enum WorkflowKind: FlowKind { static let word = "workflow" }
enum SagaKind: FlowKind { static let word = "saga" }
enum PoolKind: FlowKind { static let word = "pool" }

struct FlowListCommand<Kind: FlowKind>: NaosCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(commandName: "list", abstract: "List every \(Kind.word) of the project.")
  }

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let all = try await NodeAccess.reading(project) { operations in try await operations.flows() }
    let flows = all.flows.filter { $0.kind == Kind.word }
    let console = context.console
    console.emit(FlowList(flows: flows).json, lines: flows.map(\.json)) { FlowTable.list(flows, console.outputStyle) }
    guard console.format == .table else { return }
    if flows.isEmpty {
      console.say("no \(Kind.word) is configured")
      console.next("naos config schema")
    } else {
      console.next("naos \(Kind.word) show \(flows[0].name)", "naos run \(flows[0].name)")
    }
  }
}

struct FlowShowCommand<Kind: FlowKind>: NaosCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(commandName: "show", abstract: "Show the steps of one \(Kind.word).")
  }

  @Argument(help: "Its name.")
  var name: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let all = try await NodeAccess.reading(project) { operations in try await operations.flows() }
    let names = all.flows.filter { $0.kind == Kind.word }.map(\.name)
    guard let flow = all.flows.first(where: { $0.kind == Kind.word && $0.name == name }) else {
      throw OperationError(
        .notFound, code: "NX-RUN-050", title: "There is no such \(Kind.word)",
        detail: "No \(Kind.word) is named `\(name)`.",
        hint: Suggestion.nearest(to: name, among: names).map { "Did you mean `\($0)`?" }
          ?? "naos \(Kind.word) list")
    }
    let console = context.console
    console.emit(flow.json) { FlowTable.show(flow, console.outputStyle) }
    guard console.format == .table else { return }
    console.next("naos run \(flow.name)", "naos runs list \(flow.name)")
  }
}

struct FlowRunsCommand<Kind: FlowKind>: NaosCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(commandName: "runs", abstract: "List the runs of every \(Kind.word), newest first.")
  }

  @Argument(help: "Only this one.")
  var name: String?

  @Option(name: [.customShort("n"), .long], parsing: .unconditional, help: "At most this many.")
  var limit = 50

  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard (1...RunFilter.maxLimit).contains(limit) else {
      throw ValidationError("`-n` (`--limit`) has to be from 1 to \(RunFilter.maxLimit).")
    }
  }

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let filter = RunFilter(name: name, kinds: [Kind.word], parent: "any", limit: limit)
    let page = try await NodeAccess.reading(project, warning: context.console) { operations in
      try await operations.listRuns(filter)
    }
    let console = context.console
    console.emit(page.json, lines: page.runs.map(\.json)) {
      RunTable.render(
        page.runs, now: SystemClock().wallNow(), style: console.outputStyle, width: console.tableWidth)
    }
    guard console.format == .table else { return }
    if let first = page.runs.first { console.next("naos runs show \(first.id.text)") } else { console.say("no runs") }
  }
}
