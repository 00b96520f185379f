// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGates
import Testing

/// What a validation may cost, by the size of the instance: an agent chooses its output, and must not choose the effort.
struct SchemaEffortTests {
  private static let doubling = """
    {"$defs":{"t":{"anyOf":[
      {"type":"array","minItems":2,"items":{"$ref":"#/$defs/t"}},{"type":"array","items":{"$ref":"#/$defs/t"}},
      {"type":"array","items":{"$ref":"#/$defs/t"}},{"const":2}]}},"$ref":"#/$defs/t"}
    """

  @Test func `what doubles with each level is refused after a bounded effort, not taken for valid`() throws {
    let schema = try Schema(parsing: Array(Self.doubling.utf8))
    let deep = try JSONValue(parsing: String(repeating: "[", count: 100) + "1" + String(repeating: "]", count: 100))
    let outcome = schema.validate(deep)
    #expect(!outcome.isValid)
    let limit = SchemaLimits.usualEvaluations + 101 * SchemaLimits.evaluationsOfValue
    let told = outcome.issues.filter { $0.code == .limitPassed }.map(\.message)
    #expect(told.count == 1)
    #expect(told.first?.contains("more than \(limit) subschemas") == true)
  }

  @Test func `a pattern too large for its table has a bounded effort`() throws {
    var random = SplitMix(seed: 4)
    // Which of the last places had an `a` is another state with each character.
    let text = JSONValue.string(String((0..<9_000).map { _ in random.below(2) == 0 ? "a" : "b" } + "c"))
    let schema = try Schema(["type": "string", "pattern": "a.{900}d$"])
    let outcome = schema.validate(text)
    #expect(outcome.issues.map(\.code) == [.limitPassed])
    #expect(outcome.issues.first?.message.contains("\(SchemaLimits.maxPatternSteps) steps") == true)
    // What would be accepted for the opposite is not accepted for want of an answer.
    let opposite = try Schema(["not": ["pattern": "a.{900}d$"]])
    #expect(!opposite.isValid(text))
  }

  @Test func `references in a circle are refused on the stack of any thread`() throws {
    let schema = try Schema(["$ref": "#/$defs/a", "$defs": ["a": ["anyOf": [["$ref": "#/$defs/a"]]]]])
    #expect(schema.validate(1).issues.map(\.code) == [.limitPassed])
  }

  @Test func `a number that is none is no bound`() throws {
    for keyword in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"] {
      guard let schema = try? Schema([keyword: .double(.nan)]) else { continue }
      for value in [JSONValue.int(1), .double(1.5), .int(.max)] { _ = schema.isValid(value) }
    }
    let schema = try Schema(["minimum": 1, "maximum": 2])
    _ = schema.isValid(.double(.nan))
  }

  /// Many values with several subschemas each are no attack, however many they are.
  @Test func `a long instance may cost as much more as it is longer`() throws {
    let schema = try Schema([
      "items": ["allOf": [["type": "integer"], ["minimum": 0], ["maximum": 9], ["not": ["const": 7]]]]
    ])
    let values = 50_000
    #expect(values * 5 > SchemaLimits.usualEvaluations)
    #expect(schema.isValid(.array(Array(repeating: 3, count: values))))
    #expect(!schema.isValid(.array(Array(repeating: 3, count: values) + [7])))
  }
}
