// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

/// Judges by a table: the program of a gate says which values mean what, and every other value passes.
package struct SampleJudge: OutputJudge {
  package init() {}

  package func judge(_ question: GateQuestion) -> GateFinding {
    let word = question.value.stringValue ?? question.value["kind"]?.stringValue ?? ""
    if word == "broken" { return .blocked(question.gate, "it cannot be asked") }
    let verdict = question.gate.program[word]?.stringValue.flatMap(Verdict.init(rawValue:)) ?? .pass
    guard verdict > .pass else { return GateFinding(validator: question.gate.name, verdict: .pass) }
    return GateFinding(
      validator: question.gate.name, verdict: verdict,
      errors: [
        [
          "path": question.value["path"] ?? "", "code": "ruleBroken", "keyword": .string(word),
          "message": .string("it is \(word)"), "verdict": .string(verdict.rawValue),
        ]
      ])
  }
}

extension GateDefinition {
  /// A gate for `SampleJudge`: what is `odd` is retried, what is `wild` stops, of what is `faint` a person is asked.
  package static func sample(
    _ name: String = "g", _ change: (inout GateDefinition) -> Void = { _ in }
  ) -> GateDefinition {
    var gate = GateDefinition(
      name: name, program: ["odd": "retry", "wild": "stop", "faint": "escalate", "plain": "warn"])
    change(&gate)
    return gate
  }
}

extension FlowDefinition {
  /// The definition with gates over what comes out of some of its steps.
  package func guarded(_ gates: GateDefinition..., steps names: Set<String>? = nil) -> FlowDefinition {
    var copy = self
    for gate in gates {
      copy.gates[gate.name] = gate
      for index in copy.steps.indices where names?.contains(copy.steps[index].name) ?? true {
        copy.steps[index].gates.append(gate.name)
      }
    }
    return copy
  }
}
