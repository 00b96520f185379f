// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What rules may refer to: variables, functions beyond the standard ones, and limits.
package struct RuleEnvironment: Sendable {
  package var variables: [RuleVariable]
  package var functions: [String: RuleFunction]
  /// The scope in which names are looked up first, such as `com.example`; mostly empty.
  package var container: String
  package var zones: TimeZoneSource
  package var limits: RuleLimits
  /// Whether `cel.block` is understood, which optimisers write.
  package var hasBlocks = false
  /// Whether types are checked; without, every mistake is found at evaluation only.
  package var checksTypes = true
  /// Whether a literal that can only fail, such as a malformed pattern, is refused when the rule is compiled.
  package var refusesBadLiterals = true
  /// Whether a rule is refused when it is compiled whose worst case, by the declared sizes, is beyond its limit of cost.
  package var refusesCostly = false

  package init(
    variables: [RuleVariable], functions: [RuleFunction] = [], container: String = "",
    zones: TimeZoneSource = .none, limits: RuleLimits = RuleLimits()
  ) {
    self.variables = variables
    self.functions = Dictionary(functions.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    self.container = container
    self.zones = zones
    self.limits = limits
  }
}

/// The values of the variables of an environment, for any number of rules.
package struct RuleBindings: Sendable {
  let values: [RuleValue?]

  /// Takes values by the names of the variables.
  ///
  /// Names that the environment lacks are ignored; a variable without a value is an error only where a rule reads it.
  package init(_ environment: RuleEnvironment, _ values: [String: RuleValue]) {
    self.values = environment.variables.map { values[$0.name] }
  }

  /// By position, as the environment lists its variables.
  package init(_ values: [RuleValue?]) { self.values = values }
}
