// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The form in which a definition is kept with the runs that are pinned to it; its canonical JSON is what is hashed.
///
/// Durations are nanoseconds. A form of a later version, or with a member that this version does not know, is not read:
/// a run that is pinned to it is paused until a version comes that can.
extension FlowDefinition {
  /// The version of the form written by `pinned`.
  package static let pinnedVersion: Int64 = 1
  /// How deep definitions may stand inside each other.
  package static let maxChildDepth = 8

  package var pinned: JSONValue {
    var object: JSONObject = [
      "version": .int(Self.pinnedVersion), "kind": .string(kind.rawValue), "name": .string(name),
      "steps": .array(steps.map(\.pinned)), "onExhausted": .string(onExhausted.rawValue),
      "onCompensationFailure": .string(onCompensationFailure.rawValue), "maxParallel": .int(Int64(maxParallel)),
    ]
    object["timeout"] = timeout.map { .int($0.wholeNanoseconds) }
    object["decision"] = decision.map(\.pinned)
    // Absent where it is false, so that forms without it stay what they were.
    if isQueued { object["queued"] = true }
    object["agents"] = .object(
      JSONObject(uniqueMembers: agents.sorted { $0.key < $1.key }.map { .init(key: $0.key.text, value: $0.value) }))
    // Absent where there are none, so that forms without them stay what they were.
    if !gates.isEmpty { object["gates"] = .array(gates.values.sorted { $0.name < $1.name }.map(\.pinned)) }
    object["children"] = .object(
      JSONObject(uniqueMembers: children.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: $0.value.pinned) }))
    object["refusals"] = .array(
      refusals.map { ["code": .string($0.code), "message": .string($0.message)] })
    return .object(object)
  }

  /// Reads a pinned form; nil if it is not one that this version reads, or if its steps do not fit together.
  package init?(pinned: JSONValue) {
    guard let definition = try? Self(pinned: pinned, depth: 0) else { return nil }
    self = definition
  }

  private init(pinned: JSONValue, depth: Int) throws(UnreadableForm) {
    guard depth <= Self.maxChildDepth else { throw UnreadableForm() }
    var reader = try PinnedReader(pinned)
    guard try reader.value("version") == .int(Self.pinnedVersion) else { throw UnreadableForm() }
    self.init(kind: try reader.word("kind"), name: try reader.text("name"))
    steps = try reader.list("steps") { (step) throws(UnreadableForm) in try FlowStep(pinned: step) }
    onExhausted = try reader.word("onExhausted")
    onCompensationFailure = try reader.word("onCompensationFailure")
    timeout = try reader.optionalDuration("timeout")
    maxParallel = try reader.integer("maxParallel", in: 1...Int.max)
    decision = try reader.optional("decision").map { (form) throws(UnreadableForm) in try PoolDecision(pinned: form) }
    isQueued = reader.optional("queued") == .bool(true)
    for entry in try reader.entries("agents") { agents[AgentName(entry.key)] = entry.value }
    guard let gates = GateDefinition.list(pinned: reader.optional("gates")) else { throw UnreadableForm() }
    for gate in gates { self.gates[gate.name] = gate }
    for entry in try reader.entries("children") {
      children[entry.key] = try FlowDefinition(pinned: entry.value, depth: depth + 1)
    }
    refusals = try reader.list("refusals") { (form) throws(UnreadableForm) in
      var reader = try PinnedReader(form)
      let refusal = PlanRefusal(code: try reader.text("code"), message: try reader.text("message"))
      try reader.finish()
      return refusal
    }
    try reader.finish()
    guard kind != .agent, hasSoundForm, hasSoundSteps,
      steps.allSatisfy({ $0.gates.allSatisfy { self.gates[$0] != nil } })
    else { throw UnreadableForm() }
  }

  /// A pool is a fan-out with a decision, or a queue of one step, both of agents; nothing else is either.
  private var hasSoundForm: Bool {
    if kind == .pool, steps.contains(where: { if case .agent = $0.action { false } else { true } }) { return false }
    if isQueued { return kind == .pool && !isFanOut && steps.count == 1 }
    return (kind == .pool) == isFanOut
  }

  /// Every step has a name of its own and needs steps that exist, and none needs itself, by whatever way.
  private var hasSoundSteps: Bool {
    guard steps.count <= Self.maxSteps, Set(steps.map(\.name)).count == steps.count,
      steps.allSatisfy({ $0.needs.allSatisfy(steps.indices.contains) })
    else { return false }
    return startOrder.count == steps.count
  }

  /// The steps in an order in which each comes behind everything that it needs; those of a circle, and what needs them,
  /// are left out.
  package var startOrder: [Int] {
    var missing = steps.map(\.needs.count)
    var followers = [[Int]](repeating: [], count: steps.count)
    for (index, step) in steps.enumerated() { for need in step.needs { followers[need].append(index) } }
    var order = steps.indices.filter { missing[$0] == 0 }
    var next = 0
    while next < order.count {
      for follower in followers[order[next]] {
        missing[follower] -= 1
        if missing[follower] == 0 { order.append(follower) }
      }
      next += 1
    }
    return order
  }
}

extension PoolDecision {
  fileprivate var pinned: JSONValue {
    ["strategy": .string(strategy.rawValue), "quorum": .int(Int64(quorum)), "equality": equality.pinned]
  }

  fileprivate init(pinned: JSONValue) throws(UnreadableForm) {
    var reader = try PinnedReader(pinned)
    self.init(
      strategy: try reader.word("strategy"), quorum: try reader.integer("quorum", in: 0...FlowDefinition.maxSteps),
      equality: try PoolEquality(pinned: reader.value("equality")))
    try reader.finish()
  }
}

extension PoolEquality {
  fileprivate var pinned: JSONValue {
    switch self {
    case .canonical: "canonical"
    case .path(let parts): ["path": .array(parts.map(\.pinned))]
    case .normalised(let changes): ["normalise": .array(changes.map { .string($0.rawValue) })]
    case .agent(let name): ["agent": .string(name.text)]
    }
  }

  fileprivate init(pinned: JSONValue) throws(UnreadableForm) {
    if pinned == "canonical" {
      self = .canonical
      return
    }
    guard case .object(let object) = pinned, object.count == 1 else { throw UnreadableForm() }
    var reader = try PinnedReader(pinned)
    switch object.keys[0] {
    case "path":
      self = .path(try reader.list("path") { (part) throws(UnreadableForm) in try ReferencePart(pinned: part) })
    case "normalise":
      self = .normalised(
        try reader.list("normalise") { (change) throws(UnreadableForm) in
          guard let change = change.stringValue.flatMap(PoolNormaliser.init(rawValue:)) else { throw UnreadableForm() }
          return change
        })
    case "agent": self = .agent(AgentName(try reader.text("agent")))
    default: throw UnreadableForm()
    }
  }
}

extension ReferencePart {
  fileprivate var pinned: JSONValue {
    switch self {
    case .member(let name): .string(name)
    case .element(let index): .int(Int64(index))
    }
  }

  fileprivate init(pinned: JSONValue) throws(UnreadableForm) {
    switch pinned {
    case .string(let name): self = .member(name)
    case .int(let index): self = .element(Int(clamping: index))
    default: throw UnreadableForm()
    }
  }
}
