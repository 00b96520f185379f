// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Puts `${NAME}` and `${NAME:-default}` into a text; `$${` stands for a literal `${`.
enum Interpolation {
  enum Failure: Error, Equatable {
    case unset(name: String, offset: Int)
    case malformed(offset: Int)
    case tooLong
  }

  struct Outcome: Equatable {
    var text: String
    /// Something came from outside the file, so it may be a secret.
    var isExternal: Bool
  }

  static func expand(_ text: String, environment: [String: String]) throws(Failure) -> Outcome {
    guard text.utf8.contains(UInt8(ascii: "$")) else { return Outcome(text: text, isExternal: false) }
    let scalars = Array(text.unicodeScalars)
    var result = String.UnicodeScalarView()
    var isExternal = false
    var size = 0
    var index = 0
    while index < scalars.count {
      if scalars[index...].starts(with: "$${".unicodeScalars) {
        result.append(contentsOf: "${".unicodeScalars)
        index += 3
        continue
      }
      guard scalars[index...].starts(with: "${".unicodeScalars) else {
        result.append(scalars[index])
        index += 1
        continue
      }
      guard let end = scalars[index...].firstIndex(of: "}") else { throw .malformed(offset: index) }
      var inside = String.UnicodeScalarView()
      inside.append(contentsOf: scalars[(index + 2)..<end])
      let (name, fallback) = parts(String(inside))
      guard isName(name) else { throw .malformed(offset: index) }
      let found = environment[name].flatMap { $0.isEmpty && fallback != nil ? nil : $0 }
      guard let value = found ?? fallback else { throw .unset(name: name, offset: index) }
      if found != nil { isExternal = true }
      size += value.utf8.count
      guard size <= ConfigLimits.maxScalarBytes else { throw .tooLong }
      result.append(contentsOf: value.unicodeScalars)
      index = end + 1
    }
    return Outcome(text: String(result), isExternal: isExternal)
  }

  private static func parts(_ inside: String) -> (name: String, fallback: String?) {
    let scalars = Array(inside.unicodeScalars)
    for index in scalars.indices.dropLast() where scalars[index] == ":" && scalars[index + 1] == "-" {
      var name = String.UnicodeScalarView()
      name.append(contentsOf: scalars[..<index])
      var fallback = String.UnicodeScalarView()
      fallback.append(contentsOf: scalars[(index + 2)...])
      return (String(name), String(fallback))
    }
    return (inside, nil)
  }

  /// The rule for names of environment variables.
  static func isName(_ text: String) -> Bool {
    guard let first = text.utf8.first, !isDigit(first) else { return false }
    return text.utf8.allSatisfy { isDigit($0) || isLetter($0) || $0 == UInt8(ascii: "_") }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }
}
