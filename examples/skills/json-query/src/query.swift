// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What a segment selects of the children of a value.
indirect enum Selector {
  case name(String)
  case wildcard
  case index(Int64)
  case slice(start: Int64?, end: Int64?, step: Int64)
  case filter(Condition)
}

struct Segment {
  var selectors: [Selector]
  /// Of the value and all below it.
  var isDescendant: Bool
}

struct Query {
  var isAbsolute: Bool
  var segments: [Segment]

  /// It selects one value at most, so that it can be compared.
  var isSingular: Bool {
    segments.allSatisfy { segment in
      guard !segment.isDescendant, segment.selectors.count == 1 else { return false }
      switch segment.selectors[0] {
      case .name, .index: return true
      default: return false
      }
    }
  }
}

enum Operand {
  case literal(JSON)
  case query(Query)
}

enum Comparison { case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual }

indirect enum Condition {
  case or([Condition])
  case and([Condition])
  case not(Condition)
  case exists(Query)
  case compare(Operand, Comparison, Operand)
}

/// Reads a query, byte by byte.
struct QueryParser {
  static let longest = 10_000
  static let maxDepth = 40
  /// The numbers that RFC 9535 has for indices: those of I-JSON.
  private static let maxIndex: Int64 = 9_007_199_254_740_991

  private let bytes: [UInt8]
  private var at = 0
  private var depth = 0

  init(_ text: String) { bytes = text.bytes }

  mutating func parse() throws(SkillError) -> Query {
    guard take(36) else { throw wrong("a query begins with $") }
    let query = Query(isAbsolute: true, segments: try segments())
    guard at == bytes.count else { throw wrong("this does not belong to a query") }
    return query
  }

  // MARK: Bytes

  private func wrong(_ what: String) -> SkillError { SkillError("bad_query", "\(what), at byte \(at)") }
  private var next: UInt8? { at < bytes.count ? bytes[at] : nil }
  private func peek(_ ahead: Int) -> UInt8? { at + ahead < bytes.count ? bytes[at + ahead] : nil }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    at += 1
    return true
  }

  private mutating func skipBlanks() {
    while let byte = next, byte == 32 || byte == 9 || byte == 10 || byte == 13 { at += 1 }
  }

  // MARK: Segments

  private mutating func segments() throws(SkillError) -> [Segment] {
    var segments: [Segment] = []
    while true {
      let start = at
      skipBlanks()
      if next == 91 {
        segments.append(Segment(selectors: try bracketed(), isDescendant: false))
      } else if take(46) {
        let isDescendant = take(46)
        if isDescendant, next == 91 {
          segments.append(Segment(selectors: try bracketed(), isDescendant: true))
        } else if take(42) {
          segments.append(Segment(selectors: [.wildcard], isDescendant: isDescendant))
        } else {
          segments.append(Segment(selectors: [.name(try shorthand())], isDescendant: isDescendant))
        }
      } else {
        at = start
        return segments
      }
    }
  }

  private mutating func shorthand() throws(SkillError) -> String {
    let start = at
    while let byte = next {
      let isLetter = (65...90).contains(byte & 0xDF) || byte == 95 || byte >= 0x80
      guard isLetter || (at > start && (48...57).contains(byte)) else { break }
      at += 1
    }
    guard at > start else { throw wrong("a name is missing") }
    return String(bytes: bytes[start..<at])
  }

  private mutating func bracketed() throws(SkillError) -> [Selector] {
    at += 1
    var selectors: [Selector] = []
    repeat {
      skipBlanks()
      selectors.append(try selector())
      skipBlanks()
    } while take(44)
    guard take(93) else { throw wrong("a ] is missing") }
    return selectors
  }

  private mutating func selector() throws(SkillError) -> Selector {
    switch next {
    case 42:
      at += 1
      return .wildcard
    case 34, 39: return .name(try quoted())
    case 63:
      at += 1
      return .filter(try condition())
    default: return try indexOrSlice()
    }
  }

  private mutating func indexOrSlice() throws(SkillError) -> Selector {
    let start = try integer()
    skipBlanks()
    guard take(58) else {
      guard let start else { throw wrong("a selector is missing") }
      return .index(start)
    }
    skipBlanks()
    let end = try integer()
    skipBlanks()
    var step: Int64 = 1
    if take(58) {
      skipBlanks()
      step = try integer() ?? 1
    }
    return .slice(start: start, end: end, step: step)
  }

  private mutating func integer() throws(SkillError) -> Int64? {
    let start = at
    let isNegative = take(45)
    var value: Int64 = 0
    let first = at
    while let byte = next, (48...57).contains(byte) {
      guard value <= Self.maxIndex / 10 else { throw wrong("the number is too large") }
      value = value * 10 + Int64(byte - 48)
      at += 1
    }
    guard at > first else {
      if isNegative { throw wrong("digits are missing") }
      return nil
    }
    if bytes[first] == 48, at - start > 1 { throw wrong("a number has no zero in front") }
    guard value <= Self.maxIndex else { throw wrong("the number is too large") }
    return isNegative ? -value : value
  }

  private mutating func quoted() throws(SkillError) -> String {
    guard let quote = next else { throw wrong("a text is missing") }
    at += 1
    var text: [UInt8] = []
    while let byte = next {
      at += 1
      if byte == quote { return String(bytes: text) }
      guard byte >= 0x20 else { throw wrong("a control character stands in a text") }
      guard byte == 92 else {
        text.append(byte)
        continue
      }
      try escape(quote, into: &text)
    }
    throw wrong("a text has no end")
  }

  private mutating func escape(_ quote: UInt8, into text: inout [UInt8]) throws(SkillError) {
    guard let byte = next else { throw wrong("a text has no end") }
    at += 1
    switch byte {
    case quote, 92, 47: text.append(byte)
    case 98: text.append(8)
    case 102: text.append(12)
    case 110: text.append(10)
    case 114: text.append(13)
    case 116: text.append(9)
    case 117:
      var scalar = try hex()
      if (0xD800...0xDBFF).contains(scalar) {
        guard take(92), take(117) else { throw wrong("half of a surrogate pair") }
        let low = try hex()
        guard (0xDC00...0xDFFF).contains(low) else { throw wrong("half of a surrogate pair") }
        scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(scalar) else { throw wrong("half of a surrogate pair") }
      text += Array(String(Character(scalar)).utf8)
    default: throw wrong("there is no such escape")
    }
  }

  private mutating func hex() throws(SkillError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next else { throw wrong("four hexadecimal digits are needed") }
      switch byte {
      case 48...57: value = value << 4 | UInt32(byte - 48)
      case 65...70, 97...102: value = value << 4 | UInt32((byte & 0xDF) - 55)
      default: throw wrong("four hexadecimal digits are needed")
      }
      at += 1
    }
    return value
  }

  // MARK: Filters

  private mutating func condition() throws(SkillError) -> Condition {
    depth += 1
    guard depth <= Self.maxDepth else { throw wrong("the query is nested too deeply") }
    defer { depth -= 1 }
    var parts = [try conjunction()]
    skipBlanks()
    while next == 124, peek(1) == 124 {
      at += 2
      parts.append(try conjunction())
      skipBlanks()
    }
    return parts.count == 1 ? parts[0] : .or(parts)
  }

  private mutating func conjunction() throws(SkillError) -> Condition {
    var parts = [try basic()]
    skipBlanks()
    while next == 38, peek(1) == 38 {
      at += 2
      parts.append(try basic())
      skipBlanks()
    }
    return parts.count == 1 ? parts[0] : .and(parts)
  }

  private mutating func basic() throws(SkillError) -> Condition {
    skipBlanks()
    if next == 33, peek(1) != 61 {
      at += 1
      skipBlanks()
      guard next == 40 || next == 36 || next == 64 else { throw wrong("! stands before ( or a query") }
      let inner = try basic()
      if case .compare = inner, bytes[at - 1] != 41 { throw wrong("! does not stand before a comparison") }
      return .not(inner)
    }
    if take(40) {
      let inner = try condition()
      skipBlanks()
      guard take(41) else { throw wrong("a ) is missing") }
      return inner
    }
    let left = try operand()
    skipBlanks()
    guard let comparison = takeComparison() else {
      guard case .query(let query) = left else { throw wrong("a literal alone is no condition") }
      return .exists(query)
    }
    skipBlanks()
    let right = try operand()
    for case .query(let query) in [left, right] where !query.isSingular {
      throw wrong("only a query that selects one value can be compared")
    }
    return .compare(left, comparison, right)
  }

  private mutating func takeComparison() -> Comparison? {
    let isWithEqual = peek(1) == 61
    let found: Comparison? =
      switch next {
      case 61 where isWithEqual: .equal
      case 33 where isWithEqual: .notEqual
      case 60: isWithEqual ? .lessOrEqual : .less
      case 62: isWithEqual ? .greaterOrEqual : .greater
      default: nil
      }
    if found != nil { at += isWithEqual ? 2 : 1 }
    return found
  }

  private mutating func operand() throws(SkillError) -> Operand {
    switch next {
    case 36, 64:
      let isAbsolute = next == 36
      at += 1
      depth += 1
      guard depth <= Self.maxDepth else { throw wrong("the query is nested too deeply") }
      defer { depth -= 1 }
      return .query(Query(isAbsolute: isAbsolute, segments: try segments()))
    case 34, 39: return .literal(.string(try quoted()))
    case 116 where take(word: "true"): return .literal(.bool(true))
    case 102 where take(word: "false"): return .literal(.bool(false))
    case 110 where take(word: "null"): return .literal(.null)
    default: return .literal(.number(try number()))
    }
  }

  private mutating func take(word: StaticString) -> Bool {
    let count = word.utf8CodeUnitCount
    guard at + count <= bytes.count else { return false }
    for index in 0..<count where bytes[at + index] != word.utf8Start[index] { return false }
    at += count
    return true
  }

  private mutating func number() throws(SkillError) -> String {
    let start = at
    func isDigit(_ byte: UInt8?) -> Bool { byte.map { (48...57).contains($0) } ?? false }
    _ = take(45)
    guard isDigit(next) else { throw wrong("a query, a text or a number is missing") }
    if !take(48) { while isDigit(next) { at += 1 } }
    if take(46) {
      guard isDigit(next) else { throw wrong("digits are missing") }
      while isDigit(next) { at += 1 }
    }
    if next == 101 || next == 69 {
      at += 1
      if !take(45) { _ = take(43) }
      guard isDigit(next) else { throw wrong("digits are missing") }
      while isDigit(next) { at += 1 }
    }
    return String(bytes: bytes[start..<at])
  }
}
