// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore

/// `naos run`: runs an agent, workflow, saga or pool and waits for it.
struct RunCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run an agent, workflow, saga or pool and wait for its output.",
    discussion: """
      Progress goes to the standard error, the output alone to the standard output. Without a running node the run gets
      one of its own. Ctrl-C cancels the run, a second Ctrl-C leaves at once; a run that was left can be resumed.
      The standard input is read only with `--input -`: `echo hi | naos run NAME --input -`.
      """)

  @Argument(help: "The agent, workflow, saga or pool.")
  var name: String

  @Option(help: ArgumentHelp("The input: a text, @file or - for the standard input.", valueName: "text"))
  var input: String?

  @Option(name: .customLong("set"), help: ArgumentHelp("Set a member of the input object.", valueName: "key=value"))
  var members: [String] = []

  @Flag(help: "Start the run on the running node and do not wait.")
  var detach = false

  @Option(help: ArgumentHelp("The same key starts the same run only once.", valueName: "key"))
  var idempotencyKey: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Stop the run after this long, for example 90s or 5m.", valueName: "duration")
  )
  var timeout: DurationArgument?

  @Option(
    help: ArgumentHelp(
      "Answer all model calls from this file of `naos runs export`, and refuse any other.", valueName: "file"))
  var cassette: String?

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    if let timeout, timeout.duration <= .zero { throw CommandFailure.usage("A run cannot end before it begins.") }
    try IdempotencyKey.check(idempotencyKey)
    let project = try context.project()
    var request = StartRun(
      name: name, input: try RunInput.read(input), idempotencyKey: idempotencyKey, timeout: timeout?.duration,
      set: try RunInput.members(members))
    request.cassette = try cassette.map(CassetteInput.read)
    let console = context.console
    if detach {
      let request = request
      let report = try await AgentNames.suggesting(request.name, in: project) {
        try await NodeAccess.running(project) { node in try await node.startRun(request) }
      }
      console.emit(report.detachedJSON) { report.id.text }
      console.say("started \(report.id.text) · \(report.status)")
      console.next("naos runs wait \(report.id.text)", "naos logs --run \(report.id.text) -f")
      return
    }
    Interrupts.install()
    // With a key the run can be asked for again if the node that took it goes away.
    request.idempotencyKey = idempotencyKey ?? Self.ownKey()
    let keyed = request
    try await AgentNames.suggesting(keyed.name, in: project) {
      try await NodeAccess.executing(project, console: console) { operations in
        let flow = RunFlow(console: console, operations: operations)
        let isFlow = try await operations.flows().flows.contains { $0.name == keyed.name }
        let report = try await flow.follow(agent: isFlow ? nil : AgentName(keyed.name), on: .cancels) {
          () async throws(OperationError) in
          try await operations.startRun(keyed)
        }
        try RunEnding(console: console).finish(report)
      }
    }
  }

  private static func ownKey() -> String {
    "naos-" + IdentifierSource(clock: SystemClock(), random: SystemRandom()).run().text
  }
}
