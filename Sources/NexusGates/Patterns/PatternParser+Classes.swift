// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension PatternParser {
  /// A class in brackets, of which the first was just read.
  mutating func parseClass(from start: Int) throws(PatternError) -> ScalarSet {
    let isNegated = take("^")
    var ranges: [ScalarSet.Range] = []
    var isFirst = true
    while true {
      guard let next = peek else { throw error("this class is never closed", at: start) }
      // RE2 reads a bracket that comes first as a member; ECMA-262 knows the empty class.
      if next == ("]" as Unicode.Scalar).value, syntax == .ecma262 || !isFirst {
        index += 1
        break
      }
      isFirst = false
      ranges += try parseMember()
      guard ranges.count <= PatternLimits.maxRanges else {
        throw PatternError(reason: .tooLarge, message: "this class has too many ranges", offset: start)
      }
    }
    var set = ScalarSet(ranges: ranges)
    if flags.ignoresCase { set = CaseFolding.closure(set) }
    return isNegated ? set.inverted : set
  }

  private mutating func parseMember() throws(PatternError) -> [ScalarSet.Range] {
    let start = index
    if syntax == .re2, let set = try takePosixClass() { return set.ranges }
    if peek == ("\\" as Unicode.Scalar).value {
      index += 1
      if let set = try takeClassEscape(from: start) { return set.ranges }
      index -= 1
    }
    let low = try parseEndpoint()
    guard peek == ("-" as Unicode.Scalar).value, let behind = peek(1), behind != ("]" as Unicode.Scalar).value else {
      return [ScalarSet.Range(low: low, high: low)]
    }
    index += 1
    let high = try parseEndpoint()
    guard low <= high else { throw error("the range is out of order", at: start) }
    return [ScalarSet.Range(low: low, high: high)]
  }

  /// One end of a range, or a member on its own.
  private mutating func parseEndpoint() throws(PatternError) -> UInt32 {
    let start = index
    guard let character = peek else { throw error("this class is never closed") }
    index += 1
    guard character == ("\\" as Unicode.Scalar).value else { return character }
    guard let escaped = peek else { throw error("the pattern ends behind a backslash", at: start) }
    guard let scalar = try takeScalarEscape(isInClass: true, from: start) else {
      throw unknownEscape(escaped, at: start)
    }
    return scalar
  }

  private mutating func takePosixClass() throws(PatternError) -> ScalarSet? {
    let start = index
    guard take(word: "[:") else { return nil }
    let isNegated = take("^")
    var name = ""
    while let next = peek, ScalarSet.word.contains(next), let scalar = Unicode.Scalar(next) {
      name.unicodeScalars.append(scalar)
      index += 1
    }
    guard take(word: ":]") else {
      index = start
      return nil
    }
    guard let set = ScalarSet.posix(name) else { throw error("there is no class of that name", at: start) }
    return isNegated ? set.inverted : set
  }

  /// What stands behind `\p`.
  mutating func parseProperty(from start: Int) throws(PatternError) -> ScalarSet {
    if syntax == .re2, let letter = peek, let scalar = Unicode.Scalar(letter), letter != 0x7B {
      index += 1
      guard let set = UnicodeClasses.category(String(Character(scalar))) else {
        throw error("there is no class of that name", at: start)
      }
      return set
    }
    guard take("{") else { throw error("\\p needs a property in braces", at: start) }
    let isNegated = syntax == .re2 && take("^")
    var name = ""
    while let next = peek, next != 0x7D, let scalar = Unicode.Scalar(next) {
      name.unicodeScalars.append(scalar)
      index += 1
    }
    guard take("}") else { throw error("\\p needs a property in braces", at: start) }
    let set = try property(name, at: start)
    return isNegated ? set.inverted : set
  }

  private mutating func property(_ name: String, at start: Int) throws(PatternError) -> ScalarSet {
    let parts = name.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
    var found: ScalarSet?
    if parts.count == 2, syntax == .ecma262 {
      switch parts[0] {
      case "General_Category", "gc": found = UnicodeClasses.category(parts[1])
      case "Script", "sc": found = UnicodeClasses.script(parts[1])
      case "Script_Extensions", "scx":
        guard UnicodeClasses.script(parts[1]) != nil else { break }
        refuse(.unsupported, "Script_Extensions is not supported; Script is", at: start)
        return ScalarSet()
      default: break
      }
    } else if parts.count == 1, syntax == .ecma262 {
      found = UnicodeClasses.category(name) ?? UnicodeClasses.binary(name)
      if found == nil, UnicodeClasses.unsupportedProperties.contains(name) {
        refuse(.unsupported, "the property \(name) is not supported", at: start)
        return ScalarSet()
      }
    } else if parts.count == 1 {
      found = name == "Any" ? .any : UnicodeClasses.category(name) ?? UnicodeClasses.script(name)
    }
    guard let found else { throw error("there is no property of that name", at: start) }
    return found
  }
}
