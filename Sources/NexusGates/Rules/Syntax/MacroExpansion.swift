// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension RuleParser {
  /// A call, or what a macro makes of it.
  ///
  /// A name with the wrong number of arguments is an ordinary call, as the language definition has it.
  mutating func call(
    _ name: String, target: RuleExpression?, _ arguments: [RuleExpression], at offset: Int
  ) throws(LocatedComplaint) -> RuleExpression {
    if let target {
      if case .identifier("cel") = target.kind {
        if let expanded = try celMacro(name, arguments, at: offset) { return expanded }
      } else if let expanded = try rangeMacro(name, target, arguments, at: offset) {
        return expanded
      } else if let expanded = try optionalMacro(name, target, arguments, at: offset) {
        return expanded
      }
    } else if name == "has", arguments.count == 1 {
      guard case .select(let operand, let field, false) = arguments[0].kind else {
        throw LocatedComplaint("has() takes a field: has(value.field)", at: offset)
      }
      return try node(.has(operand, field: field), at: offset)
    }
    return try node(.call(name, target: target, arguments), at: offset)
  }

  private func variable(_ expression: RuleExpression) throws(LocatedComplaint) -> String {
    guard case .identifier(let name) = expression.kind, name.utf8.first != UInt8(ascii: ".") else {
      throw LocatedComplaint("a macro names its variable with one word", at: expression.offset)
    }
    return name
  }

  private mutating func rangeMacro(
    _ name: String, _ range: RuleExpression, _ arguments: [RuleExpression], at offset: Int
  ) throws(LocatedComplaint) -> RuleExpression? {
    typealias Kind = RuleExpression.Comprehension.Kind
    let kind: Kind
    let (variables, hasCondition): (Int, Bool)
    switch (name, arguments.count) {
    case ("all", 2), ("all", 3): (kind, variables, hasCondition) = (.all, arguments.count - 1, false)
    case ("exists", 2), ("exists", 3): (kind, variables, hasCondition) = (.exists, arguments.count - 1, false)
    case ("exists_one", 2), ("existsOne", 2): (kind, variables, hasCondition) = (.existsOne, 1, false)
    case ("exists_one", 3), ("existsOne", 3): (kind, variables, hasCondition) = (.existsOne, 2, false)
    case ("map", 2), ("map", 3): (kind, variables, hasCondition) = (.list, 1, arguments.count == 3)
    case ("filter", 2): (kind, variables, hasCondition) = (.filter, 1, false)
    case ("transformList", 3), ("transformList", 4):
      (kind, variables, hasCondition) = (.list, 2, arguments.count == 4)
    case ("transformMap", 3), ("transformMap", 4):
      (kind, variables, hasCondition) = (.transformMap, 2, arguments.count == 4)
    case ("transformMapEntry", 3), ("transformMapEntry", 4):
      (kind, variables, hasCondition) = (.transformMapEntry, 2, arguments.count == 4)
    default: return nil
    }
    let first = try variable(arguments[0])
    let second = variables == 2 ? try variable(arguments[1]) : nil
    guard first != second else {
      throw LocatedComplaint("the two variables have the same name", at: arguments[1].offset)
    }
    return try node(
      .comprehension(
        RuleExpression.Comprehension(
          kind: kind, range: range, variable: first, secondVariable: second,
          condition: hasCondition ? arguments[variables] : nil, body: arguments[arguments.count - 1])),
      at: offset)
  }

  private mutating func optionalMacro(
    _ name: String, _ target: RuleExpression, _ arguments: [RuleExpression], at offset: Int
  ) throws(LocatedComplaint) -> RuleExpression? {
    guard arguments.count == 2, name == "optMap" || name == "optFlatMap" else { return nil }
    return try node(
      .binding(
        RuleExpression.Binding(
          kind: name == "optMap" ? .optionalMap : .optionalFlatMap, name: try variable(arguments[0]), value: target,
          body: arguments[1])),
      at: offset)
  }

  private mutating func celMacro(
    _ name: String, _ arguments: [RuleExpression], at offset: Int
  ) throws(LocatedComplaint) -> RuleExpression? {
    switch (name, arguments.count) {
    case ("bind", 3):
      return try node(
        .binding(
          RuleExpression.Binding(
            kind: .bind, name: try variable(arguments[0]), value: arguments[1], body: arguments[2])),
        at: offset)
    case ("block", 2) where dialect.hasBlocks:
      guard case .list(let elements) = arguments[0].kind else {
        throw LocatedComplaint("cel.block takes a list and a result", at: offset)
      }
      return try node(.block(elements.map(\.value), arguments[1]), at: offset)
    case ("index", 1) where dialect.hasBlocks:
      return try node(.identifier("@index\(try number(arguments[0]))"), at: offset)
    case ("iterVar", 2) where dialect.hasBlocks:
      return try node(.identifier("@it:\(try number(arguments[0])):\(try number(arguments[1]))"), at: offset)
    default: return nil
    }
  }

  private func number(_ expression: RuleExpression) throws(LocatedComplaint) -> Int64 {
    guard case .constant(.int(let value)) = expression.kind, value >= 0 else {
      throw LocatedComplaint("expected a number from 0", at: expression.offset)
    }
    return value
  }
}
