// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

extension RestartStrategy: ExpressibleByArgument {}
extension OverIntensity: ExpressibleByArgument {}
extension AutoShutdown: ExpressibleByArgument {}

struct SupervisorCreateCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Add a supervisor to the configuration; `naos reload` makes a node take it.")

  @Argument(help: "The new supervisor's name.")
  var name: String

  @Option(help: "Who is restarted when one child crashes: it alone, all, or it and those behind it.")
  var strategy = RestartStrategy.oneForOne

  @Option(help: ArgumentHelp("How many restarts a window tolerates; 3 if left out.", valueName: "n"))
  var maxRestarts: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The length of the window, for example 60s; 60 s if left out.", valueName: "duration"))
  var within: DurationArgument?

  @Option(help: ArgumentHelp("Agents and supervisors below it, in start order: a,b.", valueName: "names"))
  var children: String?

  @Option(help: "Over the limit: end with all children, or give up the one child.")
  var onMaxRestarts: OverIntensity?

  @Option(help: "Whether it ends when its first, or its last, significant child has ended by itself.")
  var autoShutdown: AutoShutdown?

  @Flag(help: "Only say what would happen.")
  var dryRun = false

  @OptionGroup var global: GlobalOptions

  func validate() throws {
    if let maxRestarts, maxRestarts < 0 { throw ValidationError("--max-restarts has to be 0 or more.") }
  }

  func perform(_ context: CommandContext) async throws {
    let editing = try await SupervisorEditing(context, onlyLooks: dryRun)
    defer { editing.release() }
    let children = (children ?? "").split(separator: ",").map { $0.filter { $0 != " " } }.filter { !$0.isEmpty }
    if let existing = editing.plan?.supervisor(SupervisorName(name)) {
      guard existing.flags == flags, existing.children.map(\.description) == children, existing.restart == nil,
        !existing.isSignificant
      else {
        throw OperationError(
          .conflict, code: "NX-API-022", title: "The supervisor exists and differs",
          detail: "There is a supervisor `\(name)`, and it is not like this; nothing was changed.",
          hint: "Look with `naos supervisor status \(name)`; change it in \(ConfigLoader.fileName).")
      }
      editing.emit(existing)
      context.console.say("`\(name)` exists already, exactly so")
      await editing.sayNext()
      return
    }
    try editing.requireFree(children, for: name)
    let edited = ConfigEditor.addSupervisor(named: name, block: block(children), to: editing.source.text)
    let plan = try editing.checked(edited)
    guard !dryRun else {
      context.console.say("would add the supervisor `\(name)` to \(ConfigLoader.fileName)")
      return
    }
    try editing.write(edited)
    if let made = plan.supervisor(SupervisorName(name)) { editing.emit(made) }
    let good = context.console.wordStyle.good("✓")
    context.console.say("\(good) \(ConfigLoader.fileName)   supervisor `\(name)`, \(strategy.rawValue)")
    await editing.sayNext()
  }

  private var flags: SupervisorFlags {
    var flags = SupervisorFlags(strategy: strategy)
    if let maxRestarts { flags.intensity.maxRestarts = maxRestarts }
    if let within { flags.intensity.within = within.duration }
    if let onMaxRestarts { flags.overIntensity = onMaxRestarts }
    if let autoShutdown { flags.autoShutdown = autoShutdown }
    return flags
  }

  /// Only what was said: the rest are defaults.
  private func block(_ children: [String]) -> String {
    var lines = ["strategy: \(strategy.rawValue)"]
    if let maxRestarts { lines.append("maxRestarts: \(maxRestarts)") }
    if let within {
      let milliseconds = within.duration.wholeMilliseconds
      lines.append("withinSeconds: " + (milliseconds % 1000 == 0 ? "\(milliseconds / 1000)" : "\(milliseconds)ms"))
    }
    if let onMaxRestarts { lines.append("onMaxRestarts: \(onMaxRestarts.rawValue)") }
    if let autoShutdown { lines.append("autoShutdown: \(autoShutdown.rawValue)") }
    if !children.isEmpty { lines.append("children: [\(children.joined(separator: ", "))]") }
    return lines.joined(separator: "\n") + "\n"
  }
}

struct SupervisorAddCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "List agents or supervisors as children of a supervisor, behind those it has.")

  @Argument(help: "The supervisor.")
  var name: String

  @Argument(help: "The agents and supervisors, in start order.")
  var children: [String]

  @Flag(help: "Only say what would happen.")
  var dryRun = false

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let editing = try await SupervisorEditing(context, onlyLooks: dryRun)
    defer { editing.release() }
    guard let supervisor = editing.plan?.supervisor(SupervisorName(name)) else { throw editing.unknown(name) }
    var seen = Set(supervisor.children.map(\.description))
    let new = children.filter { seen.insert($0).inserted }
    let console = context.console
    guard !new.isEmpty else {
      editing.emit(supervisor)
      console.say("`\(name)` has them already")
      await editing.sayNext()
      return
    }
    try editing.requireFree(new, for: name)
    let edited = ConfigEditor.addChildren(new, toSupervisor: name, in: editing.source.text)
    let plan = try editing.checked(edited)
    let list = new.map { "`\($0)`" }.joined(separator: ", ")
    guard !dryRun else {
      console.say("would add \(list) to `\(name)` in \(ConfigLoader.fileName)")
      return
    }
    try editing.write(edited)
    if let grown = plan.supervisor(SupervisorName(name)) { editing.emit(grown) }
    console.say("\(console.wordStyle.good("✓")) \(ConfigLoader.fileName)   \(list) below `\(name)`")
    await editing.sayNext()
  }
}
