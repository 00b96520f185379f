// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Makes a rule ready to be carried out: names become slots, operators and functions become closures.
///
/// Nothing is looked up by name afterwards except fields.
struct RuleCompiler {
  private var scope: NameScope
  private let environment: RuleEnvironment
  /// Literals that can only fail.
  private(set) var complaints: [LocatedComplaint] = []

  var localCount: Int { scope.localCount }

  init(environment: RuleEnvironment) {
    self.environment = environment
    scope = NameScope(environment: environment)
  }

  mutating func compile(_ expression: RuleExpression) -> EvaluationStep {
    if let value = Self.constant(expression) { return { _ throws(RuleFault) in value } }
    let offset = expression.offset
    switch expression.kind {
    case .constant(let value): return { _ throws(RuleFault) in value }
    case .identifier(let name):
      return self.name(name)
        ?? Self.fault(.noSuchVariable, "'\(name)' is not declared", at: offset)
    case .select(let operand, let field, let isOptional):
      if !isOptional, let name = NameScope.qualifiedName(expression), let step = self.name(name) { return step }
      if !isOptional, case .identifier(let name) = operand.kind, case .local(let slot, _, _)? = scope.lookUp(name) {
        return Selection.select(local: slot, field, at: offset)
      }
      return Selection.select(compile(operand), field, isOptional: isOptional, at: offset)
    case .has(let operand, let field): return Selection.has(compile(operand), field, at: offset)
    case .index(let operand, let index, let isOptional):
      return Selection.index(compile(operand), compile(index), isOptional: isOptional, at: offset)
    case .call(let name, let target, let arguments): return call(name, target, arguments, at: offset)
    case .list(let elements): return Literals.list(elements.map { (compile($0.value), $0.isOptional) }, at: offset)
    case .map(let entries):
      return Literals.map(entries.map { (compile($0.key), compile($0.value), $0.isOptional) }, at: offset)
    case .conjunction(let operands): return Logic.chain(operands.map { compile($0) }, deciding: false, at: offset)
    case .disjunction(let operands): return Logic.chain(operands.map { compile($0) }, deciding: true, at: offset)
    case .conditional(let condition, let whenTrue, let whenFalse):
      return Logic.conditional(compile(condition), compile(whenTrue), compile(whenFalse), at: offset)
    case .comprehension(let loop): return comprehension(loop, at: offset)
    case .binding(let binding): return self.binding(binding, at: offset)
    case .block(let values, let result):
      var steps: [(Int, EvaluationStep)] = []
      for (number, value) in values.enumerated() {
        let step = compile(value)
        steps.append((scope.push("@index\(number)"), step))
      }
      let body = compile(result)
      scope.pop(values.count)
      return { [steps] state throws(RuleFault) in
        for (slot, step) in steps { state.locals[slot] = try step(&state) }
        return try body(&state)
      }
    }
  }

  static func fault(_ kind: RuleFault.Kind, _ message: String, at offset: Int) -> EvaluationStep {
    let fault = RuleFault(kind, message, at: offset)
    return { _ throws(RuleFault) in throw fault }
  }

  /// The value of a literal whose parts are all literals.
  static func constant(_ expression: RuleExpression) -> RuleValue? {
    switch expression.kind {
    case .constant(let value): return value
    case .list(let elements):
      var values: [RuleValue] = []
      for element in elements {
        guard !element.isOptional, let value = constant(element.value) else { return nil }
        values.append(value)
      }
      return .list(values)
    default: return nil
    }
  }

  private func name(_ name: String) -> EvaluationStep? {
    switch scope.lookUp(name) {
    case .global(let slot, let variable):
      let name = variable.name
      return { state throws(RuleFault) in
        try state.meter.spend(Meter.unit)
        guard let value = state.globals[slot] else {
          throw RuleFault(.noSuchVariable, "the variable '\(name)' has no value")
        }
        return value
      }
    case .local(let slot, _, _):
      return { state throws(RuleFault) in
        try state.meter.spend(Meter.unit)
        return state.locals[slot]
      }
    case .type(_, let name): return { _ throws(RuleFault) in .type(name) }
    case nil: return nil
    }
  }

  private mutating func comprehension(_ loop: RuleExpression.Comprehension, at offset: Int) -> EvaluationStep {
    let range = compile(loop.range)
    let slot = scope.push(loop.variable)
    let second = loop.secondVariable.map { scope.push($0) }
    let condition = loop.condition.map { compile($0) }
    let body = compile(loop.body)
    scope.pop(second == nil ? 1 : 2)
    return LoopPlan(
      range: range, slot: slot, secondSlot: second, condition: condition, body: body, offset: offset
    ).step(loop.kind)
  }

  private mutating func binding(_ binding: RuleExpression.Binding, at offset: Int) -> EvaluationStep {
    let value = compile(binding.value)
    let slot = scope.push(binding.name)
    let body = compile(binding.body)
    scope.pop()
    guard binding.kind != .bind else {
      return { state throws(RuleFault) in
        state.locals[slot] = try value(&state)
        return try body(&state)
      }
    }
    let wraps = binding.kind == .optionalMap
    return { state throws(RuleFault) in
      let value = try value(&state)
      guard case .boxed(.optional(let content)) = value else {
        throw RuleFault.noOverload("optMap()", value).located(at: offset)
      }
      guard let content else { return value }
      state.locals[slot] = content
      let result = try body(&state)
      return wraps ? .optional(result) : result
    }
  }

  // MARK: Calls

  private mutating func call(_ name: String, _ target: RuleExpression?, _ arguments: [RuleExpression], at offset: Int)
    -> EvaluationStep
  {
    if let target, let function = scope.namespaced(target, name) {
      return apply(function, isMethod: false, arguments, at: offset)
    }
    let all = (target.map { [$0] } ?? []) + arguments
    guard let function = scope.function(name) else {
      return Self.fault(.noSuchOverload, "there is no function '\(name)'", at: offset)
    }
    if target != nil, arguments.count == 1, name == "or" || name == "orValue" {
      return Selection.alternative(compile(all[0]), compile(all[1]), unwraps: name == "orValue", at: offset)
    }
    return apply(function, isMethod: target != nil, all, at: offset)
  }

  private mutating func apply(_ function: RuleFunction, isMethod: Bool, _ arguments: [RuleExpression], at offset: Int)
    -> EvaluationStep
  {
    guard let form = function.form(isMethod: isMethod, arity: arguments.count) else {
      return Self.fault(.noSuchOverload, "no such overload: \(function.name)", at: offset)
    }
    if function.name == "matches", let step = literalPattern(arguments, at: offset) { return step }
    let steps = arguments.map { compile($0) }
    let step = Application.step(
      form.application, function.name, steps, last: arguments.last.flatMap { Self.constant($0) }, at: offset)
    return folded(function.name, arguments, step, at: offset)
  }

  /// A pattern that is a literal is compiled once.
  private mutating func literalPattern(_ arguments: [RuleExpression], at offset: Int) -> EvaluationStep? {
    guard arguments.count == 2, case .constant(.string(let pattern)) = arguments[1].kind else { return nil }
    switch PatternMatching.compile(pattern) {
    case .success(let compiled):
      let text = compile(arguments[0])
      return { state throws(RuleFault) in
        let value = try text(&state)
        guard case .string(let text) = value else {
          throw RuleFault.noOverload("matches()", value, .string(pattern)).located(at: offset)
        }
        do throws(RuleFault) { return .bool(try PatternMatching.matches(text, compiled, &state.meter)) } catch {
          throw error.located(at: offset)
        }
      }
    case .failure(let fault):
      refuse(fault, at: arguments[1].offset)
      return nil
    }
  }

  private mutating func refuse(_ fault: RuleFault, at offset: Int) {
    if environment.refusesBadLiterals { complaints.append(LocatedComplaint(.literal, fault.message, at: offset)) }
  }

  /// Functions that make a value of one literal: `timestamp('…')` is read once.
  private static let foldable: Set<String> = ["timestamp", "duration", "ip", "cidr"]

  private mutating func folded(
    _ name: String, _ arguments: [RuleExpression], _ step: @escaping EvaluationStep, at offset: Int
  )
    -> EvaluationStep
  {
    guard Self.foldable.contains(name), arguments.count == 1, Self.constant(arguments[0]) != nil else { return step }
    var state = EvaluationState(
      meter: Meter(cost: environment.limits.ruleCost, memory: environment.limits.allocatedBytes), globals: [],
      locals: [], zones: .none)
    do throws(RuleFault) {
      let value = try step(&state)
      return { state throws(RuleFault) in
        try state.meter.spend(Meter.unit)
        return value
      }
    } catch {
      refuse(error, at: offset)
      return step
    }
  }
}
