// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGates
import Testing

/// Small objects of a value are left as they are: rules cannot tell.
struct LeftAsJSONTests {
  private static let output: JSONValue = ["a": 1, "b": "x", "c": .null, "d": true, "é": .double(0.5)]

  @Test(arguments: [
    "output == {'a': 1.0, 'b': 'x', 'c': null, 'd': true, 'é': 0.5}",
    "{'a': 1.0, 'b': 'x', 'c': null, 'd': true, 'é': 0.5} == output", "output.size() == 5",
    "output.map(k, k) == ['a', 'b', 'c', 'd', 'é']", "output.exists(k, v, v == 'x')", "type(output.a) == double",
    "'b' in output && !('e' in output) && !(1 in output)", "has(output.c) && !has(output.x)", "output['é'] == 0.5",
    "output.transformMap(k, v, v).size() == 5", "'%s'.format([output]).startsWith('{a: 1, b: x')",
    "output != {'a': 1.0}", "optional.ofNonZeroValue(output).hasValue()", "output.?x.orValue(3) == 3",
  ])
  func `an object is what it was`(rule: String) throws {
    let environment = RuleEnvironment(variables: [RuleVariable("output")])
    let outcome = try CompiledRule(rule, in: environment).evaluate(
      RuleBindings(environment, ["output": try RuleValue(Self.output)]))
    guard case .success(.bool(true)) = outcome.result else { return #expect(Bool(false), "\(outcome)") }
  }

  @Test func `what no double holds is refused where it stands`() {
    for (output, path) in [
      (["a": 9_007_199_254_740_993] as JSONValue, "/a"), (["l": [["x": 1], ["y": .int(.max)]]], "/l/1/y"),
    ] {
      #expect(performing: { try RuleValue(output) }, throws: { ($0 as? JSONConversionError)?.path == path })
    }
  }

  @Test func `whole numbers are those of the schema`() throws {
    let types = SchemaTypes(schema: [
      "type": "object", "properties": ["n": ["type": "integer"], "d": ["type": "number"]],
    ])
    let environment = RuleEnvironment(variables: [RuleVariable("output", types.type)])
    let value = try RuleValue(["n": .double(3), "d": 3, "other": 3], as: types.type)
    let rule = try CompiledRule(
      "type(output.n) == int && type(output.d) == double && type(output.other) == double", in: environment)
    guard case .success(.bool(true)) = rule.evaluate(RuleBindings(environment, ["output": value])).result else {
      return #expect(Bool(false))
    }
  }
}
