// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGates
import Testing

struct ValidatorTests {
  private static let schema: JSONValue = [
    "type": "object", "required": ["total"],
    "properties": [
      "total": ["type": "integer", "minimum": 0], "currency": ["enum": ["EUR", "USD"]], "note": ["type": "string"],
    ],
  ]

  private static func validator(
    schema: JSONValue? = Self.schema, format: Validator.Format = .json, onInvalid: Verdict = .stop, _ rules: GateRule...
  ) throws -> Validator {
    var definition = Validator.Definition()
    definition.format = format
    definition.schemaValue = schema
    definition.schema = try schema.map { try Schema($0) }
    definition.rules = rules
    definition.onInvalid = onInvalid
    return try Validator(definition)
  }

  private func judge(_ text: String, _ validator: Validator, values: [String: JSONValue] = [:]) -> Judgement {
    validator.judge(Array(text.utf8), values: values)
  }

  @Test(arguments: [
    // output, verdict, what is found: stage code path
    (#"{"total": 3}"#, Verdict.pass, []),
    (#"{"total": 3, "currency": "EUR"}"#, .pass, []),
    (#"{"total": -1, "currency": "GBP"}"#, .retry, ["schema notInEnumeration /currency", "schema tooSmall /total"]),
    (#"{}"#, .retry, ["schema memberMissing "]),
    (#"{"total": 3"#, .retry, ["parse notJSON "]),
    (#"{"total": 3, "total": 4}"#, .retry, ["parse notJSON "]),
    ("NaN", .retry, ["parse notJSON "]),
    ("", .retry, ["parse notJSON "]),
    (#"{"total": 3} trailing"#, .retry, ["parse notJSON "]),
  ])
  func `an output is parsed, then held against the schema`(_ output: String, _ verdict: Verdict, _ found: [String])
    throws
  {
    let judgement = judge(output, try Self.validator(onInvalid: .retry))
    #expect(judgement.verdict == verdict)
    #expect(judgement.errors.map { "\($0.stage) \($0.code) \($0.path)" } == found)
  }

  @Test func `every rule is asked, and the most severe one decides`() throws {
    let validator = try Self.validator(
      GateRule(id: "cap", expression: "output.total <= 10", message: "too much", path: "/total", onFail: .retry),
      GateRule(id: "note", expression: "has(output.note)", onFail: .warn),
      GateRule(
        id: "euro", expression: "output.currency == 'EUR'", precondition: "has(output.currency)", path: "/currency",
        onFail: .escalate))
    #expect(
      judge(#"{"total": 10, "note": ""}"#, validator)
        == Judgement(
          verdict: .pass, errors: [], isCutOff: false, cost: judge(#"{"total": 10, "note": ""}"#, validator).cost))
    let warned = judge(#"{"total": 10}"#, validator)
    #expect(warned.verdict == .warn)
    let bad = judge(#"{"total": 11, "currency": "USD"}"#, validator)
    #expect(bad.verdict == .escalate)
    #expect(bad.errors.map(\.keyword) == ["note", "euro", "cap"])
    #expect(bad.errors.map(\.path) == ["", "/currency", "/total"])
    #expect(bad.errors.last?.message == "too much")
    #expect(bad.cost > 0)
  }

  @Test func `a rule is not asked about what broke the schema`() throws {
    let validator = try Self.validator(GateRule(id: "cap", expression: "output.total <= 10"))
    #expect(judge(#"{"total": "eleven"}"#, validator).errors.map(\.stage) == [.schema])
  }

  @Test func `a message is made of the output`() throws {
    let validator = try Self.validator(
      GateRule(id: "cap", expression: "output.total <= 10", messageExpression: "'total is ' + string(output.total)"))
    #expect(judge(#"{"total": 11}"#, validator).errors.first?.message == "total is 11")
    let broken = try Self.validator(
      schema: nil,
      GateRule(
        id: "cap", expression: "output.total <= 10.0", message: "plain", messageExpression: "string(output.missing)"))
    #expect(judge(#"{"total": 11}"#, broken).errors.first?.message == "plain")
  }

  /// A rule that cannot be evaluated must never let anything pass, whatever it was to mean.
  @Test(arguments: [
    "output.missing == 1.0", "output.total / 0.0 > 1.0 && output.missing", "previous.total == output.total",
    "output", "[1, 2, 3][9] == 1", "output.total",
  ])
  func `whatever has no value blocks`(expression: String) throws {
    let validator = try Self.validator(schema: nil, GateRule(id: "odd", expression: expression, onFail: .warn))
    let judgement = judge(#"{"total": 1}"#, validator)
    #expect(judgement.verdict == .stop)
    #expect(judgement.errors.map(\.code) == ["evaluatorError"])
  }

  @Test func `an integer that no double holds blocks where no schema says what it is`() throws {
    let rule = GateRule(id: "cap", expression: "output.total > 0", onFail: .warn)
    let big = #"{"total": 9007199254740993}"#
    #expect(judge(big, try Self.validator(rule)).verdict == .pass)
    let untyped = try Self.validator(schema: nil, GateRule(id: "cap", expression: "output.total > 0.0", onFail: .warn))
    let judgement = judge(big, untyped)
    #expect(judgement.verdict == .stop)
    #expect(judgement.errors.first?.path == "/total")
  }

  @Test func `what is compared with is handed in`() throws {
    let validator = try Self.validator(
      schema: nil,
      GateRule(
        id: "never-shrinks", expression: "!has(previous.total) || output.total >= previous.total", onFail: .escalate))
    #expect(judge(#"{"total": 3}"#, validator, values: ["previous": ["total": 4]]).verdict == .escalate)
    #expect(judge(#"{"total": 4}"#, validator, values: ["previous": ["total": 4]]).verdict == .pass)
    #expect(judge(#"{"total": 4}"#, validator, values: ["previous": [:]]).verdict == .pass)
  }

  @Test func `a text is judged as it stands`() throws {
    let validator = try Self.validator(
      schema: ["type": "string", "maxLength": 5], format: .text,
      GateRule(id: "calm", expression: "!output.contains('!')"))
    #expect(judge("fine", validator).verdict == .pass)
    #expect(judge("fine!", validator).errors.map(\.keyword) == ["calm"])
    #expect(judge("too long", validator).errors.map(\.keyword) == ["maxLength"])
    #expect(validator.judge([0xFF]).errors.map(\.code) == ["notText"])
  }

  @Test func `mistakes in rules are found when they are compiled`() throws {
    var definition = Validator.Definition()
    definition.schemaValue = Self.schema
    definition.rules = [
      GateRule(id: "unknown", expression: "output.total > 1 && nobody"),
      GateRule(id: "type", expression: "output.total > 'one'"),
      GateRule(id: "not-bool", expression: "output.total + 1"),
      GateRule(id: "syntax", expression: "output.total >", precondition: "1 +", messageExpression: "3"),
      GateRule(id: "pattern", expression: "output.note.matches('(a')"),
      GateRule(id: "good", expression: "output.total > 1"),
    ]
    let problems = try #require(throws: GateRuleProblems.self) { try Validator(definition) }
    #expect(
      problems.all.map { "\($0.rule) \($0.part)" } == [
        "0 expression", "1 expression", "2 expression", "3 precondition", "3 expression", "3 messageExpression",
        "4 expression",
      ])
    #expect(problems.all.first?.diagnostic.column == 21)
  }

  @Test func `what is told has limits, and what is left out is said`() throws {
    let judgement = judge(
      "[" + Array(repeating: #""\#(String(repeating: "x", count: 300))""#, count: 60).joined(separator: ",") + "]",
      try Self.validator(schema: ["items": ["type": "integer"]]))
    #expect(judgement.isCutOff)
    #expect(!judgement.errors.isEmpty && judgement.errors.count <= Judgement.maxErrors)
    #expect(judgement.errors.map { $0.json.text().utf8.count }.reduce(0, +) <= Judgement.maxBytes)
    #expect(judgement.errors.allSatisfy { $0.got.utf8.count <= SchemaIssue.maxQuote })
  }

  @Test func `rules share one limit of cost`() throws {
    let list = "[" + Array(repeating: "1", count: 3000).joined(separator: ",") + "]"
    let costly = "output.all(x, output.all(y, x == y))"
    let one = judge(list, try Self.validator(schema: nil, GateRule(id: "a", expression: costly)))
    #expect(one.errors.map(\.code) == ["evaluatorError"])
    #expect(one.cost <= RuleLimits.maxRuleCost + 100)
    var definition = Validator.Definition()
    definition.rules = (0..<20).map { GateRule(id: "r\($0)", expression: costly, onFail: .warn) }
    let all = judge(list, try Validator(definition))
    #expect(all.verdict == .stop)
    #expect(all.cost <= RuleLimits.maxGateCost + 100)
    #expect(all.errors.contains { $0.message.contains("together") })
  }

  @Test func `too many bytes are refused unread`() throws {
    let validator = try Self.validator()
    let judgement = validator.judge([UInt8](repeating: 0x20, count: SchemaLimits.maxInstanceBytes + 1))
    #expect(judgement.errors.map(\.code) == ["limitPassed"])
    #expect(judgement.verdict == .stop)
  }
}
