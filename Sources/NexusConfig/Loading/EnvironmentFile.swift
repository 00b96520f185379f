// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusDiagnostics

/// Reads `.env`: lines of `NAME=value`, perhaps with `export`, quotes and comments.
enum EnvironmentFile {
  static func parse(_ source: SourceFile) -> (variables: [String: String], diagnostics: [Diagnostic]) {
    var variables: [String: String] = [:]
    var diagnostics: [Diagnostic] = []
    for (index, line) in source.text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      var text = trimmed(line)
      if text.isEmpty || text.hasPrefix("#") { continue }
      if text.hasPrefix("export ") { text = trimmed(text.dropFirst(7)) }
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = trimmed(parts[0])
      guard parts.count == 2, Interpolation.isName(String(name)), let value = value(trimmed(parts[1])) else {
        diagnostics.append(
          Diagnostic(
            "NX-CFG-014", .warning, "this line of `\(source.name)` is no variable and is left out",
            at: SourceLocation(file: source.name, line: index + 1, column: 1), help: "write NAME=value"))
        continue
      }
      variables[String(name)] = value
    }
    return (variables, diagnostics)
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text.drop { $0 == " " || $0 == "\t" }
    while text.last == " " || text.last == "\t" { text.removeLast() }
    return text
  }

  /// In double quotes `\n`, `\t`, `\"` and `\\` are escapes; without quotes ` #` begins a comment.
  private static func value(_ text: Substring) -> String? {
    guard let quote = text.first, quote == "'" || quote == "\"" else {
      var result = ""
      for character in text {
        if character == "#", result.isEmpty || result.last == " " || result.last == "\t" { break }
        result.append(character)
      }
      return String(trimmed(result[...]))
    }
    var result = ""
    var isEscaped = false
    var rest = text.dropFirst()
    while let character = rest.popFirst() {
      if isEscaped {
        switch character {
        case "n": result.append("\n")
        case "t": result.append("\t")
        default: result.append(character)
        }
        isEscaped = false
      } else if character == "\\", quote == "\"" {
        isEscaped = true
      } else if character == quote {
        let after = trimmed(rest)
        return after.isEmpty || after.hasPrefix("#") ? result : nil
      } else {
        result.append(character)
      }
    }
    return nil
  }
}
