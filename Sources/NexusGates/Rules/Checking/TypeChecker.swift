// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Finds the type of every part of a rule, and what cannot work.
struct TypeChecker {
  private var scope: NameScope
  private var inference = TypeInference()
  private(set) var complaints: [LocatedComplaint] = []

  init(scope: NameScope) { self.scope = scope }

  /// The type of the whole, with everything put in that became known.
  mutating func resultType(of expression: RuleExpression) -> RuleType {
    let type = check(expression)
    return inference.resolve(type, freeToDyn: true)
  }

  private mutating func complain(_ kind: RuleDiagnostic.Kind, _ message: String, at offset: Int) -> RuleType {
    complaints.append(LocatedComplaint(kind, message, at: offset))
    return .error
  }

  /// Of a wrong type.
  private mutating func complain(_ message: String, at offset: Int) -> RuleType {
    complain(.type, message, at: offset)
  }

  private mutating func expect(_ expression: RuleExpression, _ wanted: RuleType, _ role: String) {
    let type = check(expression)
    guard !inference.fits([wanted], [type]) else { return }
    _ = complain("\(role) must be \(wanted), not \(inference.resolve(type))", at: expression.offset)
  }

  private mutating func check(_ expression: RuleExpression) -> RuleType {
    switch expression.kind {
    case .constant(let value): return Self.type(of: value)
    case .identifier(let name):
      guard let type = type(named: name) else {
        return complain(.undeclared, "'\(name)' is not declared", at: expression.offset)
      }
      return type
    case .select(let operand, let field, let isOptional):
      if !isOptional, let name = NameScope.qualifiedName(expression), let type = type(named: name) { return type }
      return select(operand, field, isOptional: isOptional, at: expression.offset)
    case .has(let operand, let field):
      _ = select(operand, field, isOptional: false, at: expression.offset)
      return .bool
    case .index(let operand, let index, let isOptional):
      return self.index(operand, index, isOptional: isOptional, at: expression.offset)
    case .call(let name, let target, let arguments):
      return call(name, target, arguments, at: expression.offset)
    case .list(let elements): return list(elements)
    case .map(let entries): return map(entries)
    case .conjunction(let operands):
      for operand in operands { expect(operand, .bool, "an operand of &&") }
      return .bool
    case .disjunction(let operands):
      for operand in operands { expect(operand, .bool, "an operand of ||") }
      return .bool
    case .conditional(let condition, let whenTrue, let whenFalse):
      expect(condition, .bool, "the condition before ?")
      let (first, second) = (check(whenTrue), check(whenFalse))
      let result = inference.freshParameter()
      if inference.fits([result, result], [first, second]) { return result }
      return complain(
        "the sides of ?: have the types \(inference.resolve(first)) and \(inference.resolve(second))",
        at: expression.offset)
    case .comprehension(let loop): return comprehension(loop)
    case .binding(let binding): return self.binding(binding)
    case .block(let values, let result):
      for (number, value) in values.enumerated() {
        let type = check(value)
        _ = scope.push("@index\(number)", type)
      }
      let type = check(result)
      scope.pop(values.count)
      return type
    }
  }

  private static func type(of value: RuleValue) -> RuleType {
    switch value {
    case .null: .null
    case .bool: .bool
    case .int: .int
    case .uint: .uint
    case .double: .double
    case .string: .string
    case .bytes: .bytes
    default: .dyn
    }
  }

  private func type(named name: String) -> RuleType? {
    switch scope.lookUp(name) {
    case .global(_, let variable): variable.type
    case .local(_, let type, _): type
    case .type(let type, _): .type(type)
    case nil: nil
    }
  }

  // MARK: Selections

  private mutating func select(_ operand: RuleExpression, _ field: String, isOptional: Bool, at offset: Int) -> RuleType
  {
    let type = inference.resolve(check(operand))
    guard let wrapped = type.wrapped else {
      let result = member(of: type, field, at: offset)
      return isOptional && result != .error ? .optional(result) : result
    }
    let result = member(of: inference.resolve(wrapped), field, at: offset)
    return result == .error ? result : .optional(result)
  }

  private mutating func member(of type: RuleType, _ field: String, at offset: Int) -> RuleType {
    switch type {
    case .dyn, .error: return type
    case .parameter:
      _ = inference.fits([.dyn], [type])
      return .dyn
    case .map(let key, let value):
      guard inference.fits([key], [.string]) else {
        return complain("a map with keys of type \(key) has no field '\(field)'", at: offset)
      }
      return value
    case .object(let shape):
      if let type = shape[field] ?? shape.others { return type }
      return complain(.undeclared, "the schema knows no field '\(field)'", at: offset)
    default: return complain("a value of type \(type) has no field '\(field)'", at: offset)
    }
  }

  private mutating func index(_ operand: RuleExpression, _ index: RuleExpression, isOptional: Bool, at offset: Int)
    -> RuleType
  {
    let type = inference.resolve(check(operand))
    let indexType = inference.resolve(check(index))
    let isWrapped = type.wrapped != nil
    let result = element(of: type.wrapped.map { inference.resolve($0) } ?? type, indexType, index, at: offset)
    return (isOptional || isWrapped) && result != .error ? .optional(result) : result
  }

  private mutating func element(of type: RuleType, _ indexType: RuleType, _ index: RuleExpression, at offset: Int)
    -> RuleType
  {
    switch type {
    case .dyn, .error, .parameter: return .dyn
    case .list(let element):
      // A number from JSON is a double, and a whole one is a position.
      guard [.int, .uint, .double].contains(indexType) || inference.fits([.int], [indexType]) else {
        return complain("a list is indexed by int, not \(indexType)", at: index.offset)
      }
      return element
    case .map(let key, let value):
      guard Self.areNumbers(key, indexType) || inference.fits([key], [indexType]) else {
        return complain("a map with keys of type \(key) is not indexed by \(indexType)", at: index.offset)
      }
      return value
    case .object(let shape):
      guard inference.fits([.string], [indexType]) else {
        return complain("an object is indexed by string, not \(indexType)", at: index.offset)
      }
      guard case .constant(.string(let field)) = index.kind else { return .dyn }
      if let type = shape[field] ?? shape.others { return type }
      return complain(.undeclared, "the schema knows no field '\(field)'", at: index.offset)
    default: return complain("a value of type \(type) has no elements", at: offset)
    }
  }

  private static func areNumbers(_ types: RuleType...) -> Bool {
    types.allSatisfy { [.int, .uint, .double].contains($0) }
  }

  // MARK: Literals

  private mutating func unwrapped(_ value: RuleExpression, isOptional: Bool) -> RuleType {
    let type = inference.resolve(check(value))
    guard isOptional else { return type }
    if type.isDyn { return .dyn }
    if let wrapped = type.wrapped { return inference.resolve(wrapped) }
    return complain("behind ? stands an optional, not \(type)", at: value.offset)
  }

  private mutating func list(_ elements: [RuleExpression.Element]) -> RuleType {
    var element: RuleType?
    for part in elements {
      let type = unwrapped(part.value, isOptional: part.isOptional)
      element = element.map { inference.join($0, type) } ?? type
    }
    return .list(element ?? inference.freshParameter())
  }

  private mutating func map(_ entries: [RuleExpression.Entry]) -> RuleType {
    var types: (key: RuleType, value: RuleType)?
    for entry in entries {
      let key = inference.resolve(check(entry.key))
      switch key {
      case .int, .uint, .bool, .string, .dyn, .error, .parameter: break
      default: _ = complain("a value of type \(key) is no key of a map", at: entry.key.offset)
      }
      let value = unwrapped(entry.value, isOptional: entry.isOptional)
      types = types.map { (inference.join($0.key, key), inference.join($0.value, value)) } ?? (key, value)
    }
    guard let types else { return .map(inference.freshParameter(), inference.freshParameter()) }
    return .map(types.key, types.value)
  }

  // MARK: Macros

  private mutating func comprehension(_ loop: RuleExpression.Comprehension) -> RuleType {
    let range = inference.resolve(check(loop.range))
    var (key, value): (RuleType, RuleType)
    switch range {
    case .list(let element): (key, value) = loop.secondVariable == nil ? (element, .dyn) : (.int, element)
    case .map(let keys, let values): (key, value) = (keys, values)
    case .object: (key, value) = (.string, .dyn)
    case .dyn, .error, .parameter: (key, value) = (.dyn, .dyn)
    default: (key, value) = (complain("a value of type \(range) has no elements", at: loop.range.offset), .error)
    }
    _ = scope.push(loop.variable, key)
    if let second = loop.secondVariable { _ = scope.push(second, value) }
    defer { scope.pop(loop.secondVariable == nil ? 1 : 2) }
    if let condition = loop.condition { expect(condition, .bool, "the condition") }
    switch loop.kind {
    case .all, .exists, .existsOne:
      expect(loop.body, .bool, "the condition")
      return .bool
    case .filter:
      expect(loop.body, .bool, "the condition")
      return .list(key)
    case .list: return .list(check(loop.body))
    case .transformMap: return .map(key, check(loop.body))
    case .transformMapEntry:
      let body = inference.resolve(check(loop.body))
      if body.isDyn { return .dyn }
      let (keys, values) = (inference.freshParameter(), inference.freshParameter())
      if inference.fits([.map(keys, values)], [body]) { return .map(keys, values) }
      return complain("transformMapEntry takes a map of one entry, not \(body)", at: loop.body.offset)
    }
  }

  private mutating func binding(_ binding: RuleExpression.Binding) -> RuleType {
    var type = inference.resolve(check(binding.value))
    if binding.kind != .bind {
      if let wrapped = type.wrapped {
        type = inference.resolve(wrapped)
      } else if !type.isDyn {
        type = complain("optMap and optFlatMap take an optional, not \(type)", at: binding.value.offset)
      }
    }
    _ = scope.push(binding.name, type)
    defer { scope.pop() }
    let body = check(binding.body)
    switch binding.kind {
    case .bind: return body
    case .optionalMap: return .optional(body)
    case .optionalFlatMap:
      let result = RuleType.optional(inference.freshParameter())
      if inference.fits([result], [body]) { return result }
      return complain("the last argument of optFlatMap must be an optional", at: binding.body.offset)
    }
  }

  // MARK: Calls

  private mutating func call(_ name: String, _ target: RuleExpression?, _ arguments: [RuleExpression], at offset: Int)
    -> RuleType
  {
    if let target, let function = scope.namespaced(target, name) {
      return apply(function, isMethod: false, arguments, at: offset)
    }
    guard let function = scope.function(name) else {
      for argument in (target.map { [$0] } ?? []) + arguments { _ = check(argument) }
      return complain(.undeclared, "there is no function '\(name)'", at: offset)
    }
    return apply(function, isMethod: target != nil, (target.map { [$0] } ?? []) + arguments, at: offset)
  }

  private mutating func apply(_ function: RuleFunction, isMethod: Bool, _ arguments: [RuleExpression], at offset: Int)
    -> RuleType
  {
    let types = arguments.map { check($0) }
    if types.contains(.error) { return .error }
    guard let form = function.form(isMethod: isMethod, arity: arguments.count) else {
      return complain("\(Self.shown(function.name)) is not called like that", at: offset)
    }
    if form.arity == nil { return numbers(types, arguments, function.name) }
    var result: RuleType?
    for signature in form.signatures {
      let fresh = inference.instantiate(signature.parameters + [signature.result])
      guard inference.fits(Array(fresh.dropLast()), types) else { continue }
      let type = inference.resolve(fresh[fresh.count - 1])
      if let known = result {
        if known != type { result = .dyn }
      } else {
        result = type
      }
    }
    if let result { return result }
    let given = types.map { "\(inference.resolve($0))" }.joined(separator: ", ")
    return complain("\(Self.shown(function.name)) does not take (\(given))", at: offset)
  }

  /// The arguments of a function of any number of numbers.
  private mutating func numbers(_ types: [RuleType], _ arguments: [RuleExpression], _ name: String) -> RuleType {
    var result: RuleType?
    for (type, argument) in zip(types, arguments) {
      let type = inference.resolve(type)
      guard type.isDyn || Self.areNumbers(type) else {
        return complain("\(name) takes numbers, not \(type)", at: argument.offset)
      }
      result = result == nil || result == type ? type : .dyn
    }
    return result ?? .dyn
  }

  /// Operators as they are written.
  private static func shown(_ name: String) -> String {
    guard name.contains("_") || name == Operator.contains else { return "\(name)()" }
    let sign = name.filter { $0 != "_" && $0 != "@" }
    return sign.utf8.allSatisfy { $0.startsIdentifier } && name != Operator.contains ? "\(name)()" : "'\(sign)'"
  }
}
