// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// An expression that has been parsed, checked and made ready.
package struct CompiledRule: Sendable {
  /// As it was written.
  package let text: String
  /// What the checker knows of its value.
  package let type: RuleType
  /// The most that an evaluation can cost; nil if something that it goes through has no declared size.
  package let worstCost: Int?
  private let step: EvaluationStep
  private let localCount: Int
  private let environment: RuleEnvironment

  /// What became of an evaluation.
  package struct Outcome: Sendable {
    package let result: Result<RuleValue, RuleFault>
    /// Units of work that were done.
    package let cost: Int
  }

  /// Parses, checks and compiles an expression.
  ///
  /// - Throws: Everything that is wrong with it, by place.
  package init(_ text: String, in environment: RuleEnvironment) throws(RuleDiagnostics) {
    let tree: RuleExpression
    do {
      tree = try RuleParser.parse(
        text, limits: environment.limits, dialect: RuleParser.Dialect(hasBlocks: environment.hasBlocks))
    } catch { throw RuleDiagnostics([error], in: text) }
    var complaints: [LocatedComplaint] = []
    var type = RuleType.dyn
    if environment.checksTypes {
      var checker = TypeChecker(scope: NameScope(environment: environment))
      type = checker.resultType(of: tree)
      complaints = checker.complaints
    }
    var compiler = RuleCompiler(environment: environment)
    let step = compiler.compile(tree)
    complaints += compiler.complaints
    guard complaints.isEmpty else { throw RuleDiagnostics(complaints, in: text) }
    var estimator = CostEstimator(environment: environment)
    worstCost = estimator.estimate(tree).cost
    if environment.refusesCostly, let worstCost, worstCost > environment.limits.ruleCost {
      let complaint = LocatedComplaint(
        .cost,
        "the rule may need \(worstCost) units of work, and may have \(environment.limits.ruleCost): "
          + "bound what it goes through, with maxItems and maxLength in the schema", at: 0)
      throw RuleDiagnostics([complaint], in: text)
    }
    self.text = text
    self.type = type
    self.step = step
    localCount = compiler.localCount
    self.environment = environment
  }

  /// Evaluates the rule; never traps, and ends within the limits whatever the values are.
  package func evaluate(_ bindings: RuleBindings, limits: RuleLimits? = nil) -> Outcome {
    let limits = limits ?? environment.limits
    var state = EvaluationState(
      meter: Meter(cost: limits.ruleCost, memory: limits.allocatedBytes), globals: bindings.values,
      locals: localCount == 0 ? [] : [RuleValue](repeating: .null, count: localCount), zones: environment.zones)
    do {
      let value = try step(&state)
      return Outcome(result: .success(value), cost: state.meter.spent)
    } catch { return Outcome(result: .failure(error), cost: state.meter.spent) }
  }
}

/// Everything that is wrong with one expression; never empty.
package struct RuleDiagnostics: Error, Sendable, Hashable, CustomStringConvertible {
  package let all: [RuleDiagnostic]

  init(_ complaints: [LocatedComplaint], in text: String) {
    all = complaints.map { RuleDiagnostic($0.kind, $0.message, at: $0.offset, in: text) }
      .sorted { ($0.offset, $0.message) < ($1.offset, $1.message) }
  }

  package var description: String { all.map(\.description).joined(separator: "; ") }
}
