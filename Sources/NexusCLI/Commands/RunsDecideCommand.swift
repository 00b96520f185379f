// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore

struct RunsDecideCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "decide", abstract: "Decide about an output that a validator has escalated.",
    discussion: """
      Accepted, it becomes the step's output as it is; retried, the agent is told what was wrong and has all its tries
      anew; stopped, the run ends, and a saga undoes what it did.
      """)

  @Argument(help: "The run: its id, the beginning or the end of it, or `last`.")
  var id: String

  @Argument(help: "The step's path, as `naos runs show` prints it; the run of an agent has one step.")
  var step = StepPath.main.text

  @Flag(exclusivity: .exclusive, help: "What becomes of it.")
  var decision: Choice

  @Option(help: ArgumentHelp("Why; it is written down.", valueName: "text"))
  var note = ""

  @Flag(help: "Do not wait for the run.")
  var detach = false

  @OptionGroup var global: GlobalOptions

  enum Choice: String, EnumerableFlag {
    case accept, retry, stop

    static func help(for value: Choice) -> ArgumentHelp? {
      switch value {
      case .accept: "The output proceeds as it is."
      case .retry: "The step is tried again."
      case .stop: "The run is stopped."
      }
    }
  }

  func perform(_ context: CommandContext) async throws {
    let change = RunChange.decide(step: StepPath(step), decision: decision.rawValue, note: note)
    try await RunControl.goOn(id, detach: detach, context) { node, run throws(OperationError) in
      try await node.change(run, change)
    }
  }
}
