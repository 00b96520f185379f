// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// How large a file and a function may grow.
enum Sizes {
  static let softFileLimit = 400
  static let hardFileLimit = 700
  static let functionLimit = 70

  /// Files between the two limits, and why one file is right for them.
  static let largeFiles: [Allowance] = []

  static func fileFindings(in file: SourceFile, allowed: [Allowance] = largeFiles) -> [Finding] {
    guard file.isSwift else { return [] }
    let count = file.lineCount
    if count > hardFileLimit {
      return [Finding(path: file.path, line: 1, message: "\(count) lines; no file has more than \(hardFileLimit)")]
    }
    guard count > softFileLimit, !allowed.contains(where: { $0.path == file.path }) else { return [] }
    return [
      Finding(
        path: file.path, line: 1,
        message: "\(count) lines; split it, or list it with a reason if one idea needs more than \(softFileLimit)")
    ]
  }

  static func functionFindings(in file: SourceFile) -> [Finding] {
    guard file.isSwift else { return [] }
    let openings = ["func", "init(", "init?(", "init<", "deinit", "subscript"]
    return openings.flatMap { file.code.offsets(ofWord: $0) }.compactMap { offset in
      guard isDeclaration(at: offset, in: file.code), let end = endOfBody(from: offset, in: file.code) else {
        return nil
      }
      let first = file.line(of: offset)
      let count = file.line(of: end) - first + 1
      guard count > functionLimit else { return nil }
      return Finding(
        path: file.path, line: first, message: "a function of \(count) lines; the limit is \(functionLimit)")
    }
  }

  /// `.init(` and `self.init(` are calls.
  private static func isDeclaration(at offset: Int, in code: [UInt8]) -> Bool {
    offset == 0 || code[offset - 1] != UInt8(ascii: ".")
  }

  /// The offset of the brace that closes the body; nil for a declaration without one.
  private static func endOfBody(from offset: Int, in code: [UInt8]) -> Int? {
    var parentheses = 0
    var index = offset
    while index < code.count {
      switch code[index] {
      case UInt8(ascii: "("), UInt8(ascii: "["): parentheses += 1
      case UInt8(ascii: ")"), UInt8(ascii: "]"): parentheses -= 1
      case UInt8(ascii: "{") where parentheses == 0: return matchingBrace(from: index, in: code)
      case UInt8(ascii: "}") where parentheses <= 0: return nil
      // A requirement of a protocol ends with its line, unless the line goes on.
      case UInt8(ascii: "\n") where parentheses == 0 && !continues(after: index, in: code): return nil
      default: break
      }
      index += 1
    }
    return nil
  }

  /// Whether the next line belongs to the same signature: an arrow, a `where`, an effect or an opening brace.
  private static func continues(after offset: Int, in code: [UInt8]) -> Bool {
    let rest = code[offset...].drop { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: " ") }
    return ["->", "where ", "{", "throws", "async"].contains { rest.starts(with: Array($0.utf8)) }
  }

  private static func matchingBrace(from offset: Int, in code: [UInt8]) -> Int? {
    var depth = 0
    for index in offset..<code.count {
      if code[index] == UInt8(ascii: "{") { depth += 1 }
      if code[index] == UInt8(ascii: "}") { depth -= 1 }
      if depth == 0 { return index }
    }
    return nil
  }
}
