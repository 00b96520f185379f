// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

// The events of NexusCore as they go over the wire: one object each, with its kind in `type`.
//
//   {"type":"effect","agent":…,"run":…,"step":…,"attempt":…,"phase":…,"kind":…,"name":…,"detail":…,"result":…,
//    "inputTokens":…,"outputTokens":…,"costNanoUSD":…,"microseconds":…}
//   {"type":"run","run":…,"agent":…,"status":…,"note":…}
//   {"type":"agent","agent":…,"state":…,"note":…}
//   {"type":"supervisor","supervisor":…,"kind":…,"child":…,"note":…}
//   {"type":"budget","scope":…,"per":…,"run":…,"percent":…,"usedUpAt":…,"note":…}
//   {"type":"secret","name":…,"purpose":…}
//   {"type":"approval","approval":…,"run":…,"agent":…,"tool":…,"status":…,"expiresAt":…,"note":…}
//   {"type":"denial","agent":…,"run":…,"step":…,"attempt":…,"rule":…,"target":…,"port":…,"count":…,"note":…}
//   {"type":"log","at":…,"agent":…,"run":…,"attempt":…,"stream":…,"text":…}

extension EffectEvent {
  fileprivate var json: JSONValue {
    [
      "type": "effect", "agent": .string(caller.agent.text), "run": .of(caller.run), "step": .string(caller.step.text),
      "attempt": .int(Int64(caller.attempt.value)), "phase": .string(phase.rawValue), "kind": .string(kind.rawValue),
      "name": .string(name), "detail": .string(detail), "result": .string(result),
      "inputTokens": .int(inputTokens.value),
      "outputTokens": .int(outputTokens.value), "costNanoUSD": .int(cost.value),
      "microseconds": .int(duration.wholeNanoseconds / 1000),
    ]
  }

  fileprivate init(_ reader: WireReader) throws(WireError) {
    guard let phase = Phase(rawValue: try reader.text("phase")), let kind = Kind(rawValue: try reader.text("kind"))
    else { throw WireError(path: "event.phase", message: "unknown phase or kind") }
    self.init(
      caller: Caller(
        agent: AgentName(try reader.text("agent")), run: try reader.optionalText("run").map { RunID($0) },
        step: StepPath(try reader.text("step")), attempt: AttemptNumber(try reader.count("attempt"))),
      phase: phase, kind: kind, name: try reader.text("name"), detail: try reader.text("detail"),
      result: try reader.optionalText("result") ?? "",
      inputTokens: TokenCount(try reader.integer("inputTokens")),
      outputTokens: TokenCount(try reader.integer("outputTokens")), cost: NanoUSD(try reader.integer("costNanoUSD")),
      duration: .microseconds(try reader.integer("microseconds")))
  }
}

extension NodeEvent: WireValue {
  package var json: JSONValue {
    switch self {
    case .effect(let event): return event.json
    case .run(let event):
      return [
        "type": "run", "run": .string(event.run.text), "agent": .string(event.agent.text),
        "status": .string(event.status), "note": .string(event.note),
      ]
    case .agent(let event):
      return [
        "type": "agent", "agent": .string(event.agent.text), "state": .string(event.state), "note": .string(event.note),
      ]
    case .supervisor(let event):
      return [
        "type": "supervisor", "supervisor": .string(event.supervisor.text), "kind": .string(event.kind),
        "child": .string(event.child), "note": .string(event.note),
      ]
    case .budget(let event):
      return [
        "type": "budget", "scope": .string(event.scope), "per": .string(event.per), "run": .of(event.run),
        "percent": .of(event.percent), "usedUpAt": .of(event.usedUpAt), "note": .string(event.note),
      ]
    case .secret(let event):
      return ["type": "secret", "name": .string(event.name), "purpose": .string(event.purpose)]
    case .approval(let event):
      return [
        "type": "approval", "approval": .string(event.id.text), "run": .string(event.run.text),
        "agent": .string(event.agent.text), "tool": .string(event.tool), "status": .string(event.status),
        "expiresAt": .of(event.expiresAt), "note": .string(event.note),
      ]
    case .denial(let event): return event.json
    case .log(let event):
      guard case .object(let line) = event.json else { preconditionFailure("a log line is an object") }
      var object: JSONObject = ["type": "log"]
      for member in line { object[member.key] = member.value }
      return .object(object)
    }
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "event")
    switch try reader.text("type") {
    case "effect": self = .effect(try EffectEvent(reader))
    case "run":
      self = .run(
        RunEvent(
          run: RunID(try reader.text("run")), agent: AgentName(try reader.text("agent")),
          status: try reader.text("status"), note: try reader.text("note")))
    case "agent":
      self = .agent(
        AgentEvent(
          agent: AgentName(try reader.text("agent")), state: try reader.text("state"), note: try reader.text("note")))
    case "supervisor":
      self = .supervisor(
        SupervisorEvent(
          supervisor: SupervisorName(try reader.text("supervisor")), kind: try reader.text("kind"),
          child: try reader.text("child"), note: try reader.text("note")))
    case "budget":
      self = .budget(
        BudgetEvent(
          scope: try reader.text("scope"), per: try reader.text("per"),
          run: try reader.optionalText("run").map { RunID($0) },
          percent: try reader.optionalInteger("percent").map { Int($0) },
          usedUpAt: try reader.optionalTime("usedUpAt"), note: try reader.text("note")))
    case "secret":
      self = .secret(SecretEvent(name: try reader.text("name"), purpose: try reader.text("purpose")))
    case "approval":
      self = .approval(
        ApprovalEvent(
          id: ApprovalID(try reader.text("approval")), run: RunID(try reader.text("run")),
          agent: AgentName(try reader.text("agent")), tool: try reader.text("tool"),
          status: try reader.text("status"), expiresAt: try reader.optionalTime("expiresAt"),
          note: try reader.text("note")))
    case "denial": self = .denial(try DenialEvent(reader))
    case "log": self = .log(try LogEvent(json: json))
    default: throw WireError(path: "event.type", message: "unknown type")
    }
  }

  /// The run that it is about, if it is about one.
  package var run: RunID? {
    switch self {
    case .effect(let event): event.caller.run
    case .run(let event): event.run
    case .budget(let event): event.run
    case .approval(let event): event.run
    case .agent, .supervisor, .secret: nil
    case .denial(let event): event.caller.run
    case .log(let event): event.run
    }
  }

  /// The agent that it is about, if it is about one.
  package var agent: AgentName? {
    switch self {
    case .effect(let event): event.caller.agent
    case .run(let event): event.agent
    case .agent(let event): event.agent
    case .budget(let event): event.agent
    case .approval(let event): event.agent
    case .supervisor, .secret: nil
    case .denial(let event): event.caller.agent
    case .log(let event): event.agent
    }
  }
}

extension BudgetEvent {
  /// The agent whose budget it is; nil for one of several.
  fileprivate var agent: AgentName? {
    let prefix = "agent:"
    return scope.hasPrefix(prefix) ? AgentName(String(scope.dropFirst(prefix.count))) : nil
  }
}
