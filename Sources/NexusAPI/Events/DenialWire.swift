// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

extension DenialEvent {
  var json: JSONValue {
    [
      "type": "denial", "agent": .string(caller.agent.text), "run": .of(caller.run), "step": .string(caller.step.text),
      "attempt": .int(Int64(caller.attempt.value)), "rule": .string(rule.rawValue), "target": .string(target),
      "port": .of(port), "count": .int(Int64(count)), "note": .string(note),
    ]
  }

  init(_ reader: WireReader) throws(WireError) {
    guard let rule = Rule(rawValue: try reader.text("rule")) else {
      throw WireError(path: "event.rule", message: "unknown rule")
    }
    self.init(
      caller: Caller(
        agent: AgentName(try reader.text("agent")), run: try reader.optionalText("run").map { RunID($0) },
        step: StepPath(try reader.text("step")), attempt: AttemptNumber(try reader.count("attempt"))),
      rule: rule, target: try reader.text("target"), port: try reader.optionalInteger("port").map { Int($0) },
      count: Int(try reader.integer("count")))
  }
}
