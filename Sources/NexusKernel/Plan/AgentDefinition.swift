// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The part of an agent's specification that a run is pinned to, as it is kept in the store.
///
/// Environment values are left out: they may hold secrets, and they belong to the place where the run goes on.
extension AgentSpec {
  /// The version of the form written by `definition`.
  package static let definitionVersion: Int64 = 1

  package var definition: JSONValue {
    var object: JSONObject = [
      "version": .int(Self.definitionVersion), "name": .string(name.text), "mode": .string(mode.rawValue),
      "workdir": .string(workingDirectory), "restart": .string(restart.rawValue), "shutdown": shutdown.definition,
      "retry": [
        "maxAttempts": .int(Int64(retry.maxAttempts)), "initial": .int(retry.initial.wholeNanoseconds),
        "factor": .double(retry.factor), "max": .int(retry.max.wholeNanoseconds),
      ],
      "grants": [
        "read": .array(grants.readPaths.map { .string($0) }), "hosts": .array(grants.hosts.map { .string($0) }),
      ],
    ]
    object["ceilings"] = ceilings.definition
    object["sandbox"] = sandbox.map(\.definition)
    object["timeout"] = timeout.map { .int($0.wholeNanoseconds) }
    object["health"] = health.map(\.definition)
    object["input"] = inputSchema
    object["output"] = outputSchema
    // Absent where there are none, so that forms without them stay what they were.
    if !outputGates.isEmpty { object["gates"] = .array(outputGates.map(\.pinned)) }
    if !inputGates.isEmpty { object["inputGates"] = .array(inputGates.map(\.pinned)) }
    switch kind {
    case .process(let command): object["command"] = .array(command.map { .string($0) })
    case .llm(let llm):
      object["llm"] = [
        "prompt": .string(llm.prompt), "model": .string(llm.model), "tools": .array(llm.tools.map { .string($0) }),
        "maxTurns": .int(Int64(llm.maxTurns)),
      ]
    case .wasm(let program): object["wasm"] = program.definition
    }
    return .object(object)
  }

  /// Takes the pinned part from `definition` and everything else from this specification.
  ///
  /// - Returns: nil if the definition is not of a form that this version reads.
  package func pinned(to definition: JSONValue) -> AgentSpec? {
    guard definition["version"]?.intValue == Self.definitionVersion, let kind = AgentKind(definition: definition),
      let mode = definition["mode"]?.stringValue.flatMap(AgentMode.init(rawValue:)),
      let directory = definition["workdir"]?.stringValue,
      let shutdown = definition["shutdown"].flatMap(ShutdownPolicy.init(definition:)),
      let retry = definition["retry"].flatMap(RetryPolicy.init(definition:))
    else { return nil }
    guard let gates = GateDefinition.list(pinned: definition["gates"]),
      let inputGates = GateDefinition.list(pinned: definition["inputGates"])
    else { return nil }
    let health = definition["health"].map(HealthSpec.init(definition:))
    let sandbox = definition["sandbox"].map(SandboxSpec.init(definition:))
    guard health != .some(nil), sandbox != .some(nil) else { return nil }
    var spec = self
    spec.kind = kind
    spec.mode = mode
    spec.workingDirectory = directory
    spec.shutdown = shutdown
    spec.retry = retry
    spec.timeout = definition["timeout"]?.intValue.map { .nanoseconds($0) }
    spec.ceilings = ProcessCeilings(definition: definition["ceilings"])
    spec.health = health.flatMap(\.self)
    spec.sandbox = sandbox.flatMap(\.self)
    spec.inputSchema = definition["input"]
    spec.outputSchema = definition["output"]
    spec.outputGates = gates
    spec.inputGates = inputGates
    spec.grants = ToolGrants(
      readPaths: definition["grants"]?["read"]?.arrayValue?.compactMap(\.stringValue) ?? [],
      hosts: definition["grants"]?["hosts"]?.arrayValue?.compactMap(\.stringValue) ?? [])
    return spec
  }
}

extension AgentKind {
  init?(definition: JSONValue) {
    if let command = definition["command"]?.arrayValue {
      self = .process(command: command.compactMap(\.stringValue))
    } else if let llm = definition["llm"], let prompt = llm["prompt"]?.stringValue,
      let model = llm["model"]?.stringValue
    {
      self = .llm(
        LLMSpec(
          prompt: prompt, model: model, tools: llm["tools"]?.arrayValue?.compactMap(\.stringValue) ?? [],
          maxTurns: llm["maxTurns"]?.intValue.map { Int(clamping: $0) } ?? 20))
    } else if let program = definition["wasm"].flatMap(WasmProgram.init(definition:)) {
      self = .wasm(program)
    } else {
      return nil
    }
  }
}

extension WasmProgram {
  var definition: JSONValue {
    var object: JSONObject = [
      "source": .string(source), "memory": .int(memoryBytes), "stack": .int(stackBytes), "output": .int(outputBytes),
    ]
    object["wall"] = wallTime.map { .int($0.wholeNanoseconds) }
    object["hostCalls"] = hostCalls.map { .int(Int64($0)) }
    return .object(object)
  }

  init?(definition: JSONValue) {
    guard let source = definition["source"]?.stringValue, let memory = definition["memory"]?.intValue,
      let stack = definition["stack"]?.intValue, let output = definition["output"]?.intValue
    else { return nil }
    self.init(
      source: source, memoryBytes: memory, stackBytes: stack,
      wallTime: definition["wall"]?.intValue.map { .nanoseconds($0) }, outputBytes: output,
      hostCalls: definition["hostCalls"]?.intValue.map { Int(clamping: $0) })
  }
}

extension ShutdownPolicy {
  var definition: JSONValue {
    switch self {
    case .timeout(let duration): .int(duration.wholeNanoseconds)
    case .brutalKill: "brutal-kill"
    case .infinity: "infinity"
    }
  }

  init?(definition: JSONValue) {
    switch definition {
    case .int(let nanoseconds): self = .timeout(.nanoseconds(nanoseconds))
    case "brutal-kill": self = .brutalKill
    case "infinity": self = .infinity
    default: return nil
    }
  }
}

extension RetryPolicy {
  init?(definition: JSONValue) {
    guard let attempts = definition["maxAttempts"]?.intValue, let initial = definition["initial"]?.intValue,
      let factor = definition["factor"]?.doubleValue, let max = definition["max"]?.intValue
    else { return nil }
    self.init(
      maxAttempts: Int(clamping: attempts), initial: .nanoseconds(initial), factor: factor, max: .nanoseconds(max))
  }
}
