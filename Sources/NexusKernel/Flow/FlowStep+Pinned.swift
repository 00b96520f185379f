// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

extension FlowStep {
  var pinned: JSONValue {
    var object: JSONObject = [
      "name": .string(name), "action": action.pinned, "needs": .array(needs.map { .int(Int64($0)) }),
      "retry": retry.pinned, "limits": limits.pinned, "onError": .string(onError.rawValue),
      "onUnknown": onUnknown.pinned, "commitment": .string(commitment.rawValue),
      "parentClose": .string(parentClose.rawValue),
    ]
    object["when"] = condition.map { .string($0.source) }
    object["forEach"] = forEach.map { ["items": $0.items.source, "parallel": .int(Int64($0.parallel))] }
    object["input"] = input.map(\.source)
    object["idempotencyKey"] = idempotencyKey.map(\.source)
    object["compensation"] = compensation.map(\.pinned)
    if !gates.isEmpty { object["gates"] = .array(gates.map { .string($0) }) }
    if !inputGates.isEmpty { object["inputGates"] = .array(inputGates.map { .string($0) }) }
    return .object(object)
  }

  init(pinned: JSONValue) throws(UnreadableForm) {
    var reader = try PinnedReader(pinned)
    self.init(name: try reader.text("name"), action: try StepAction(pinned: reader.value("action")))
    needs = try reader.list("needs") { (need) throws(UnreadableForm) in
      guard case .int(let index) = need, let index = Int(exactly: index) else { throw UnreadableForm() }
      return index
    }
    retry = try reader.inner("retry", StepRetry.init(pinned:))
    limits = try reader.inner("limits", StepLimits.init(pinned:))
    onError = try reader.word("onError")
    onUnknown = try OnUnknown(pinned: reader.value("onUnknown"))
    commitment = try reader.word("commitment")
    parentClose = try reader.word("parentClose")
    if let source = reader.optional("when") {
      guard let text = source.stringValue, let condition = try? Condition(parsing: text) else { throw UnreadableForm() }
      self.condition = condition
    }
    if let form = reader.optional("forEach") {
      var inner = try PinnedReader(form)
      forEach = ForEach(
        items: try inner.template("items"), parallel: try inner.integer("parallel", in: 1...ForEach.maxItems))
      try inner.finish()
    }
    input = try reader.optionalTemplate("input")
    idempotencyKey = try reader.optionalTemplate("idempotencyKey")
    compensation = try reader.optional("compensation").map { (form) throws(UnreadableForm) in
      try CompensationStep(pinned: form)
    }
    gates = try Self.names(reader.optional("gates"))
    inputGates = try Self.names(reader.optional("inputGates"))
    try reader.finish()
  }
}

extension FlowStep {
  private static func names(_ form: JSONValue?) throws(UnreadableForm) -> [String] {
    var names: [String] = []
    for name in form?.arrayValue ?? [] {
      guard let name = name.stringValue else { throw UnreadableForm() }
      names.append(name)
    }
    return names
  }
}

extension StepAction {
  fileprivate var pinned: JSONValue {
    switch self {
    case .agent(let name): ["agent": .string(name.text)]
    case .run(let name): ["run": .string(name)]
    case .sleep(let length): ["sleep": length.source]
    case .event(let name): ["event": .string(name)]
    }
  }

  fileprivate init(pinned: JSONValue) throws(UnreadableForm) {
    var reader = try PinnedReader(pinned)
    if let name = reader.optional("agent")?.stringValue {
      self = .agent(AgentName(name))
    } else if let name = reader.optional("run")?.stringValue {
      self = .run(name)
    } else if let length = try reader.optionalTemplate("sleep") {
      self = .sleep(length)
    } else {
      self = .event(try reader.text("event"))
    }
    try reader.finish()
  }
}

extension StepRetry {
  fileprivate var pinned: JSONValue {
    [
      "maxAttempts": .int(Int64(policy.maxAttempts)), "initial": .int(policy.initial.wholeNanoseconds),
      "factor": .double(policy.factor), "max": .int(policy.max.wholeNanoseconds), "jitter": .double(jitter),
      "nonRetryable": .array(nonRetryable.map { .string($0.text) }),
    ]
  }

  fileprivate init(pinned reader: inout PinnedReader) throws(UnreadableForm) {
    let policy = RetryPolicy(
      maxAttempts: try reader.integer("maxAttempts", in: 1...Int.max), initial: try reader.duration("initial"),
      factor: try reader.number("factor"), max: try reader.duration("max"))
    self.init(
      policy: policy, jitter: try reader.number("jitter"),
      nonRetryable: try reader.list("nonRetryable") { (text) throws(UnreadableForm) in
        guard let pattern = text.stringValue.flatMap(ErrorPattern.init) else { throw UnreadableForm() }
        return pattern
      })
    guard policy.factor >= 1, (0...1).contains(jitter) else { throw UnreadableForm() }
  }
}

extension StepLimits {
  fileprivate var pinned: JSONValue {
    var object = JSONObject()
    object["attempt"] = attempt.map { .int($0.wholeNanoseconds) }
    object["queue"] = queue.map { .int($0.wholeNanoseconds) }
    object["heartbeat"] = heartbeat.map { .int($0.wholeNanoseconds) }
    return .object(object)
  }

  fileprivate init(pinned reader: inout PinnedReader) throws(UnreadableForm) {
    self.init(
      attempt: try reader.optionalDuration("attempt"), queue: try reader.optionalDuration("queue"),
      heartbeat: try reader.optionalDuration("heartbeat"))
  }
}

extension OnUnknown {
  fileprivate var pinned: JSONValue {
    switch self {
    case .retrySameKey: "retry-same-key"
    case .ask: "ask"
    case .fail: "fail"
    case .probe(let agent): ["probe": .string(agent.text)]
    }
  }

  fileprivate init(pinned: JSONValue) throws(UnreadableForm) {
    switch pinned {
    case "retry-same-key": self = .retrySameKey
    case "ask": self = .ask
    case "fail": self = .fail
    default:
      var reader = try PinnedReader(pinned)
      self = .probe(AgentName(try reader.text("probe")))
      try reader.finish()
    }
  }
}

extension CompensationStep {
  fileprivate var pinned: JSONValue {
    var object: JSONObject = [
      "agent": .string(agent.text), "retry": retry.pinned, "limits": limits.pinned,
      "ofFailed": .string(ofFailed.rawValue),
    ]
    object["input"] = input.map(\.source)
    object["reserve"] = reserve.map { ["cost": .int($0.cost.value), "tokens": .int($0.tokens.value)] }
    return .object(object)
  }

  fileprivate init(pinned: JSONValue) throws(UnreadableForm) {
    var reader = try PinnedReader(pinned)
    self.init(agent: AgentName(try reader.text("agent")))
    input = try reader.optionalTemplate("input")
    retry = try reader.inner("retry", StepRetry.init(pinned:))
    limits = try reader.inner("limits", StepLimits.init(pinned:))
    ofFailed = try reader.word("ofFailed")
    if let form = reader.optional("reserve") {
      var inner = try PinnedReader(form)
      let cost = NanoUSD(Int64(try inner.integer("cost", in: 0...Int.max)))
      reserve = Spend(cost: cost, tokens: TokenCount(Int64(try inner.integer("tokens", in: 0...Int.max))))
      try inner.finish()
    }
    try reader.finish()
  }
}
