// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

struct PinnedDefinitionTests {
  // MARK: Definitions at random

  private struct Author {
    var random: SeededNumbers

    mutating func maybe() -> Bool { Bool.random(using: &random) }
    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    mutating func one<Element>(_ elements: [Element]) -> Element? { elements.randomElement(using: &random) }

    mutating func duration() -> Duration {
      .nanoseconds(Int64.random(in: 0...(3650 * 86_400 * 1_000_000_000), using: &random))
    }

    mutating func template() throws -> ValueTemplate {
      try ValueTemplate(
        parsing: one([
          "{{ run.input }}", ["a": ["{{ item.x }} and {{ index }}", 1, nil]], 3, true, nil, .double(1.5), "{{ '{{' }}",
          ["z": "{{ item }}", "a": ["y": 1, "b": "{{ index }}"]],
          [:],
        ]) ?? nil)
    }

    mutating func retry() -> StepRetry {
      StepRetry(
        policy: RetryPolicy(
          maxAttempts: one([1, 3, Int.max]) ?? 1, initial: duration(), factor: one([1, 2, 1.1, 1000]) ?? 1,
          max: duration()),
        jitter: one([0, 0.2, 1]) ?? 0,
        nonRetryable: maybe() ? [.exit(Int32(number(-1...255))), .code("NX-AGT-005"), .code("E_FULL")] : [])
    }

    mutating func limits() -> StepLimits {
      StepLimits(
        attempt: maybe() ? duration() : nil, queue: maybe() ? duration() : nil, heartbeat: maybe() ? duration() : nil)
    }

    mutating func step(_ index: Int) throws -> FlowStep {
      let actions: [StepAction] = [
        .agent(AgentName("agent-\(index)")), .run("inner"), .sleep(try template()), .event("approved"),
      ]
      var step = FlowStep(
        name: "step-\(index)", action: one(actions) ?? actions[0], needs: (0..<index).filter { _ in maybe() })
      step.condition = maybe() ? try Condition(parsing: "run.input.x in [1, 'a'] && !(run.id == null)") : nil
      step.forEach = maybe() ? ForEach(items: try template(), parallel: number(1...100)) : nil
      step.input = maybe() ? try template() : nil
      step.retry = retry()
      step.limits = limits()
      step.onError = one(OnStepError.allCases) ?? .stop
      step.onUnknown = one([.retrySameKey, .ask, .fail, .probe(AgentName("prober"))]) ?? .ask
      step.idempotencyKey = maybe() ? try template() : nil
      step.commitment = one(SagaCommitment.allCases) ?? .pivot
      step.parentClose = one(ParentClose.allCases) ?? .kill
      if maybe() {
        var compensation = CompensationStep(agent: AgentName("undo-\(index)"))
        compensation.input = maybe() ? try template() : nil
        compensation.retry = retry()
        compensation.limits = limits()
        compensation.ofFailed = one(CompensateFailed.allCases) ?? .never
        step.compensation = compensation
      }
      return step
    }

    mutating func definition(depth: Int = 0) throws -> FlowDefinition {
      let kind = one([RunKind.workflow, .saga, .pool]) ?? .pool
      var definition = FlowDefinition(kind: kind, name: "flow-\(depth)")
      for index in 0..<number(0...6) { definition.steps.append(try step(index)) }
      definition.onExhausted = one(OnExhausted.allCases) ?? .pause
      definition.onCompensationFailure = one(OnCompensationFailure.allCases) ?? .proceed
      definition.timeout = maybe() ? duration() : nil
      definition.maxParallel = number(1...1000)
      let equalities: [PoolEquality] = [
        .canonical, .path([.member("answer"), .element(3), .member("odd key")]),
        .normalised([.number, .whitespace, .lowercase, .punctuation]), .agent(AgentName("judge")),
      ]
      if kind == .pool {
        for index in definition.steps.indices { definition.steps[index].action = .agent(AgentName("member-\(index)")) }
        definition.decision = PoolDecision(
          strategy: one(PoolStrategy.allCases) ?? .all, quorum: number(0...5), equality: one(equalities) ?? .canonical)
      }
      for index in 0..<number(0...3) {
        definition.agents[AgentName("agent-\(index)")] = ["version": 1, "command": ["run", .string("\(index)")]]
      }
      if depth < 2, maybe() { definition.children["inner"] = try self.definition(depth: depth + 1) }
      if maybe() {
        definition.refusals = [PlanRefusal(code: "NX-CFG-302", message: "`sandbox` cannot be enforced yet")]
      }
      return definition
    }
  }

  @Test(arguments: 0..<60) func `a definition comes back from its pinned form and its canonical text`(
    _ seed: UInt64
  ) throws {
    var author = Author(random: SeededNumbers(seed))
    for _ in 0..<10 {
      let definition = try author.definition()
      #expect(FlowDefinition(pinned: definition.pinned) == definition)
      let bytes = definition.pinned.encoded(.canonical)
      let read = try #require(FlowDefinition(pinned: try JSONValue(parsing: bytes)))
      #expect(read == definition)
      #expect(read.pinned.encoded(.canonical) == bytes)
    }
  }

  // MARK: Strictness

  private static func sound() throws -> FlowDefinition {
    var definition = FlowDefinition(kind: .saga, name: "s")
    var step = FlowStep(name: "a", action: .agent(AgentName("a")))
    step.condition = try Condition(parsing: "run.input == 1")
    step.forEach = ForEach(items: try ValueTemplate(parsing: "{{ run.input }}"))
    step.compensation = CompensationStep(agent: AgentName("b"))
    definition.steps = [step, FlowStep(name: "b", action: .event("e"), needs: [0])]
    definition.timeout = .seconds(1)
    definition.refusals = [PlanRefusal(code: "NX-CFG-302", message: "m")]
    return definition
  }

  /// The same value with one change at every place of it, one after the other.
  private static func changed(_ value: JSONValue, _ change: (JSONValue) -> [JSONValue]) -> [JSONValue] {
    var results = change(value)
    switch value {
    case .object(let object):
      for member in object {
        for inner in changed(member.value, change) {
          var copy = object
          copy[member.key] = inner
          results.append(.object(copy))
        }
      }
    case .array(let elements):
      for (index, element) in elements.enumerated() {
        for inner in changed(element, change) {
          var copy = elements
          copy[index] = inner
          results.append(.array(copy))
        }
      }
    default: break
    }
    return results
  }

  @Test func `a form with a member more or of another type is not read`() throws {
    let pinned = try Self.sound().pinned
    #expect(FlowDefinition(pinned: pinned) == (try Self.sound()))
    let extended = Self.changed(pinned) { value in
      guard case .object(var object) = value else { return [] }
      object["later"] = 1
      return [.object(object)]
    }
    // `agents` and `children` are maps by name: whatever stands in them is one.
    let read = extended.filter { FlowDefinition(pinned: $0) != nil }
    #expect(extended.count > 10)
    #expect(read.count == 1 && read.allSatisfy { $0["agents"]?["later"] != nil })

    let mistyped = Self.changed(pinned) { value in
      if case .object = value { return [true] }
      if case .array = value { return [[:]] }
      return [[["x"]]]
    }
    // A template may be any value, so a list of texts is one.
    let templates = mistyped.filter { FlowDefinition(pinned: $0) != nil }
    #expect(mistyped.count > 40)
    #expect(templates.count == 1 && templates.allSatisfy { $0["steps"] != pinned["steps"] })
  }

  @Test func `a form without one of its members is read only where the member may be absent`() throws {
    let pinned = try Self.sound().pinned
    let shortened = Self.changed(pinned) { value in
      guard case .object(let object) = value else { return [] }
      return object.keys.map { key in
        var copy = object
        copy[key] = nil
        return .object(copy)
      }
    }
    let read = shortened.compactMap { FlowDefinition(pinned: $0) }
    // The timeout of the run; `when`, `forEach` and `compensation` of its first step.
    #expect(read.count == 4)
    #expect(read.allSatisfy { $0 != (try? Self.sound()) })
    #expect(shortened.count > 40)
  }

  @Test(
    arguments: [
      ["needs": [2]], ["needs": [-1]], ["needs": [1]], ["name": "a"], ["needs": [.double(0.5)]], ["when": "1 <"],
      ["input": "{{"], ["retry": ["maxAttempts": 0]], ["onUnknown": ["probe": 1]], ["onError": "Stop"],
    ] as [JSONValue]) func `steps that do not fit together are not read`(_ change: JSONValue) throws
  {
    var pinned = try #require(try Self.sound().pinned.objectValue)
    var steps = try #require(pinned["steps"]?.arrayValue)
    var second = try #require(steps[1].objectValue)
    for member in try #require(change.objectValue) { second[member.key] = member.value }
    steps[1] = .object(second)
    pinned["steps"] = .array(steps)
    #expect(FlowDefinition(pinned: .object(pinned)) == nil)
  }

  @Test func `a circle, another version, an agent and a pool that cannot decide are not read`() throws {
    var circle = try Self.sound()
    circle.steps[0].needs = [1]
    #expect(FlowDefinition(pinned: circle.pinned) == nil)
    #expect(circle.startOrder == [])
    var object = try #require(try Self.sound().pinned.objectValue)
    for (key, value) in [("version", 2), ("kind", "agent"), ("kind", "pool"), ("maxParallel", 0)]
      as [(String, JSONValue)]
    {
      let before = object[key]
      object[key] = value
      #expect(FlowDefinition(pinned: .object(object)) == nil)
      object[key] = before
    }
    #expect(FlowDefinition(pinned: .object(object)) != nil)
  }

  @Test func `a pool has agents for members`() throws {
    var pool = FlowDefinition.pool(2, PoolDecision(strategy: .all))
    #expect(FlowDefinition(pinned: pool.pinned) == pool)
    pool.steps[1].action = .run("inner")
    #expect(FlowDefinition(pinned: pool.pinned) == nil)
  }

  @Test func `definitions nest to their limit and not deeper`() {
    var definition = FlowDefinition(kind: .workflow, name: "leaf")
    for depth in 1...FlowDefinition.maxChildDepth {
      var outer = FlowDefinition(kind: .workflow, name: "level-\(depth)")
      outer.children["inner"] = definition
      definition = outer
    }
    #expect(FlowDefinition(pinned: definition.pinned) == definition)
    var tooDeep = FlowDefinition(kind: .workflow, name: "top")
    tooDeep.children["inner"] = definition
    #expect(FlowDefinition(pinned: tooDeep.pinned) == nil)
  }

  @Test func `steps are put in an order in which each comes behind what it needs`() {
    var definition = FlowDefinition(kind: .workflow, name: "w")
    definition.steps = [
      FlowStep(name: "d", action: .event("e"), needs: [1, 2]), FlowStep(name: "b", action: .event("e"), needs: [3]),
      FlowStep(name: "c", action: .event("e"), needs: [3]), FlowStep(name: "a", action: .event("e")),
    ]
    #expect(definition.startOrder == [3, 1, 2, 0])
  }
}
