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
