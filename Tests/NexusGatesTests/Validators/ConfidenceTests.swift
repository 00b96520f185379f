// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGates
import Testing

struct ConfidenceTests {
  private static func validator(
    _ value: String = "output.confidence", missing: Verdict = .escalate, rules: GateRule...
  ) throws -> Validator {
    var definition = Validator.Definition()
    definition.rules = rules
    definition.confidence = ConfidenceCheck(expression: value, proceed: 0.85, escalate: 0.6, missing: missing)
    return try Validator(definition)
  }

  @Test(arguments: [
    ("1", Verdict.pass), ("0.85", .pass), ("0.849999", .escalate), ("0.6", .escalate), ("0.59", .stop), ("0", .stop),
    ("1.01", .stop), ("-0.1", .stop), (#""high""#, .stop), ("null", .stop), ("[0.9]", .stop),
  ])
  func `what is sure passes, what is less is shown to a person, what is least is stopped`(
    _ number: String, _ verdict: Verdict
  ) throws {
    let validator = try Self.validator(missing: .stop)
    #expect(validator.judge(Array(#"{"confidence": \#(number)}"#.utf8)).verdict == verdict)
  }

  @Test(arguments: [Verdict.escalate, .stop])
  func `none is what missing says`(missing: Verdict) throws {
    let judgement = try Self.validator(missing: missing).judge(Array("{}".utf8))
    #expect(judgement.verdict == missing)
    #expect(judgement.errors.map(\.code) == ["confidenceMissing"])
    #expect(judgement.errors.map(\.stage) == [.confidence])
  }

  @Test func `it is asked only where the rules let the output pass`() throws {
    let strict = try Self.validator(rules: GateRule(id: "no", expression: "false", onFail: .retry))
    #expect(strict.judge(Array("{}".utf8)).errors.map(\.stage) == [.rules])
    let mild = try Self.validator(rules: GateRule(id: "hm", expression: "false", onFail: .warn))
    #expect(mild.judge(Array("{}".utf8)).errors.map(\.stage) == [.rules, .confidence])
  }

  @Test func `it has to be a number as far as that is known`() throws {
    let problems = try #require(throws: GateRuleProblems.self) { try Self.validator("'high'") }
    #expect(problems.all.map(\.part) == [.confidence])
    #expect(throws: GateRuleProblems.self) { try Self.validator("output.") }
  }
}

/// The form that runs are pinned to.
struct ValidatorFormTests {
  private static func definition() throws -> Validator.Definition {
    var definition = Validator.Definition()
    definition.scope = .run
    definition.onInvalid = .retry
    definition.onError = .escalate
    definition.schemaValue = [
      "type": "object", "properties": ["total": ["type": "integer"], "at": ["format": "date"]],
    ]
    definition.assertsFormats = true
    definition.rules = [
      GateRule(
        id: "cap", expression: "output.total <= 10", precondition: "has(output.total)", message: "too much",
        messageExpression: "'total ' + string(output.total)", path: "/total", onFail: .retry),
      GateRule(id: "plain", expression: "true"),
    ]
    definition.confidence = ConfidenceCheck(expression: "1.0", proceed: 0.9, escalate: 0.5, missing: .stop)
    return definition
  }

  @Test func `it says the same when it is read again`() throws {
    let form = try Self.definition().pinned
    let read = try Validator.Definition(pinned: form)
    #expect(read.pinned == form)
    let validator = try Validator(pinned: form)
    #expect(validator.judge(result: ["total": 10]).verdict == .pass)
    let judgement = validator.judge(result: ["total": 11])
    #expect(judgement.verdict == .retry)
    #expect(judgement.errors.first?.message == "total 11")
    #expect(validator.judge(result: ["at": "yesterday"]).errors.map(\.stage) == [.schema])
  }

  @Test(arguments: ["version", "format", "scope", "onInvalid", "onError", "rules"])
  func `a form that this version does not know whole is not used`(member: String) throws {
    guard case .object(var object) = try Self.definition().pinned else { return }
    object[member] = nil
    #expect(throws: ValidatorFormError.self) { try Validator(pinned: .object(object)) }
    guard case .object(var more) = try Self.definition().pinned else { return }
    more["later"] = 1
    #expect(throws: ValidatorFormError.self) { try Validator(pinned: .object(more)) }
  }

  @Test func `no form lets what is invalid pass`() throws {
    guard case .object(var object) = try Self.definition().pinned else { return }
    for (member, word) in [("onInvalid", "pass"), ("onInvalid", "warn"), ("onError", "warn"), ("onError", "retry")] {
      let before = object[member]
      object[member] = .string(word)
      #expect(throws: ValidatorFormError.self) { try Validator(pinned: .object(object)) }
      object[member] = before
    }
  }

  @Test func `what is no JSON is told from a text that is meant`() throws {
    var definition = Validator.Definition()
    definition.onInvalid = .retry
    #expect(try Validator(definition).judge(result: "hello").errors.map(\.code) == ["notJSON"])
    #expect(try Validator(definition).judge(result: ["a": 1]).verdict == .pass)
    definition.schemaValue = ["type": "string", "maxLength": 5]
    definition.schema = try Schema(["type": "string", "maxLength": 5])
    #expect(try Validator(definition).judge(result: "hello").verdict == .pass)
    #expect(try Validator(definition).judge(result: "too long").verdict == .retry)
    definition.format = .text
    #expect(try Validator(definition).judge(result: 12).verdict == .pass)
  }

  @Test func `rules of runs read what runs have to say, with types`() throws {
    func judge(_ expression: String, _ values: [String: JSONValue]) throws -> Judgement {
      var definition = Validator.Definition()
      definition.scope = .run
      definition.rules = [GateRule(id: "r", expression: expression)]
      return try Validator(definition).judge(
        result: ["total": 3], values: values, now: WallTime(microseconds: 1_795_412_220_123_456))
    }
    let run: JSONValue = [
      "id": "run_1", "kind": "saga", "name": "s", "step": "a", "attempt": 2, "input": nil, "tokens": 5, "nanoUSD": 7,
    ]
    #expect(try judge("run.attempt == 2 && run.nanoUSD < 8 && run.step == 'a'", ["run": run]).verdict == .pass)
    #expect(
      try judge("output.total <= steps.plan.output.max", ["steps": ["plan": ["output": ["max": 3]]]]).verdict == .pass)
    #expect(try judge("now > timestamp('2026-11-01T00:00:00Z')", [:]).verdict == .pass)
    #expect(try judge("steps.plan.output.max > 1.0", ["steps": [:]]).errors.map(\.code) == ["evaluatorError"])
    for absent in Validator.allVariables where !["input", "steps", "run", "context"].contains(absent) {
      #expect(throws: GateRuleProblems.self, "\(absent)") { try judge("\(absent) == 1", [:]) }
    }
  }
}
