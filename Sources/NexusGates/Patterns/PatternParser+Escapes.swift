// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension PatternParser {
  /// What stands behind a backslash that stands outside of a class and was just read.
  mutating func parseEscape(from start: Int) throws(PatternError) -> (PatternNode, isRepeatable: Bool) {
    guard let character = peek else { throw error("the pattern ends behind a backslash", at: start) }
    if let assertion = takeAssertion() { return (.assertion(assertion), syntax == .re2) }
    if syntax == .ecma262, try takeReference(from: start) { return (.empty, true) }
    if syntax == .re2, take("C") {
      refuse(.unsupported, "\\C is not supported: patterns read characters, not bytes", at: start)
      return (.empty, true)
    }
    if let set = try takeClassEscape(from: start) { return (node(set), true) }
    if let scalar = try takeScalarEscape(isInClass: false, from: start) { return (node(ScalarSet(scalar)), true) }
    throw unknownEscape(character, at: start)
  }

  func unknownEscape(_ character: UInt32, at start: Int) -> PatternError {
    let name = Unicode.Scalar(character).map { $0.isASCII && $0.value > 0x20 ? "\\\($0)" : "this" } ?? "this"
    return error("\(name) is no escape that is known", at: start)
  }

  private mutating func takeAssertion() -> PatternAssertion? {
    if take("b") { return .wordBoundary }
    if take("B") { return .notWordBoundary }
    if syntax == .re2, take("A") { return .textStart }
    if syntax == .re2, take("z") { return .textEnd }
    return nil
  }

  /// `\1` and `\k<name>`: whether one stands here.
  private mutating func takeReference(from start: Int) throws(PatternError) -> Bool {
    if let digit = peek, (0x31...0x39).contains(digit), let number = parseDecimal() {
      numberedReferences.append((number, start))
    } else if take("k") {
      guard take("<") else { throw error("\\k needs the name of a group in angle brackets", at: start) }
      namedReferences.append((try parseGroupName(), start))
    } else {
      return false
    }
    refuse(.unsupported, "back-references are not supported: they have no bound in time", at: start)
    return true
  }

  /// `\d`, `\w`, `\s`, `\p{…}` and their opposites.
  mutating func takeClassEscape(from start: Int) throws(PatternError) -> ScalarSet? {
    let space = syntax == .ecma262 ? ScalarSet.ecmaSpace : .re2Space
    if take("d") { return .digits }
    if take("D") { return ScalarSet.digits.inverted }
    if take("w") { return .word }
    if take("W") { return ScalarSet.word.inverted }
    if take("s") { return space }
    if take("S") { return space.inverted }
    if take("p") { return try parseProperty(from: start) }
    if take("P") { return try parseProperty(from: start).inverted }
    return nil
  }

  /// An escape that stands for one scalar; nil if there is none.
  mutating func takeScalarEscape(isInClass: Bool, from start: Int) throws(PatternError) -> UInt32? {
    guard let character = peek, let scalar = Unicode.Scalar(character) else { return nil }
    index += 1
    switch scalar {
    case "f": return 0x0C
    case "n": return 0x0A
    case "r": return 0x0D
    case "t": return 0x09
    case "v": return 0x0B
    case "x": return try parseHexEscape(from: start)
    case "a" where syntax == .re2: return 0x07
    case "0"..."7" where syntax == .re2: return try parseOctal(first: character, from: start)
    case "b" where isInClass && syntax == .ecma262: return 0x08
    case "u" where syntax == .ecma262: return try parseUnicodeEscape(from: start)
    case "c" where syntax == .ecma262:
      guard let letter = peek, (0x41...0x5A).contains(letter) || (0x61...0x7A).contains(letter) else {
        throw error("\\c needs a letter", at: start)
      }
      index += 1
      return letter & 0x1F
    case "0" where syntax == .ecma262:
      if let next = peek, ScalarSet.digits.contains(next) { throw error("octal escapes are not known", at: start) }
      return 0
    case let other where other.isASCII && !ScalarSet.word.contains(character) && other.value > 0x1F: return character
    case "_": return character
    default:
      index -= 1
      return nil
    }
  }

  /// RE2: up to three octal digits, but a single one that is not zero would be a back-reference.
  private mutating func parseOctal(first: UInt32, from start: Int) throws(PatternError) -> UInt32 {
    var value = first - 0x30
    var count = 1
    while count < 3, let digit = peek, (0x30...0x37).contains(digit) {
      value = value << 3 | (digit - 0x30)
      index += 1
      count += 1
    }
    if count == 1, first != 0x30 {
      throw PatternError(reason: .unsupported, message: "back-references are not supported", offset: start)
    }
    return value
  }

  private mutating func parseHexEscape(from start: Int) throws(PatternError) -> UInt32 {
    if syntax == .re2, take("{") { return try parseBracedHex(from: start) }
    guard let value = takeHex(2) else { throw error("\\x needs two hexadecimal digits", at: start) }
    return value
  }

  private mutating func parseUnicodeEscape(from start: Int) throws(PatternError) -> UInt32 {
    if take("{") { return try parseBracedHex(from: start) }
    guard let value = takeHex(4) else { throw error("\\u needs four hexadecimal digits or braces", at: start) }
    guard (0xD800..<0xDC00).contains(value) else { return value }
    let place = index
    if take(word: "\\u"), let low = takeHex(4), (0xDC00..<0xE000).contains(low) {
      return 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
    }
    // Half of a pair is a value that no text of UTF-8 can hold.
    index = place
    return value
  }

  private mutating func parseBracedHex(from start: Int) throws(PatternError) -> UInt32 {
    var value: UInt32 = 0
    let first = index
    while let digit = takeHex(1) {
      value = min(value << 4 | digit, 0x1000_0000)
    }
    guard index > first, take("}") else { throw error("braces need hexadecimal digits here", at: start) }
    guard value <= ScalarSet.highest else { throw error("there is no such character", at: start) }
    return value
  }

  private mutating func takeHex(_ count: Int) -> UInt32? {
    var value: UInt32 = 0
    for ahead in 0..<count {
      guard let digit = peek(ahead), let scalar = Unicode.Scalar(digit), scalar.properties.isASCIIHexDigit,
        let number = Character(scalar).hexDigitValue
      else { return nil }
      value = value << 4 | UInt32(number)
    }
    index += count
    return value
  }
}
