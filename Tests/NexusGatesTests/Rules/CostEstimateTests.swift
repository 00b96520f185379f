// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGates
import Testing

/// What a rule can cost at most, said before it is ever asked.
struct CostEstimateTests {
  private static let schema: JSONValue = [
    "type": "object", "additionalProperties": false,
    "properties": [
      "total": ["type": "integer"], "name": ["type": "string", "maxLength": 40], "free": ["type": "string"],
      "word": ["enum": ["alpha", "beta"], "type": "string"],
      "items": ["type": "array", "maxItems": 50, "items": ["type": "integer"]],
      "names": ["type": "array", "maxItems": 20, "items": ["type": "string", "maxLength": 10]],
      "grid": [
        "type": "array", "maxItems": 30, "items": ["type": "array", "maxItems": 30, "items": ["type": "integer"]],
      ],
      "open": ["type": "array", "items": ["type": "integer"]],
    ],
  ]

  /// As large as the schema allows.
  private static let largest: JSONValue = [
    "total": 7, "name": .string(String(repeating: "\u{1F600}", count: 40)), "free": "x", "word": "alpha",
    "items": .array((0..<50).map { .int($0) }),
    "names": .array((0..<20).map { _ in .string(String(repeating: "\u{1F600}", count: 10)) }),
    "grid": .array((0..<30).map { row in .array((0..<30).map { .int(row * 30 + $0) }) }), "open": [1],
  ]

  private static func environment(limit: Int = RuleLimits.maxRuleCost) -> RuleEnvironment {
    let types = SchemaTypes(schema: schema)
    var environment = RuleEnvironment(
      variables: [RuleVariable("output", types.type, bound: types.bound)],
      limits: RuleLimits().lowered(ruleCost: limit))
    environment.refusesCostly = true
    return environment
  }

  @Test(arguments: [
    "output.total > 3", "output.total > 3 && output.word in ['alpha', 'beta']", "has(output.name) ? 1 > 2 : 2 > 1",
    "output.items.all(x, x >= 0)", "output.items.exists(x, x == 1000)", "output.items.exists_one(x, x == 3)",
    "output.items.map(x, x * 2).filter(x, x > 5).size() > 0", "output.grid.all(r, r.all(x, x >= 0))",
    "output.names.all(n, n != 'x' && n.size() <= 10)", "output.names.all(n, output.names.exists(m, m == n))",
    "output.name.contains('zz') || output.name.startsWith('a') || output.name.endsWith('b')",
    "output.name.matches('^[a-z]+$')", "output.items == output.items", "output.items + output.items == []",
    "(output.name + output.name).size() == 80", "output.grid == output.grid", "1000 in output.items",
    "cel.bind(x, output.items, x.all(y, x.exists(z, z == y)))", "[1, 2, 3].all(x, x in output.items)",
    "output.items[3] == 4", "output.items.all(i, x, i == x)", "int('42') == output.total", "output.free == 'EUR'",
  ])
  func `a rule never costs more than was said`(text: String) throws {
    let environment = Self.environment()
    let rule = try CompiledRule(text, in: environment)
    let worst = try #require(rule.worstCost, "\(text)")
    let types = SchemaTypes(schema: Self.schema)
    let bindings = RuleBindings(environment, ["output": try RuleValue(Self.largest, as: types.type)])
    let outcome = rule.evaluate(bindings)
    guard case .success = outcome.result else {
      Issue.record("\(text): \(outcome.result)")
      return
    }
    #expect(outcome.cost <= worst, "\(text) cost \(outcome.cost), and at most \(worst) was said")
    // A bound that is far off says little.
    #expect(worst <= 100 * outcome.cost + 100, "\(text) cost \(outcome.cost), and \(worst) was said")
  }

  @Test(arguments: [
    "output.open.all(x, x > 0)", "output.free.contains('a')", "output.free.size() > 3",
    "output.name == output.free || output.free == output.free",
    "output.free.matches('a+')",
  ])
  func `nothing is said of what has no declared size`(text: String) throws {
    #expect(try CompiledRule(text, in: Self.environment()).worstCost == nil)
  }

  @Test func `a rule that cannot fit is refused when it is compiled`() throws {
    let costly = "output.grid.all(r, output.grid.all(s, r == s))"
    #expect(throws: RuleDiagnostics.self) { try CompiledRule(costly, in: Self.environment(limit: 1_000)) }
    let error = #expect(throws: RuleDiagnostics.self) {
      try CompiledRule(costly, in: Self.environment(limit: 1_000))
    }
    #expect(error?.all.map(\.kind) == [.cost])
    _ = try CompiledRule(costly, in: Self.environment())
  }
}
