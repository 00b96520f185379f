// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import FoundationEssentials
internal import Glibc
internal import NexusCore
internal import NexusGates

/// Measures the gates alone, on one thread and without a disk: `naos-bench gates CASE`.
///
/// CASE is a JSON file with an output, a schema, a rule of two clauses, and the rules of a whole gate. Prints one JSON
/// object of nanoseconds.
enum GatesBench {
  private static let rounds = 400
  /// Calls between two looks at the clock, which costs about as much as a rule.
  private static let batch = 200
  private static let gates = 40_000

  static func measure(path: String) throws {
    let bench = try JSONValue(parsing: Array(try Data(contentsOf: URL(filePath: path))))
    guard let output = bench["output"], let schemaValue = bench["schema"], let rule = bench["rule"]?.stringValue,
      let rules = bench["rules"]?.arrayValue?.compactMap(\.stringValue)
    else {
      print("\(path) lacks output, schema, rule or rules")
      exit(2)
    }
    let schema = try Schema(schemaValue)
    let bytes = output.encoded()
    guard schema.isValid(output) else { return complain("the output is not what the schema asks for") }

    var definition = Validator.Definition()
    definition.schema = schema
    definition.schemaValue = schemaValue
    definition.rules = rules.enumerated().map { GateRule(id: "r\($0.offset)", expression: $0.element) }
    definition.confidence = ConfidenceCheck(expression: "output.confidence", proceed: 0.8, escalate: 0.5)
    let validator = try Validator(definition)
    guard validator.judge(bytes).verdict == .pass else { return complain("the gate does not let the output through") }

    let environment = RuleEnvironment(variables: [RuleVariable("output", SchemaTypes(schema: schemaValue).type)])
    let compiled = try CompiledRule(rule, in: environment)
    let bindings = RuleBindings(
      environment, ["output": try RuleValue(output, as: SchemaTypes(schema: schemaValue).type)])
    guard holds(compiled, bindings) else { return complain("the rule does not hold") }
    let gate = singly(gates) { validator.judge(bytes).verdict == .pass }
    let figures: JSONValue = [
      "bytes": .int(Int64(bytes.count)),
      "schema": .double(batches { schema.isValid(output) }),
      "rule": .double(batches { holds(compiled, bindings) }),
      "gateP50": .double(gate.middle), "gateP99": .double(gate.slow),
      "regex1000": .double(try regex(1_000)), "regex10000": .double(try regex(10_000)),
    ]
    print(figures.text())
  }

  private static func holds(_ rule: CompiledRule, _ bindings: RuleBindings) -> Bool {
    if case .success(.bool(true)) = rule.evaluate(bindings).result { return true }
    return false
  }

  /// The classic that takes exponential time where patterns are tried one way after the other.
  private static func regex(_ length: Int) throws -> Double {
    let pattern = try Pattern(parsing: "^(a+)+$", syntax: .ecma262)
    let text = String(repeating: "a", count: length) + "!"
    return singly(200) { !pattern.matches(text) }.middle
  }

  private static func complain(_ words: String) {
    print(words)
    exit(1)
  }

  /// Nanoseconds of one call: the median over batches.
  private static func batches(_ call: () -> Bool) -> Double {
    var times: [Int64] = []
    for _ in 0..<rounds {
      let began = SystemClock().now()
      var passed = 0
      for _ in 0..<batch where call() { passed += 1 }
      times.append((SystemClock().now() - began).wholeNanoseconds)
      guard passed == batch else { fail() }
    }
    times.sort()
    return Double(times[times.count / 2]) / Double(batch)
  }

  private static func singly(_ count: Int, _ call: () -> Bool) -> (middle: Double, slow: Double) {
    var times: [Int64] = []
    times.reserveCapacity(count)
    for _ in 0..<count {
      let began = SystemClock().now()
      guard call() else { fail() }
      times.append((SystemClock().now() - began).wholeNanoseconds)
    }
    times.sort()
    return (Double(times[times.count / 2]), Double(times[times.count * 99 / 100]))
  }

  private static func fail() -> Never {
    print("an answer was another than the one before")
    exit(1)
  }
}
