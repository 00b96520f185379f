// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Says whether an output may proceed: parse, then schema, then rules, then confidence; a stage is reached if the ones
/// before passed.
///
/// Compiled once, then asked as often as one likes. A judgement is a function of the definition, the output and the
/// values beside it: no clock, no I/O, no randomness. Whatever cannot be evaluated blocks.
package struct Validator: Sendable {
  /// What an output is.
  package enum Format: String, Sendable, CaseIterable { case json, text }

  /// What makes up a validator.
  package struct Definition: Sendable {
    package var format = Format.json
    /// Compiled; nil: anything that parses goes on to the rules.
    package var schema: Schema?
    /// The same schema as a value, from which the rules take the types of fields; nil leaves them open.
    package var schemaValue: JSONValue?
    package var rules: [GateRule] = []
    /// What an output means that does not parse or breaks the schema; never `pass`.
    package var onInvalid = Verdict.stop
    /// What a rule means that has no value; `stop` or `escalate`.
    package var onError = Verdict.stop
    /// How sure an output has to be of itself; nil: that is not asked.
    package var confidence: ConfidenceCheck?
    /// What rules may name.
    package var scope = Scope.anything
    /// The options that the schema was compiled with.
    package var assertsFormats = false
    package init() {}
  }

  /// What rules may name besides `output` and `now`.
  package enum Scope: String, Sendable, CaseIterable {
    /// Every variable that there is anywhere: whoever asks hands the values in.
    case anything
    /// What a run has to say of the output of a step: `input`, `steps`, `run` and `context`.
    case run
    /// What is judged is an input, and rules name it `input`; beside it there are `steps` and `run`.
    case runInput
  }

  private let definition: Definition
  private let rules: [CompiledGateRule]
  private let environment: RuleEnvironment
  /// Of what is judged.
  private let wholeNumbers: WholeNumbers
  /// How rules call what is judged.
  private let subject: String

  private let confidence: CompiledRule?
  private let variables: [RuleVariable]

  /// What rules may name besides `output` and `now`.
  package static let allVariables = [
    "input", "previous", "steps", "context", "args", "tool", "tools", "history", "run", "pool", "budget",
  ]

  /// What is known of a run.
  private static let run = RuleType.object(
    .init(
      fields: [
        ("id", .string), ("kind", .string), ("name", .string), ("step", .string), ("attempt", .int), ("input", .dyn),
        ("tokens", .int), ("nanoUSD", .int),
      ], others: nil))

  private static func variables(of scope: Scope) -> [RuleVariable] {
    switch scope {
    case .anything: allVariables.map { RuleVariable($0) }
    case .run: [RuleVariable("input"), RuleVariable("steps"), RuleVariable("run", run), RuleVariable("context")]
    case .runInput: [RuleVariable("steps"), RuleVariable("run", run)]
    }
  }

  /// Compiles the rules against the types of the schema.
  package init(_ definition: Definition) throws(GateRuleProblems) {
    let types =
      definition.format == .text
      ? (RuleType.string, SizeBound.unknown)
      : definition.schemaValue.map { SchemaTypes(schema: $0) }.map { ($0.type, $0.bound) } ?? (.dyn, .unknown)
    let subject = definition.scope == .runInput ? "input" : "output"
    self.subject = subject
    var environment = RuleEnvironment(
      variables: [RuleVariable(subject, types.0, bound: types.1)] + Self.variables(of: definition.scope)
        + [RuleVariable("now", .timestamp, bound: .scalar)])
    environment.refusesCostly = definition.scope != .anything
    var problems: [GateRuleProblem] = []
    rules = definition.rules.enumerated().compactMap {
      CompiledGateRule($0.element, at: $0.offset, in: environment, problems: &problems)
    }
    confidence = definition.confidence.flatMap {
      $0.compiled(in: environment, after: definition.rules.count, problems: &problems)
    }
    guard problems.isEmpty else { throw GateRuleProblems(all: problems) }
    variables = Self.variables(of: definition.scope)
    self.definition = definition
    self.environment = environment
    wholeNumbers = WholeNumbers(of: types.0)
  }

  /// Judges an output as it came from an agent.
  ///
  /// What rules may name beside the output stands in `values`; what is missing there is an error of the rule that reads it.
  package func judge(_ bytes: [UInt8], values: [String: JSONValue] = [:], now: WallTime? = nil) -> Judgement {
    guard bytes.count <= SchemaLimits.maxInstanceBytes else { return judgement(ofTooMany: bytes.count) }
    switch definition.format {
    case .text:
      guard let text = String(validating: bytes, as: UTF8.self) else {
        return unreadable("notText", "the output is not UTF-8", expected: "UTF-8")
      }
      return judge(.string(text), values: values, now: now)
    case .json:
      do { return judge(try JSONValue(parsing: bytes), values: values, now: now) } catch {
        return unreadable("notJSON", "\(error)", expected: "one JSON value")
      }
    }
  }

  /// Judges an output that is a value already.
  package func judge(_ output: JSONValue, values: [String: JSONValue] = [:], now: WallTime? = nil) -> Judgement {
    if let schema = definition.schema {
      let outcome = schema.validate(output)
      if !outcome.isValid {
        return Judgement(
          errors: outcome.issues.map { GateError($0, verdict: definition.onInvalid) }, isCutOff: outcome.isCutOff)
      }
    }
    guard !rules.isEmpty || confidence != nil else { return .passed }
    do {
      return follow(try bindings(output, values, now))
    } catch {
      let fault = GateError(
        stage: .rules, path: error.path, code: Self.faultCode, keyword: "", expected: "", got: "",
        message: error.message, verdict: definition.onError)
      return Judgement(errors: [fault])
    }
  }

  /// What an output means that has so many bytes that nobody wants to hold them.
  package func judgement(ofTooMany bytes: Int) -> Judgement {
    unreadable(
      "limitPassed", "the output has \(bytes) bytes", expected: "at most \(SchemaLimits.maxInstanceBytes) bytes")
  }

  /// Judges what an agent has come to: JSON where what it wrote was JSON, else the text that it wrote.
  package func judge(result: JSONValue, values: [String: JSONValue] = [:], now: WallTime? = nil) -> Judgement {
    switch (definition.format, result) {
    case (.text, .string), (.json, .null), (.json, .bool), (.json, .int), (.json, .double), (.json, .array),
      (.json, .object):
      return judge(result, values: values, now: now)
    case (.text, _): return judge(.string(result.text()), values: values, now: now)
    // A text that its schema allows was meant as one.
    case (.json, .string):
      if let schema = definition.schema, schema.isValid(result) { return judge(result, values: values, now: now) }
      return unreadable("notJSON", "the \(subject) is a text, not JSON", expected: "one JSON value")
    }
  }

  private func unreadable(_ code: String, _ message: String, expected: String) -> Judgement {
    Judgement(errors: [
      GateError(
        stage: .parse, path: "", code: code, keyword: "", expected: expected, got: "", message: message,
        verdict: definition.onInvalid)
    ])
  }

  private func bindings(
    _ output: JSONValue, _ values: [String: JSONValue], _ now: WallTime?
  ) throws(JSONConversionError) -> RuleBindings {
    // In the order of the environment: what is judged, what stands beside it, and the time.
    var bound: [RuleValue?] = [try RuleValue(output, wholeNumbers: wholeNumbers)]
    bound.reserveCapacity(variables.count + 2)
    for variable in variables {
      guard !values.isEmpty, let value = values[variable.name] else {
        bound.append(nil)
        continue
      }
      bound.append(try RuleValue(value, as: variable.type))
    }
    bound.append(now.flatMap(Timestamp.init(_:)).map { .timestamp($0) })
    return RuleBindings(bound)
  }
}

// MARK: Rules

extension Validator {
  /// A rule that has no value.
  static let faultCode = "evaluatorError"
  /// A rule that does not hold.
  static let failureCode = "ruleBroken"

  /// Every rule is asked, so that whoever has to try again learns everything at once.
  private func follow(_ bindings: RuleBindings) -> Judgement {
    var errors: [GateError] = []
    var spent = 0
    for rule in rules {
      let left = environment.limits.gateCost - spent
      guard left > 0 else {
        errors.append(fault(rule, "the rules together cost more than \(environment.limits.gateCost)"))
        break
      }
      var run = RuleRun(bindings: bindings, limits: environment.limits.lowered(ruleCost: left))
      if let error = failure(of: rule, in: &run) { errors.append(error) }
      spent += run.cost
    }
    if let check = definition.confidence, let confidence, errors.allSatisfy({ $0.verdict <= .warn }) {
      let left = max(0, environment.limits.gateCost - spent)
      var run = RuleRun(bindings: bindings, limits: environment.limits.lowered(ruleCost: left))
      if let error = check.error(for: run.value(of: confidence)) { errors.append(error) }
      spent += run.cost
    }
    return Judgement(errors: errors.inPointerOrder(), cost: spent)
  }

  private func failure(of rule: CompiledGateRule, in run: inout RuleRun) -> GateError? {
    if let precondition = rule.precondition {
      switch run.truth(of: precondition) {
      case .success(false): return nil
      case .success(true): break
      case .failure(let problem): return fault(rule, problem.message)
      }
    }
    switch run.truth(of: rule.expression) {
    case .success(true): return nil
    case .success(false): break
    case .failure(let problem): return fault(rule, problem.message)
    }
    return error(rule, Self.failureCode, message(of: rule, in: &run), rule.rule.onFail)
  }

  /// A message that cannot be made does not undo the failure that it was to tell of.
  private func message(of rule: CompiledGateRule, in run: inout RuleRun) -> String {
    let plain = rule.rule.message ?? "the rule does not hold"
    guard let expression = rule.messageExpression else { return plain }
    guard case .success(.string(let text)) = run.value(of: expression) else { return plain }
    return SchemaIssue.cut(text)
  }

  private func fault(_ rule: CompiledGateRule, _ message: String) -> GateError {
    error(rule, Self.faultCode, message, max(definition.onError, rule.rule.onFail))
  }

  private func error(_ rule: CompiledGateRule, _ code: String, _ message: String, _ verdict: Verdict) -> GateError {
    GateError(
      stage: .rules, path: rule.rule.path, code: code, keyword: rule.rule.id,
      expected: SchemaIssue.cut(rule.rule.expression), got: "", message: message, verdict: verdict)
  }
}

/// The evaluations of one rule's parts, which share its limit of cost.
private struct RuleRun {
  let bindings: RuleBindings
  let limits: RuleLimits
  var cost = 0

  mutating func value(of rule: CompiledRule) -> Result<RuleValue, RuleFault> {
    let outcome = rule.evaluate(bindings, limits: limits.lowered(ruleCost: limits.ruleCost - cost))
    cost += outcome.cost
    return outcome.result
  }

  mutating func truth(of rule: CompiledRule) -> Result<Bool, RuleFault> {
    value(of: rule).flatMap { value in
      guard case .bool(let holds) = value else {
        return .failure(RuleFault(.noSuchOverload, "the value is a \(value.typeName), not a bool"))
      }
      return .success(holds)
    }
  }
}

extension GateError {
  init(_ issue: SchemaIssue, verdict: Verdict) {
    self.init(
      stage: .schema, path: issue.instancePath.pointer, code: issue.code.rawValue, keyword: issue.keyword,
      expected: issue.expected, got: issue.got, message: issue.message, verdict: verdict)
  }
}

extension [GateError] {
  /// By the bytes of the pointers; those of one place stay as they were declared.
  fileprivate func inPointerOrder() -> [GateError] {
    enumerated().sorted { left, right in
      left.element.path == right.element.path
        ? left.offset < right.offset : left.element.path.utf8.lexicographicallyPrecedes(right.element.path.utf8)
    }.map(\.element)
  }
}
