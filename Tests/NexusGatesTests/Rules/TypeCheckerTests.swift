// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusGates
import Testing

/// What the checker lets pass and what it refuses, beside the cases of the language's own suite.
struct TypeCheckerTests {
  private static let environment = RuleEnvironment(variables: [RuleVariable("output")])

  @Test(arguments: [
    "output.s + (true ? true : output.b)", "output.s + (true ? output.b : true)",
    "output.s + (true ? true : (output.b ? false : output.b))",
    "output.s + (true ? (output.b ? output.b : false) : true)",
  ]) func `what one side of a choice leaves open stays open, however deep it stands`(_ text: String) throws {
    _ = try CompiledRule(text, in: Self.environment)
  }

  @Test(arguments: ["output.s + true", "output.s + (output.b ? false : (output.b ? true : false))"])
  func `what no side leaves open is checked`(_ text: String) {
    #expect(throws: RuleDiagnostics.self) { try CompiledRule(text, in: Self.environment) }
  }
}
