// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A recursive-descent parser with operator precedence, by the grammar of the CEL language definition.
///
/// Its recursion is bounded by the depth of the tree, which is limited.
struct RuleParser {
  /// What a front end may switch on beyond the language.
  struct Dialect: Sendable {
    /// `cel.block`, which optimisers write, not people.
    var hasBlocks = false
  }

  private let tokens: [Token]
  private var position = 0
  private var depth = 0
  private var nodes = 0
  let limits: RuleLimits
  let dialect: Dialect

  static func parse(_ text: String, limits: RuleLimits, dialect: Dialect = Dialect()) throws(LocatedComplaint)
    -> RuleExpression
  {
    guard text.utf8.count <= limits.textBytes else {
      throw LocatedComplaint(.limit, "the expression is longer than \(limits.textBytes) bytes", at: limits.textBytes)
    }
    var tokenizer = Tokenizer(text: text)
    var parser = RuleParser(tokens: try tokenizer.tokens(), limits: limits, dialect: dialect)
    let expression = try parser.expression()
    guard case .end = parser.current.kind else { throw parser.unexpected("an operator or the end") }
    return expression
  }

  private init(tokens: [Token], limits: RuleLimits, dialect: Dialect) {
    self.tokens = tokens
    self.limits = limits
    self.dialect = dialect
  }

  // MARK: Tokens

  private var current: Token { tokens[position] }

  private func unexpected(_ expected: String) -> LocatedComplaint {
    LocatedComplaint("expected \(expected), found \(current.text)", at: current.offset)
  }

  private mutating func advance() { if position + 1 < tokens.count { position += 1 } }

  private func isAt(_ symbol: Token.Symbol) -> Bool { current.kind == .symbol(symbol) }

  private mutating func takes(_ symbol: Token.Symbol) -> Bool {
    guard isAt(symbol) else { return false }
    advance()
    return true
  }

  private mutating func expect(_ symbol: Token.Symbol) throws(LocatedComplaint) {
    guard takes(symbol) else { throw unexpected("'\(symbol.rawValue)'") }
  }

  // MARK: Nodes

  /// Makes a node and counts it.
  mutating func node(_ kind: RuleExpression.Kind, at offset: Int) throws(LocatedComplaint) -> RuleExpression {
    nodes += 1
    guard nodes <= limits.nodes else {
      throw LocatedComplaint(.limit, "the expression has more than \(limits.nodes) parts", at: offset)
    }
    let expression = RuleExpression(id: nodes - 1, offset: offset, kind: kind)
    guard expression.height <= limits.depth else { throw tooDeep(at: offset) }
    return expression
  }

  private func tooDeep(at offset: Int) -> LocatedComplaint {
    LocatedComplaint(.limit, "the expression is nested deeper than \(limits.depth) levels", at: offset)
  }

  /// One level deeper into the recursion, which brackets without nodes deepen too.
  private mutating func enter() throws(LocatedComplaint) {
    depth += 1
    guard depth <= limits.depth else { throw tooDeep(at: current.offset) }
  }

  // MARK: Grammar

  private mutating func expression() throws(LocatedComplaint) -> RuleExpression {
    try enter()
    defer { depth -= 1 }
    let condition = try chain(.or)
    let offset = current.offset
    guard takes(.question) else { return condition }
    let whenTrue = try chain(.or)
    try expect(.colon)
    let whenFalse = try expression()
    return try node(.conditional(condition, whenTrue, whenFalse), at: offset)
  }

  /// `a && b && c` is one node: chains of conditions are long, and may not be deep.
  private mutating func chain(_ symbol: Token.Symbol) throws(LocatedComplaint) -> RuleExpression {
    let first = symbol == .or ? try chain(.and) : try binary(above: 0)
    let offset = current.offset
    guard isAt(symbol) else { return first }
    var operands = [first]
    while takes(symbol) { operands.append(symbol == .or ? try chain(.and) : try binary(above: 0)) }
    return try node(symbol == .or ? .disjunction(operands) : .conjunction(operands), at: offset)
  }

  private static func operation(_ kind: Token.Kind) -> (name: String, precedence: Int)? {
    guard case .symbol(let symbol) = kind else { return nil }
    return switch symbol {
    case .less: (Operator.less, 1)
    case .lessOrEqual: (Operator.lessOrEqual, 1)
    case .greater: (Operator.greater, 1)
    case .greaterOrEqual: (Operator.greaterOrEqual, 1)
    case .equal: (Operator.equal, 1)
    case .notEqual: (Operator.notEqual, 1)
    case .in: (Operator.contains, 1)
    case .plus: (Operator.add, 2)
    case .minus: (Operator.subtract, 2)
    case .times: (Operator.multiply, 3)
    case .slash: (Operator.divide, 3)
    case .percent: (Operator.modulo, 3)
    default: nil
    }
  }

  private mutating func binary(above minimum: Int) throws(LocatedComplaint) -> RuleExpression {
    var left = try unary()
    while let (name, precedence) = Self.operation(current.kind), precedence > minimum {
      let offset = current.offset
      advance()
      let right = try binary(above: precedence)
      left = try node(.call(name, target: nil, [left, right]), at: offset)
    }
    return left
  }

  private mutating func unary() throws(LocatedComplaint) -> RuleExpression {
    let offset = current.offset
    if takes(.not) {
      try enter()
      defer { depth -= 1 }
      return try node(.call(Operator.not, target: nil, [try unary()]), at: offset)
    }
    if isAt(.minus) {
      advance()
      if let literal = try negativeLiteral(at: offset) { return try member(of: literal) }
      try enter()
      defer { depth -= 1 }
      return try node(.call(Operator.negate, target: nil, [try unary()]), at: offset)
    }
    return try member(of: try primary())
  }

  /// The smallest integer has no positive counterpart, so the sign belongs to the literal.
  private mutating func negativeLiteral(at offset: Int) throws(LocatedComplaint) -> RuleExpression? {
    switch current.kind {
    case .int(let magnitude):
      guard magnitude <= 1 << 63 else { throw LocatedComplaint("the integer is too small", at: offset) }
      advance()
      return try node(.constant(.int(Int64(truncatingIfNeeded: 0 &- magnitude))), at: offset)
    case .double(let value):
      advance()
      return try node(.constant(.double(-value)), at: offset)
    default: return nil
    }
  }

  /// Selections, indexes and calls of methods behind an operand.
  private mutating func member(of operand: RuleExpression) throws(LocatedComplaint) -> RuleExpression {
    var operand = operand
    while true {
      let offset = current.offset
      if takes(.dot) {
        operand = try selection(of: operand, at: offset)
      } else if takes(.leftBracket) {
        let isOptional = takes(.question)
        let index = try expression()
        try expect(.rightBracket)
        operand = try node(.index(operand, index, isOptional: isOptional), at: offset)
      } else {
        return operand
      }
    }
  }

  private mutating func selection(of operand: RuleExpression, at offset: Int) throws(LocatedComplaint)
    -> RuleExpression
  {
    let isOptional = takes(.question)
    let nameOffset = current.offset
    switch current.kind {
    case .identifier(let name) where !Self.keywords.contains(name):
      advance()
      if !isOptional, takes(.leftParenthesis) {
        let arguments = try expressions(until: .rightParenthesis)
        return try call(name, target: operand, arguments, at: nameOffset)
      }
      return try node(.select(operand, field: name, isOptional: isOptional), at: offset)
    case .quotedIdentifier(let name):
      advance()
      return try node(.select(operand, field: name, isOptional: isOptional), at: offset)
    default: throw unexpected("a name")
    }
  }

  /// Comma-separated expressions and the closing symbol.
  private mutating func expressions(until end: Token.Symbol) throws(LocatedComplaint) -> [RuleExpression] {
    var arguments: [RuleExpression] = []
    if takes(end) { return arguments }
    repeat { arguments.append(try expression()) } while takes(.comma)
    try expect(end)
    return arguments
  }

  private mutating func primary() throws(LocatedComplaint) -> RuleExpression {
    let token = current
    switch token.kind {
    case .int(let magnitude):
      guard let value = Int64(exactly: magnitude) else {
        throw LocatedComplaint("the integer is too large", at: token.offset)
      }
      return try literal(.int(value))
    case .uint(let value): return try literal(.uint(value))
    case .double(let value): return try literal(.double(value))
    case .string(let text): return try literal(.string(text))
    case .bytes(let bytes): return try literal(.bytes(bytes))
    case .identifier, .symbol(.dot): return try name()
    case .symbol(.leftParenthesis):
      advance()
      let inner = try expression()
      try expect(.rightParenthesis)
      return inner
    case .symbol(.leftBracket):
      advance()
      return try list(at: token.offset)
    case .symbol(.leftBrace):
      advance()
      return try map(at: token.offset)
    default: throw unexpected("an expression")
    }
  }

  private mutating func literal(_ value: RuleValue) throws(LocatedComplaint) -> RuleExpression {
    let offset = current.offset
    advance()
    return try node(.constant(value), at: offset)
  }

  private mutating func name() throws(LocatedComplaint) -> RuleExpression {
    let offset = current.offset
    let root = takes(.dot) ? "." : ""
    guard case .identifier(let name) = current.kind else { throw unexpected("a name") }
    switch name {
    case "true" where root.isEmpty: return try literal(.bool(true))
    case "false" where root.isEmpty: return try literal(.bool(false))
    case "null" where root.isEmpty: return try literal(.null)
    case _ where Self.keywords.contains(name) || Self.reserved.contains(name):
      throw LocatedComplaint("'\(name)' is a reserved word", at: offset)
    default: break
    }
    advance()
    if takes(.leftParenthesis) {
      let arguments = try expressions(until: .rightParenthesis)
      return try call(root + name, target: nil, arguments, at: offset)
    }
    guard !isAt(.leftBrace) else {
      throw LocatedComplaint("messages are no part of this language; a map is written { 'key': value }", at: offset)
    }
    return try node(.identifier(root + name), at: offset)
  }

  private mutating func list(at offset: Int) throws(LocatedComplaint) -> RuleExpression {
    var elements: [RuleExpression.Element] = []
    while !takes(.rightBracket) {
      let isOptional = takes(.question)
      elements.append(RuleExpression.Element(value: try expression(), isOptional: isOptional))
      if !takes(.comma) {
        try expect(.rightBracket)
        break
      }
    }
    return try node(.list(elements), at: offset)
  }

  private mutating func map(at offset: Int) throws(LocatedComplaint) -> RuleExpression {
    var entries: [RuleExpression.Entry] = []
    while !takes(.rightBrace) {
      let isOptional = takes(.question)
      let key = try expression()
      try expect(.colon)
      entries.append(RuleExpression.Entry(key: key, value: try expression(), isOptional: isOptional))
      if !takes(.comma) {
        try expect(.rightBrace)
        break
      }
    }
    return try node(.map(entries), at: offset)
  }

  /// No names, functions or fields.
  private static let keywords: Set<String> = ["true", "false", "null", "in"]
  /// No names and no functions, but fields and methods.
  private static let reserved: Set<String> = [
    "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
    "namespace", "return", "var", "void", "while",
  ]
}
