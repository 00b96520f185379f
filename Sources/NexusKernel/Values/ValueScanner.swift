// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Reads the words of references, templates and conditions, scalar by scalar.
struct ValueScanner {
  let text: String
  private let scalars: [Unicode.Scalar]
  private(set) var index = 0
  private var depth = 0

  init(_ text: String, maxBytes: Int) throws(ValueSyntaxError) {
    guard text.utf8.count <= maxBytes else {
      throw ValueSyntaxError("it is longer than \(maxBytes) bytes", in: String(text.unicodeScalars.prefix(64)), at: 0)
    }
    self.text = text
    scalars = Array(text.unicodeScalars)
  }

  var isAtEnd: Bool { index == scalars.count }
  var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

  func error(_ message: String, at offset: Int? = nil, word: String? = nil, expected: [String] = [])
    -> ValueSyntaxError
  {
    ValueSyntaxError(message, in: text, at: offset ?? index, word: word, expected: expected)
  }

  /// What stands next, as a message shows it.
  var nextWord: String { next.map { "`\($0)`" } ?? "the end" }

  mutating func skipSpace() {
    while let scalar = next, scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r" { index += 1 }
  }

  mutating func take() -> Unicode.Scalar? {
    guard let scalar = next else { return nil }
    index += 1
    return scalar
  }

  func stands(_ mark: String) -> Bool { scalars[index...].starts(with: mark.unicodeScalars) }

  mutating func skip(_ mark: String) -> Bool {
    guard stands(mark) else { return false }
    index += mark.unicodeScalars.count
    return true
  }

  mutating func expect(_ mark: String, _ purpose: String) throws(ValueSyntaxError) {
    guard skip(mark) else { throw error("expected `\(mark)` \(purpose), not \(nextWord)") }
  }

  /// Everything up to a mark or the end.
  mutating func takeText(upTo mark: String) -> String {
    var taken = String.UnicodeScalarView()
    while let scalar = next, !stands(mark) {
      taken.append(scalar)
      index += 1
    }
    return String(taken)
  }

  /// Goes one level deeper, as far as that is allowed.
  mutating func enter() throws(ValueSyntaxError) {
    depth += 1
    guard depth <= ValueLimits.maxDepth else { throw error("it nests deeper than \(ValueLimits.maxDepth) levels") }
  }

  mutating func leave() { depth -= 1 }

  // MARK: Words

  private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
    ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_"
  }

  static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

  /// Whether it can stand behind a point without quotes.
  static func isWord(_ text: String) -> Bool {
    guard let first = text.unicodeScalars.first, isLetter(first) else { return false }
    return text.unicodeScalars.allSatisfy { isLetter($0) || isDigit($0) || $0 == "-" }
  }

  /// A letter, then letters, digits, `_` and `-`; nil if none stands here.
  mutating func word() -> String? {
    guard let first = next, Self.isLetter(first) else { return nil }
    var word = String.UnicodeScalarView()
    while let scalar = next, Self.isLetter(scalar) || Self.isDigit(scalar) || scalar == "-" {
      word.append(scalar)
      index += 1
    }
    return String(word)
  }

  /// A text in single or double quotes, with the escapes of JSON and `\'`.
  mutating func quoted() throws(ValueSyntaxError) -> String {
    let start = index
    guard let quote = take() else { throw error("expected a text") }
    var value = String.UnicodeScalarView()
    while let scalar = take() {
      if scalar == quote { return String(value) }
      guard scalar == "\\" else {
        value.append(scalar)
        continue
      }
      value.append(try escape())
    }
    throw error("the text has no closing quote", at: start)
  }

  private mutating func escape() throws(ValueSyntaxError) -> Unicode.Scalar {
    let start = index - 1
    switch take() {
    case "n": return "\n"
    case "r": return "\r"
    case "t": return "\t"
    case "\\": return "\\"
    case "'": return "'"
    case "\"": return "\""
    case "u":
      var code: UInt32 = 0
      for _ in 0..<4 {
        guard let digit = take().flatMap({ $0.isASCII ? Character($0).hexDigitValue : nil }) else {
          throw error("`\\u` needs four hexadecimal digits", at: start)
        }
        code = code << 4 | UInt32(digit)
      }
      guard let scalar = Unicode.Scalar(code) else { throw error("this is half of a surrogate pair", at: start) }
      return scalar
    default: throw error("unknown escape: there are \\n \\r \\t \\\\ \\' \\\" and \\uXXXX", at: start)
    }
  }

  /// A number as JSON writes it.
  mutating func number() throws(ValueSyntaxError) -> JSONValue {
    let start = index
    var digits = String.UnicodeScalarView()
    while let scalar = next, Self.isDigit(scalar) || Self.isLetter(scalar) || "+-.".unicodeScalars.contains(scalar) {
      // A sign stands first or behind the exponent's letter.
      if scalar == "-" || scalar == "+", let last = digits.last, last != "e", last != "E" { break }
      digits.append(scalar)
      index += 1
    }
    guard let value = try? JSONValue(parsing: String(digits)), value.doubleValue != nil else {
      throw error("`\(String(digits))` is not a number", at: start)
    }
    return value
  }

  // MARK: References

  private static let roots = ["run", "steps", "item", "index", "input", "output", "error"]

  mutating func reference() throws(ValueSyntaxError) -> Reference {
    let start = index
    guard let first = word() else { throw error("expected a reference, not \(nextWord)") }
    let root = try root(first, at: start)
    var path: [ReferencePart] = []
    while let part = try part() {
      guard !root.isPlain else { throw error("`\(root.text)` is a single value: nothing is inside it", at: start) }
      guard path.count < ValueLimits.maxParts else {
        throw error("a reference has at most \(ValueLimits.maxParts) parts", at: start)
      }
      path.append(part)
    }
    return Reference(root, path: path)
  }

  private mutating func root(_ first: String, at start: Int) throws(ValueSyntaxError) -> ReferenceRoot {
    switch first {
    case "item": return .item
    case "index": return .index
    case "input": return .compensatedInput
    case "output": return .compensatedOutput
    case "error": return .compensatedError
    case "run":
      switch try member(of: "run", among: ["input", "id"]) {
      case "id": return .runID
      default: return .runInput
      }
    case "steps":
      let place = index
      guard case .member(let name)? = try part() else {
        throw error("`steps` needs the name of a step: steps.NAME.output", at: place)
      }
      switch try member(of: "steps\(ReferencePart.member(name).text)", among: ["output", "status"]) {
      case "status": return .stepStatus(name)
      default: return .stepOutput(name)
      }
    default:
      throw error(
        "`\(first)` is nothing that can be referred to: there are run.input, run.id, steps.NAME.output, "
          + "steps.NAME.status, item and index", at: start, word: first, expected: Self.roots)
    }
  }

  private mutating func member(of owner: String, among names: [String]) throws(ValueSyntaxError) -> String {
    let place = index
    guard case .member(let name)? = try part() else {
      throw error("`\(owner)` needs one of: \(names.joined(separator: ", "))", at: place)
    }
    guard names.contains(name) else {
      throw error(
        "`\(owner)` has no `\(name)`: expected \(names.joined(separator: " or "))", at: place + 1, word: name,
        expected: names)
    }
    return name
  }

  /// `.name`, `[3]` or `["odd key"]`; nil if none stands here.
  private mutating func part() throws(ValueSyntaxError) -> ReferencePart? {
    if skip(".") {
      guard let name = word() else { throw error("expected a name behind the point, not \(nextWord)") }
      return .member(name)
    }
    guard skip("[") else { return nil }
    skipSpace()
    let part: ReferencePart
    if next == "'" || next == "\"" {
      part = .member(try quoted())
    } else {
      let start = index
      var digits = ""
      while let scalar = next, Self.isDigit(scalar) {
        digits.unicodeScalars.append(scalar)
        index += 1
      }
      guard let element = Int(digits), element <= ForEach.maxItems else {
        throw error("expected the number of an element or a key in quotes", at: start)
      }
      part = .element(element)
    }
    skipSpace()
    try expect("]", "behind it")
    return part
  }
}
