// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Reads a pattern by recursive descent, for both syntaxes.
struct PatternParser {
  struct Flags {
    var ignoresCase = false
    var isMultiline = false
    var dotTakesNewline = false
  }

  let text: [UInt32]
  let syntax: PatternSyntax
  var index = 0
  var flags = Flags()
  private var depth = 0
  private(set) var groupCount = 0
  private(set) var groupNames: Set<[UInt32]> = []
  /// What is well-formed and cannot run here, in the order in which it was read.
  private(set) var refusals: [PatternError] = []
  /// Back-references are checked at the end, for they may stand before their group.
  var numberedReferences: [(number: Int, offset: Int)] = []
  var namedReferences: [(name: [UInt32], offset: Int)] = []

  init(_ text: String, syntax: PatternSyntax) {
    self.text = text.unicodeScalars.map(\.value)
    self.syntax = syntax
  }

  mutating func parse() throws(PatternError) -> PatternNode {
    guard text.count <= PatternLimits.maxTextLength else {
      throw PatternError(
        reason: .tooLarge, message: "a pattern has at most \(PatternLimits.maxTextLength) characters",
        offset: PatternLimits.maxTextLength)
    }
    let node = try parseChoice()
    if index < text.count { throw error("this parenthesis closes no group") }
    for reference in numberedReferences where reference.number > groupCount {
      throw error("there is no group \(reference.number)", at: reference.offset)
    }
    for reference in namedReferences where !groupNames.contains(reference.name) {
      throw error("there is no group of that name", at: reference.offset)
    }
    return node
  }

  // MARK: Reading characters

  /// Notes something that is well-formed and cannot run, and lets the reading go on.
  mutating func refuse(_ reason: PatternError.Reason, _ message: String, at offset: Int) {
    refusals.append(PatternError(reason: reason, message: message, offset: offset))
  }

  func error(_ message: String, at offset: Int? = nil) -> PatternError {
    PatternError(reason: .malformed, message: message, offset: offset ?? index)
  }

  var peek: UInt32? { index < text.count ? text[index] : nil }

  func peek(_ ahead: Int) -> UInt32? { index + ahead < text.count ? text[index + ahead] : nil }

  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek == character.value else { return false }
    index += 1
    return true
  }

  /// Takes the word if it stands here.
  mutating func take(word: String) -> Bool {
    let scalars = word.unicodeScalars.map(\.value)
    guard text[index...].starts(with: scalars) else { return false }
    index += scalars.count
    return true
  }

  /// A set as a node, widened if case does not matter.
  func node(_ set: ScalarSet) -> PatternNode {
    .scalar(flags.ignoresCase ? CaseFolding.closure(set) : set)
  }

  // MARK: Structure

  private mutating func parseChoice() throws(PatternError) -> PatternNode {
    var branches = [try parseSequence()]
    while take("|") { branches.append(try parseSequence()) }
    return branches.count == 1 ? branches[0] : .choice(branches)
  }

  private mutating func parseSequence() throws(PatternError) -> PatternNode {
    var parts: [PatternNode] = []
    while let next = peek, next != ("|" as Unicode.Scalar).value, next != (")" as Unicode.Scalar).value {
      if syntax == .re2, take(word: "\\Q") {
        parts += parseQuoted()
        if let last = parts.popLast() { parts.append(try parseQuantifier(of: last, from: index, isRepeatable: true)) }
        continue
      }
      let start = index
      let (atom, isRepeatable) = try parseAtom()
      parts.append(try parseQuantifier(of: atom, from: start, isRepeatable: isRepeatable))
    }
    switch parts.count {
    case 0: return .empty
    case 1: return parts[0]
    default: return .sequence(parts)
    }
  }

  /// RE2's `\Q…\E`; the end may be missing.
  private mutating func parseQuoted() -> [PatternNode] {
    var parts: [PatternNode] = []
    while index < text.count, !take(word: "\\E") {
      parts.append(node(ScalarSet(text[index])))
      index += 1
    }
    return parts
  }

  private mutating func parseAtom() throws(PatternError) -> (PatternNode, isRepeatable: Bool) {
    let start = index
    let character = text[index]
    index += 1
    switch Unicode.Scalar(character) {
    case "(": return try parseGroup(from: start)
    case "[": return (node(try parseClass(from: start)), true)
    case ".":
      if flags.dotTakesNewline { return (.scalar(.any), true) }
      return (.scalar((syntax == .ecma262 ? ScalarSet.lineTerminators : .newline).inverted), true)
    case "^": return (.assertion(flags.isMultiline ? .lineStart : .textStart), syntax == .re2)
    case "$": return (.assertion(flags.isMultiline ? .lineEnd : .textEnd), syntax == .re2)
    case "\\": return try parseEscape(from: start)
    case "*", "+", "?": throw error("there is nothing to repeat", at: start)
    case "{":
      index = start
      if try parseBraces() != nil { throw error("there is nothing to repeat", at: start) }
      index = start + 1
      return (node(ScalarSet(character)), true)
    default: return (node(ScalarSet(character)), true)
    }
  }

  // MARK: Quantifiers

  private mutating func parseQuantifier(of atom: PatternNode, from start: Int, isRepeatable: Bool)
    throws(PatternError) -> PatternNode
  {
    let place = index
    guard let bounds = try parseBounds() else { return atom }
    guard isRepeatable else { throw error("this cannot be repeated", at: start) }
    _ = take("?")
    let second = index
    if try parseBounds() != nil { throw error("a repetition cannot be repeated without a group", at: second) }
    if let most = bounds.most, most < bounds.least { throw error("the numbers are out of order", at: place) }
    if max(bounds.least, bounds.most ?? 0) > PatternLimits.maxRepetitions {
      refuse(.tooLarge, "at most \(PatternLimits.maxRepetitions) repetitions can be asked for", at: place)
      return atom
    }
    return .repetition(atom, least: bounds.least, most: bounds.most)
  }

  private mutating func parseBounds() throws(PatternError) -> (least: Int, most: Int?)? {
    if take("*") { return (0, nil) }
    if take("+") { return (1, nil) }
    if take("?") { return (0, 1) }
    return try parseBraces()
  }

  /// `{n}`, `{n,}` or `{n,m}`; anything else leaves the place as it is, for then the brace is a character.
  private mutating func parseBraces() throws(PatternError) -> (least: Int, most: Int?)? {
    let start = index
    guard take("{"), let least = parseDecimal() else {
      index = start
      return nil
    }
    if take("}") { return (least, least) }
    guard take(",") else {
      index = start
      return nil
    }
    if take("}") { return (least, nil) }
    guard let most = parseDecimal(), take("}") else {
      index = start
      return nil
    }
    return (least, most)
  }

  /// Digits; a number too large to matter stays as large as it needs to be to be refused.
  mutating func parseDecimal() -> Int? {
    var value = 0
    let start = index
    while let digit = peek, (0x30...0x39).contains(digit) {
      value = min(value * 10 + Int(digit - 0x30), 1_000_000)
      index += 1
    }
    return index > start ? value : nil
  }

  // MARK: Groups

  private mutating func parseGroup(from start: Int) throws(PatternError) -> (PatternNode, isRepeatable: Bool) {
    depth += 1
    guard depth <= PatternLimits.maxDepth else {
      throw PatternError(
        reason: .tooLarge, message: "groups nest deeper than \(PatternLimits.maxDepth) levels", offset: start)
    }
    defer { depth -= 1 }
    let outer = flags
    var isLookAround = false
    if take("?") {
      switch try parseGroupKind(from: start) {
      case .plain: break
      case .lookAround: isLookAround = true
      case .flagsOnly: return (.empty, false)
      }
    } else {
      groupCount += 1
    }
    let body = try parseChoice()
    guard take(")") else { throw error("this group is never closed", at: start) }
    flags = outer
    return (body, !isLookAround)
  }

  private enum GroupKind {
    case plain, flagsOnly, lookAround
  }

  private mutating func parseGroupKind(from start: Int) throws(PatternError) -> GroupKind {
    if take(":") { return .plain }
    for (mark, what) in [
      ("=", "look-ahead"), ("!", "look-ahead"), ("<=", "look-behind"), ("<!", "look-behind"),
    ] where take(word: mark) {
      refuse(.unsupported, "\(what) is not supported: it has no bound in time", at: start)
      return .lookAround
    }
    if take("<") || (syntax == .re2 && take(word: "P<")) {
      groupCount += 1
      let place = index
      guard groupNames.insert(try parseGroupName()).inserted else {
        throw error("two groups have the same name", at: place)
      }
      return .plain
    }
    return try parseFlags(from: start)
  }

  /// A name up to its `>`.
  mutating func parseGroupName() throws(PatternError) -> [UInt32] {
    var name: [UInt32] = []
    let start = index
    while let next = peek, next != (">" as Unicode.Scalar).value {
      guard let scalar = Unicode.Scalar(next), Self.isNamePart(scalar, isFirst: name.isEmpty, syntax: syntax) else {
        throw error("this cannot stand in the name of a group")
      }
      name.append(next)
      index += 1
    }
    guard take(">"), !name.isEmpty else { throw error("a group needs a name in angle brackets", at: start) }
    return name
  }

  private static func isNamePart(_ scalar: Unicode.Scalar, isFirst: Bool, syntax: PatternSyntax) -> Bool {
    if syntax == .re2 { return ScalarSet.word.contains(scalar.value) }
    if scalar == "$" || scalar == "_" { return true }
    return isFirst ? scalar.properties.isIDStart : scalar.properties.isIDContinue
  }

  /// `(?flags)` of RE2 and `(?flags:` of both.
  private mutating func parseFlags(from start: Int) throws(PatternError) -> GroupKind {
    var changed = flags
    var isSet = true
    var count = 0
    var seen: Set<UInt32> = []
    while let next = peek {
      index += 1
      switch Unicode.Scalar(next) {
      case "i": changed.ignoresCase = isSet
      case "m": changed.isMultiline = isSet
      case "s": changed.dotTakesNewline = isSet
      // Which match is preferred does not matter here.
      case "U" where syntax == .re2: break
      case "-" where isSet:
        isSet = false
        continue
      case ":" where count > 0 || !isSet:
        flags = changed
        return .plain
      case ")" where syntax == .re2 && count > 0:
        flags = changed
        return .flagsOnly
      default: throw error("this is no kind of group", at: start)
      }
      count += 1
      if syntax == .ecma262, !seen.insert(next).inserted { throw error("a flag stands twice", at: index - 1) }
    }
    throw error("this group is never closed", at: start)
  }
}
