// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// What an agent's schemas make of its input and of its output.
///
/// An output that breaks its schema is a failed attempt like any other: it is tried again as the step says, and nothing
/// behind the step ever reads it.
struct SchemaChecks: Sendable {
  let gate: (any SchemaGate)?

  /// Why no attempt is made with that input; nil if it fits.
  ///
  /// Another attempt would get the same one.
  func refusal(of input: JSONValue, for agent: PinnedAgent) -> RunError? {
    guard let schema = agent.spec.inputSchema, let complaint = complaint(about: input, under: schema) else {
      return nil
    }
    return RunError(
      code: "NX-GAT-061", message: "the input of \(agent.name) does not fit its schema: \(complaint)",
      isRetryable: false, wasApplied: false)
  }

  /// What an attempt came to, once its output has been looked at.
  func judged(_ outcome: AttemptOutcome, _ output: JSONValue?, of agent: PinnedAgent) -> (AttemptOutcome, JSONValue?) {
    guard case .succeeded = outcome, let schema = agent.spec.outputSchema,
      let complaint = complaint(about: output ?? .null, under: schema)
    else { return (outcome, output) }
    let error = RunError(
      code: "NX-GAT-060",
      message: "the output of \(agent.name) does not fit its schema: \(complaint)\(Self.note(on: output))")
    return (.crashed(error), nil)
  }

  /// Why an output that looks like JSON was taken for text.
  private static func note(on output: JSONValue?) -> String {
    guard case .string(let text)? = output, let first = text.utf8.first(where: { $0 > 0x20 }),
      first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    else { return "" }
    do throws(JSONError) {
      _ = try JSONValue(parsing: Array(text.utf8))
      return ""
    } catch {
      return " (it is no JSON and taken for text: \(error))"
    }
  }

  private func complaint(about value: JSONValue, under schema: JSONValue) -> String? {
    guard let gate else { return "nothing here can check it" }
    return gate.complaint(about: value, under: schema)
  }
}

extension RuntimeServices {
  var schemaChecks: SchemaChecks { SchemaChecks(gate: gate) }
}
