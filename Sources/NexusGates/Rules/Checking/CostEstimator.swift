// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The most that a rule can cost, from the sizes that a schema declares.
///
/// It never says less than an evaluation of values of these sizes spends. Where something that a rule goes through has no
/// declared size it says nothing, and the limit at evaluation is what holds.
struct CostEstimator {
  /// What a part of a rule can cost, and how large its value can become.
  struct Estimate {
    /// Nil: nothing bounds it.
    var cost: Int?
    var size: SizeBound
  }

  /// Bytes of UTF-8 that one character takes at most.
  private static let bytesPerCharacter = 4
  /// Conversions look at each character of a text about once.
  private static let conversions: Set<String> = ["duration", "timestamp", "int", "uint", "double", "bool"]
  private static let arithmetic: Set<String> = [
    Operator.subtract, Operator.multiply, Operator.divide, Operator.modulo, Operator.negate, Operator.not,
  ]
  private static let orders: Set<String> = [
    Operator.equal, Operator.notEqual, Operator.less, Operator.lessOrEqual, Operator.greater, Operator.greaterOrEqual,
  ]

  private var scope: NameScope

  init(environment: RuleEnvironment) { scope = NameScope(environment: environment) }

  mutating func estimate(_ expression: RuleExpression) -> Estimate {
    switch expression.kind {
    case .constant(let value): return Estimate(cost: 0, size: Self.size(of: value))
    case .identifier(let name): return Estimate(cost: Meter.unit, size: size(named: name) ?? .unknown)
    case .select(let operand, let field, let isOptional):
      if !isOptional, let name = NameScope.qualifiedName(expression), let size = size(named: name) {
        return Estimate(cost: Meter.unit, size: size)
      }
      let operand = estimate(operand)
      return Estimate(
        cost: Self.sum(operand.cost, Meter.unit), size: isOptional ? .unknown : operand.size.field(field))
    case .has(let operand, _): return Estimate(cost: Self.sum(estimate(operand).cost, Meter.unit), size: .scalar)
    case .index(let operand, let index, let isOptional):
      return self.index(estimate(operand), estimate(index), isOptional: isOptional)
    case .call(let name, let target, let arguments): return call(name, target, arguments)
    case .list(let elements):
      let parts = elements.map { estimate($0.value) }
      return Estimate(
        cost: Self.sum(parts.map(\.cost) + [Meter.listCost]),
        size: .list(max: parts.count, element: Self.join(parts.map(\.size))))
    case .map(let entries):
      let parts = entries.flatMap { [estimate($0.key), estimate($0.value)] }
      return Estimate(
        cost: Self.sum(parts.map(\.cost) + [Meter.mapCost]),
        size: .map(max: entries.count, fields: [:], others: .unknown))
    case .conjunction(let operands), .disjunction(let operands):
      return Estimate(cost: Self.sum(operands.map { estimate($0).cost }), size: .scalar)
    case .conditional(let condition, let whenTrue, let whenFalse):
      let (first, second) = (estimate(whenTrue), estimate(whenFalse))
      return Estimate(
        cost: Self.sum(estimate(condition).cost, Self.larger(first.cost, second.cost)),
        size: Self.join([first.size, second.size]))
    case .comprehension(let loop): return comprehension(loop)
    case .binding(let binding): return self.binding(binding)
    case .block(let values, let result):
      var costs: [Int?] = []
      for (number, value) in values.enumerated() {
        let part = estimate(value)
        costs.append(part.cost)
        _ = scope.push("@index\(number)", bound: part.size)
      }
      let body = estimate(result)
      scope.pop(values.count)
      return Estimate(cost: Self.sum(costs + [body.cost]), size: body.size)
    }
  }

  private func size(named name: String) -> SizeBound? {
    switch scope.lookUp(name) {
    case .global(_, let variable): variable.bound
    case .local(_, _, let bound): bound
    case .type: .scalar
    case nil: nil
    }
  }

  private func index(_ operand: Estimate, _ index: Estimate, isOptional: Bool) -> Estimate {
    var size = SizeBound.unknown
    if case .list(_, let element) = operand.size, !isOptional { size = element }
    return Estimate(cost: Self.sum([operand.cost, index.cost, Meter.unit, Self.weight(index.size)]), size: size)
  }

  // MARK: Macros

  private mutating func comprehension(_ loop: RuleExpression.Comprehension) -> Estimate {
    let range = estimate(loop.range)
    var (first, second) = (SizeBound.unknown, SizeBound.unknown)
    if case .list(_, let element) = range.size {
      (first, second) = loop.secondVariable == nil ? (element, .unknown) : (.scalar, element)
    }
    _ = scope.push(loop.variable, bound: first)
    if let name = loop.secondVariable { _ = scope.push(name, bound: second) }
    let condition = loop.condition.map { estimate($0).cost } ?? 0
    let body = estimate(loop.body)
    scope.pop(loop.secondVariable == nil ? 1 : 2)
    let count: Int? = if case .scalar = range.size { nil } else { range.size.max }
    let turns = Self.product(count, Self.sum([Meter.unit, condition, body.cost]))
    switch loop.kind {
    case .all, .exists, .existsOne: return Estimate(cost: Self.sum(range.cost, turns), size: .scalar)
    case .list:
      return Estimate(
        cost: Self.sum([range.cost, turns, Meter.listCost]), size: .list(max: count, element: body.size))
    case .filter:
      return Estimate(cost: Self.sum([range.cost, turns, Meter.listCost]), size: .list(max: count, element: first))
    case .transformMap, .transformMapEntry:
      return Estimate(
        cost: Self.sum([range.cost, turns, Meter.mapCost]), size: .map(max: count, fields: [:], others: .unknown))
    }
  }

  private mutating func binding(_ binding: RuleExpression.Binding) -> Estimate {
    let value = estimate(binding.value)
    _ = scope.push(binding.name, bound: binding.kind == .bind ? value.size : .unknown)
    let body = estimate(binding.body)
    scope.pop()
    return Estimate(
      cost: Self.sum(value.cost, body.cost), size: binding.kind == .bind ? body.size : .unknown)
  }

  // MARK: Calls

  private mutating func call(_ name: String, _ target: RuleExpression?, _ arguments: [RuleExpression]) -> Estimate {
    let isNamespaced = target.map { scope.namespaced($0, name) != nil } ?? false
    let operands = (isNamespaced ? [] : target.map { [$0] } ?? []) + arguments
    let parts = operands.map { estimate($0) }
    let sizes = parts.map(\.size)
    let (work, size) = isNamespaced ? Self.other(name, sizes) : Self.work(name, sizes, operands)
    return Estimate(cost: Self.sum(parts.map(\.cost) + [Meter.unit, work]), size: size)
  }

  /// What a call costs beside its unit and its arguments, and the size of what comes of it.
  private static func work(_ name: String, _ sizes: [SizeBound], _ operands: [RuleExpression]) -> (Int?, SizeBound) {
    if arithmetic.contains(name) { return (0, .scalar) }
    if orders.contains(name), sizes.count == 2 { return (smaller(weight(sizes[0]), weight(sizes[1])), .scalar) }
    switch (name, sizes.count) {
    case (Operator.add, 2): return addition(sizes[0], sizes[1])
    case (Operator.contains, 2):
      switch sizes[1] {
      case .list(let count, let element):
        return (product(count, sum(1, smaller(weight(sizes[0]), weight(element)))), .scalar)
      case .map: return (weight(sizes[0]), .scalar)
      case .unknown, .scalar, .text: return (nil, .scalar)
      }
    case ("size", 1):
      if case .unknown = sizes[0] { return (nil, .scalar) }
      if case .text = sizes[0] { return (weight(sizes[0]), .scalar) }
      return (0, .scalar)
    case ("startsWith", 2), ("endsWith", 2): return (weight(sizes[1]), .scalar)
    case ("contains", 2): return (product(sum(weight(sizes[0]), 1), sum(weight(sizes[1]), 1)), .scalar)
    case ("matches", 2):
      guard case .constant(.string(let pattern)) = operands[1].kind else { return (nil, .scalar) }
      guard case .success(let compiled) = PatternMatching.compile(pattern) else { return (nil, .scalar) }
      return (product(sum(weight(sizes[0]), 1), PatternMatching.factor(of: compiled)), .scalar)
    default: return other(name, sizes)
    }
  }

  private static func addition(_ left: SizeBound, _ right: SizeBound) -> (Int?, SizeBound) {
    switch (left, right) {
    case (.scalar, .scalar): return (0, .scalar)
    case (.text(let first), .text(let second)):
      return (sum([weight(left), weight(right), 1]), .text(max: sum(first, second)))
    case (.list(let first, let element), .list(let second, let other)):
      let count = sum(first, second)
      return (count.map { $0 / Meter.charactersPerUnit + 1 }, .list(max: count, element: join([element, other])))
    default: return (nil, .unknown)
    }
  }

  /// Of functions that are not known here only those are bounded whose arguments are all of fixed size.
  private static func other(_ name: String, _ sizes: [SizeBound]) -> (Int?, SizeBound) {
    if conversions.contains(name), sizes.count == 1 { return (sum(weight(sizes[0]), 1), .scalar) }
    let areScalars = sizes.allSatisfy { if case .scalar = $0 { true } else { false } }
    return (areScalars ? 1 : nil, .unknown)
  }
}

// MARK: Sizes

extension CostEstimator {
  private static func size(of value: RuleValue) -> SizeBound {
    switch value {
    case .string(let text): .text(max: text.unicodeScalars.count)
    case .list(let elements): .list(max: elements.count, element: join(elements.map { size(of: $0) }))
    case .null, .bool, .int, .uint, .double, .timestamp, .duration: .scalar
    case .bytes, .map, .type, .boxed: .unknown
    }
  }

  /// What looking at all of a value costs; nil if nothing bounds it.
  private static func weight(_ size: SizeBound) -> Int? {
    switch size {
    case .unknown: nil
    case .scalar: 0
    case .text(let max): product(max, bytesPerCharacter).map { $0 / Meter.charactersPerUnit }
    case .list(let max, let element): product(max, sum(1, weight(element)))
    // How long its keys are nothing says.
    case .map: nil
    }
  }

  private static func join(_ sizes: [SizeBound]) -> SizeBound {
    guard let first = sizes.first else { return .scalar }
    return sizes.dropFirst().reduce(first) { left, right in
      switch (left, right) {
      case (.scalar, .scalar): .scalar
      case (.text(let first), .text(let second)): .text(max: larger(first, second))
      default: left == right ? left : .unknown
      }
    }
  }

  private static func sum(_ left: Int?, _ right: Int?) -> Int? {
    guard let left, let right else { return nil }
    let (sum, overflows) = left.addingReportingOverflow(right)
    return overflows ? .max : sum
  }

  private static func sum(_ parts: [Int?]) -> Int? { parts.reduce(0) { sum($0, $1) } }

  private static func product(_ left: Int?, _ right: Int?) -> Int? {
    guard let left, let right else { return nil }
    let (product, overflows) = left.multipliedReportingOverflow(by: right)
    return overflows ? .max : product
  }

  private static func larger(_ left: Int?, _ right: Int?) -> Int? {
    guard let left, let right else { return nil }
    return max(left, right)
  }

  /// Of two bounds of which each holds.
  private static func smaller(_ left: Int?, _ right: Int?) -> Int? {
    guard let left, let right else { return left ?? right }
    return min(left, right)
  }
}
