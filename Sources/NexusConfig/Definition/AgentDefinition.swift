// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel

/// The definition of an agent as a run is pinned to it: the same text for equal agents, without any secret's value.
///
/// Hash its canonical form. Refusals and budgets are not part of it: they hold for runs that are already going, too.
package func definitionJSON(of agent: AgentSpec) -> JSONValue {
  var object: JSONObject = [
    "version": 1, "name": .string(agent.name.text), "kind": .string(agent.kind.word),
    "mode": .string(agent.mode.rawValue),
  ]
  switch agent.kind {
  case .process(let command): object["command"] = .array(command.map(JSONValue.string))
  case .llm(let llm):
    object["prompt"] = .string(llm.prompt)
    object["model"] = .string(llm.model)
    object["tools"] = .array(llm.tools.map(JSONValue.string))
    object["maxTurns"] = .int(Int64(llm.maxTurns))
  }
  object["environment"] = .array(
    agent.environment.map { variable in
      agent.secretVariables.contains(variable.name)
        ? ["name": .string(variable.name), "secret": true]
        : ["name": .string(variable.name), "value": .string(variable.value)]
    })
  object["workingDirectory"] = .string(agent.workingDirectory)
  object["readPaths"] = .array(agent.grants.readPaths.map(JSONValue.string))
  object["hosts"] = .array(agent.grants.hosts.map(JSONValue.string))
  object["restart"] = .string(agent.restart.rawValue)
  switch agent.shutdown {
  case .timeout(let duration): object["shutdown"] = .int(duration.wholeNanoseconds)
  case .brutalKill: object["shutdown"] = "brutal-kill"
  case .infinity: object["shutdown"] = "infinity"
  }
  if let backoff = agent.backoff {
    object["backoff"] = [
      "initial": .int(backoff.initial.wholeNanoseconds), "factor": .double(backoff.factor),
      "max": .int(backoff.max.wholeNanoseconds), "resetAfter": .int(backoff.resetAfter.wholeNanoseconds),
    ]
  }
  object["retry"] = [
    "maxAttempts": .int(Int64(agent.retry.maxAttempts)), "initial": .int(agent.retry.initial.wholeNanoseconds),
    "factor": .double(agent.retry.factor), "max": .int(agent.retry.max.wholeNanoseconds),
  ]
  if let timeout = agent.timeout { object["timeout"] = .int(timeout.wholeNanoseconds) }
  return .object(object)
}

extension AgentSpec {
  /// The agent as a definition pinned it; what the definition leaves out (secret values, refusals, its supervisor) is
  /// taken from the agent as it is now.
  ///
  /// Returns nil for a definition that this version does not know.
  package init?(definition: JSONValue, current: AgentSpec?) {
    guard definition["version"] == 1, let name = definition["name"]?.stringValue,
      let kind = AgentKind(definition: definition),
      let mode = definition["mode"]?.stringValue.flatMap(AgentMode.init(rawValue:)),
      let restart = definition["restart"]?.stringValue.flatMap(RestartPolicy.init(rawValue:)),
      let shutdown = ShutdownPolicy(definition: definition["shutdown"]),
      let retry = RetryPolicy(definition: definition["retry"]),
      let directory = definition["workingDirectory"]?.stringValue
    else { return nil }
    self.init(name: AgentName(name), kind: kind, mode: mode, workingDirectory: directory)
    self.restart = restart
    self.shutdown = shutdown
    self.retry = retry
    backoff = BackoffPolicy(definition: definition["backoff"])
    timeout = definition["timeout"]?.duration
    grants = ToolGrants(
      readPaths: definition["readPaths"]?.arrayValue?.compactMap(\.stringValue) ?? [],
      hosts: definition["hosts"]?.arrayValue?.compactMap(\.stringValue) ?? [])
    for variable in definition["environment"]?.arrayValue ?? [] {
      guard let name = variable["name"]?.stringValue else { continue }
      if variable["secret"]?.boolValue == true {
        guard let value = current?.environment.first(where: { $0.name == name })?.value else { continue }
        environment.append(EnvironmentVariable(name, value))
        secretVariables.insert(name)
      } else {
        environment.append(EnvironmentVariable(name, variable["value"]?.stringValue ?? ""))
      }
    }
    template = current?.template
    supervisor = current?.supervisor
    autoStart = current?.autoStart ?? autoStart
    refusals = current?.refusals ?? []
  }
}

extension AgentKind {
  fileprivate init?(definition: JSONValue) {
    switch definition["kind"]?.stringValue {
    case "process":
      guard let command = definition["command"]?.arrayValue else { return nil }
      self = .process(command: command.compactMap(\.stringValue))
    case "llm":
      guard let prompt = definition["prompt"]?.stringValue, let model = definition["model"]?.stringValue,
        let tools = definition["tools"]?.arrayValue, let maxTurns = definition["maxTurns"]?.intValue
      else { return nil }
      self = .llm(
        LLMSpec(prompt: prompt, model: model, tools: tools.compactMap(\.stringValue), maxTurns: Int(maxTurns)))
    default: return nil
    }
  }
}

extension ShutdownPolicy {
  fileprivate init?(definition: JSONValue?) {
    switch definition {
    case .string("brutal-kill"): self = .brutalKill
    case .string("infinity"): self = .infinity
    case .int(let nanoseconds): self = .timeout(.nanoseconds(nanoseconds))
    default: return nil
    }
  }
}

extension RetryPolicy {
  fileprivate init?(definition: JSONValue?) {
    guard let definition, let attempts = definition["maxAttempts"]?.intValue,
      let initial = definition["initial"]?.duration,
      let factor = definition["factor"]?.doubleValue, let max = definition["max"]?.duration
    else { return nil }
    self.init(maxAttempts: Int(attempts), initial: initial, factor: factor, max: max)
  }
}

extension BackoffPolicy {
  fileprivate init?(definition: JSONValue?) {
    guard let definition, let initial = definition["initial"]?.duration, let factor = definition["factor"]?.doubleValue,
      let max = definition["max"]?.duration, let resetAfter = definition["resetAfter"]?.duration
    else { return nil }
    self.init(initial: initial, factor: factor, max: max, resetAfter: resetAfter)
  }
}

extension JSONValue {
  fileprivate var duration: Duration? { intValue.map { .nanoseconds($0) } }
}
