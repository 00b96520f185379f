// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// A recursive-descent parser of conditions.
///
/// ```
/// any      = all *("||" all)
/// all      = relation *("&&" relation)
/// relation = unary [("==" / "!=" / "<" / "<=" / ">" / ">=" / "in") unary]
/// unary    = "!" unary / primary
/// primary  = literal / reference / "[" [any *("," any)] "]" / "(" any ")" / "{{" any "}}"
/// ```
///
/// A comparison is not compared again without brackets: `1 < x < 3` is refused instead of meaning something else.
struct ConditionParser {
  private var scanner: ValueScanner

  init(_ scanner: ValueScanner) { self.scanner = scanner }

  mutating func parse() throws(ValueSyntaxError) -> ConditionExpression {
    scanner.skipSpace()
    guard !scanner.isAtEnd else { throw scanner.error("the condition is empty") }
    let expression = try any()
    guard scanner.isAtEnd else { throw unexpected("expected an operator or the end") }
    return expression
  }

  private func unexpected(_ expectation: String) -> ValueSyntaxError {
    if scanner.stands("=") { return scanner.error("`=` is no operator: two values are compared by `==`") }
    if scanner.stands("&") { return scanner.error("`&` is no operator: both sides are asked for by `&&`") }
    if scanner.stands("|") { return scanner.error("`|` is no operator: either side is asked for by `||`") }
    return scanner.error("\(expectation), not \(scanner.nextWord)")
  }

  private mutating func any() throws(ValueSyntaxError) -> ConditionExpression {
    var sides = [try all()]
    while scanner.skip("||") {
      scanner.skipSpace()
      sides.append(try all())
    }
    return sides.count == 1 ? sides[0] : .any(sides)
  }

  private mutating func all() throws(ValueSyntaxError) -> ConditionExpression {
    var sides = [try relation()]
    while scanner.skip("&&") {
      scanner.skipSpace()
      sides.append(try relation())
    }
    return sides.count == 1 ? sides[0] : .all(sides)
  }

  private mutating func relation() throws(ValueSyntaxError) -> ConditionExpression {
    let left = try unary()
    guard let comparison = comparison() else { return left }
    scanner.skipSpace()
    let right = try unary()
    let place = scanner.index
    if let second = self.comparison() {
      throw scanner.error(
        "a comparison is compared again by `\(second.rawValue)`: put one of the two in brackets", at: place)
    }
    return .compared(left, comparison, right)
  }

  private mutating func comparison() -> ConditionExpression.Comparison? {
    for comparison in ConditionExpression.Comparison.allCases where comparison != .isIn {
      if scanner.skip(comparison.rawValue) { return comparison }
    }
    // `in` is a word: `index` begins with it.
    var ahead = scanner
    guard ahead.word() == "in" else { return nil }
    scanner = ahead
    return .isIn
  }

  private mutating func unary() throws(ValueSyntaxError) -> ConditionExpression {
    guard scanner.stands("!"), !scanner.stands("!=") else { return try primary() }
    try scanner.enter()
    defer { scanner.leave() }
    _ = scanner.skip("!")
    scanner.skipSpace()
    return .not(try unary())
  }

  private mutating func primary() throws(ValueSyntaxError) -> ConditionExpression {
    let expression: ConditionExpression
    switch scanner.next {
    case "(": expression = try enclosed("(", ")")
    case "{": expression = try enclosed("{{", "}}")
    case "[": expression = try list()
    case "'", "\"": expression = .literal(.string(try scanner.quoted()))
    case let scalar? where scalar == "-" || ValueScanner.isDigit(scalar): expression = .literal(try scanner.number())
    default: expression = try word()
    }
    scanner.skipSpace()
    return expression
  }

  private mutating func enclosed(_ open: String, _ close: String) throws(ValueSyntaxError) -> ConditionExpression {
    try scanner.enter()
    defer { scanner.leave() }
    try scanner.expect(open, "before a reference")
    scanner.skipSpace()
    let expression = try any()
    guard scanner.skip(close) else { throw unexpected("expected an operator or `\(close)`") }
    return expression
  }

  private mutating func list() throws(ValueSyntaxError) -> ConditionExpression {
    try scanner.enter()
    defer { scanner.leave() }
    _ = scanner.skip("[")
    scanner.skipSpace()
    var elements: [ConditionExpression] = []
    if scanner.skip("]") { return .list(elements) }
    while true {
      elements.append(try any())
      if scanner.skip("]") { return .list(elements) }
      guard scanner.skip(",") else { throw unexpected("expected `,` or `]`") }
      scanner.skipSpace()
    }
  }

  private mutating func word() throws(ValueSyntaxError) -> ConditionExpression {
    var ahead = scanner
    let literal: JSONValue
    switch ahead.word() {
    case "true": literal = true
    case "false": literal = false
    case "null": literal = nil
    case "in": throw scanner.error("`in` needs a value on its left")
    case nil: throw unexpected("expected a value")
    default: return .reference(try scanner.reference())
    }
    scanner = ahead
    return .literal(literal)
  }
}
