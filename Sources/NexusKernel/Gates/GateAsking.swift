// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// One value and the validators that are asked about it.
struct GateAsking {
  let gates: [GateDefinition]
  let judge: (any OutputJudge)?
  let subject: GateSubject
  let value: JSONValue
  let now: WallTime
  /// What the step has read, if it has read anything.
  var read: ReadSet?

  /// What each validator found, in order; a variable is made only if a rule reads it.
  func findings(_ variable: (GateVariable) -> JSONValue) -> [GateFinding] {
    var made: [GateVariable: JSONValue] = [:]
    return gates.map { gate in
      guard let judge else { return .blocked(gate, "nothing here can judge it") }
      for name in gate.variables where made[name] == nil { made[name] = variable(name) }
      var finding = judge.judge(
        GateQuestion(gate: gate, subject: subject, value: value, variables: made, now: now))
      finding.validator = gate.name
      // The last stage: it is asked of what passed the others.
      guard subject == .output, finding.verdict <= .warn, let check = gate.freshness, let read else { return finding }
      return check.judge(read, after: finding, at: now)
    }
  }
}
