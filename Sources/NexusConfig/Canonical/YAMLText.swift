// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// A value that is about to be written as YAML.
indirect enum YAMLText {
  /// Written as it is: numbers, words, durations.
  case plain(String)
  /// Quoted where it could be read as something else; `${` is escaped.
  case text(String)
  /// Quoted in the same way, in a place where no variable is replaced.
  case literal(String)
  case list([YAMLText])
  case map([(String, YAMLText)])
  /// A map with comments above it.
  case commented([String], YAMLText)

  /// Data as it would be written by hand.
  init(data: JSONValue) {
    switch data {
    case .null, .bool, .int, .double: self = .plain(data.text())
    case .string(let text): self = .literal(text)
    case .array(let items): self = .list(items.map { YAMLText(data: $0) })
    case .object(let members): self = .map(members.map { ($0.key, YAMLText(data: $0.value)) })
    }
  }

  /// Block style, two spaces a level, ending in a line break.
  func document() -> String {
    var output = ""
    write(to: &output, indent: 0, isInline: false)
    return output
  }

  private var isEmpty: Bool {
    switch self {
    case .list(let items): items.isEmpty
    case .map(let members): members.isEmpty
    default: false
    }
  }

  /// Writes the value; `isInline` if something already stands on the line.
  private func write(to output: inout String, indent: Int, isInline: Bool) {
    let margin = String(repeating: " ", count: indent)
    switch self {
    case .plain(let text): output += (isInline ? " " : "") + text + "\n"
    case .text(let text): output += (isInline ? " " : "") + Self.scalar(Self.escapingVariables(text), indent: indent)
    case .literal(let text): output += (isInline ? " " : "") + Self.scalar(text, indent: indent)
    case .list(let items):
      if items.isEmpty {
        output += (isInline ? " " : "") + "[]\n"
        return
      }
      if isInline { output += "\n" }
      for item in items {
        output += margin + "-"
        if case .map(let members) = item, !members.isEmpty {
          var lines = ""
          item.write(to: &lines, indent: indent + 2, isInline: false)
          output += " " + lines.dropFirst(indent + 2)
        } else {
          item.write(to: &output, indent: indent + 2, isInline: true)
        }
      }
    case .map(let members):
      if members.isEmpty {
        output += (isInline ? " " : "") + "{}\n"
        return
      }
      if isInline { output += "\n" }
      for (key, value) in members {
        if case .commented(let lines, _) = value {
          for line in lines { output += margin + "# " + line + "\n" }
        }
        output += margin + Self.key(key) + ":"
        value.write(to: &output, indent: indent + 2, isInline: true)
      }
    case .commented(_, let value): value.write(to: &output, indent: indent, isInline: isInline)
    }
  }

  private static func key(_ text: String) -> String { isPlain(text) ? text : quoted(text) }

  private static func scalar(_ text: String, indent: Int) -> String {
    if let block = block(text, indent: indent) { return block }
    return (isPlain(text) ? text : quoted(text)) + "\n"
  }

  /// Nothing that any reader takes for another type, an indicator or a variable.
  private static func isPlain(_ text: String) -> Bool {
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
    guard let first = text.utf8.first, isLetter(first) || first == UInt8(ascii: "/"),
      !reserved.contains(text.lowercased())
    else { return false }
    return text.utf8.allSatisfy { isLetter($0) || isDigit($0) || "_-./".utf8.contains($0) }
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  /// `${` → `$${`.
  private static func escapingVariables(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    let scalars = Array(text.unicodeScalars)
    for (index, scalar) in scalars.enumerated() {
      if scalar == "$", index + 1 < scalars.count, scalars[index + 1] == "{" { result.append("$") }
      result.append(scalar)
    }
    return String(result)
  }

  /// A literal block, for texts of several ordinary lines; nil for all others.
  private static func block(_ text: String, indent: Int) -> String? {
    guard text.contains("\n"), text.unicodeScalars.allSatisfy({ $0 == "\n" || isPrintable($0) }) else { return nil }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let endsInBreak = lines.last?.isEmpty ?? false
    if endsInBreak { lines.removeLast() }
    guard let first = lines.first, let last = lines.last, !first.isEmpty, !last.isEmpty else { return nil }
    guard first.first != " ", lines.allSatisfy({ $0.last != " " }) else { return nil }
    let margin = String(repeating: " ", count: max(indent, 2))
    let body = lines.map { $0.isEmpty ? "\n" : margin + $0 + "\n" }.joined()
    return (endsInBreak ? "|\n" : "|-\n") + body
  }

  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x20...0x7E, 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD, 0x1_0000...0x10_FFFF: true
    default: false
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case "\r": result += "\\r"
      default: result += isPrintable(scalar) ? String(scalar) : escape(scalar)
      }
    }
    return result + "\""
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String {
    let hex = String(scalar.value, radix: 16)
    return "\\u" + String(repeating: "0", count: max(0, 4 - hex.count)) + hex
  }
}
