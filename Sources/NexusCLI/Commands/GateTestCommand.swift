// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusDiagnostics
internal import NexusGates
internal import NexusKernel

struct GateTestCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Ask a validator of the project about a value; runs nothing.",
    discussion: """
      Prints {"validator", "verdict", "errors"}. Exits 0 if the value may proceed, else 10.

        naos gate test research-output '{"total": 3}' --values '{"steps": {"plan": {"output": {"max": 2}}}}'
      """)

  @Argument(help: "The validator's name.")
  var validator: String

  @Argument(help: "The value, as an agent would write it: a text, @file or - for the standard input.")
  var value = "-"

  @Option(
    help: ArgumentHelp(
      "What rules read beside it: an object with `input`, `steps` and `run`; a text, @file or -.", valueName: "object"))
  var values: String?

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let result = try context.project().load()
    guard let plan = result.plan else { throw CommandFailure(diagnostics: result.diagnostics, files: result.files) }
    guard let gate = plan.validators.first(where: { $0.gate.name == validator })?.gate else {
      let nearest = Suggestion.nearest(to: validator, among: plan.validators.map(\.gate.name))
      throw CommandFailure(
        diagnostics: [
          Diagnostic(
            "NX-GAT-080", "there is no validator `\(validator)`",
            help: plan.validators.isEmpty ? "write it under `validators`" : nil, suggestion: nearest)
        ], files: [])
    }
    let compiled: Validator
    do throws(ValidatorFormError) { compiled = try Validator(pinned: gate.program) } catch {
      throw CommandFailure.usage("The validator cannot be used: \(error.message).")
    }
    let judgement = compiled.judge(
      result: try Self.value(value), values: try Self.variables(values), now: SystemClock().wallNow())
    var report: JSONObject = ["validator": .string(gate.name)]
    for member in judgement.json.objectValue ?? JSONObject() { report[member.key] = member.value }
    let console = context.console
    switch console.format {
    case .table, .jsonl: console.data(JSONValue.object(report).text(.compact))
    case .json, .yaml: console.emit(.object(report)) { "" }
    }
    let mayProceed = judgement.verdict <= .warn
    let mark = mayProceed ? console.wordStyle.good("✓") : console.wordStyle.bad("✗")
    console.say("\(mark) \(judgement.verdict.rawValue)\(gate.observes ? " (it only observes)" : "")")
    guard mayProceed else { throw CommandFailure(exit: .refused) }
  }

  /// What an attempt of an agent would have come to with this output: JSON if it reads as that, else a text.
  private static func value(_ given: String) throws -> JSONValue {
    let raw = try RunInput.read(given)
    guard case .string(let text) = raw else { return raw }
    return (try? JSONValue(parsing: text)) ?? .string(text)
  }

  private static func variables(_ given: String?) throws -> [String: JSONValue] {
    guard let given else { return [:] }
    guard let object = try RunInput.read(given).objectValue else {
      throw CommandFailure.usage("`--values` has to be an object with `input`, `steps` or `run`.")
    }
    let known = GateVariable.allCases.map(\.rawValue)
    var values: [String: JSONValue] = [:]
    for member in object {
      guard known.contains(member.key) else {
        throw CommandFailure.usage("No rule reads `\(member.key)`: there are \(known.joined(separator: ", ")).")
      }
      values[member.key] = member.value
    }
    return values
  }
}
