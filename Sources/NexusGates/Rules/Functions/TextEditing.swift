// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension StandardFunctions {
  private static let (string, int) = (RuleType.string, RuleType.int)

  /// The scalars of a text whose every scalar may be looked at; paid for.
  private static func scalars(_ text: String, _ state: inout EvaluationState) throws(RuleFault) -> [Unicode.Scalar] {
    try state.meter.walk(text.utf8.count)
    return Array(text.unicodeScalars)
  }

  private static func text<Scalars: Sequence<Unicode.Scalar>>(_ scalars: Scalars, _ state: inout EvaluationState)
    throws(RuleFault) -> RuleValue
  {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars)
    try state.meter.allocate(String(text).utf8.count)
    return .string(String(text))
  }

  private static func indexFault(_ index: Int64) -> RuleFault { .outOfRange("index out of range: \(index)") }

  private static func index(_ index: Int64, upTo count: Int) throws(RuleFault) -> Int {
    guard index >= 0, index <= Int64(count) else { throw indexFault(index) }
    return Int(index)
  }

  static let textEditing: [RuleFunction] = [
    RuleFunction(
      "charAt",
      .binary(.method, [FunctionSignature([string, int], string)]) { value, position, state throws(RuleFault) in
        guard case .string(let source) = value, case .int(let position) = position else {
          throw .noOverload("charAt()", value, position)
        }
        let scalars = try scalars(source, &state)
        let index = try index(position, upTo: scalars.count)
        return try text(scalars[index...].prefix(1), &state)
      }),
    RuleFunction("indexOf", .variadic(.method, 2, search, indexOf), .variadic(.method, 3, searchFrom, indexOf)),
    RuleFunction(
      "lastIndexOf", .variadic(.method, 2, search, lastIndexOf), .variadic(.method, 3, searchFrom, lastIndexOf)),
    RuleFunction("lowerAscii", mapping { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }),
    RuleFunction("upperAscii", mapping { (0x61...0x7A).contains($0) ? $0 - 0x20 : $0 }),
    RuleFunction(
      "substring", .variadic(.method, 2, [FunctionSignature([string, int], string)], substring),
      .variadic(.method, 3, [FunctionSignature([string, int, int], string)], substring)),
    RuleFunction(
      "trim",
      .unary(.method, [FunctionSignature([string], string)]) { value, state throws(RuleFault) in
        guard case .string(let source) = value else { throw .noOverload("trim()", value) }
        let scalars = try scalars(source, &state)
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
          let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return .string("") }
        return try text(scalars[first...last], &state)
      }),
    RuleFunction(
      "reverse",
      .unary(.method, [FunctionSignature([string], string)]) { value, state throws(RuleFault) in
        guard case .string(let source) = value else { throw .noOverload("reverse()", value) }
        return try text(try scalars(source, &state).reversed(), &state)
      }),
    RuleFunction(
      "strings.quote",
      .unary([FunctionSignature([string], string)]) { value, state throws(RuleFault) in
        guard case .string(let source) = value else { throw .noOverload("strings.quote()", value) }
        return try text(quoted(try scalars(source, &state)), &state)
      }),
    RuleFunction(
      "join", .variadic(.method, 1, [FunctionSignature([.list(string)], string)], TextLists.join),
      .variadic(.method, 2, [FunctionSignature([.list(string), string], string)], TextLists.join)),
    RuleFunction(
      "split", .variadic(.method, 2, [FunctionSignature([string, string], .list(string))], TextLists.split),
      .variadic(.method, 3, [FunctionSignature([string, string, int], .list(string))], TextLists.split)),
    RuleFunction(
      "replace", .variadic(.method, 3, [FunctionSignature([string, string, string], string)], TextLists.replace),
      .variadic(.method, 4, [FunctionSignature([string, string, string, int], string)], TextLists.replace)),
    RuleFunction(
      "format", .binary(.method, [FunctionSignature([string, .list(.dyn)], string)], TextFormat.format)),
  ]

  private static let search = [FunctionSignature([string, string], int)]
  private static let searchFrom = [FunctionSignature([string, string, int], int)]

  private static func mapping(_ transform: @escaping @Sendable (UInt8) -> UInt8) -> RuleFunction.Form {
    .unary(.method, [FunctionSignature([string], string)]) { value, state throws(RuleFault) in
      guard case .string(let source) = value else { throw .noOverload("change of case", value) }
      try state.meter.walk(source.utf8.count)
      try state.meter.allocate(source.utf8.count)
      return .string(String(decoding: source.utf8.map(transform), as: UTF8.self))
    }
  }

  @Sendable private static func indexOf(_ arguments: [RuleValue], _ state: inout EvaluationState) throws(RuleFault)
    -> RuleValue
  {
    guard case .string(let source) = arguments[0], case .string(let part) = arguments[1] else {
      throw .noOverload("indexOf()", arguments)
    }
    var start: Int64 = 0
    if arguments.count == 3 {
      guard case .int(let given) = arguments[2] else { throw .noOverload("indexOf()", arguments) }
      start = given
    }
    try state.meter.spend(searchCost(source, part))
    let scalars = try scalars(source, &state)
    let from = try index(start, upTo: scalars.count)
    return .int(Int64(ByteSearch.first(of: Array(part.unicodeScalars), in: scalars, from: from) ?? -1))
  }

  @Sendable private static func lastIndexOf(_ arguments: [RuleValue], _ state: inout EvaluationState)
    throws(RuleFault) -> RuleValue
  {
    guard case .string(let source) = arguments[0], case .string(let part) = arguments[1] else {
      throw .noOverload("lastIndexOf()", arguments)
    }
    try state.meter.spend(searchCost(source, part))
    let scalars = try scalars(source, &state)
    var end = scalars.count
    if arguments.count == 3 {
      guard case .int(let given) = arguments[2] else { throw .noOverload("lastIndexOf()", arguments) }
      end = try index(given, upTo: scalars.count)
    }
    return .int(Int64(ByteSearch.last(of: Array(part.unicodeScalars), in: scalars, upTo: end) ?? -1))
  }

  @Sendable private static func substring(_ arguments: [RuleValue], _ state: inout EvaluationState) throws(RuleFault)
    -> RuleValue
  {
    guard case .string(let source) = arguments[0], case .int(let start) = arguments[1] else {
      throw .noOverload("substring()", arguments)
    }
    let scalars = try scalars(source, &state)
    let from = try index(start, upTo: scalars.count)
    guard arguments.count == 3 else { return try text(scalars[from...], &state) }
    guard case .int(let end) = arguments[2] else { throw .noOverload("substring()", arguments) }
    let to = try index(end, upTo: scalars.count)
    guard from <= to else { throw .outOfRange("invalid substring range: start \(start), end \(end)") }
    return try text(scalars[from..<to], &state)
  }

  private static func quoted(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
    let escapes: [Unicode.Scalar: Unicode.Scalar] = [
      "\u{07}": "a", "\u{08}": "b", "\u{0C}": "f", "\n": "n", "\r": "r", "\t": "t", "\u{0B}": "v", "\\": "\\",
      "\"": "\"",
    ]
    let inner = scalars.flatMap { scalar -> [Unicode.Scalar] in escapes[scalar].map { ["\\", $0] } ?? [scalar] }
    return ["\""] + inner + ["\""]
  }
}
